"""Reads what changes between runs are measured by."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.changes.measures import Images, Learned
from imbalens.analysis.saliency_colours import COLOUR_GROUPS
from imbalens.classes import class_names, list_pairs, true_classes
from imbalens.dumps.files import read_features, require_same_images
from imbalens.errors import InputError
from imbalens.params.experiment import Params
from imbalens.reading.adversaries import read_shares
from imbalens.store.prepared import open_prepared, read_metadata
from imbalens.store.tables import read_table
from imbalens.tables import archetypes, saliency_colours
from imbalens.tables.adversaries import ERRORS, NEIGHBOURS
from imbalens.tables.matrices import pair_matrix


def read_images(dataset: str, runs: Sequence[str], params: Params) -> Images:
    """Read which classes the images of a dataset have.

    Raises:
        InputError: if they are not those that the runs' features are of; it says what to run.
    """
    data, split = Path(f"data/prepared/{dataset}.h5"), params.analyses.performance.split
    require_same_images([_dump(run) for run in runs], sorted({"train", split}))
    about = read_metadata(data)
    with open_prepared(data, "train", split) as file:
        train, evaluation = (
            true_classes(file[f"{part}/labels"][:], about.class_names) for part in ("train", split)
        )
    return Images(train, evaluation, class_names(about.class_names, task=about.task))


def read_part(
    run: str, part: Literal["train", "evaluation"], params: Params
) -> Float[np.ndarray, "n d"]:
    """Read the features that a run has of its training or evaluation images."""
    split = "train" if part == "train" else params.analyses.performance.split
    dump = read_features(_dump(run), [split], decision=params.analyses.labels.decision)
    return dump.splits[split].features


def read_learned(run: str, images: Images, params: Params) -> Learned:
    """Read what other stages found out about a run.

    Raises:
        InputError: if a table is absent, damaged or about other images; it says what to run.
    """
    instances = read_table(archetypes.INSTANCES, run)
    rows, _ = list_pairs(images.train)
    if instances["row"].tolist() != rows.tolist():
        raise InputError(
            f"{archetypes.INSTANCES.path_of(run)}: found {len(instances)} rows that are not the "
            f"{len(rows)} pairs of an image and its classes in the features of {run}; "
            f"run: {archetypes.INSTANCES.command(run)}"
        )
    neighbours, errors = read_shares(run, (NEIGHBOURS, ERRORS), images.names)
    codes = {name: code for code, name in enumerate(ARCHETYPE_NAMES)}
    return Learned(
        archetypes=instances["archetype"].map(codes).to_numpy(dtype=int),
        adversaries=neighbours,
        errors=errors,
        colours=_read_colours(run, images.names) if run in params.dumps.saliency.runs else None,
    )


def _read_colours(run: str, names: Sequence[str]) -> Float[np.ndarray, "c g"]:
    groups = read_table(saliency_colours.COLOURS, run)
    return pair_matrix(
        saliency_colours.COLOURS,
        run,
        groups[groups["archetype"] == saliency_colours.ALL],
        "share",
        rows=("class", names),
        columns=("group", COLOUR_GROUPS),
    )


def _dump(run: str) -> Path:
    return Path(f"data/dumps/features/{run}.h5")
