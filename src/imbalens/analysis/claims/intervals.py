"""Estimates with intervals from counts, from figures per class and from pairs of classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import ndtr, ndtri, stdtrit  # scipy.stats takes .5 s to import

from imbalens.analysis.common.counting import divide


@dataclass(frozen=True)
class Estimate:
    """A statistic and its uncertainty.

    Attributes:
        value: The statistic; NaN if it is undefined.
        low: Lower end of its interval; NaN if it is undefined.
        high: Upper end.
        n: Number of images, instances or classes behind it.
        p: Two-sided p-value of no effect; NaN where none was computed.
    """

    value: float
    low: float
    high: float
    n: int
    p: float = float("nan")


@dataclass(frozen=True)
class Resampling:
    """How an interval is made by resampling.

    Attributes:
        confidence: Coverage wanted.
        n_resamples: Resamples of the classes, or permutations of them.
        seed: Seed of the draws.
    """

    confidence: float
    n_resamples: int
    seed: int


def undefined(n: int) -> Estimate:
    """Return the estimate of what `n` images, instances or classes do not define."""
    return Estimate(float("nan"), float("nan"), float("nan"), n)


def estimate_proportion(successes: int, trials: int, *, confidence: float) -> Estimate:
    """Proportion with Wilson's score interval; undefined without trials.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    if trials == 0:
        return undefined(0)
    share, z = successes / trials, ndtri((1 + confidence) / 2)
    size = 2 * (trials + z**2)
    centre = (2 * successes + z**2) / size
    reach = z / size * np.sqrt(4 * trials * share * (1 - share) + z**2)
    low, high = max(0.0, float(centre - reach)), min(1.0, float(centre + reach))
    return Estimate(share, low if successes else 0.0, high if successes < trials else 1.0, trials)


def subtract(first: Estimate, second: Estimate, *, n: int) -> Estimate:
    """Difference of two estimates, with an interval from theirs (MOVER).

    Between two proportions this is Newcombe's interval. The two are taken as independent: where
    they are of the same images and so vary together, the interval is wider than need be.

    Source: Zou and Donner, "Construction of confidence limits about effect measures", 2008;
    Newcombe, "Interval estimation for the difference between independent
    proportions", 1998, method 10.
    """
    value = first.value - second.value
    down = np.hypot(first.value - first.low, second.high - second.value)
    up = np.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value, float(value - down), float(value + up), n)


def average_repeats(estimates: Sequence[Estimate], *, confidence: float) -> Estimate:
    """Mean of a statistic over trainings that differ in their seed alone.

    Its interval counts what the single intervals count (images, or classes) and the seeds: each
    end lies off the mean by the root of the sum of squares of two distances. The first is the
    mean of the repeats' own, as if all of them erred on the same images; the second is that of
    Student's interval for the mean over seeds. What images and seeds have in common is in both,
    so that the interval errs on the wide side; with two repeats it is often wider than that of
    one, which says nothing of other seeds.

    Args:
        estimates: Of each repeat; a single one is returned as it is.
        confidence: Coverage of their intervals, and of the one wanted.

    Source: Zou and Donner, "Construction of confidence limits about effect measures", 2008, on
    intervals of sums from intervals of their parts.
    """
    if len(estimates) == 1:
        return estimates[0]
    values, lows, highs = np.array([(each.value, each.low, each.high) for each in estimates]).T
    error = values.std(ddof=1) / np.sqrt(len(values))
    of_seeds = -stdtrit(len(values) - 1, (1 - confidence) / 2) * error
    value = values.mean()
    low = value - np.hypot((values - lows).mean(), of_seeds)
    high = value + np.hypot((highs - values).mean(), of_seeds)
    return Estimate(float(value), float(low), float(high), min(each.n for each in estimates))


def estimate_mean(values: Float[np.ndarray, " c"], resampling: Resampling) -> Estimate:
    """Mean over the classes, with a bootstrap interval; see `estimate_ratio`."""
    return _bootstrap(values[None], lambda means: means[0], resampling)


def estimate_ratio(
    top: Float[np.ndarray, " c"],
    bottom: Float[np.ndarray, " c"],
    resampling: Resampling,
) -> Estimate:
    """Ratio of two means over the same classes, with a bootstrap interval over classes.

    The percentile interval is expanded to the width that the t-interval of a mean would have: of
    few classes it would be too narrow.

    Args:
        top: One number per class.
        bottom: Another of the same class.
        resampling: How to resample the classes.

    Returns:
        The estimate; undefined below two classes.

    Source: Hesterberg, "What teachers should know about the bootstrap", 2015, on
    expanded percentile intervals.
    """
    return _bootstrap(
        np.stack([top, bottom]), lambda means: divide(means[0], means[1]), resampling
    )


def _bootstrap(
    values: Float[np.ndarray, "k c"],
    combine: Callable[[np.ndarray], np.ndarray],
    resampling: Resampling,
) -> Estimate:
    n = values.shape[1]
    if n < 2:
        return undefined(n)
    drawn = np.random.default_rng(resampling.seed).integers(n, size=(resampling.n_resamples, n))
    resampled = combine(values[:, drawn].mean(axis=2))
    tail = ndtr(stdtrit(n - 1, (1 - resampling.confidence) / 2) * np.sqrt(n / (n - 1)))
    low, high = np.quantile(resampled, [tail, 1 - tail])
    value = combine(values.mean(axis=1, keepdims=True))[0]
    return Estimate(float(value), float(low), float(high), n)


def contrast_pairs(
    values: Float[np.ndarray, "c c"],
    marked: Bool[np.ndarray, "c c"],
    resampling: Resampling,
) -> Estimate:
    """Mean of the marked pairs of classes minus the mean of all other pairs.

    Pairs with a class in common vary together, so the classes are permuted, not the pairs (as in
    Mantel's test). The interval is the statistic minus the quantiles of its distribution under
    permutation: it leaves out 0 where the two-sided test rejects.

    Args:
        values: Symmetric; the diagonal is not used.
        marked: Symmetric; which pairs.
        resampling: How to permute the classes.

    Returns:
        The estimate, of `c` classes; undefined where no pair or every pair is marked.

    Source: Mantel, "The detection of disease clustering and a generalized regression approach",
    1967.
    """
    c = len(values)
    first, second = np.triu_indices(c, k=1)
    each, n_pairs = values[first, second], len(first)
    n_marked = int(marked[first, second].sum())
    if n_marked in (0, n_pairs):
        return undefined(c)
    total = float(each.sum())

    def contrast(order: np.ndarray) -> float:
        inside = float(each @ marked[order[first], order[second]])
        return inside / n_marked - (total - inside) / (n_pairs - n_marked)

    generator, draws = np.random.default_rng(resampling.seed), resampling.n_resamples
    null = np.array([contrast(generator.permutation(c)) for _ in range(draws)])
    value = contrast(np.arange(c))
    low, high = np.quantile(null, 0.5 + np.array([-0.5, 0.5]) * resampling.confidence)
    tail = (1 + min((null <= value).sum(), (null >= value).sum())) / (1 + draws)
    return Estimate(value, value - float(high), value - float(low), c, min(1.0, 2 * float(tail)))
