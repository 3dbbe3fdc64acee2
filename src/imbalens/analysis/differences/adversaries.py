"""How well nearest adversaries foretell errors, on resampled evaluation images.

Names and definitions are those of the metrics of the stage `adversaries`, whose values the first
row of weights gives. The evaluation images alone are drawn anew: what predicts their errors comes
from the training images and stays as it is, so that an interval says nothing of other training
images. Few errors look more concentrated on some pairs of classes than many: their divergence is
too large, and that of a replicate, which repeats errors, more so (see `value_intervals`). Of two
runs the one with fewer errors is thus at a disadvantage; two predictors of the same errors are
not.

Source: paper B, section 4.3 and Table 2; Efron and Tibshirani, "An Introduction to the
Bootstrap", 1993.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, assert_never

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from imbalens.analysis.adversaries.distributions import off_diagonal_shares
from imbalens.analysis.adversaries.scores import kl_divergence
from imbalens.analysis.common.counting import mean_defined
from imbalens.analysis.differences.comparison import average_measures
from imbalens.analysis.differences.intervals import ValueInterval, ratio_interval, value_interval
from imbalens.analysis.differences.measure import Measure, count_behind
from imbalens.classes import Classes, spread_mass

STAGE = "adversaries"
_BLOCK = 2**20  # weights, or entries of error matrices, at a time


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
        predictors: By name of the measure the distribution that is to foretell the errors, the
            same in all replicates; a class whose row is NaN is left out.
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
    images, masses = _error_masses(labels, predictions, n_classes, errors)
    klds = np.empty((len(weights), len(predictors)))
    for row, counts in enumerate(_weighted(weights[:, images], masses, n_pairs=n_classes**2)):
        share = off_diagonal_shares(counts.reshape(n_classes, n_classes))
        for place, predicted in enumerate(predictors.values()):
            klds[row, place] = mean_defined(kl_divergence(share, predicted, eps=eps))
    measures = []
    for place, (name, predicted) in enumerate(predictors.items()):
        judged = np.repeat(~np.isnan(predicted).any(axis=1), n_classes)
        wrong = np.zeros((weights.shape[1], 1), dtype=bool)
        wrong[images, 0] = masses @ judged.astype(np.float64) > 0
        behind = count_behind(patients, wrong)
        measures.append(Measure(STAGE, name, None, klds[:, place : place + 1], *behind))
    return measures


def divergence_intervals(
    measured: Mapping[str, Sequence[Sequence[Measure]]],
    *,
    confidence: float,
    min_images: int,
    seed: int,
) -> dict[str, dict[str, ValueInterval]]:
    """Give the divergences of each run with their own intervals, as in paper B's Table 2.

    Args:
        measured: Per run the measures of each of its repeats, on the same weights, `kld` and
            `kld_random` among them.
        confidence: Nominal coverage of the intervals.
        min_images: Images with errors that must be behind an interval.
        seed: Of what stands for other training seeds.

    Returns:
        Per run the divergences by name, and as `factor` how many times that of random is larger.

    Source: paper B, Table 2.
    """
    options, runs = {"confidence": confidence, "min_images": min_images}, {}
    for run, repeats in measured.items():
        averaged = average_measures(run, repeats, seed=seed)
        found = {name: one for (stage, name, _), (_, one) in averaged.items() if stage == STAGE}
        factor = ratio_interval(found["kld_random"], found["kld"], **options)
        intervals = {name: value_interval(one, **options) for name, one in found.items()}
        runs[run] = intervals | {"factor": factor}
    return runs


def _error_masses(
    labels: Classes,
    predictions: Classes,
    n_classes: int,
    errors: Literal["by_actual", "by_predicted"],
) -> tuple[Int[np.ndarray, " e"], sparse.csr_array]:
    """Return the images with errors and, one row each, the mass that they add to class pairs."""
    actual, predicted = _members(labels, n_classes), _members(predictions, n_classes)
    match errors:
        case "by_actual":
            wrong, counted = actual & ~predicted, predicted
        case "by_predicted":
            wrong, counted = predicted & ~actual, actual
        case _:
            assert_never(errors)
    image, reference = np.nonzero(wrong)
    images, row = np.unique(image, return_inverse=True)
    mass = spread_mass(counted)[image]
    error, other = np.nonzero(mass)
    entries = (mass[error, other], (row[error], reference[error] * n_classes + other))
    return images, sparse.csr_array(entries, shape=(len(images), n_classes**2))


def _members(classes: Classes, n_classes: int) -> Bool[np.ndarray, "n c"]:
    return classes if classes.ndim == 2 else classes[:, None] == np.arange(n_classes)


def _weighted(
    weights: Int[np.ndarray, "r e"], masses: sparse.csr_array, *, n_pairs: int
) -> Iterator[Float[np.ndarray, " p"]]:
    """Yield per replicate the masses of its images, summed for each pair of classes."""
    step = max(1, _BLOCK // max(1, weights.shape[1], n_pairs))
    for first in range(0, len(weights), step):
        yield from np.asarray(weights[first : first + step].astype(np.float64) @ masses)
