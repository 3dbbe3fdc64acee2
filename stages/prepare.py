"""Prepare a dataset: its images with the wanted imbalance, in data/prepared/DATASET.h5."""

from collections.abc import Sequence
from pathlib import Path

from imbalens.data.prepare import prepare
from imbalens.files import write_json
from imbalens.stage import parse_stage, pick, run_stage


def main(argv: Sequence[str] | None = None) -> None:
    """Write the prepared file and what it holds."""
    name, params = parse_stage(__doc__, "dataset", argv)
    dataset = pick(params.datasets, "datasets", name)
    summary = prepare(dataset, Path(f"data/prepared/{name}.h5"))
    write_json(Path(f"metrics/prepare/{name}.json"), summary)


if __name__ == "__main__":
    run_stage(main)
