"""Multi-class performance from scores."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from imbalens.analysis.common.counting import count_pairs, divide, mean_defined


@dataclass(frozen=True)
class Performance:
    """What a classifier gets right, overall and per class.

    Attributes:
        accuracy: Share of correctly classified instances.
        balanced_accuracy: Mean recall of the classes that have instances.
        ece: Expected calibration error of the largest softmax probability.
        recall: Per class; NaN for a class without instances.
        precision: Per class; NaN for a class that is never predicted.
        f1: Per class; NaN for a class without instances, 0 for one with instances of which
            none is found.
        confusion: Counts, rows actual, columns predicted.
        many: Mean recall of the classes with many training instances; NaN without any.
        medium: The same of the classes between many and few.
        few: The same of the classes with few training instances.
        n: Instances evaluated; with none all of the above is NaN or zero counts.
    """

    accuracy: float
    balanced_accuracy: float
    ece: float
    recall: Float[np.ndarray, " c"]
    precision: Float[np.ndarray, " c"]
    f1: Float[np.ndarray, " c"]
    confusion: Int[np.ndarray, "c c"]
    many: float
    medium: float
    few: float
    n: int


def softmax(scores: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n c"]:
    """Turn scores into probabilities, in float64 and without overflow.

    Args:
        scores: Logits, already multiplied by their scale where they are cosines.

    Returns:
        Probabilities; each row sums to 1.
    """
    shifted = scores.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted


def confusion_matrix(
    labels: Int[np.ndarray, " n"], predictions: Int[np.ndarray, " n"], *, n_classes: int
) -> Int[np.ndarray, "c c"]:
    """Count how often each class is taken for each class.

    Args:
        labels: True class per instance.
        predictions: Predicted class per instance.
        n_classes: Number of classes, c.

    Returns:
        Counts, rows actual, columns predicted.

    Raises:
        ValueError: if a class is out of range.
    """
    names = ("labels", "predictions")
    return count_pairs(labels, predictions, n_rows=n_classes, n_columns=n_classes, names=names)


def expected_calibration_error(
    confidence: Float[np.ndarray, " n"], correct: Bool[np.ndarray, " n"], *, n_bins: int
) -> float:
    """Mean gap between confidence and accuracy over equal-width bins of confidence.

    Bin b holds confidences in ((b-1)/n_bins, b/n_bins]; a confidence of 0 falls in the first.

    Args:
        confidence: Probability given to the predicted class.
        correct: Whether the prediction is right.
        n_bins: Number of bins.

    Returns:
        The gaps, weighted by the bins' share of instances; NaN without instances.

    Raises:
        ValueError: if `n_bins` is below 1 or a confidence lies outside 0..1.

    Source: Guo et al., "On Calibration of Modern Neural Networks", 2017, equations 2-5.
    """
    if n_bins < 1:
        raise ValueError(f"n_bins must be at least 1, found {n_bins}")
    outside = np.flatnonzero(~((confidence >= 0) & (confidence <= 1)))
    if len(outside):
        raise ValueError(
            f"confidence must lie in 0..1, found {confidence[outside[0]]} at position {outside[0]}"
        )
    edges = np.arange(1, n_bins) / n_bins
    place = np.searchsorted(edges, confidence, side="left")
    gaps = np.bincount(place, weights=correct - confidence.astype(np.float64), minlength=n_bins)
    return float(divide(np.abs(gaps).sum(), len(confidence)))


def measure_performance(
    scores: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, " n"],
    train_counts: Int[np.ndarray, " c"],
    *,
    n_bins: int,
    many_above: int,
    few_below: int,
) -> Performance:
    """Measure a classifier; the class with the highest score (the first of equals) is its answer.

    Args:
        scores: Logits, already multiplied by their scale where they are cosines.
        labels: True class per instance.
        train_counts: Training instances per class.
        n_bins: Bins of the calibration error.
        many_above: A class with more training instances than this has many.
        few_below: A class with fewer training instances than this has few.

    Returns:
        The figures.

    Raises:
        ValueError: if a score is not finite, a class is out of range, `n_bins` is below 1, or
            a class could have both many and few instances.
    """
    if few_below > many_above + 1:
        raise ValueError(
            f"few_below must be at most many_above + 1, found few_below={few_below}, "
            f"many_above={many_above}"
        )
    broken = np.flatnonzero(~np.isfinite(scores).all(axis=1))
    if len(broken):
        raise ValueError(
            f"scores must be finite, found {len(broken)} rows that are not, "
            f"the first being row {broken[0]}"
        )
    predictions = scores.argmax(axis=1)
    confusion = confusion_matrix(labels, predictions, n_classes=scores.shape[1])
    hits, actual, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    recall = divide(hits, actual)
    many, few = train_counts > many_above, train_counts < few_below
    return Performance(
        accuracy=float(divide(hits.sum(), len(labels))),
        balanced_accuracy=mean_defined(recall),
        ece=expected_calibration_error(
            softmax(scores).max(axis=1), predictions == labels, n_bins=n_bins
        ),
        recall=recall,
        precision=divide(hits, predicted),
        f1=np.where(actual > 0, divide(2 * hits, actual + predicted), np.nan),
        confusion=confusion,
        many=mean_defined(recall[many]),
        medium=mean_defined(recall[~many & ~few]),
        few=mean_defined(recall[few]),
        n=len(labels),
    )
