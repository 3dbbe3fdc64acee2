"""Whether two runs differ: paired bootstrap over the evaluation images.

The steps: `resample_images` once per dataset; each measure of each repeat of a run on those
weights (`weighted`, `weighted_ranking`); `average_repeats` (`repeats`) per measure and run;
`compare_paired` of two runs; `adjust_for_family` (`multiple_comparisons`) over all that are looked
at together.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Int16
from scipy.special import expit, logit, ndtri, stdtr, stdtrit  # scipy.stats imports slowly

from imbalens.analysis.common.counting import divide
from imbalens.analysis.differences.moderation import SeedVariance, moderate
from imbalens.analysis.differences.repeats import RunMeasure, pool_seed_variance

_ROUNDING = 1e-12  # of the values compared: a smaller spread is none


@dataclass(frozen=True)
class PairedComparison:
    """How a measure of one run differs from the baseline's, per class or overall.

    Attributes:
        baseline: Value of the baseline.
        value: Value of the other run.
        difference: `value - baseline`; it and what follows are NaN if one of the values is
            undefined or too few images are behind it.
        low: Lower end of the interval of the difference.
        high: Upper end.
        p: Two-sided, of no difference, from 1 / (replicates + 1) to 1.
        images: Images behind the difference, of the side with the fewer.
        z: Absolute difference in standard errors, brought to the scale of a normal variable.
        null_z: How far each replicate lies from the mean of all, in standard errors, those over
            seeds included: what the choice of images does to a difference; 0 where it has no value
            on one of the sides.
        freedom: Degrees of freedom of the interval's Student's t.
    """

    baseline: Float[np.ndarray, " c"]
    value: Float[np.ndarray, " c"]
    difference: Float[np.ndarray, " c"]
    low: Float[np.ndarray, " c"]
    high: Float[np.ndarray, " c"]
    p: Float[np.ndarray, " c"]
    images: Int[np.ndarray, " c"]
    z: Float[np.ndarray, " c"]
    null_z: Float[np.ndarray, "r c"]
    freedom: Float[np.ndarray, " c"]


def resample_images(
    n_images: int,
    *,
    n_resamples: int,
    seed: int,
    patients: Int[np.ndarray, " n"] | None = None,
) -> Int16[np.ndarray, "r n"]:
    """Draw as many images as there are, with replacement, again and again.

    Images of one patient are alike, and say less than as many of different ones. Where patients
    are known, as many of them as there are are drawn instead, each with all its images.

    Not stratified by class: one draw serves classes, labels and boxes alike. A measure that a
    draw leaves undefined, such as the recall of a class without images, is NaN there and left
    out: of a class with 5 images that concerns 1 of 150 draws, with 10 images 1 of 20,000.

    Args:
        n_images: Evaluation images, n.
        n_resamples: Number of draws.
        seed: Of the draws.
        patients: Patient of each image; None if each is of its own.

    Returns:
        How often each image is drawn. The first of the `n_resamples + 1` rows is all ones: the
        images as they are.

    Source: Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8
    (drawing clusters whole).
    """
    rng, unit = np.random.default_rng(seed), np.arange(n_images)
    if patients is not None:
        unit = np.unique(patients, return_inverse=True)[1]
    n_units = int(unit.max(initial=-1)) + 1
    weights = np.ones((n_resamples + 1, n_images), dtype=np.int16)
    for row in weights[1:]:
        row[:] = np.bincount(rng.integers(n_units, size=n_units), minlength=n_units)[unit]
    return weights


@dataclass(frozen=True)
class Pair:
    """A measure of two runs on the same images.

    Attributes:
        baseline: The run compared with.
        other: The run compared.
        images: Images behind the difference, of the side with the fewer.
        units: What of them is drawn independently.
        decided: Where there is a difference: both values are defined, and enough images are
            behind them.
        shift: How far the difference in each replicate is from the mean of all; 0 where it
            has no value on one of the sides.
        of_images: Variance of the difference over the choice of images; 0 where nothing varies.
        centre: Middle of its interval.
    """

    baseline: RunMeasure
    other: RunMeasure
    images: Int[np.ndarray, " c"]
    units: Int[np.ndarray, " c"]
    decided: Bool[np.ndarray, " c"]
    shift: Float[np.ndarray, "r c"]
    of_images: Float[np.ndarray, " c"]
    centre: Float[np.ndarray, " c"]

    @property
    def per_training(self) -> float:
        """How much of a training's variance over seeds is in the difference."""
        return 1 / self.baseline.n_repeats + 1 / self.other.n_repeats


