"""Training images of one source and test images of another, as cross-dataset tests have them."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from imbalens.data.converting import convert_channels
from imbalens.data.names import first_names
from imbalens.data.source import ReadBoxes, Source, count_positives
from imbalens.errors import InputError
from imbalens.params.errors import shown

ABSENT = -1  # of a label that the training source does not have


def evaluate_on(source: Source, other: Source, *, name: str) -> Source:
    """Return a source with the test images of another.

    Classes are matched by name and get the labels of the training source. Of several labels, those
    that the other source alone has are left out and printed. Where channels differ, colour becomes
    luminance, or grey is repeated. Groups of the two sources get different numbers.

    Args:
        source: Where training and validation images come from.
        other: Where test images come from.
        name: What kind of source the other is, for the facts.

    Raises:
        InputError: if the sources differ in task, if one of them lacks a class of the other, if a
            class has no test images, or if a test image, or the group of one in the same folder,
            is among the training images.
    """
    if source.task != other.task:
        raise InputError(
            f"{other.place}: evaluate_on has the task {other.task!r}; allowed: {source.task!r}, "
            f"that of {source.place}"
        )
    left_out = _check_classes(source, other)
    _require_apart(source, other)
    label_of = {name: label for label, name in enumerate(source.class_names)}
    labels = np.array([label_of.get(name, ABSENT) for name in other.class_names])
    test = other.test
    test = replace(
        test,
        labels=_relabel(test.labels, labels),
        unknown=None if test.unknown is None else test.unknown[:, _columns(labels)],
        read=convert_channels(test.read, other.channels, source.channels),
        boxes=test.boxes and _relabel_boxes(test.boxes, labels),
        patients=_renumber(source, test.patients),
    )
    found = count_positives(test.labels, len(label_of))
    if source.task == "multiclass" and not found.all():
        raise InputError(
            f"{other.place}: found no test images of class "
            f"{source.class_names[int(found.argmin())]!r}; every class needs at least one"
        )

    def finish() -> None:
        source.finish()
        other.finish()

    left = {"labels_left_out": left_out} if source.task != "multiclass" else {}
    return replace(
        source,
        test=test,
        facts={**source.facts, "evaluate_on": {"source": name, **other.facts, **left}},
        finish=finish,
    )


def _check_classes(source: Source, other: Source) -> Sequence[str]:
    """Return the labels that the other source alone has; of classes there may be none."""
    ours, theirs = set(source.class_names), set(other.class_names)
    lacking = [name for name in source.class_names if name not in theirs]
    further = [name for name in other.class_names if name not in ours]
    several = source.task != "multiclass"
    only = [(source, lacking), *(() if several else ((other, further),))]
    said = [f"only {each.place} has {first_names(names)}" for each, names in only if names]
    if said:
        allowed = "all labels of the dataset" if several else "the same classes, by name"
        raise InputError(
            f"{other.place}: is evaluate_on of {source.place}; {'; '.join(said)}; allowed: "
            f"{allowed}"
        )
    if further:
        print(
            f"{other.place}: left out labels that {source.place} does not have: "
            f"{first_names(further)}",
            file=sys.stderr,
        )
    return further


def _require_apart(source: Source, other: Source) -> None:
    """Refuse test images that are training images, in files or by group; print what may be."""
    for split, ours in (("training", source.train), ("validation", source.validation)):
        theirs = other.test
        if ours is None:
            continue
        if ours.files and theirs.files:
            files = {*ours.files()}
            shared = [file for file in theirs.files() if file in files]
            if shared:
                raise InputError(
                    f"{other.place}: is evaluate_on of {source.place}; of its test images "
                    f"{len(shared):,} are {split} images there, such as {shared[0]}; allowed: "
                    "none; give both sources one split"
                )
        groups = ({*(ours.groups or ())} & {*(theirs.groups or ())}) - {""}
        if not groups:
            continue
        said = (
            f"{other.place}: is evaluate_on of {source.place}; its test images and the {split} "
            f"images there have {len(groups):,} groups of one name, such as "
            f"{shown(min(groups))}"
        )
        if ours.files and theirs.files and _in_one_folder(source.place, other.place):
            raise InputError(f"{said}; allowed: none in one folder; give both sources one split")
        print(f"{said}; they are taken for different ones", file=sys.stderr)


def _in_one_folder(one: str, other: str) -> bool:
    first, second = Path(one).resolve(), Path(other).resolve()
    return first.is_relative_to(second) or second.is_relative_to(first)


def _relabel(
    found: Int[np.ndarray, " n"] | UInt8[np.ndarray, "n m"], labels: Int[np.ndarray, " c"]
) -> Int[np.ndarray, " n"] | UInt8[np.ndarray, "n k"]:
    """Return labels in the order of the training source.

    Args:
        found: Of the other source.
        labels: The training source's label of each of its classes.
    """
    if found.ndim == 1:
        return labels[found]
    return found[:, _columns(labels)]


def _columns(labels: Int[np.ndarray, " c"]) -> Int[np.ndarray, " k"]:
    """Return the other source's labels that are kept, in the order of the training source."""
    kept = np.flatnonzero(labels != ABSENT)
    return kept[np.argsort(labels[kept])]


def _relabel_boxes(read: ReadBoxes, labels: Int[np.ndarray, " c"]) -> ReadBoxes:
    """Return boxes with the training source's labels, but for those of labels left out."""

    def read_boxes(positions: Int[np.ndarray, " k"]) -> Int[np.ndarray, "b 6"]:
        boxes = read(positions)
        relabelled = boxes.copy()
        relabelled[:, 1] = labels[boxes[:, 1]]
        return relabelled[relabelled[:, 1] != ABSENT]

    return read_boxes


def _renumber(
    source: Source, patients: Int[np.ndarray, " n"] | None
) -> Int[np.ndarray, " n"] | None:
    """Return groups with numbers that the training source has none of."""
    splits = (source.train, source.validation)
    known = [each.patients for each in splits if each and each.patients is not None]
    if patients is None or not known:
        return patients
    numbers = np.unique(patients, return_inverse=True)[1]
    return numbers.reshape(-1) + max(int(each.max()) for each in known) + 1
