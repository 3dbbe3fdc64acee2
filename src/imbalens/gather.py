"""What stages that compare a dataset's runs read of these runs, in short.

They depend on that instead of on folders in which the runs of all datasets lie: a change of one
dataset leaves what is gathered of another as it is.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from imbalens.errors import InputError
from imbalens.params.experiment import Params, baseline_of, setting_of
from imbalens.store.tables import Table
from imbalens.tables import (
    adversaries,
    archetypes,
    cam_alignment,
    concepts,
    feature_overlap,
    performance,
    saliency_colours,
)

Having = Literal["all", "saliency", "maps"]


@dataclass(frozen=True)
class Read:
    """A file of each run.

    Attributes:
        path: Where it lies, `{run}` standing for the run.
        stage: What writes it.
        of: Which runs have it: all, or those that `dumps` lists for saliency or maps.
    """

    path: str
    stage: str
    of: Having


def _table(table: Table, of: Having = "all") -> Read:
    return Read(table.path.format(name="{run}"), table.stage, of)


def _metrics(stage: str, of: Having = "all") -> Read:
    return Read(f"metrics/{stage}/{{run}}.json", stage, of)


FEATURES = Read("data/dumps/features/{run}.h5", "dump_features", "all")
MAPS = Read("data/dumps/maps/{run}.h5", "dump_maps", "maps")
READS: Mapping[str, tuple[Read, ...]] = {
    "compare": (
        _metrics("performance"),
        _metrics("cam_alignment", "maps"),
        _metrics("concepts", "maps"),
        _table(cam_alignment.EXAMPLES, "maps"),
    ),
    "differences": (
        FEATURES,
        _table(adversaries.ADVERSARIES),
        _table(cam_alignment.PAIRS, "maps"),
        _table(concepts.COUNTS, "maps"),
    ),
    "changes": (
        FEATURES,
        _table(adversaries.ADVERSARIES),
        MAPS,
        _table(archetypes.INSTANCES),
        _table(saliency_colours.COLOURS, "saliency"),
    ),
    "claims": (
        _table(adversaries.ADVERSARIES),
        _table(adversaries.CLASS_SCORES),
        _table(archetypes.ARCHETYPES),
        _table(feature_overlap.PAIRS),
        _table(performance.CLASSES),
        _table(saliency_colours.COLOURS, "saliency"),
    ),
    "explore": (FEATURES, MAPS),
}
WITH_SETTINGS = ("compare", "differences", "changes", "claims", "explore")
WITH_BASELINES = ("differences", "changes", "claims", "explore")
WITH_MAPPED = ("changes", "claims", "explore")


def gather(dataset: str, params: Params) -> dict[str, dict[str, Any]]:
    """Return what each comparison reads of a dataset's runs, files as digests.

    Args:
        dataset: Name of the dataset.
        params: The experiment.

    Returns:
        By the comparison's stage, `runs` in their order and the SHA-256 of each of `files`.

    Raises:
        InputError: if a file is missing; it says what to run.
    """
    digest = cache(_digest)  # several stages read some
    runs = [name for name, run in params.runs.items() if run.dataset == dataset]
    return {
        stage: {
            "runs": [describe_run(run, params, stage) for run in runs],
            "files": {
                read.path.format(run=run): digest(read.path.format(run=run), f"{read.stage}@{run}")
                for read in reads
                for run in having(read.of, runs, params)
            },
        }
        for stage, reads in READS.items()
    }


def having(of: Having, runs: list[str], params: Params) -> list[str]:
    """Return those of some runs that have a kind of file."""
    match of:
        case "all":
            return runs
        case "saliency":
            return [run for run in runs if run in params.dumps.saliency.runs]
        case "maps":
            return [run for run in runs if run in params.dumps.maps.runs]


def describe_run(name: str, params: Params, stage: str) -> dict[str, Any]:
    """Return what a comparison takes from params.yaml about a run.

    Args:
        name: The run.
        params: The experiment.
        stage: The comparison's stage, which may ask what setting the run is of and what it is
            compared with, or whether its maps were dumped, none of which it reads.
    """
    run = params.runs[name]
    parts = {"model": run.model, "loss": run.loss, "drw": run.drw}
    described = {
        "name": name,
        **{key: part and part.model_dump() for key, part in parts.items()},
        "seed": run.seed,
        "checkpoint": run.checkpoint,
        "epochs": None if run.checkpoint else params.recipes[run.recipe].epochs,
    }
    if stage in WITH_SETTINGS:
        described["setting"] = setting_of(params, name)
    if stage in WITH_BASELINES:
        described["baseline"] = baseline_of(params, name)
    if stage in WITH_MAPPED:
        described["mapped"] = name in params.dumps.maps.runs
    return described


def _digest(path: str, stage: str) -> str:
    """Hash a file block by block."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run: dvc repro {stage}") from None
