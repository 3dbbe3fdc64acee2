"""Which images of a source become training, validation and test images."""

import sys

import numpy as np
from jaxtyping import Int

from imbalens.classes import NO_FINDING
from imbalens.data.group_splits import report_shares, split_by_group
from imbalens.data.imbalance import class_sizes, select, split_validation
from imbalens.data.label_imbalance import choose_label_images, split_validation_by_patient
from imbalens.data.source import Source, SourceSplit, count_labels
from imbalens.errors import InputError
from imbalens.params.datasets import ClassImbalance, Dataset, LabelImbalance, Natural

Choice = tuple[Int[np.ndarray, " k"], Int[np.ndarray, " t"], Int[np.ndarray, " v"]]


def choose_images(
    source: Source, dataset: Dataset
) -> dict[str, tuple[SourceSplit, Int[np.ndarray, " k"]]]:
    """Return the images of each split: a split of the source and positions in it.

    The training images are chosen by the imbalance, then a validation part is set aside, by
    patients where they are known, unless the source's own is asked for. The test images, and its
    own validation images, are all of the source's, in its order.

    Raises:
        InputError: naming a class with too few images, or if validation images are asked for
            that the source does not have, or set aside although it has some.
    """
    _check_validation(source, dataset.validation.share)
    if not len(source.train.labels):
        return _without_training(source, dataset)
    chosen, kept, aside = (
        _choose_of_classes(source, dataset)
        if source.task == "multiclass"
        else _choose_of_labels(source, dataset)
    )
    splits = {"train": (source.train, chosen[kept])}
    if len(aside):
        splits["val"] = (source.train, chosen[aside])
    elif source.validation and dataset.validation.share is None:
        splits["val"] = (source.validation, np.arange(len(source.validation.labels)))
    splits["test"] = (source.test, np.arange(len(source.test.labels)))
    return splits


def _without_training(
    source: Source, dataset: Dataset
) -> dict[str, tuple[SourceSplit, Int[np.ndarray, " k"]]]:
    """Return the images of a source of predictions only."""
    imbalance = dataset.imbalance
    if not isinstance(imbalance, Natural) or imbalance.n_max is not None:
        raise InputError(
            f"{source.place}: has no training images, but imbalance.kind is {imbalance.kind!r}; "
            "allowed: natural, with n_max: null"
        )
    splits = {"test": (source.test, np.arange(len(source.test.labels)))}
    if source.validation and dataset.validation.share is None:
        splits = {"val": (source.validation, np.arange(len(source.validation.labels)))} | splits
    return splits


def _check_validation(source: Source, share: float | None) -> None:
    """Refuse a share that does not go with what the source has; print what is left out."""
    n = source.n_unread if source.validation is None else len(source.validation.labels)
    if source.validation is None and not n:
        if share is None:
            raise InputError(
                f"{source.place}: has no validation images, but validation.share is null; set it "
                "to a share of the training images, or to 0"
            )
    elif share:
        raise InputError(
            f"{source.place}: has validation images, but validation.share is {share}; set it to "
            "null to use them, or to 0 to do without"
        )
    elif share == 0:
        print(
            f"{source.place}: left out {n} validation images; set "
            "validation.share to null to use them",
            file=sys.stderr,
        )


def _choose_of_classes(source: Source, dataset: Dataset) -> Choice:
    """Return positions of training images, and which of them stay and are set aside."""
    labels, names = source.train.labels, source.class_names
    imbalance, validation = dataset.imbalance, dataset.validation
    assert isinstance(imbalance, ClassImbalance)  # params.checks refuses it
    sizes = class_sizes(count_labels(labels, len(names)), imbalance, class_names=names)
    chosen = select(labels, sizes, imbalance.selection)
    tested = count_labels(source.test.labels, len(names))
    if not tested.all():
        hint = (
            ""
            if source.test.patients is None
            else ", and groups are not divided: give it one more group, or try another "
            "source.split.seed"
        )
        raise InputError(
            f"{source.place}: found no test images of class {names[int(tested.argmin())]!r}; "
            f"every class needs at least one{hint}"
        )
    share, patients = validation.share or 0.0, source.train.patients
    if patients is None:
        kept, aside = split_validation(labels[chosen], share=share, seed=validation.seed)
    else:
        kept, aside = split_by_group(
            labels[chosen], patients[chosen], share=share, seed=validation.seed
        )
        report_shares(source.place, names, labels[chosen], aside, share=share)
    return chosen, kept, aside


def _choose_of_labels(source: Source, dataset: Dataset) -> Choice:
    """Return positions of training images, and which of them stay and are set aside."""
    imbalance, validation, train = dataset.imbalance, dataset.validation, source.train
    assert isinstance(imbalance, LabelImbalance)  # params.checks refuses it
    findings = np.array([name != NO_FINDING for name in source.class_names])
    chosen = choose_label_images(
        train.targets[:, findings],
        imbalance,
        class_names=[name for name in source.class_names if name != NO_FINDING],
    )
    patients = np.arange(len(train.labels)) if train.patients is None else train.patients
    kept, aside = split_validation_by_patient(
        patients[chosen], share=validation.share or 0.0, seed=validation.seed
    )
    return chosen, kept, aside
