"""Nearest adversaries: do training neighbours foretell which classes get confused?

Every distribution here is a matrix "c c" whose row is the reference class and whose columns are
the other classes: a defined row sums to 1 with 0 on the diagonal, a row without data is NaN.

Where several labels can apply to an image, the paper's definition is extended: an image has each
of its classes, counts once for each class that it misses or is wrongly given, and, where it is
itself counted, spreads a mass of 1 evenly over its classes. With one class per image this is the
paper's definition. A class that an image is not known to have or to lack is none of its classes,
and must be none of its predictions (`classes.where_known`): then it is no error either. An image
in no class has no mass, and an error without mass is not counted.

Source: paper B, section 3.3, Algorithm 1 and Table 2.
"""

from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from imbalens.analysis.common.counting import divide
from imbalens.analysis.common.neighbors import Neighbors
from imbalens.classes import Classes, count_shares, require_codes, spread_mass

Instances = Literal["misclassified_by_actual", "misclassified_by_predicted", "all"]
Errors = Literal["by_actual", "by_predicted"]


@dataclass(frozen=True)
class ClassDistribution:
    """For each reference class, how the other classes share what was counted.

    Attributes:
        counts: What was counted of each other class; its diagonal is 0.
        share: The same as shares: row c sums to 1; NaN where nothing was counted.
        n_instances: Instances behind each row. It may be positive beside a NaN row: then all
            that these instances counted was the reference class itself.
    """

    counts: Float[np.ndarray, "c c"]
    share: Float[np.ndarray, "c c"]
    n_instances: Int[np.ndarray, " c"]


@dataclass(frozen=True)
class ErrorMasses:
    """What each image adds to the errors around classes.

    Attributes:
        wrong: Images with an error around each class.
        images: Rows of those with any.
        masses: For each of these the mass that it adds to each pair of reference class and other
            class, the pairs in rows of reference classes.
    """

    wrong: Bool[np.ndarray, "n c"]
    images: Int[np.ndarray, " e"]
    masses: sparse.csr_array


def adversary_distribution(
    neighbors: Neighbors,
    labels: Classes,
    predictions: Classes,
    *,
    n_classes: int,
    instances: Instances,
    among: Bool[np.ndarray, " n"],
    known: Bool[np.ndarray, "n c"] | None = None,
) -> ClassDistribution:
    """Share of the other classes among the neighbours of selected training instances.

    Args:
        neighbors: Nearest neighbours of each training instance; where some share a place, each
            counts its part.
        labels: True class of each training instance, or the membership matrix.
        predictions: Predicted classes of each training instance, in the same form.
        n_classes: Classes, of which every label is one.
        instances: Those whose neighbours are counted for class c: ones of true class c that are
            not taken for c (`misclassified_by_actual`), ones taken for c that are not of it
            (`misclassified_by_predicted`), or everything of true class c (`all`).
        among: Instances that may be selected.
        known: Of which classes it is known whether instances have them, see
            `classes.known_classes`; None: of all.

    Returns:
        One row per reference class; neighbours of the reference class, or not known to lack it,
        are dropped.

    Raises:
        ValueError: if a label is not in 0..n_classes-1.

    Source: paper B, section 3.3, Algorithm 1; of several labels see the module.
    """
    if labels.ndim == 2:
        lacking = ~labels if known is None else known & ~labels
        return _label_adversaries(neighbors, labels, lacking, predictions, instances, among)
    match instances:
        case "misclassified_by_actual":
            reference, selected = labels, among & (labels != predictions)
        case "misclassified_by_predicted":
            reference, selected = predictions, among & (labels != predictions)
        case "all":
            reference, selected = labels, among
        case _:
            assert_never(instances)
    require_codes(labels, n_codes=n_classes, name="labels")
    require_codes(reference, n_codes=n_classes, name="predictions")
    chosen = selected[neighbors.row]
    row, neighbor, parts = (
        each[chosen] for each in (neighbors.row, neighbors.neighbor, neighbors.parts)
    )
    cell, per_place = reference[row] * n_classes + labels[neighbor], neighbors.parts_per_place[row]
    counts = np.zeros(n_classes**2)
    for cut in np.unique(per_place):  # whole numbers are summed, in an order that no row changes
        same = per_place == cut
        counts += np.bincount(cell[same], parts[same], minlength=n_classes**2) / cut
    return _shared_out(
        counts.reshape(n_classes, n_classes),
        np.bincount(reference[selected], minlength=n_classes),
    )


