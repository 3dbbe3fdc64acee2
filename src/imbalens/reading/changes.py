"""Reads what changes between runs are measured by."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from imbalens.analysis.changes.measures import Images, Learned
from imbalens.analysis.common.boxes import find_pairs
from imbalens.analysis.common.cams import pair_cams
from imbalens.analysis.saliency_colours import COLOUR_GROUPS
from imbalens.classes import class_names, list_pairs, true_classes
from imbalens.dumps.files import read_features, require_same_images, tells_of
from imbalens.dumps.map_files import read_maps_about, read_maps_by_image
from imbalens.errors import InputError
from imbalens.params.experiment import Params
from imbalens.reading.adversaries import read_shares
from imbalens.reading.archetypes import read_archetypes
from imbalens.store.prepared import open_prepared, read_metadata, read_targets, require_rows
from imbalens.store.tables import read_table
from imbalens.tables import saliency_colours
from imbalens.tables.adversaries import ERRORS, NEIGHBOURS
from imbalens.tables.matrices import pair_matrix


def read_images(dataset: str, runs: Sequence[str], params: Params) -> Images:
    """Read which classes the images of a dataset have.

    Raises:
        InputError: if they are not those that the runs' features are of; it says what to run.
    """
    data, split = Path(f"data/prepared/{dataset}.h5"), params.analyses.performance.split
    about = read_metadata(data)
    splits = sorted({split, *({"train"} & {*about.splits})})
    require_same_images([_dump(run) for run in runs], splits)
    with open_prepared(data, *splits) as file:
        evaluation = true_classes(read_targets(file, split), about.class_names)
        train = evaluation[:0]
        if "train" in splits:
            train = true_classes(read_targets(file, "train"), about.class_names)
    return Images(train, evaluation, class_names(about.class_names, task=about.task))


def having_features(dataset: str, params: Params) -> list[str]:
    """Return the runs of a dataset that have features, of training images too.

    Raises:
        InputError: if a dump is absent or damaged; it says what to run.
    """
    splits = sorted({"train", params.analyses.performance.split})
    return [
        run
        for run, of in params.runs.items()
        if of.dataset == dataset and tells_of(_dump(run), splits, needs=["features"])
    ]


def read_part(
    run: str, part: Literal["train", "evaluation"], params: Params
) -> Float[np.ndarray, "n d"]:
    """Read the features that a run has of its training or evaluation images."""
    split = "train" if part == "train" else params.analyses.performance.split
    decision = params.analyses.labels.decision
    dump = read_features(_dump(run), [split], decision=decision, needs=["features"])
    return dump.splits[split].features


def read_learned(run: str, images: Images, params: Params) -> Learned:
    """Read what other stages found out about a run.

    Raises:
        InputError: if a table is absent, damaged or about other images; it says what to run.
    """
    rows, _ = list_pairs(images.train)
    neighbours, errors = read_shares(run, (NEIGHBOURS, ERRORS), images.names, may_be_empty=True)
    return Learned(
        archetypes=read_archetypes(run, rows.tolist()),
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


def read_predictions(
    sides: Sequence[tuple[str, str]], params: Params
) -> tuple[Int[np.ndarray, " n"], dict[str, Int[np.ndarray, " n"]]]:
    """Read the classes of the evaluation images, and those that trainings predict.

    Args:
        sides: Trainings of one dataset, in pairs.
        params: All parameters.

    Returns:
        None of either where several labels can apply to an image, or of trainings without logits.
    """
    split, classes, predictions = params.analyses.performance.split, None, {}
    for run in dict.fromkeys(run for pair in sides for run in pair):
        if not tells_of(_dump(run), [split], needs=["logits"]):
            continue
        decision = params.analyses.labels.decision
        seen = read_features(_dump(run), [split], decision=decision, needs=["logits"])
        if seen.splits[split].targets.ndim == 1:
            classes, predictions[run] = seen.splits[split].classes, seen.splits[split].predictions
    return np.empty(0, dtype=np.int64) if classes is None else classes, predictions


@dataclass(frozen=True)
class Annotated:
    """Annotated images of a dataset, and the maps that runs have of them.

    Attributes:
        cams: By run the class activation map of each pair of an image and a class with a box.
        boxes: Image row, class, x, y, width, height (pixels) of each box.
        pairs: Row in the prepared split, patient and class of each pair.
        image_size: Side of the images in pixels.
        names: Name of each class, or label.
    """

    cams: dict[str, Float[np.ndarray, "p h w"]]
    boxes: Int[np.ndarray, "b 6"]
    pairs: Int[np.ndarray, "p 3"]
    image_size: int
    names: Sequence[str]


def read_annotated(dataset: str, sides: Sequence[tuple[str, str]], params: Params) -> Annotated:
    """Read the maps of trainings, and the boxes that these are of.

    Args:
        dataset: The dataset.
        sides: Its trainings in pairs; of a pair of which one has no maps none are read.
        params: All parameters.

    Raises:
        InputError: if a file is absent or damaged, or the runs' maps are of other images; it says
            what to run.
    """
    none = np.empty((0, 6), dtype=np.int64)
    found = Annotated({}, none, none[:, :3], 0, ())
    mapped = [pair for pair in sides if set(pair) <= set(params.dumps.maps.runs)]
    runs = list(dict.fromkeys(run for pair in mapped for run in pair))
    for run in runs:
        path = Path(f"data/dumps/maps/{run}.h5")
        about = read_maps_about(path)
        pairs = find_pairs(about.boxes)
        if not found.cams:
            row = about.row[pairs[:, 0]]
            patient = _read_patients(dataset, about.split, row)
            described = np.column_stack([row, patient, pairs[:, 1]])
            found = Annotated({}, about.boxes, described, about.image_size, about.class_names)
        elif not np.array_equal(about.boxes, found.boxes):
            raise InputError(
                f"{path}: other boxes than in the maps of {runs[0]}; "
                f"run: dvc repro dump_maps@{runs[0]} dump_maps@{run}"
            )
        cams = about.cams
        if cams is None:
            cams = pair_cams(read_maps_by_image(path), pairs, about.head)
        found.cams[run] = cams
    return found


def _read_patients(dataset: str, split: str, rows: Int[np.ndarray, " p"]) -> Int[np.ndarray, " p"]:
    with open_prepared(Path(f"data/prepared/{dataset}.h5"), split) as file:
        require_rows(file, split, rows)
        patients = file.get(f"{split}/patients")
        return rows if patients is None else patients[:][rows]