def pair_runs(baseline: RunMeasure, other: RunMeasure, *, min_images: int) -> Pair:
    """Take the difference of a measure of two runs, image by image.

    Args:
        baseline: The run compared with.
        other: The run compared; the same measure on the same weights.
        min_images: Images that must be behind both sides.

    Raises:
        ValueError: if `min_images` is below 2.
    """
    if min_images < 2:
        raise ValueError(f"min_images must be at least 2, found {min_images}")
    images = np.minimum(baseline.images, other.images)
    units = np.minimum(baseline.units, other.units)
    replicates = other.replicates - baseline.replicates
    valid = ~np.isnan(replicates)
    difference = other.values - baseline.values
    size = np.maximum(np.abs(baseline.values), np.abs(other.values))
    shift, error = _moments(replicates, valid)
    of_images = np.where(error > _ROUNDING * size, error, 0) ** 2
    centre = np.where(np.abs(difference) > _ROUNDING * size, difference, 0)
    if other.interval == "share" and baseline.share_of is not None and other.share_of is not None:
        n = np.minimum(baseline.share_of, other.share_of)
        of_images = (n**2 * of_images + 2 + 2 * n * centre**2 / (n + 2)) / (n + 2) ** 2
        centre = centre * n / (n + 2)
    else:
        still = (of_images == 0) & (centre != 0)
        of_images = np.where(still, units * centre**2 / (units + 1.0) ** 3, of_images)
        centre = np.where(still, centre * units / (units + 1), centre)
    return Pair(
        baseline=baseline,
        other=other,
        images=images,
        units=units,
        decided=(images >= min_images) & ~np.isnan(difference) & (valid.sum(axis=0) > 1),
        shift=shift,
        of_images=of_images,
        centre=centre,
    )


def compare_paired(
    baseline: RunMeasure,
    other: RunMeasure,
    *,
    confidence: float,
    min_images: int,
) -> PairedComparison:
    """Compare a measure of two runs on the same images, whose seed variance stands for itself.

    See `compare`.
    """
    pair = pair_runs(baseline, other, min_images=min_images)
    variance, freedom = pool_seed_variance(baseline, other)
    seeds = moderate(variance, freedom, np.zeros_like(variance))
    return compare(pair, seeds, confidence=confidence)


