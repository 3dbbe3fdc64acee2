"""How well nearest adversaries foretell errors, on resampled evaluation images.

Names and definitions are those of the metrics of the stage `adversaries`, whose values the first
row of weights gives. A class is undefined without errors, or where nothing is said of it; runs
are compared over the classes that both define. The evaluation images alone are drawn anew: what
predicts their errors comes from the training images and stays as it is, so that an interval says
nothing of other training images. Few errors look more concentrated on some pairs of classes than
many: their divergence is too large, and that of a replicate, which repeats errors, more so (see
`value_intervals`). Of two runs the one with fewer errors is thus at a disadvantage; two
predictors of the same errors are not.

Source: paper B, section 4.3 and Table 2; Efron and Tibshirani, "An Introduction to the
Bootstrap", 1993.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from imbalens.analysis.adversaries.distributions import error_masses, off_diagonal_shares
from imbalens.analysis.adversaries.scores import kl_divergence
from imbalens.analysis.common.measured import Measure, PerClass, mean_of_defined
from imbalens.analysis.common.measures import ADVERSARIES, KLD, KLD_RANDOM
from imbalens.analysis.differences.comparison import average_measures
from imbalens.analysis.differences.intervals import ValueInterval, ratio_interval, value_interval
from imbalens.classes import Classes

_BLOCK = 2**20  # weights, or entries of error matrices, at a time


@dataclass(frozen=True)
class Divergences:
    """The divergences of a run.

    Attributes:
        intervals: By name of the measure its value and interval, and as `factor` how many times
            that of random is larger.
        classes: Classes averaged over: those that all repeats of the run define.
    """

    intervals: Mapping[str, ValueInterval]
    classes: int


def adversary_measures(
    weights: Int[np.ndarray, "r n"],
    labels: Classes,
    predictions: Classes,
    predictors: Mapping[str, Float[np.ndarray, "c c"]],
    *,
    errors: Literal["by_actual", "by_predicted"],
    eps: float,
    patients: Int[np.ndarray, " n"] | None = None,
) -> list[Measure]:
    """Measure how far predicted distributions are from the errors, over all classes.

    Args:
        weights: How often each evaluation image is drawn, per replicate.
        labels: True class of each evaluation image, or the membership matrix.
        predictions: Predicted classes of each image, in the same form.
        predictors: By name of the measure, each of them in `ADVERSARIES`, the distribution that
            is to foretell the errors, the same in all replicates; a class whose row is NaN is
            left out.
        errors: Which errors are around a class, see `error_distribution`.
        eps: See `kl_divergence`.
        patients: Patient of each image; None where each is drawn for itself.

    Returns:
        Per predictor the mean divergence over the classes that a replicate has errors of; the
        images behind it are those with an error around one of its classes.

    Raises:
        ValueError: if `eps` is not positive or an image of a membership matrix has no class.
    """
    n_classes = len(next(iter(predictors.values())))
    found = error_masses(labels, predictions, n_classes=n_classes, errors=errors)
    klds = np.empty((len(predictors), len(weights), n_classes))
    counts = _weighted(weights[:, found.images], found.masses, n_pairs=n_classes**2)
    for row, masses in enumerate(counts):
        share = off_diagonal_shares(masses.reshape(n_classes, n_classes))
        for place, predicted in enumerate(predictors.values()):
            klds[place, row] = kl_divergence(share, predicted, eps=eps)
    declared = {spec.name: spec for spec in ADVERSARIES}
    return [
        mean_of_defined(declared[name], PerClass(values, found.wrong, patients))
        for name, values in zip(predictors, klds, strict=True)
    ]


def divergence_intervals(
    measured: Mapping[str, Sequence[Sequence[Measure]]],
    *,
    confidence: float,
    min_images: int,
) -> dict[str, Divergences]:
    """Give the divergences of each run with their own intervals, as in paper B's Table 2.

    Args:
        measured: Per run the measures of each of its repeats, on the same weights, `ADVERSARIES`
            among them.
        confidence: Nominal coverage of the intervals.
        min_images: Images with errors that must be behind an interval.

    Source: paper B, Table 2.
    """
    options, runs = {"confidence": confidence, "min_images": min_images}, {}
    for run, repeats in measured.items():
        averaged = average_measures(repeats)
        found = {name: one for (stage, name, _), one in averaged.items() if stage == KLD.stage}
        intervals = {name: value_interval(one, **options) for name, (_, one) in found.items()}
        factor = ratio_interval(found[KLD_RANDOM.name][1], found[KLD.name][1], **options)
        classes = found[KLD.name][0].averaged or 0
        runs[run] = Divergences(intervals | {"factor": factor}, classes)
    return runs


def _weighted(
    weights: Int[np.ndarray, "r e"], masses: sparse.csr_array, *, n_pairs: int
) -> Iterator[Float[np.ndarray, " p"]]:
    """Yield per replicate the masses of its images, summed for each pair of classes."""
    step = max(1, _BLOCK // max(1, weights.shape[1], n_pairs))
    for first in range(0, len(weights), step):
        yield from np.asarray(weights[first : first + step].astype(np.float64) @ masses)
