"""Reads the metrics that other stages wrote, of a run or of all trainings of a setting."""

from collections.abc import Mapping, Sequence
from math import fsum
from pathlib import Path
from typing import Any

from imbalens.params.experiment import Params, all_settings, settings
from imbalens.params.runs import network_title
from imbalens.reports.common.not_applicable import is_applicable
from imbalens.store.files import read_json
from imbalens.tables.compare import TRAININGS

OF_RUNS = ("train", "performance", "archetypes", "adversaries", "feature_overlap")
OF_SALIENCY = ("saliency_colours",)
OF_MAPS = ("cam_alignment", "concepts")
COMPARED = ("performance", *OF_MAPS)


def read_metrics(run: str, stage: str, *, root: Path) -> dict[str, Any]:
    """Read a run's metrics of one stage.

    Args:
        run: The run.
        stage: The stage.
        root: Folder of the project.

    Raises:
        InputError: if the file is missing or damaged; it says what to run.
    """
    path = root / "metrics" / stage / f"{run}.json"
    return read_json(path, command=f"dvc repro {stage}@{run}")


def stages_of(run: str, params: Params) -> tuple[str, ...]:
    """Name the stages that write metrics of a run."""
    of_saliency = OF_SALIENCY if run in params.dumps.saliency.runs else ()
    of_maps = OF_MAPS if run in params.dumps.maps.runs else ()
    return (*OF_RUNS, *of_saliency, *of_maps)


def read_setting(
    setting: str, params: Params, *, stages: Sequence[str], root: Path = Path()
) -> dict[str, dict[str, Any]]:
    """Read the metrics of a setting by stage, means over those of its trainings that have it.

    How many these are stands beside them, as `trainings`. See `average_metrics`. Of what applies
    to none of them, the status and the reason stand there.

    Args:
        setting: The setting.
        params: The experiment.
        stages: Which stages are wanted.
        root: Folder of the project.

    Raises:
        InputError: if a file is missing or damaged; it says what to run.
    """
    having: dict[str, list[str]] = {}
    for run in all_settings(params)[setting]:
        for stage in stages_of(run, params):
            if stage in stages:
                having.setdefault(stage, []).append(run)
    return {
        stage: _average_applicable([read_metrics(run, stage, root=root) for run in runs])
        for stage, runs in having.items()
    }


def _average_applicable(trainings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Average the metrics of the trainings that a stage could ask; of none, say why."""
    asked = [one for one in trainings if is_applicable(one)]
    return {TRAININGS: len(asked), **average_metrics(asked)} if asked else dict(trainings[0])


def average_metrics(trainings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Average the numbers of several trainings, key by key.

    Args:
        trainings: Metrics of one stage, of each training.

    Returns:
        What all have; where a number is undefined (None) for one, its mean is, and what is no
        number stays where it is the same for all. A text that only some have stays, such as why a
        number is undefined, the first of several.
    """
    found: dict[str, Any] = {}
    for key in dict.fromkeys(key for one in trainings for key in one):
        if not all(key in one for one in trainings):
            texts = [one[key] for one in trainings if isinstance(one.get(key), str)]
            found |= {key: texts[0]} if texts else {}
            continue
        values: list[Any] = [one[key] for one in trainings]
        if all(isinstance(value, Mapping) for value in values):
            found[key] = average_metrics(values)
        elif all(value == values[0] for value in values):
            found[key] = values[0]
        elif all(value is None or isinstance(value, int | float) for value in values):
            found[key] = None if None in values else fsum(values) / len(values)
    return found


def read_compared(dataset: str, params: Params) -> dict[str, dict[str, Any]]:
    """Read per setting of a dataset its network, its loss, and its metrics by stage.

    Raises:
        InputError: if a file is missing or damaged; it says what to run.
    """
    return {
        setting: {
            "model": network_title(params.runs[runs[0]].model),
            "loss": params.runs[runs[0]].loss.name,
            **read_setting(setting, params, stages=COMPARED),
        }
        for setting, runs in settings(params, dataset).items()
    }
