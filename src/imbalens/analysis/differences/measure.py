"""A measure of one training on resampled images, and what is behind it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from imbalens.analysis.performance.weighted import mean_over_classes


@dataclass(frozen=True)
class Measure:
    """One measure, over all images or per class.

    Attributes:
        stage: Stage in whose metrics it stands.
        name: Its key there.
        classes: Names of the columns' classes; None for a single column over all of them.
        values: On the images as they are (first row) and on resampled ones.
        images: Images behind each column; of a mean over classes those behind the class with the
            fewest.
        patients: Patients behind each column; None where each image is drawn for itself.
        averaged: Of a mean over classes how many they are, else None.
        has_interval: Whether its replicates say how far it may lie from that of other images.
    """

    stage: str
    name: str
    classes: tuple[str, ...] | None
    values: Float[np.ndarray, "r c"]
    images: Int[np.ndarray, " c"]
    patients: Int[np.ndarray, " c"] | None = None
    averaged: int | None = None
    has_interval: bool = True


def images_behind(
    labels: Int[np.ndarray, " n"] | UInt8[np.ndarray, "n m"], *, n_classes: int
) -> Int[np.ndarray, " c"]:
    """Count the images that tell how well each class is recognised.

    Args:
        labels: True class per image, or 1 where an image has a label.
        n_classes: Number of classes, or labels.

    Returns:
        Of classes that exclude each other their images, of a label the fewer of the images with
        and without it.
    """
    if labels.ndim == 1:
        return np.bincount(labels, minlength=n_classes)
    n_positives = np.count_nonzero(labels, axis=0)
    return np.minimum(n_positives, len(labels) - n_positives)


def count_behind(
    patients: Int[np.ndarray, " n"] | None, *members: Bool[np.ndarray, "n c"]
) -> tuple[Int[np.ndarray, " c"], Int[np.ndarray, " c"] | None]:
    """Count the images of each column, and their patients.

    Args:
        patients: Patient of each image; None where each image is drawn for itself.
        members: Images that a column is measured on; of several kinds, such as positives and
            negatives, the one with the fewest counts.

    Returns:
        Images, and patients if they are known.
    """
    images = np.min([member.sum(axis=0) for member in members], axis=0)
    if patients is None:
        return images, None
    distinct, place = np.unique(patients, return_inverse=True)
    counts = np.full(images.shape, len(distinct))
    for member in members:
        has = np.zeros((len(distinct), len(images)), dtype=bool)
        np.logical_or.at(has, place, member)
        counts = np.minimum(counts, has.sum(axis=0))
    return images, counts


def mean_measure(
    name: str,
    values: Float[np.ndarray, "r c"],
    behind: tuple[Int[np.ndarray, " c"], Int[np.ndarray, " c"] | None],
    averaged: Bool[np.ndarray, " c"],
) -> Measure:
    """Average a measure of the stage `performance` over some classes; NaN over none.

    Args:
        name: What the mean is called.
        values: Per replicate and class.
        behind: Images and patients of each class, see `count_behind`.
        averaged: Which classes to average over.
    """
    images, patients = behind
    return Measure(
        "performance",
        name,
        None,
        mean_over_classes(values[:, averaged])[:, None],
        _fewest(images, averaged),
        None if patients is None else _fewest(patients, averaged),
        averaged=int(averaged.sum()),
    )


def _fewest(counts: Int[np.ndarray, " c"], of: Bool[np.ndarray, " c"]) -> Int[np.ndarray, "1"]:
    return counts[of].min(keepdims=True) if of.any() else np.zeros(1, dtype=np.int64)
