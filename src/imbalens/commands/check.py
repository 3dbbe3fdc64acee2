"""Check a file of parameters, and analyses.yaml, before anything is computed.

Where the file is that of a DVC project, what a killed DVC left there is cleared away first.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from imbalens.params.loading import PARAMS_PATH, format_yaml, load_params, read_experiment
from imbalens.recovery import recover


def main(argv: Sequence[str] | None = None) -> None:
    """Clear away what a killed DVC left, validate a file, and say so, or print it in full."""
    parser = argparse.ArgumentParser(
        prog="imbalens check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", nargs="?", type=Path, default=PARAMS_PATH)
    parser.add_argument(
        "--full", action="store_true", help="print the file, what it leaves out filled in"
    )
    arguments = parser.parse_args(argv)
    path, about = arguments.path, sys.stderr if arguments.full else sys.stdout
    if (path.parent / ".dvc").is_dir():
        for done in recover(path.parent):
            print(done, file=about)
    params = load_params(path)
    counted = f"{len(params.datasets)} datasets, {len(params.runs)} runs"
    print(f"{path}: valid ({counted})", file=about)
    if arguments.full:
        print(format_yaml(read_experiment(path)), end="")
