"""Write what comparisons of a dataset's runs read of these, to data/gathered/*/DATASET.json.

It is short: digests of files. DVC stops here while a dataset's runs are as they were.
"""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

from imbalens.gather import gather
from imbalens.store.files import write_json


def main(argv: Sequence[str] | None = None) -> None:
    """Write one file per comparison."""
    name, params = parse_stage(__doc__, "dataset", argv)
    pick(params.datasets, "datasets", name)
    for stage, read in gather(name, params).items():
        write_json(Path(f"data/gathered/{stage}/{name}.json"), read)


if __name__ == "__main__":
    run_stage(main)
