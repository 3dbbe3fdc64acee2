"""Check a file of parameters, and analyses.yaml, before anything is computed.

Where the file is that of a DVC project, what a killed DVC left there is cleared away first, and
the variables, weights, classes and images that the experiment needs are looked for. What is
allowed and often not meant is a notice.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from imbalens.params.dvc_yaml import format_yaml
from imbalens.params.loading import PARAMS_PATH, load_params, read_experiment
from imbalens.params.notices import report_notices
from imbalens.recovery import recover
from imbalens.surroundings import require_surroundings


def main(argv: Sequence[str] | None = None) -> None:
    """Clear away what a killed DVC left, check a file and what it needs, and say so."""
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
    in_project = (path.parent / ".dvc").is_dir()
    for done in recover(path.parent) if in_project else ():
        print(done, file=about)
    params = load_params(path)
    if in_project:
        require_surroundings(params, path)
    report_notices(params, params.runs)
    counted = f"{len(params.datasets)} datasets, {len(params.runs)} runs"
    print(f"{path}: valid ({counted})", file=about)
    if arguments.full:
        print(format_yaml(read_experiment(path)), end="")
