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
    _refuse_nan(scores)
    n_positive = int(positives.sum())
    n_negative = len(positives) - n_positive
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    _, place, size = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(size) - (size - 1) / 2
    rank_sum = mean_rank[place][positives].sum()
    return float((rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def average_precision(scores: Real[np.ndarray, " n"], positives: Bool[np.ndarray, " n"]) -> float:
    """Average the precision over the recall: `sum (R_t - R_(t-1)) P_t` over falling thresholds t.

    The thresholds are the distinct scores, so that the order of equal scores does not matter.
    Chance is the share of positives.

    Args:
        scores: One score per instance, higher meaning more likely positive.
        positives: Which instances are positive.

    Returns:
        Value in 0..1, or NaN if there is no positive.

    Raises:
        ValueError: if a score is NaN.

    Source: scikit-learn, `average_precision_score`.
    """
    _refuse_nan(scores)
    n_positive = int(positives.sum())
    if n_positive == 0:
        return float("nan")
    order = np.argsort(scores, kind="stable")[::-1]
    ranked = scores[order]
    last_of_equals = np.append(ranked[1:] != ranked[:-1], True)
    hits = np.cumsum(positives[order])[last_of_equals]
    precision = hits / (np.flatnonzero(last_of_equals) + 1)
    return float((np.diff(hits, prepend=0) * precision).sum() / n_positive)


def _refuse_nan(scores: Real[np.ndarray, " n"]) -> None:
    if np.isnan(scores).any():
        raise ValueError(f"scores must not be NaN, found {np.isnan(scores).sum()} of them")