def error_distribution(
    labels: Classes,
    predictions: Classes,
    *,
    n_classes: int,
    errors: Errors,
) -> ClassDistribution:
    """Share of the other classes among the classification errors around each class.

    On the evaluation split this is what the neighbours are to foretell; on the training split
    it is the baseline "training confusion".

    Args:
        labels: True class of each instance, or the membership matrix.
        predictions: Predicted classes of each instance, in the same form.
        n_classes: Classes, of which every label and prediction is one.
        errors: `by_actual` counts where instances of class c go that are not taken for c,
            `by_predicted` which true classes are taken for c.

    Returns:
        One row per reference class; `n_instances` is its number of errors.

    Raises:
        ValueError: if a label or prediction is not in 0..n_classes-1.

    Source: paper B, section 3.3; of several labels see the module.
    """
    found = error_masses(labels, predictions, n_classes=n_classes, errors=errors)
    counts = (np.ones(len(found.images)) @ found.masses).reshape(n_classes, n_classes)
    return _shared_out(counts, found.wrong.sum(axis=0))


def error_masses(
    labels: Classes,
    predictions: Classes,
    *,
    n_classes: int,
    errors: Literal["by_actual", "by_predicted"],
) -> ErrorMasses:
    """Find the errors around each class, image by image, see `error_distribution`.

    Each image that misses a class or is wrongly given it counts there with mass 1. It is no error
    where it says nothing of where errors go, being in no class, or taken for none known of it.
    """
    actual, predicted = _members(labels, n_classes), _members(predictions, n_classes)
    match errors:
        case "by_actual":
            wrong, counted = actual & ~predicted, predicted
        case "by_predicted":
            wrong, counted = predicted & ~actual, actual
        case _:
            assert_never(errors)
    wrong = wrong & counted.any(axis=1, keepdims=True)
    image, reference = np.nonzero(wrong)
    images, row = np.unique(image, return_inverse=True)
    mass = spread_mass(counted)[image]
    error, other = np.nonzero(mass)
    entries = (mass[error, other], (row[error], reference[error] * n_classes + other))
    return ErrorMasses(wrong, images, sparse.csr_array(entries, (len(images), n_classes**2)))


def off_diagonal_shares(
    weights: Float[np.ndarray, "c c"] | Int[np.ndarray, "c c"],
) -> Float[np.ndarray, "c c"]:
    """Turn non-negative weights into rows that sum to 1 off the diagonal.

    Args:
        weights: Weight of each class (column) for each reference class (row); its diagonal is
            ignored.

    Returns:
        Shares with 0 on the diagonal; a row whose other weights sum to 0, or hold NaN, is NaN.
    """
    kept = weights.astype(np.float64)
    np.fill_diagonal(kept, 0.0)
    return divide(kept, kept.sum(axis=1, keepdims=True))


def _label_adversaries(
    neighbors: Neighbors,
    labels: Bool[np.ndarray, "n c"],
    lacking: Bool[np.ndarray, "n c"],
    predictions: Bool[np.ndarray, "n c"],
    instances: Instances,
    among: Bool[np.ndarray, " n"],
) -> ClassDistribution:
    """Count, per class, the selected instances' neighbours that lack it, each with mass 1."""
    match instances:
        case "misclassified_by_actual":
            selected = labels & ~predictions
        case "misclassified_by_predicted":
            selected = predictions & ~labels
        case "all":
            selected = labels
        case _:
            assert_never(instances)
    selected = selected & among[:, None]
    neighbor_labels = labels[neighbors.neighbor]
    counted = selected[neighbors.row] & lacking[neighbors.neighbor]
    parts = counted * neighbors.parts[:, None].astype(np.float64)
    # a neighbour spreads its mass over its classes, a place over those that share it
    cuts = count_shares(neighbor_labels) * neighbors.parts_per_place[neighbors.row]
    weights = np.zeros((labels.shape[1], labels.shape[1]))
    for cut in np.unique(cuts):
        same = cuts == cut
        weights += parts[same].T @ neighbor_labels[same].astype(np.float64) / cut
    return _shared_out(weights, selected.sum(axis=0))


def _shared_out(
    counts: Float[np.ndarray, "c c"], n_instances: Int[np.ndarray, " c"]
) -> ClassDistribution:
    others = np.where(np.eye(len(counts), dtype=bool), 0.0, counts)
    return ClassDistribution(others, off_diagonal_shares(others), n_instances)


def _members(classes: Classes, n_classes: int) -> Bool[np.ndarray, "n c"]:
    if classes.ndim == 2:
        return classes
    require_codes(classes, n_codes=n_classes, name="labels and predictions")
    return classes[:, None] == np.arange(n_classes)
