"""Copy the metrics of the run named by `focus` to metrics/focus.json, for `dvc metrics diff`."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from imbalens.errors import InputError
from imbalens.params.loading import PARAMS_PATH, load_params
from imbalens.stage import run_stage
from imbalens.store.files import write_json

STAGES = ("train", "performance", "archetypes", "adversaries", "feature_overlap")
STAGES_OF_SALIENCY = ("saliency_colours",)
STAGES_OF_MAPS = ("cam_alignment", "concepts")


def main(argv: Sequence[str] | None = None) -> None:
    """Write one file with every stage's metrics of that run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, default=PARAMS_PATH, help="(default: %(default)s)")
    params = load_params(parser.parse_args(argv).params)
    run, metrics = params.focus, {}
    of_saliency = STAGES_OF_SALIENCY if run in params.dumps.saliency.runs else ()
    of_maps = STAGES_OF_MAPS if run in params.dumps.maps.runs else ()
    for stage in (*STAGES, *of_saliency, *of_maps):
        path = Path(f"metrics/{stage}/{run}.json")
        if not path.exists():
            raise InputError(f"{path} is missing; run: dvc repro {stage}@{run}")
        metrics[stage] = json.loads(path.read_text(encoding="utf-8"))
    write_json(Path("metrics/focus.json"), metrics)


if __name__ == "__main__":
    run_stage(main)
