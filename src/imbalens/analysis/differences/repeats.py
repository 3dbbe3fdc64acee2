"""What repeats of a run, trainings that differ in their seed alone, say of other seeds.

Their mean is compared, and what is claimed is about the mean over all seeds. Drawing the few
repeats anew, together with the images, would not do: of s repeats it finds (s-1)/s of the variance
over seeds, while what repeat and image have in common (each training errs on other images) is
counted three times (McCullagh, "Resampling and exchangeable arrays", Bernoulli 6, 2000; Owen, "The
pigeonhole bootstrap", Annals of Applied Statistics 1, 2007). Instead the images are drawn for the
mean over the repeats, and independently of that a normal random number is added whose variance is
that of a mean of the repeats, s^2 / repeats, without bias. Of a run that was trained once s^2 is
unknown: it is taken to be that of the run it is compared with. What image and repeat have in
common is then counted at most twice: the interval errs on the wide side. A variance known from 2
or 3 repeats is uncertain, which the degrees of freedom (Satterthwaite 1946) turn into wider
intervals: with two repeats often wider than that of one, which says nothing of other seeds. In
simulations, from seeds that change nothing but which images are missed to seeds that move the
measure three times as much as the choice of images does, the 95 % interval covers the difference
between the means over seeds in 94 to 99 % of cases with 2, 3 or 5 repeats of both runs, in 95 to
99 % with 5 of one and 1 of the other, in 93 to 99 % with 3 and 1, in 87 to 98 % with 2 and 1. With
one of each it covers 95 % if seeds change nothing else, 75 % if they move the measure as much as
the choice of images does.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class RunMeasure:
    """A measure of a run, the mean over its repeats, as it is and on resampled images.

    Attributes:
        values: Per class, or one entry for all of them.
        replicates: The same as if the images had been others; NaN where a repeat has no value.
        noise: Normal random numbers that stand for other training seeds, in units of the
            standard deviation that those cause.
        seed_variance: Estimated variance of a single training over seeds; NaN of one repeat.
        images: Images behind the values, of the repeat with the fewest.
        units: What of them is drawn independently: the images, or their patients.
        n_repeats: Trainings that differ in their seed alone.
    """

    values: Float[np.ndarray, " c"]
    replicates: Float[np.ndarray, "r c"]
    noise: Float[np.ndarray, "r c"]
    seed_variance: Float[np.ndarray, " c"]
    images: Int[np.ndarray, " c"]
    units: Int[np.ndarray, " c"]
    n_repeats: int


def average_repeats(
    measured: Float[np.ndarray, "s r c"],
    images: Int[np.ndarray, "s c"],
    units: Int[np.ndarray, "s c"] | None = None,
    *,
    seed: int,
    name: str,
) -> RunMeasure:
    """Average a measure over the repeats of a run.

    Args:
        measured: For each repeat the measure on the weights of `resample_images`; the first row
            is that of the images as they are.
        images: Images behind the measure per repeat: of a class for its recall, predicted as
            it for its precision, the fewer of positives and negatives for AUROC.
        units: Patients behind it, where images are drawn with their patient; None where each is
            drawn for itself.
        seed: Of the random numbers that stand for other training seeds.
        name: Of run and measure, and whether it is per class, which have random numbers of their
            own: how seeds move several measures together cannot be learnt from a few, and
            independence is what asks most of the correction for many comparisons.

    Returns:
        The mean, its replicates over images, and what the repeats show of other seeds.

    Source: Sidak, "Rectangular confidence regions for the means of multivariate normal
    distributions", JASA 62, 1967 (independence as the worst case).
    """
    n_repeats, means = len(measured), measured.mean(axis=0)
    variance = np.full(means.shape[1], np.nan)
    if n_repeats > 1:
        variance = measured[:, 0].var(axis=0, ddof=1)
    rng = np.random.default_rng(np.random.SeedSequence([seed, *name.encode()]))
    return RunMeasure(
        values=means[0],
        replicates=means[1:],
        noise=rng.standard_normal(means[1:].shape),
        seed_variance=variance,
        images=images.min(axis=0),
        units=(images if units is None else units).min(axis=0),
        n_repeats=n_repeats,
    )


def spread_over_seeds(
    baseline: RunMeasure, other: RunMeasure
) -> tuple[list[Float[np.ndarray, " c"]], Float[np.ndarray, " c"]]:
    """Estimate how far the means over the repeats of two runs vary over seeds.

    Returns:
        Variance of both means, 0 where both runs were trained once; and the sum of the squares of
        what was estimated, each over its degrees of freedom.
    """
    runs, none = (baseline, other), np.zeros(len(baseline.values))
    repeated = [run for run in runs if run.n_repeats > 1]
    if not repeated:
        return [none, none], none
    known = [run if run.n_repeats > 1 else repeated[0] for run in runs]
    over_seeds = [of.seed_variance / run.n_repeats for of, run in zip(known, runs, strict=True)]
    if len(repeated) == 1:  # both know it from the same trainings
        return over_seeds, (over_seeds[0] + over_seeds[1]) ** 2 / (repeated[0].n_repeats - 1)
    first, second = (v**2 / (run.n_repeats - 1) for v, run in zip(over_seeds, runs, strict=True))
    return over_seeds, first + second
