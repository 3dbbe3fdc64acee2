"""Validate a file of parameters: `python -m imbalens.params [FILE]`.

Where the file is that of a DVC project, what a killed DVC left there is cleared away first.
"""

import argparse
import io
import sys
from pathlib import Path

from imbalens.errors import InputError
from imbalens.params.loading import PARAMS_PATH, load_params
from imbalens.recovery import recover


def main() -> None:
    """Clear away what a killed DVC left, validate a file, and say so."""
    parser = argparse.ArgumentParser(description="Validate an experiment's parameters.")
    parser.add_argument("path", nargs="?", type=Path, default=PARAMS_PATH)
    path = parser.parse_args().path
    if (path.parent / ".dvc").is_dir():
        for done in recover(path.parent):
            print(done)
    params = load_params(path)
    print(f"{path}: valid ({len(params.datasets)} datasets, {len(params.runs)} runs)")


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a path may hold letters that a pipe of Windows, in cp1252, cannot carry
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        main()
    except InputError as problem:
        sys.exit(f"error: {problem}")
