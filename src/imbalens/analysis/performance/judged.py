"""Evaluation images as a classifier judges them, be their classes exclusive or labels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import expit

from imbalens.classes import Targets, decide, require_codes


@dataclass(frozen=True)
class Judged:
    """Evaluation images beside what a classifier says of them.

    Attributes:
        exclusive: Whether each image has exactly one class, and is taken for exactly one.
        scores: Logits, per class or label.
        probabilities: The same as probabilities.
        actual: Classes, or labels, that images have.
        predicted: Those that they are taken to have.
        n_bins: Bins of the calibration error.
    """

    exclusive: bool
    scores: Float[np.ndarray, "n m"]
    probabilities: Float[np.ndarray, "n m"]
    actual: Bool[np.ndarray, "n m"]
    predicted: Bool[np.ndarray, "n m"]
    n_bins: int


def judge(
    scores: Float[np.ndarray, "n m"],
    targets: Targets,
    *,
    thresholds: Float[np.ndarray, " m"] | None,
    n_bins: int,
) -> Judged:
    """Put scores beside what images are.

    Args:
        scores: Logits, already multiplied by their scale where they are cosines.
        targets: Class per image, or 1 where an image has a label, else 0.
        thresholds: Score of each label from which on an image counts as having it; None where
            classes exclude each other: then the answer is the highest score, the first of equals.
        n_bins: Bins of the calibration error.

    Raises:
        ValueError: if a score is not finite, a class is out of range, a label is neither 0 nor 1
            or a threshold is NaN.
    """
    _refuse(~np.isfinite(scores), scores, "scores must be finite")
    if thresholds is None:
        codes = np.arange(scores.shape[1])
        require_codes(targets, n_codes=len(codes), name="labels")
        return Judged(
            True,
            scores,
            softmax(scores),
            actual=targets[:, None] == codes,
            predicted=scores.argmax(axis=1)[:, None] == codes,
            n_bins=n_bins,
        )
    _refuse(targets > 1, targets, "labels must be 0 or 1")
    if np.isnan(thresholds).any():
        position = np.flatnonzero(np.isnan(thresholds))[0]
        raise ValueError(f"thresholds must not be NaN, found that of label {position}")
    return Judged(False, scores, sigmoid(scores), targets == 1, decide(scores, thresholds), n_bins)


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


def sigmoid(scores: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Turn logits into probabilities, in float64 and without overflow."""
    return expit(scores.astype(np.float64))


def _refuse(broken: Bool[np.ndarray, "n m"], values: np.ndarray, rule: str) -> None:
    if broken.any():
        row, column = np.argwhere(broken)[0]
        raise ValueError(f"{rule}, found {values[row, column]} at row {row}, column {column}")
