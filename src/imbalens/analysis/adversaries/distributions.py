"""Nearest adversaries: do training neighbours foretell which classes get confused?

Every distribution here is a matrix "c c" whose row is the reference class and whose columns are
the other classes: a defined row sums to 1 with 0 on the diagonal, a row without data is NaN.

Where several labels can apply to an image, the paper's definition is extended: an image has each
of its classes, counts once for each class that it misses or is wrongly given, and, where it is
itself counted, spreads a mass of 1 evenly over its classes. With one class per image this is the
paper's definition.

Source: paper B, section 3.3, Algorithm 1 and Table 2.
"""

from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from imbalens.analysis.common.counting import count_pairs, divide
from imbalens.classes import Classes, require_codes, spread_mass


@dataclass(frozen=True)
class ClassDistribution:
    """For each reference class, how the other classes share what was counted.

    Attributes:
        share: Row c sums to 1 over the other classes; NaN where nothing was counted.
        n_instances: Instances behind each row. It may be positive beside a NaN row: then all
            that these instances counted was the reference class itself.
    """

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
    neighbor_labels: Int[np.ndarray, "n k"] | Bool[np.ndarray, "n k c"],
    labels: Classes,
    predictions: Classes,
    *,
    n_classes: int,
    instances: Literal["misclassified_by_actual", "misclassified_by_predicted", "all"],
) -> ClassDistribution:
    """Share of the other classes among the neighbours of selected training instances.

    Args:
        neighbor_labels: True classes of each training instance's nearest neighbours, in the form
            of `labels`.
        labels: True class of each training instance, or the membership matrix.
        predictions: Predicted classes of each training instance, in the same form.
        n_classes: Classes, of which every label is one.
        instances: Those whose neighbours are counted for class c: ones of true class c that are
            not taken for c (`misclassified_by_actual`), ones taken for c that are not of it
            (`misclassified_by_predicted`), or everything of true class c (`all`).

    Returns:
        One row per reference class; neighbours of the reference class are dropped.

    Raises:
        ValueError: if a label is not in 0..n_classes-1.

    Source: paper B, section 3.3, Algorithm 1; of several labels see the module.
    """
    if labels.ndim == 2:
        return _label_adversaries(neighbor_labels, labels, predictions, instances)
    wrong = labels != predictions
    match instances:
        case "misclassified_by_actual":
            reference = labels[wrong]
            neighbors = neighbor_labels[wrong]
        case "misclassified_by_predicted":
            reference = predictions[wrong]
            neighbors = neighbor_labels[wrong]
        case "all":
            reference = labels
            neighbors = neighbor_labels
        case _:
            assert_never(instances)
    counts = count_pairs(
        np.repeat(reference, neighbors.shape[1]),
        neighbors.ravel(),
        n_rows=n_classes,
        n_columns=n_classes,
        names=("labels and predictions", "neighbor labels"),
    )
    return ClassDistribution(
        share=off_diagonal_shares(counts),
        n_instances=np.bincount(reference, minlength=n_classes),
    )


def error_distribution(
    labels: Classes,
    predictions: Classes,
    *,
    n_classes: int,
    errors: Literal["by_actual", "by_predicted"],
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
    return ClassDistribution(off_diagonal_shares(counts), found.wrong.sum(axis=0))


def error_masses(
    labels: Classes,
    predictions: Classes,
    *,
    n_classes: int,
    errors: Literal["by_actual", "by_predicted"],
) -> ErrorMasses:
    """Find the errors around each class, image by image, see `error_distribution`.

    Each image that misses a class or is wrongly given it counts there with mass 1.
    """
    actual, predicted = _members(labels, n_classes), _members(predictions, n_classes)
    match errors:
        case "by_actual":
            wrong, counted = actual & ~predicted, predicted
        case "by_predicted":
            wrong, counted = predicted & ~actual, actual
        case _:
            assert_never(errors)
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
    neighbor_labels: Bool[np.ndarray, "n k c"],
    labels: Bool[np.ndarray, "n c"],
    predictions: Bool[np.ndarray, "n c"],
    instances: Literal["misclassified_by_actual", "misclassified_by_predicted", "all"],
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
    counted = selected[:, None] & ~neighbor_labels
    return _distribution(counted, spread_mass(neighbor_labels), selected.sum(axis=0))


def _distribution(
    counted: Bool[np.ndarray, "*n c"],
    mass: Float[np.ndarray, "*n c"],
    n_instances: Int[np.ndarray, " c"],
) -> ClassDistribution:
    """Sum, per reference class (columns of `counted`), the masses of what is counted for it."""
    n_classes = len(n_instances)
    chosen = counted.reshape(-1, n_classes).astype(np.float64)
    weights = chosen.T @ mass.reshape(-1, n_classes)
    return ClassDistribution(share=off_diagonal_shares(weights), n_instances=n_instances)


def _members(classes: Classes, n_classes: int) -> Bool[np.ndarray, "n c"]:
    if classes.ndim == 2:
        return classes
    require_codes(classes, n_codes=n_classes, name="labels and predictions")
    return classes[:, None] == np.arange(n_classes)
