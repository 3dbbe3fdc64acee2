"""How well one score ranks positives above the rest."""

import numpy as np
from jaxtyping import Bool, Real

from imbalens.analysis.performance.weighted_ranking import (
    weighted_auroc,
    weighted_average_precision,
)


def auroc(scores: Real[np.ndarray, " n"], positives: Bool[np.ndarray, " n"]) -> float:
    """Area under the ROC curve of all instances, see `weighted_auroc`.

    Args:
        scores: One score per instance, higher meaning more likely positive.
        positives: Which instances are positive.

    Returns:
        Value in 0..1, or NaN if there is no positive or no negative.

    Raises:
        ValueError: if a score is NaN.
    """
    return float(weighted_auroc(*_in_columns(scores, positives))[0, 0])


def average_precision(scores: Real[np.ndarray, " n"], positives: Bool[np.ndarray, " n"]) -> float:
    """Average precision of all instances, see `weighted_average_precision`.

    Args:
        scores: One score per instance, higher meaning more likely positive.
        positives: Which instances are positive.

    Returns:
        Value in 0..1, or NaN if there is no positive.

    Raises:
        ValueError: if a score is NaN.
    """
    return float(weighted_average_precision(*_in_columns(scores, positives))[0, 0])


def _in_columns(
    scores: Real[np.ndarray, " n"], positives: Bool[np.ndarray, " n"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ones = np.ones((1, len(scores)), dtype=np.int64)
    return ones, scores.astype(np.float64)[:, None], positives[:, None]
