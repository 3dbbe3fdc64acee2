"""Performance of labels that do not exclude each other, or of one label, from scores."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy.special import expit

from imbalens.analysis.common.counting import divide, mean_defined
from imbalens.analysis.performance.classes import expected_calibration_error
from imbalens.analysis.performance.ranking import auroc, average_precision


@dataclass(frozen=True)
class LabelPerformance:
    """How well scores tell, label by label, which images have it.

    Attributes:
        auroc: Per label; NaN for a label without positives or without negatives.
        ap: Average precision per label; NaN for a label without positives. Chance is the
            prevalence.
        probability_positives: Mean predicted probability per label of the images that have it;
            NaN without any.
        probability: Mean predicted probability per label of all images.
        ece: Expected calibration error per label: the mean gap between predicted probability and
            share of positives over equal-width bins of the probability.
        prevalence: Share of images that have each label.
        n_positives: Images that have each label.
        recall: Per label, at its threshold; NaN for a label without positives.
        precision: Per label, at its threshold; NaN for a label that no score reaches.
        means: Of `auroc`, `ap`, `probability_positives`, `probability`, `ece`, `recall` and
            `precision`, by name: the mean over the labels where it is defined; NaN without any.
        undefined: Labels (0-based) without positives or without negatives.
        n: Images evaluated; with none all figures are NaN or zero counts.
    """

    auroc: Float[np.ndarray, " m"]
    ap: Float[np.ndarray, " m"]
    probability_positives: Float[np.ndarray, " m"]
    probability: Float[np.ndarray, " m"]
    ece: Float[np.ndarray, " m"]
    prevalence: Float[np.ndarray, " m"]
    n_positives: Int[np.ndarray, " m"]
    recall: Float[np.ndarray, " m"]
    precision: Float[np.ndarray, " m"]
    means: Mapping[str, float]
    undefined: tuple[int, ...]
    n: int


def sigmoid(scores: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Turn logits into probabilities, in float64 and without overflow."""
    return expit(scores.astype(np.float64))


def measure_label_performance(
    scores: Float[np.ndarray, "n m"],
    labels: UInt8[np.ndarray, "n m"],
    *,
    n_bins: int,
    thresholds: Float[np.ndarray, " m"],
) -> LabelPerformance:
    """Measure how well scores tell which images have which label.

    The calibration error is `expected_calibration_error` with the predicted probability of the
    label as confidence and having the label as being correct.

    Args:
        scores: Logits.
        labels: 1 where an image has a label, else 0.
        n_bins: Bins of the calibration error.
        thresholds: Score of each label from which an image counts as having it, for recall and
            precision.

    Returns:
        The figures.

    Raises:
        ValueError: if a score is not finite, a threshold is NaN, a label is neither 0 nor 1, or
            `n_bins` is below 1.

    Source: definitions of paper A, section 5 (AUROC, AP, mean predicted probability); Guo et al.,
    "On Calibration of Modern Neural Networks", 2017, equations 2-5, for a binary answer.
    """
    _check(scores, labels, thresholds)
    has_label = labels == 1
    n, n_labels = labels.shape
    n_positives = has_label.sum(axis=0)
    probabilities = sigmoid(scores)
    reached = scores >= thresholds
    hits = (reached & has_label).sum(axis=0)
    each = [(scores[:, label], has_label[:, label]) for label in range(n_labels)]
    errors = [
        expected_calibration_error(probabilities[:, label], has_label[:, label], n_bins=n_bins)
        for label in range(n_labels)
    ]
    figures = {
        "auroc": np.array([auroc(*one) for one in each], dtype=np.float64),
        "ap": np.array([average_precision(*one) for one in each], dtype=np.float64),
        "probability_positives": divide((probabilities * has_label).sum(axis=0), n_positives),
        "probability": divide(probabilities.sum(axis=0), n),
        "ece": np.array(errors, dtype=np.float64),
        "recall": divide(hits, n_positives),
        "precision": divide(hits, reached.sum(axis=0)),
    }
    return LabelPerformance(
        **figures,
        prevalence=divide(n_positives, n),
        n_positives=n_positives,
        means={name: mean_defined(values) for name, values in figures.items()},
        undefined=tuple(np.flatnonzero((n_positives == 0) | (n_positives == n)).tolist()),
        n=n,
    )


def _check(
    scores: Float[np.ndarray, "n m"],
    labels: UInt8[np.ndarray, "n m"],
    thresholds: Float[np.ndarray, " m"],
) -> None:
    _refuse(~np.isfinite(scores), scores, "scores must be finite")
    _refuse(labels > 1, labels, "labels must be 0 or 1")
    if np.isnan(thresholds).any():
        position = np.flatnonzero(np.isnan(thresholds))[0]
        raise ValueError(f"thresholds must not be NaN, found that of label {position}")


def _refuse(broken: Bool[np.ndarray, "n m"], values: np.ndarray, rule: str) -> None:
    if broken.any():
        row, label = np.argwhere(broken)[0]
        raise ValueError(f"{rule}, found {values[row, label]} at row {row}, label {label}")
