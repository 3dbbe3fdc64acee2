"""Copy the metrics of the run named by `focus` to metrics/focus.json, for `dvc metrics diff`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from imbalens.params.loading import PARAMS_PATH, load_params
from imbalens.reading.metrics import read_metrics, stages_of
from imbalens.stage import run_stage
from imbalens.store.files import write_json


def main(argv: Sequence[str] | None = None) -> None:
    """Write one file with every stage's metrics of that run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, default=PARAMS_PATH, help="(default: %(default)s)")
    params = load_params(parser.parse_args(argv).params)
    metrics = read_metrics(params.focus, stages_of(params.focus, params))
    write_json(Path("metrics/focus.json"), metrics)


if __name__ == "__main__":
    run_stage(main)
