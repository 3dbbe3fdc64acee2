"""How well nearest adversaries foretell errors, on resampled evaluation images.

Names and definitions are those of the metrics of the stage `adversaries`, whose values the first
row of weights gives. The evaluation images alone are drawn anew: what predicts their errors comes
from the training images and stays as it is, so that an interval says nothing of other training
images.

The log loss is a mean over errors. A divergence is a mean over classes, undefined of one without
errors, or of which nothing is said; runs are compared over the classes that both define, if these
are two. With two classes in all nothing is measured, see `analysis.adversaries.scores`. Few errors
look more concentrated on some pairs of classes than many: their divergence is too large
(see `intervals`). Of two runs the one with fewer errors is thus at a disadvantage, so that
differences of divergences have no interval. A draw of images with replacement lacks all errors of
some class again and again, and would be a mean over other classes. The replicates of divergences
are draws from the posterior of what a class's errors are like instead: images are weighed by
exponential draws, none of which is 0, and one error more, spread over the other classes by gamma
draws, keeps a class with a single error from looking certain. In 300 simulations of 10 classes
with 1 to 42 errors each a nominal 95 % covered the mean divergence of as many errors in 95 %, with
12 or 7 errors of each class in 98 and 99 %; without that error in 59, 91 and 88 %, and drawn with
replacement in 65, 91 and 90 %.

Source: paper B, section 4.3 and Table 2.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from imbalens.analysis.adversaries.adversaries import FDR, NEAREST, RANDOM
from imbalens.analysis.adversaries.distributions import (
    ErrorMasses,
    error_masses,
    off_diagonal_shares,
)
from imbalens.analysis.adversaries.scores import (
    Prediction,
    kl_divergence,
    surprise,
    tells_of,
)
from imbalens.analysis.common.counting import divide
from imbalens.analysis.common.measured import Measure, PerClass, count_behind, mean_of_defined
from imbalens.analysis.common.measures import (
    KLD,
    KLD_FDR,
    KLD_RANDOM,
    LOG_LOSS,
    LOG_LOSS_FDR,
    LOG_LOSS_RANDOM,
    MeasureSpec,
)
from imbalens.analysis.differences.bootstrap import drawn_units
from imbalens.analysis.differences.comparison import average_measures
from imbalens.analysis.differences.intervals import ValueInterval, ratio_interval, value_interval
from imbalens.classes import Classes

LOG_LOSSES = {NEAREST: LOG_LOSS, FDR: LOG_LOSS_FDR, RANDOM: LOG_LOSS_RANDOM}
DIVERGENCES = {NEAREST: KLD, FDR: KLD_FDR, RANDOM: KLD_RANDOM}
_BLOCK = 2**20  # weights, or entries of error matrices, at a time


@dataclass(frozen=True)
class Divergences:
    """The divergences of a setting.

    Attributes:
        intervals: By name of the measure its value and interval, and as `factor` how many times
            that of random is larger.
        classes: Classes averaged over: those that all its trainings define.
    """

    intervals: Mapping[str, ValueInterval]
    classes: int


def adversary_measures(
    weights: Int[np.ndarray, "r n"],
    labels: Classes,
    predictions: Classes,
    predictors: Mapping[str, Prediction],
    *,
    errors: Literal["by_actual", "by_predicted"],
    eps: float,
    seed: int,
    patients: Int[np.ndarray, " n"] | None = None,
) -> list[Measure]:
    """Measure how well predictions foretell the errors.

    Args:
        weights: How often each evaluation image is drawn, per replicate; all ones in the first.
        labels: True class of each evaluation image, or the membership matrix.
        predictions: Predicted classes of each image, in the same form.
        predictors: By name, one of `LOG_LOSSES`, what is to foretell the errors, the same in all
            replicates; a class whose row of shares is NaN is left out of the divergence.
        errors: Which errors are around a class, see `error_distribution`.
        eps: See `kl_divergence`.
        seed: Of the weights of divergences.
        patients: Patient of each image; None where each is drawn for itself.

    Returns:
        Per predictor the log loss per error, then per predictor the mean divergence over the
        classes with errors, NaN of fewer than two; with two classes in all everything is NaN. The
        images behind either are those with an error around one of its
        classes.

    Raises:
        ValueError: if `eps` is not positive.
    """
    n_classes = len(next(iter(predictors.values())).share)
    found = error_masses(labels, predictions, n_classes=n_classes, errors=errors)
    losses = [
        _mean_loss(LOG_LOSSES[name], weights, found, predicted.smoothed, patients)
        for name, predicted in predictors.items()
    ]
    klds = np.empty((len(predictors), len(weights), n_classes))
    rng = np.random.default_rng(seed)
    positive = _positive_weights(len(weights), found, patients, rng)
    counts = _weighted(positive, found.masses, n_pairs=n_classes**2)
    some = found.wrong.any(axis=0)
    for row, masses in enumerate(counts):
        drawn = masses.reshape(n_classes, n_classes)
        if row:
            one_more = (int(some.sum()), n_classes)
            drawn[some] += rng.standard_gamma(1 / (n_classes - 1), size=one_more)
        share = off_diagonal_shares(drawn)
        for place, predicted in enumerate(predictors.values()):
            klds[place, row] = kl_divergence(share, predicted.share, eps=eps)
    if not tells_of(n_classes):
        losses = [replace(one, values=np.full_like(one.values, np.nan)) for one in losses]
        klds[:] = np.nan
    return losses + [
        mean_of_defined(DIVERGENCES[name], PerClass(values, found.wrong, patients, least=2))
        for name, values in zip(predictors, klds, strict=True)
    ]


def divergence_intervals(
    measured: Mapping[str, Sequence[Sequence[Measure]]],
    *,
    confidence: float,
    min_images: int,
) -> dict[str, Divergences]:
    """Give the divergences of each setting with their own intervals, as in paper B's Table 2.

    Args:
        measured: Per setting the measures of each of its trainings, on the same weights,
            `ADVERSARIES` among them; settings that have none are left out.
        confidence: Nominal coverage of the intervals.
        min_images: Images with errors that must be behind an interval.

    Source: paper B, Table 2.
    """
    options, divergences = {"confidence": confidence, "min_images": min_images}, {}
    for setting, trainings in measured.items():
        averaged = average_measures(trainings)
        if (KLD.stage, KLD.name, None) not in averaged:
            continue  # nothing foretells its errors
        found = {spec.name: averaged[spec.stage, spec.name, None] for spec in DIVERGENCES.values()}
        intervals = {name: value_interval(one, **options) for name, (_, one) in found.items()}
        factor = ratio_interval(found[KLD_RANDOM.name][1], found[KLD.name][1], **options)
        classes = found[KLD.name][0].averaged or 0
        divergences[setting] = Divergences(intervals | {"factor": factor}, classes)
    return divergences


def _mean_loss(
    spec: MeasureSpec,
    weights: Int[np.ndarray, "r n"],
    found: ErrorMasses,
    smoothed: Float[np.ndarray, "c c"],
    patients: Int[np.ndarray, " n"] | None,
) -> Measure:
    """Average -ln of the chance that each error was given, over all errors."""
    others = ~np.eye(len(smoothed), dtype=bool)
    drawn = weights[:, found.images].astype(np.float64)
    total = drawn @ (found.masses @ surprise(smoothed).ravel())
    mass = drawn @ (found.masses @ others.ravel())
    behind = count_behind(patients, found.wrong.sum(axis=1, keepdims=True) > 0)
    return Measure(spec.stage, spec.name, None, divide(total, mass)[:, None], *behind)


def _positive_weights(
    n_rows: int,
    found: ErrorMasses,
    patients: Int[np.ndarray, " n"] | None,
    rng: np.random.Generator,
) -> Float[np.ndarray, "r e"]:
    """Draw a weight above 0 for each image with an error; a patient's images share theirs."""
    unit, n_units = drawn_units(len(found.wrong), patients)
    weights = np.ones((n_rows, len(found.images)))
    for row in weights[1:]:
        row[:] = rng.standard_exponential(n_units)[unit[found.images]]
    return weights


def _weighted(
    weights: Float[np.ndarray, "r e"], masses: sparse.csr_array, *, n_pairs: int
) -> Iterator[Float[np.ndarray, " p"]]:
    """Yield per replicate the masses of its images, summed for each pair of classes."""
    step = max(1, _BLOCK // max(1, weights.shape[1], n_pairs))
    for first in range(0, len(weights), step):
        yield from np.asarray(weights[first : first + step] @ masses)
