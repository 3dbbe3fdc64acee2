"""Write the metrics of the setting that `focus` names to one file, for `dvc metrics diff`."""

from imbalens.stage import run_stage
import argparse
from collections.abc import Sequence
from pathlib import Path

from imbalens.params.loading import PARAMS_PATH, load_params
from imbalens.reading.metrics import read_setting
from imbalens.store.files import write_json


def main(argv: Sequence[str] | None = None) -> None:
    """Write one file with every stage's metrics of that setting, means over its trainings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, default=PARAMS_PATH, help="(default: %(default)s)")
    params = load_params(parser.parse_args(argv).params)
    write_json(Path("metrics/focus.json"), read_setting(params.focus, params))


if __name__ == "__main__":
    run_stage(main)
