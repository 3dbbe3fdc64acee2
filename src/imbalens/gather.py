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
from imbalens.params.experiment import Params, baseline_of, repeats


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
    of: Literal["all", "saliency", "maps"]


# as dvc.yaml has them: tables' declarations know more, and lead to the code of analyses
FEATURES = Read("data/dumps/features/{run}.h5", "dump_features", "all")
ADVERSARIES = Read("plots/adversaries/{run}.csv", "adversaries", "all")
COLOURS = Read("plots/saliency_colours/{run}.csv", "saliency_colours", "saliency")
READS: Mapping[str, tuple[Read, ...]] = {
    "compare": (
        Read("metrics/performance/{run}.json", "performance", "all"),
        Read("metrics/cam_alignment/{run}.json", "cam_alignment", "maps"),
        Read("metrics/concepts/{run}.json", "concepts", "maps"),
        Read("plots/cam_examples/{run}.csv", "cam_alignment", "maps"),
    ),
    "differences": (
        FEATURES,
        ADVERSARIES,
        Read("data/instances/cam_alignment/{run}.csv", "cam_alignment", "maps"),
        Read("data/instances/concepts/{run}.csv", "concepts", "maps"),
    ),
    "changes": (
        FEATURES,
        ADVERSARIES,
        Read("data/dumps/maps/{run}.h5", "dump_maps", "maps"),
        Read("data/instances/archetypes/{run}.csv", "archetypes", "all"),
        COLOURS,
    ),
    "claims": (
        ADVERSARIES,
        Read("plots/adversaries/{run}-classes.csv", "adversaries", "all"),
        Read("plots/archetypes/{run}.csv", "archetypes", "all"),
        Read("plots/feature_overlap/{run}-pairs.csv", "feature_overlap", "all"),
        Read("plots/performance/{run}.csv", "performance", "all"),
        COLOURS,
    ),
    "explore": (FEATURES,),
}
WITH_BASELINES = ("differences", "changes", "claims")
WITH_MAPPED = ("changes", "claims")


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


def having(of: Literal["all", "saliency", "maps"], runs: list[str], params: Params) -> list[str]:
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
        stage: The comparison's stage, which may ask what the run repeats and is compared with, or
            whether its maps were dumped, none of which it reads.
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
    if stage in WITH_BASELINES:
        groups = repeats(params, run.dataset)
        described["repeats"] = next(first for first, names in groups.items() if name in names)
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
