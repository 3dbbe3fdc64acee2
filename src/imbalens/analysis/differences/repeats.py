"""What repeats of a setting, trainings that differ in their seed alone, say of other seeds.

Their mean is compared, and what is claimed is about the mean over all seeds. Drawing the few
repeats anew, together with the images, would not do: of s repeats it finds (s-1)/s of the variance
over seeds, while what repeat and image have in common (each training errs on other images) is
counted three times (McCullagh, "Resampling and exchangeable arrays", Bernoulli 6, 2000; Owen, "The
pigeonhole bootstrap", Annals of Applied Statistics 1, 2007). Instead the images are drawn for the
mean over the repeats, and the variance over seeds is added: one per measure, pooled over both
sides, over the number of trainings of each. A side trained once is thus taken to vary as the other
does. What image and repeat have in common is counted twice: the interval errs on the wide side.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from imbalens.analysis.common.counting import divide
from imbalens.analysis.common.measures import Interval


@dataclass(frozen=True)
class RunMeasure:
    """A measure of a setting, the mean over its repeats, as it is and on resampled images.

    Attributes:
        values: Per class, or one entry for all of them.
        replicates: The same as if the images had been others; NaN where a repeat has no value.
        seed_variance: Estimated variance of a single training over seeds; NaN of one repeat.
        images: Images behind the values, of the repeat with the fewest.
        units: What of them is drawn independently: the images, or their patients.
        n_repeats: Trainings that differ in their seed alone.
        interval: How its interval is made, see `compare_paired`.
        share_of: What one change counts among in a share, see `Measure.share_units`.
    """

    values: Float[np.ndarray, " c"]
    replicates: Float[np.ndarray, "r c"]
    seed_variance: Float[np.ndarray, " c"]
    images: Int[np.ndarray, " c"]
    units: Int[np.ndarray, " c"]
    n_repeats: int
    interval: Interval = "wald"
    share_of: Float[np.ndarray, " c"] | None = None


def average_repeats(
    measured: Float[np.ndarray, "s r c"],
    images: Int[np.ndarray, "s c"],
    units: Int[np.ndarray, "s c"] | None = None,
    *,
    interval: Interval = "wald",
    share_of: Float[np.ndarray, "s c"] | None = None,
) -> RunMeasure:
    """Average a measure over the repeats of a setting.

    Args:
        measured: For each repeat the measure on the weights of `resample_images`; the first row
            is that of the images as they are.
        images: Images behind the measure per repeat: of a class for its recall, predicted as
            it for its precision, the fewer of positives and negatives for AUROC.
        units: Patients behind it, where images are drawn with their patient; None where each is
            drawn for itself.
        interval: How its interval is made, see `compare_paired`.
        share_of: What one change counts among in a share, see `Measure.share_units`; None for
            the images.

    Returns:
        The mean, its replicates over images, and what the repeats show of other seeds.
    """
    n_repeats, means = len(measured), measured.mean(axis=0)
    variance = np.full(means.shape[1], np.nan)
    if n_repeats > 1:
        variance = measured[:, 0].var(axis=0, ddof=1)
    return RunMeasure(
        values=means[0],
        replicates=means[1:],
        seed_variance=variance,
        images=images.min(axis=0),
        units=(images if units is None else units).min(axis=0),
        n_repeats=n_repeats,
        interval=interval,
        share_of=(images if share_of is None else share_of).min(axis=0).astype(np.float64),
    )


def pool_seed_variance(
    baseline: RunMeasure, other: RunMeasure
) -> tuple[Float[np.ndarray, " c"], int]:
    """Pool the variance of a single training over seeds from both sides.

    Returns:
        The variance, and its degrees of freedom: trainings beyond the first of each side. Without
        any the variance is 0.
    """
    sides = [run for run in (baseline, other) if run.n_repeats > 1]
    freedom = sum(run.n_repeats - 1 for run in sides)
    squares = [run.seed_variance * (run.n_repeats - 1) for run in sides]
    if not freedom:
        return np.zeros(len(baseline.values)), 0
    return divide(np.sum(squares, axis=0), freedom), freedom
