"""Check a file of parameters before anything is computed.

Where the file is that of a DVC project, what a killed DVC left there is cleared away first, and
the variables, weights, classes and images that the experiment needs are looked for.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from imbalens.params.loading import PARAMS_PATH, load_params
from imbalens.recovery import recover
from imbalens.surroundings import require_surroundings


def main(argv: Sequence[str] | None = None) -> None:
    """Clear away what a killed DVC left, validate a file and what it needs, and say so."""
    parser = argparse.ArgumentParser(
        prog="imbalens check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", nargs="?", type=Path, default=PARAMS_PATH)
    path = parser.parse_args(argv).path
    in_project = (path.parent / ".dvc").is_dir()
    for done in recover(path.parent) if in_project else ():
        print(done)
    params = load_params(path)
    if in_project:
        require_surroundings(params, path)
    print(f"{path}: valid ({len(params.datasets)} datasets, {len(params.runs)} runs)")
