"""Do the committed results still hold? Recompute them and compare.

Works in temporary clones of HEAD. Without a command: dvc.lock must belong to what is committed;
all analyses run on the pinned dumps; everything is recomputed without the run cache; what was
computed from equal bytes must be equal, of the rest headlines and verdicts must hold
(docs/validation.md).
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from imbalens.errors import InputError
from imbalens.store.files import write_text
from imbalens.validation.judge import Problem
from imbalens.validation.pictures import copy_figures
from imbalens.validation.pinned import RESULTS, pin
from imbalens.validation.readme import PAGES, fill
from imbalens.validation.repository import run
from imbalens.validation.rules import RULES
from imbalens.validation.spread import MACHINES, SEEDS, measure
from imbalens.validation.summary import Outcome, files_table, write_summary
from imbalens.validation.validate import validate


def main(argv: Sequence[str] | None = None) -> None:
    """Validate, or write anew what validation compares with."""
    parser = argparse.ArgumentParser(
        prog="imbalens validate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--repository", type=Path, default=Path(), help="(default: this folder)")
    parser.add_argument(
        "--strict", action="store_true", help="fail where a dump is not reproduced bit by bit"
    )
    parser.add_argument("--summary", type=Path, help="file to write the summary to as well")
    parser.add_argument("--keep", type=Path, help="folder to keep the recomputed clone in")
    commands = parser.add_subparsers(dest="command", metavar="{pin,measure,readme}")
    pinning = commands.add_parser("pin", help=f"write {RESULTS.as_posix()} anew")
    pinning.add_argument("--dumps", action="store_true", help="and the pinned dumps before")
    measuring = commands.add_parser("measure", help=f"measure the headlines of {RULES.as_posix()}")
    variants = [*MACHINES, *(f"seed {seed}" for seed in SEEDS)]
    measuring.add_argument("--variants", nargs="+", choices=variants, default=variants)
    measuring.add_argument("--jobs", type=int, default=1, help="variants at a time (default: 1)")
    commands.add_parser(
        "readme", help="fill in the numbers of README.md and of the pages, and copy their figures"
    )
    arguments = parser.parse_args(argv)
    root = arguments.repository
    match arguments.command:
        case "pin":
            changes = pin(root, dumps=arguments.dumps)
            print(files_table(changes) if changes else "nothing changed")
        case "measure":
            print(measure(root, arguments.variants, jobs=arguments.jobs))
        case "readme":
            for page in (root / page for page in PAGES if (root / page).exists()):
                write_text(page, fill(page.read_text(encoding="utf-8"), root))
            copy_figures(root)
        case _:
            _validate(root, arguments)


def _validate(root: Path, arguments: argparse.Namespace) -> None:
    if run(["git", "status", "--porcelain"], root).stdout:
        print(
            "warning: there are uncommitted changes; only what is committed is validated",
            file=sys.stderr,
        )
    try:
        outcome = validate(root, strict=arguments.strict, keep=arguments.keep)
    except (InputError, OSError) as error:
        outcome = Outcome([Problem("the validation", f"could not go on: {error}")])
    summary = write_summary(outcome)
    print(summary, end="")
    if arguments.summary:
        write_text(arguments.summary, summary)
    job = os.environ.get("GITHUB_STEP_SUMMARY")
    if job:
        with Path(job).open("a", encoding="utf-8") as file:
            file.write(summary)
    if not outcome.holds:
        sys.exit(1)
