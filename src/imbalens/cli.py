"""The console command `imbalens`."""

from imbalens.stage import run_command
import argparse
import io
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

COMMANDS = {
    "run": "run what changed, tell how far it is, and what was found",
    "analyze": "say what features, labels and predictions tell, and make a page of it",
    "check": "say what is wrong with a file of parameters, before anything is computed",
    "export": "write one parquet file of a run, with a row per image, for other tools",
    "experiments": "show DVC's experiments, their headlines and what they changed",
    "prune": "list and delete what removed runs left behind",
    "validate": "recompute the committed results and compare",
    "dependencies": "write the code that stages depend on into dvc.yaml",
}
DESCRIPTION = "What a loss changes inside an image classifier trained on imbalanced data."
EPILOG = """\
commands (imbalens COMMAND --help says more):
{commands}

to begin, in a clone of the project:
  make repro          run the experiment of params.yaml; open plots/report.html
  imbalens run        after an edit of params.yaml, compute what that changed
  dvc metrics diff    say what that did to the headlines

with features, labels and predictions of your own:
  imbalens analyze    of a file, writes a page, tables and metrics
  import imbalens     help(imbalens) lists the calls; docs/from-python.md
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run one of the commands, importing nothing for the others."""
    parser = argparse.ArgumentParser(
        prog="imbalens",
        usage="imbalens [-h] [--version] COMMAND ...",
        description=DESCRIPTION,
        epilog=EPILOG.format(
            commands="\n".join(f"  {name:<20}{what}" for name, what in COMMANDS.items())
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"imbalens {version('imbalens')}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="see below")
    words = sys.argv[1:] if argv is None else list(argv)
    command = parser.parse_args(words[:1] or ["--help"]).command
    module = import_module(f"imbalens.commands.{command}")
    run_command(lambda: module.main(words[1:]))


def run() -> None:
    """Run the command of the process."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a path may hold letters that a pipe of Windows, in cp1252, cannot carry
        sys.stdout.reconfigure(errors="backslashreplace")
    main()
