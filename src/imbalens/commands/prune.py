"""List what is left of runs and datasets that params.yaml no longer names.

That is: entries of dvc.lock whose stages are gone, and the files that these wrote.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from imbalens.errors import escape
from imbalens.pruning import delete_leftovers, find_leftovers


def main(argv: Sequence[str] | None = None) -> None:
    """List what is left over; delete it if asked to."""
    parser = argparse.ArgumentParser(
        prog="imbalens prune",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--delete", action="store_true", help="delete what is listed")
    delete, repository = parser.parse_args(argv).delete, Path()
    leftovers = find_leftovers(repository)
    for stage, paths in leftovers.items():
        print("\n  ".join(map(escape, [stage, *paths])))
    n_files = sum(len(paths) for paths in leftovers.values())
    found = f"{len(leftovers)} stages that are gone, {n_files} files"
    if delete and leftovers:
        delete_leftovers(repository, leftovers)
        print(f"deleted: {found}; run `dvc repro`, then commit")
    elif leftovers:
        print(f"{found}; delete them with: imbalens prune --delete")
    else:
        print("nothing is left over")
