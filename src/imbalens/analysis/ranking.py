"""How well a score ranks positives above the rest."""

import numpy as np
from jaxtyping import Bool, Real


def auroc(scores: Real[np.ndarray, " n"], positives: Bool[np.ndarray, " n"]) -> float:
    """Area under the ROC curve: the chance that a positive outranks a negative.

    Equal scores count one half, so that the result is the Mann-Whitney statistic over the
    number of (positive, negative) pairs.

    Args:
        scores: One score per instance, higher meaning more likely positive.
        positives: Which instances are positive.

    Returns:
        Value in 0..1, or NaN if there is no positive or no negative.

    Raises:
        ValueError: if a score is NaN.
    """
    if np.isnan(scores).any():
        raise ValueError(f"scores must not be NaN, found {np.isnan(scores).sum()} of them")
    n_positive = int(positives.sum())
    n_negative = len(positives) - n_positive
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    _, place, size = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(size) - (size - 1) / 2
    rank_sum = mean_rank[place][positives].sum()
    return float((rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))
