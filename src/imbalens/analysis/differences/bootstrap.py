"""Whether two runs differ: paired bootstrap over the evaluation images.

The steps: `resample_images` once per dataset; each measure of each training on those
weights (`weighted`, `weighted_ranking`); `average_repeats` (`repeats`) per measure and setting;
`pair_runs` of two runs; the variances over seeds of all pairs that are looked at together
(`moderation`); `compare` of each pair; `adjust_for_family` (`families`) of all.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Int16
from scipy.special import ndtri, stdtr, stdtrit  # scipy.stats takes .5 s to import

from imbalens.analysis.common.counting import divide
from imbalens.analysis.differences.edges import (
    LogitSides,
    add_unchanged_image,
    add_unseen_changes,
)
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
        over_seeds: Share of the variance that is over seeds, which replicates do not show.
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
    over_seeds: Float[np.ndarray, " c"]
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
    rng, (unit, n_units) = np.random.default_rng(seed), drawn_units(n_images, patients)
    weights = np.ones((n_resamples + 1, n_images), dtype=np.int16)
    for row in weights[1:]:
        row[:] = np.bincount(rng.integers(n_units, size=n_units), minlength=n_units)[unit]
    return weights


def drawn_units(
    n_images: int, patients: Int[np.ndarray, " n"] | None
) -> tuple[Int[np.ndarray, " n"], int]:
    """Return with what each image is drawn, itself or its patient, and how many such there are."""
    if patients is None:
        return np.arange(n_images), n_images
    distinct, unit = np.unique(patients, return_inverse=True)
    return unit, len(distinct)


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
        counted = np.minimum(baseline.share_of, other.share_of)
        centre, of_images = add_unseen_changes(centre, of_images, counted)
    else:
        centre, of_images = add_unchanged_image(centre, of_images, units)
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
    """Compare a measure of two runs whose variance over seeds is moderated by no other.

    See `pair_runs` and `compare`.
    """
    pair = pair_runs(baseline, other, min_images=min_images)
    variance, freedom = pool_seed_variance(baseline, other)
    seeds = moderate(variance, freedom, np.zeros_like(variance))
    return compare(pair, seeds, confidence=confidence)


def compare(pair: Pair, seeds: SeedVariance, *, confidence: float) -> PairedComparison:
    """Give the difference of two runs with its interval, over images and seeds.

    Its variance is that of the replicates, and that of one training over seeds times
    (1 / trainings of the one + 1 / trainings of the other); the interval is Student's t with
    Satterthwaite's degrees of freedom times its root. Where both runs were trained once it is over
    images alone, and says nothing of other trainings. Shares and AUROCs have intervals of their
    own (`edges`), from the same variances, which end at -1 and 1.

    Over 800 simulations (of rankings 300) a nominal 95 % covered, with one training each: means of
    21, 60 and 240 values in 0..1 in 94, 95, 95 % of cases (percentile intervals 93, 93, 94 %,
    basic 92, 93, 94 %, BCa 93, 93, 94 %); recalls of a third of as many images in 100, 100, 98 %
    (without `add_unseen_changes` 64, 92, 95 %); AUROCs with a quarter of positives in 100, 97,
    97 %; of a label with 20 of 240 images AUROC in 96 % and average precision in 93 %; precisions
    of some 80 images in 98 %. Of 8 measures of one loss, which seeds move .2 to 10 times as much
    as images do, moderated variances let 2.5 % of intervals exclude 0 with 3 trainings against 1
    and 2.3 % with 3 against 3, of 1,000 families.

    Args:
        pair: The runs.
        seeds: Variance of a single training over seeds.
        confidence: Nominal coverage of the interval, such as 0.95.

    Returns:
        Differences; an interval and p where something varies, over images or over seeds, or could
        (shares, AUROCs).

    Raises:
        ValueError: if `confidence` is not between 0 and 1.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 6 and 12;
    degrees of freedom: Satterthwaite, "An approximate distribution of estimates of variance
    components", Biometrics Bulletin 2, 1946.
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
    if other.interval == "share":
        low, high = np.clip(low, -1, 1), np.clip(high, -1, 1)
    if other.interval == "logit":
        sides = _sides(pair, of_seeds)
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
        over_seeds=np.divide(of_seeds, variance, out=np.zeros_like(variance), where=varies),
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


def _sides(pair: Pair, of_seeds: Float[np.ndarray, " c"]) -> LogitSides:
    """Take the sides of a pair, each with its part of the variance over seeds."""
    runs = (pair.baseline, pair.other)
    valid = ~np.isnan(runs[0].replicates + runs[1].replicates)
    shifts, spreads = zip(*(_moments(run.replicates, valid) for run in runs), strict=True)
    products = divide((shifts[0] * shifts[1]).sum(axis=0), np.maximum(valid.sum(axis=0) - 1, 0))
    parts = [of_seeds / (run.n_repeats * pair.per_training) for run in runs]
    errors = np.stack([np.sqrt(one**2 + part) for one, part in zip(spreads, parts, strict=True)])
    return LogitSides(
        np.stack([run.values for run in runs]),
        errors,
        np.clip(np.nan_to_num(divide(products, errors[0] * errors[1])), -1, 1),
        pair.units,
    )


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