def compare(pair: Pair, seeds: SeedVariance, *, confidence: float) -> PairedComparison:
    """Give the difference of two runs with its interval, over images and seeds.

    Args:
        pair: The runs.
        seeds: Variance of a single training over seeds.
        confidence: Nominal coverage of the interval, such as 0.95.

    Raises:
        ValueError: if `confidence` is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, found {confidence}")
    baseline, other, decided = pair.baseline, pair.other, pair.decided
    of_images, of_seeds = pair.of_images, pair.per_training * seeds.variance
    variance = of_images + of_seeds
    varies = decided & (variance > 0)
    freedom = _freedom(pair, seeds)
    difference = np.where(decided, other.values - baseline.values, np.nan)
    error = np.sqrt(np.where(varies, variance, np.nan))
    known = decided if other.interval == "logit" else varies
    quantile = -stdtrit(freedom, (1 - confidence) / 2)
    t = np.abs(pair.centre) / error
    low, high = pair.centre - quantile * error, pair.centre + quantile * error
    if other.interval == "logit":
        sides = _Sides.of(pair, of_seeds)
        low, high = sides.limits(quantile)
        t = sides.reaching_zero()
    tail = stdtr(freedom, -t)
    return PairedComparison(
        baseline=baseline.values,
        value=other.values,
        difference=difference,
        low=np.where(known, low, np.nan),
        high=np.where(known, high, np.nan),
        p=np.where(known, np.maximum(2 * tail, 1 / (len(pair.shift) + 1)), np.nan),
        images=pair.images,
        z=np.where(known, -ndtri(tail), np.nan),
        null_z=np.divide(pair.shift, error, out=np.zeros_like(pair.shift), where=varies),
        freedom=np.where(decided, freedom, np.nan),
    )


def _freedom(pair: Pair, seeds: SeedVariance) -> Float[np.ndarray, " c"]:
    """Return Satterthwaite's degrees of freedom of a difference's variance.

    A seed variance that is small by chance would make itself look unimportant and the whole
    certain: it is weighed by what its family expects where that is more.
    """
    of_images = pair.of_images
    of_seeds = pair.per_training * np.maximum(seeds.variance, seeds.expected)
    most = np.maximum(pair.units - 1, 1)
    unsteady = of_images**2 / most + np.nan_to_num(divide(of_seeds**2, seeds.freedom))
    return np.where(unsteady > 0, divide((of_images + of_seeds) ** 2, unsteady), most)


@dataclass(frozen=True)
class _Sides:
    """Both sides of a difference of measures from 0 to 1, whose own intervals are on the logit.

    Attributes:
        values: Of the baseline and the other.
        errors: Standard error of each.
        correlation: Of the two.
        units: What is drawn independently, of the side with the fewer.
    """

    values: Float[np.ndarray, "2 c"]
    errors: Float[np.ndarray, "2 c"]
    correlation: Float[np.ndarray, " c"]
    units: Int[np.ndarray, " c"]

    @classmethod
    def of(cls, pair: Pair, of_seeds: Float[np.ndarray, " c"]) -> "_Sides":
        """Take the sides of a pair, each with its part of the variance over seeds."""
        runs = (pair.baseline, pair.other)
        valid = ~np.isnan(runs[0].replicates + runs[1].replicates)
        shifts, errors = zip(*(_moments(run.replicates, valid) for run in runs), strict=True)
        products = divide(
            (shifts[0] * shifts[1]).sum(axis=0), np.maximum(valid.sum(axis=0) - 1, 0)
        )
        parts = [of_seeds / (run.n_repeats * pair.per_training) for run in runs]
        errors = np.stack([np.sqrt(e**2 + s) for e, s in zip(errors, parts, strict=True)])
        correlation = np.nan_to_num(divide(products, errors[0] * errors[1]))
        return cls(
            np.stack([run.values for run in runs]),
            errors,
            np.clip(correlation, -1, 1),
            pair.units,
        )

    def limits(
        self, quantile: Float[np.ndarray, " c"]
    ) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, " c"]]:
        """Return both ends of the interval of the difference."""
        below, above = self._reach(quantile)
        difference = self.values[1] - self.values[0]
        return (
            difference - self._together(above[0], below[1]),
            difference + self._together(below[0], above[1]),
        )

    def reaching_zero(self) -> Float[np.ndarray, " c"]:
        """Return the quantile at which the interval reaches 0, by bisection; at most 100."""
        difference = self.values[1] - self.values[0]
        least, most = np.zeros_like(difference), np.full_like(difference, 100.0)
        for _ in range(50):
            middle = (least + most) / 2
            low, high = self.limits(middle)
            outside = np.where(difference > 0, low > 0, high < 0)
            least, most = np.where(outside, middle, least), np.where(outside, most, middle)
        return np.where(difference == 0, 0, most)

    def _reach(
        self, quantile: Float[np.ndarray, " c"]
    ) -> tuple[Float[np.ndarray, "2 c"], Float[np.ndarray, "2 c"]]:
        """How far the interval of each side reaches below and above its value.

        Of a side that is perfect whatever images are drawn it is that of a share (Wilson's).
        """
        inside = (self.values > 0) & (self.values < 1) & (self.errors > 0)
        values = np.where(inside, self.values, 0.5)
        step = quantile * self.errors / (values * (1 - values))
        spare = quantile**2 / (self.units + quantile**2)
        below = np.where(inside, values - expit(logit(values) - step), self.values * spare)
        above = np.where(inside, expit(logit(values) + step) - values, (1 - self.values) * spare)
        return below, above

    def _together(
        self, first: Float[np.ndarray, " c"], second: Float[np.ndarray, " c"]
    ) -> Float[np.ndarray, " c"]:
        return np.sqrt(np.maximum(first**2 + second**2 - 2 * self.correlation * first * second, 0))


def _moments(
    replicates: Float[np.ndarray, "r c"], valid: Bool[np.ndarray, "r c"]
) -> tuple[Float[np.ndarray, "r c"], Float[np.ndarray, " c"]]:
    """How far valid replicates are from their mean, and their standard deviation.

    The former is 0 of others, the latter NaN of too few.
    """
    n = valid.sum(axis=0)
    mean = divide(np.where(valid, replicates, 0).sum(axis=0), n)
    shift = np.where(valid, replicates - mean, 0)
    return shift, np.sqrt(divide((shift**2).sum(axis=0), np.maximum(n - 1, 0)))
