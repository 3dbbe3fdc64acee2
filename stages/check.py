"""Check params.yaml, and what it needs, before any other command runs; write data/checked.txt.

DVC puts names of params.yaml into its commands: every stage that takes one depends on this file.
It always holds the same, so that no stage reruns because of it.
"""

from imbalens.stage import run_stage
import argparse
from collections.abc import Sequence
from pathlib import Path

from imbalens.params.loading import PARAMS_PATH, load_params
from imbalens.store.files import write_text
from imbalens.surroundings import require_surroundings

OUTPUT = Path("data/checked.txt")


def main(argv: Sequence[str] | None = None) -> None:
    """Say what is wrong with the parameters, or write that they were checked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--params", type=Path, default=PARAMS_PATH, help="(default: %(default)s)")
    path = parser.parse_args(argv).params
    require_surroundings(load_params(path), path)
    write_text(OUTPUT, "params.yaml was checked\n")


if __name__ == "__main__":
    run_stage(main)
