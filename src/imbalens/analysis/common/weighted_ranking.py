"""How well scores rank positives above the rest, on resampled images.

Each label's scores are sorted once; what a replicate changes are the weights cumulated along
that order.
"""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Bool, Float, Int, Real

from imbalens.analysis.common.counting import divide
from imbalens.analysis.common.weighted import blocks_of


def weighted_auroc(
    weights: Int[np.ndarray, "r n"],
    scores: Float[np.ndarray, "n m"],
    positives: Bool[np.ndarray, "n m"],
    known: Bool[np.ndarray, "n m"] | None = None,
) -> Float[np.ndarray, "r m"]:
    """Area under the ROC curve per label: the chance that a positive outranks a negative.

    Equal scores count one half, so that the result is the Mann-Whitney statistic over the number
    of (positive, negative) pairs.

    Args:
        weights: How often each image is drawn, per replicate.
        scores: A column per label, higher meaning more likely positive.
        positives: Which images have the label.
        known: Of which it is known whether they have it, the others being left out; None: of all.

    Returns:
        Per replicate and label; NaN where the replicate has no positive or no negative.

    Raises:
        ValueError: if a score is NaN.
    """
    areas = np.empty((len(weights), scores.shape[1]))
    for label in range(scores.shape[1]):
        among = None if known is None else known[:, label]
        for rows, hits, drawn in _cumulate(weights, scores[:, label], positives[:, label], among):
            alarms = drawn - hits
            # equal scores count half
            below = alarms[:, -1:] - (alarms[:, 1:] + alarms[:, :-1]) / 2
            won = (np.diff(hits, axis=1) * below).sum(axis=1)
            areas[rows, label] = divide(won, hits[:, -1] * alarms[:, -1])
    return areas


def weighted_average_precision(
    weights: Int[np.ndarray, "r n"],
    scores: Float[np.ndarray, "n m"],
    positives: Bool[np.ndarray, "n m"],
    known: Bool[np.ndarray, "n m"] | None = None,
) -> Float[np.ndarray, "r m"]:
    """Average precision per label: `sum (R_t - R_(t-1)) P_t` over falling distinct scores t.

    The order of equal scores does not matter. Chance is the share of positives.

    Args:
        weights: How often each image is drawn, per replicate.
        scores: A column per label, higher meaning more likely positive.
        positives: Which images have the label.
        known: Of which it is known whether they have it, the others being left out; None: of all.

    Returns:
        Per replicate and label; NaN where the replicate has no positive.

    Raises:
        ValueError: if a score is NaN.

    Source: scikit-learn, `average_precision_score`.
    """
    averages = np.empty((len(weights), scores.shape[1]))
    for label in range(scores.shape[1]):
        among = None if known is None else known[:, label]
        for rows, hits, drawn in _cumulate(weights, scores[:, label], positives[:, label], among):
            # where nothing is drawn yet nothing is gained either
            gained = np.diff(hits, axis=1) * hits[:, 1:] / np.maximum(drawn[:, 1:], 1)
            averages[rows, label] = divide(gained.sum(axis=1), hits[:, -1])
    return averages


def rank_once(
    kernel: Callable[[np.ndarray, np.ndarray, np.ndarray], Float[np.ndarray, "1 1"]],
    scores: Real[np.ndarray, " n"],
    positives: Bool[np.ndarray, " n"],
) -> float:
    """Return one of the above of a single score, with each instance counted once."""
    once = np.ones((1, len(scores)), dtype=np.int64)
    return float(kernel(once, scores.astype(np.float64)[:, None], positives[:, None])[0, 0])


def _cumulate(
    weights: Int[np.ndarray, "r n"],
    scores: Float[np.ndarray, " n"],
    positives: Bool[np.ndarray, " n"],
    known: Bool[np.ndarray, " n"] | None,
) -> Iterator[tuple[slice, Float[np.ndarray, "b t"], Float[np.ndarray, "b t"]]]:
    """Count positives, and all images, above falling thresholds, for blocks of replicates.

    The thresholds lie around each distinct score that a positive has, the first above all
    scores, the last below: between two such scores no positive is gained.

    Yields:
        The block of replicates, then counts per replicate and threshold.
    """
    if np.isnan(scores).any():
        raise ValueError(f"scores must not be NaN, found {np.isnan(scores).sum()} of them")
    order = np.argsort(-scores, kind="stable")
    if known is not None:
        order = order[known[order]]
    falling, found = -scores[order], positives[order]
    of_positives = np.unique(falling[found])
    sides = [np.searchsorted(falling, of_positives, side=side) for side in ("left", "right")]
    bounds = np.unique(np.concatenate([[0], *sides, [len(order)]]))
    hits_before = np.append(0, np.cumsum(found))[bounds]
    for rows in blocks_of(weights):
        block = weights[rows]
        yield rows, _count(block, order[found], hits_before), _count(block, order, bounds)


def _count(
    weights: Int[np.ndarray, "b n"], order: Int[np.ndarray, " p"], bounds: Int[np.ndarray, " t"]
) -> Float[np.ndarray, "b t"]:
    """Sum the weights of the images that come first in `order`, for each bound as many."""
    sums = np.zeros((len(weights), len(order) + 1), dtype=np.int64)
    np.cumsum(weights.take(order, axis=1), axis=1, out=sums[:, 1:])
    return sums[:, bounds].astype(np.float64)
