"""Break every analysis, and see whether the pinned results tell.

`python -m benchmarks.mutants [--short] [NAME...]`: each mutant is one wrong line in a copy of the
code, whose analyses then run on the pinned dumps. Prints a row per mutant and how many were
caught; fails if one passes.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from benchmarks.mutant_list import MUTANTS, Mutant
from imbalens.validation.judge import Problem
from imbalens.validation.summary import Outcome
from imbalens.validation.validate import Base, judge_pinned

COPIED = ("src", "stages", "validation", ".dvc/plots", "dvc.yaml", "params.yaml", "analyses.yaml")
ANALYSIS = "src/imbalens/analysis"


NOTHING = Mutant(
    "nothing is wrong", "archetypes/judging", "def find_archetypes(", "def find_archetypes("
)
SHORT = 2  # mutants of the short form, spread over the list


def mutate(root: Path, mutant: Mutant, into: Path) -> None:
    """Write a copy of what the analyses need, with one wrong line.

    Raises:
        ValueError: if the right text does not stand in the module exactly once.
    """
    for name in COPIED:
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (root / name).is_dir():
            shutil.copytree(root / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root / name, target)
    path = into / ANALYSIS / f"{mutant.module}.py"
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.right) != 1:
        found = text.count(mutant.right)
        raise ValueError(f"{path}: {mutant.right!r} stands there {found} times, wanted: once")
    path.write_text(text.replace(mutant.right, mutant.wrong), encoding="utf-8")


def try_mutant(mutant: Mutant) -> Sequence[Problem]:
    """Return what validation says of the pinned results of a mutant."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        mutate(Path(), mutant, root)
        return judge_pinned(Outcome(), root, Base(None, root)).problems


def main() -> None:
    """Try the mutants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="mutants to try (default: all)")
    parser.add_argument("--short", action="store_true", help=f"try {SHORT} of them")
    arguments = parser.parse_args()
    chosen = [m for m in MUTANTS if not arguments.names or m.name in arguments.names]
    if arguments.short:
        chosen = chosen[:: max(1, len(chosen) // SHORT)][:SHORT]
    problems = try_mutant(NOTHING)
    if problems:
        sys.exit(f"the analyses as they are do not give the pinned results: {problems[0]}")
    caught = 0
    for mutant in tqdm(chosen, desc="mutants"):
        problems = try_mutant(mutant)
        caught += bool(problems)
        first = f"caught: {len(problems)}, {problems[0].place}" if problems else "PASSED"
        tqdm.write(f"{mutant.module}: {mutant.name}: {first}", file=sys.stdout)
        sys.stdout.flush()
    print(f"{caught} of {len(chosen)} mutants caught")
    if caught < len(chosen):
        sys.exit(1)


if __name__ == "__main__":
    main()
