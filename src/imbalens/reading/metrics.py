"""Reads the metrics that other stages wrote."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imbalens.errors import InputError
from imbalens.params.experiment import Params

OF_RUNS = ("train", "performance", "archetypes", "adversaries", "feature_overlap")
OF_SALIENCY = ("saliency_colours",)
OF_MAPS = ("cam_alignment", "concepts")
COMPARED = ("performance", *OF_MAPS)


def read_metrics(run: str, stages: Sequence[str]) -> dict[str, Any]:
    """Read a run's metrics by stage.

    Raises:
        InputError: if a file is missing; it says what to run.
    """
    found = {}
    for stage in stages:
        path = Path(f"metrics/{stage}/{run}.json")
        if not path.exists():
            raise InputError(f"{path} is missing; run: dvc repro {stage}@{run}")
        found[stage] = json.loads(path.read_text(encoding="utf-8"))
    return found


def stages_of(run: str, params: Params) -> tuple[str, ...]:
    """Name the stages that write metrics of a run."""
    of_saliency = OF_SALIENCY if run in params.dumps.saliency.runs else ()
    of_maps = OF_MAPS if run in params.dumps.maps.runs else ()
    return (*OF_RUNS, *of_saliency, *of_maps)


def read_compared(dataset: str, params: Params) -> dict[str, dict[str, Any]]:
    """Read per run of a dataset its network, its loss, and its metrics by stage.

    Raises:
        InputError: if a file is missing; it says what to run.
    """
    return {
        name: {
            "model": run.model.name,
            "loss": run.loss.name,
            **read_metrics(
                name, [stage for stage in stages_of(name, params) if stage in COMPARED]
            ),
        }
        for name, run in params.runs.items()
        if run.dataset == dataset
    }
