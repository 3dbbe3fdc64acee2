"""Evaluation images as a classifier judges them, be their classes exclusive or labels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import expit

from imbalens.classes import UNKNOWN, Targets, decide, require_codes


@dataclass(frozen=True)
class Judged:
    """Evaluation images beside what a classifier says of them.

    Attributes:
        exclusive: Whether each image has exactly one class, and is taken for exactly one.
        scores: Logits, per class or label.
        probabilities: The same as probabilities.
        actual: Classes, or labels, that images have.
        predicted: Those that they are taken to have.
        known: Of which classes, or labels, it is known whether images have them. All measures are
            of these alone: no other is among `actual` or `predicted`.
        n_bins: Bins of the calibration error.
    """

    exclusive: bool
    scores: Float[np.ndarray, "n m"]
    probabilities: Float[np.ndarray, "n m"]
    actual: Bool[np.ndarray, "n m"]
    predicted: Bool[np.ndarray, "n m"]
    known: Bool[np.ndarray, "n m"]
    n_bins: int

    @property
    def lacking(self) -> Bool[np.ndarray, "n m"]:
        """Classes, or labels, that images are known not to have."""
        return self.known & ~self.actual


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
        targets: Class per image, or 1 where an image has a label, 0 where it lacks it, or
            `UNKNOWN`.
        thresholds: Score of each label from which on an image counts as having it; None where
            classes exclude each other: then the answer is the highest score, the first of equals.
        n_bins: Bins of the calibration error.

    Raises:
        ValueError: if a score is not finite, a class is out of range, a label is none of 0, 1
            and `UNKNOWN`, or a threshold is NaN.
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
            known=np.ones(scores.shape, dtype=bool),
            n_bins=n_bins,
        )
    known = targets != UNKNOWN
    _refuse((targets > 1) & known, targets, f"labels must be 0, 1 or {UNKNOWN} (not known)")
    if np.isnan(thresholds).any():
        position = np.flatnonzero(np.isnan(thresholds))[0]
        raise ValueError(f"thresholds must not be NaN, found that of label {position}")
    return Judged(
        False,
        scores,
        sigmoid(scores),
        actual=targets == 1,
        predicted=decide(scores, thresholds) & known,
        known=known,
        n_bins=n_bins,
    )


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
