"""Measures of a classifier on resampled images: one value per row of integer weights.

A row of weights says how often each image is drawn; the measure is that of the images so
repeated, and a row of ones gives the plain measure. The same rows serve all measures and runs,
which keeps their comparison paired. Replicates are worked off in blocks, so that beside the
weights, two bytes each, only some tens of megabytes are needed.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 20.2 (a replicate
as a function of resampling weights).
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from imbalens.analysis.common.counting import divide
from imbalens.classes import require_codes

_BLOCK = 2**20  # weights at a time


def pair_means(
    weights: Int[np.ndarray, "r n"], values: Num[np.ndarray, "p k"], image: Int[np.ndarray, " p"]
) -> Float[np.ndarray, "r k"]:
    """Mean over pairs of an image and a class, or over some images; a pair counts as its image.

    Args:
        weights: How often each image is drawn, per replicate.
        values: A column per measure, a row per pair, such as the alignment of a map; a NaN makes
            its column NaN.
        image: Row of each pair's image among the `n`.

    Returns:
        Per replicate and measure; NaN for a replicate without pairs.

    Raises:
        ValueError: if an image is out of range.
    """
    _require_images(image, weights)
    return divide(_sum(weights, values, image), _sum(weights, np.ones((len(image), 1)), image))


def pair_means_per_class(
    weights: Int[np.ndarray, "r n"],
    values: Num[np.ndarray, " p"],
    image: Int[np.ndarray, " p"],
    classes: Int[np.ndarray, " p"],
    *,
    n_classes: int,
) -> Float[np.ndarray, "r c"]:
    """Mean over the pairs of each class; a pair counts as its image.

    Args:
        weights: How often each image is drawn, per replicate.
        values: Measure of each pair of an image and a class; a NaN makes its class NaN.
        image: Row of each pair's image among the `n`.
        classes: Class of each pair.
        n_classes: Number of classes, c.

    Returns:
        Per replicate and class; NaN for a class that the replicate has no pair of.

    Raises:
        ValueError: if an image or a class is out of range.
    """
    _require_images(image, weights)
    require_codes(classes, n_codes=n_classes, name="classes of pairs")
    member = classes[:, None] == np.arange(n_classes)
    top = _sum(weights, np.where(member, values[:, None], 0), image)
    return divide(top, _sum(weights, member, image))


def mean_where(
    weights: Int[np.ndarray, "r n"],
    values: Num[np.ndarray, "n m"] | Bool[np.ndarray, "n m"],
    where: Bool[np.ndarray, "n m"],
) -> Float[np.ndarray, "r m"]:
    """Mean over the chosen images, such as the predicted probability of a label's positives.

    Args:
        weights: How often each image is drawn, per replicate.
        values: A column per label.
        where: Which images to average over, per label.

    Returns:
        Per replicate and label; NaN where the replicate has none of the images.
    """
    return divide(_sum(weights, np.where(where, values, 0)), _sum(weights, where))


def recall(
    weights: Int[np.ndarray, "r n"],
    actual: Bool[np.ndarray, "n c"],
    predicted: Bool[np.ndarray, "n c"],
) -> Float[np.ndarray, "r c"]:
    """Share of the images of a class that are predicted to have it.

    Args:
        weights: How often each image is drawn, per replicate.
        actual: Which classes images have; of codes one per row.
        predicted: Which classes they are predicted to have.

    Returns:
        Per replicate and class; NaN where the replicate has no image of the class.
    """
    return mean_where(weights, predicted, actual)


def precision(
    weights: Int[np.ndarray, "r n"],
    actual: Bool[np.ndarray, "n c"],
    predicted: Bool[np.ndarray, "n c"],
) -> Float[np.ndarray, "r c"]:
    """Share of the images predicted to have a class that do have it.

    Returns:
        Per replicate and class; NaN where the class is never predicted in the replicate.
    """
    return mean_where(weights, actual, predicted)


def f_score(
    weights: Int[np.ndarray, "r n"],
    actual: Bool[np.ndarray, "n c"],
    predicted: Bool[np.ndarray, "n c"],
) -> Float[np.ndarray, "r c"]:
    """Harmonic mean of recall and precision, F1.

    Returns:
        Per replicate and class; NaN where the replicate has no image of the class, 0 where it has
        some of which none is found.
    """
    of_class = _sum(weights, actual)
    hits, sizes = _sum(weights, actual & predicted), of_class + _sum(weights, predicted)
    return np.where(of_class > 0, divide(2 * hits, sizes), np.nan)


def calibration_error(
    weights: Int[np.ndarray, "r n"],
    confidence: Float[np.ndarray, "n m"],
    correct: Bool[np.ndarray, "n m"],
    known: Bool[np.ndarray, "n m"] | None = None,
    *,
    n_bins: int,
) -> Float[np.ndarray, "r m"]:
    """Mean gap between confidence and accuracy over equal-width bins of confidence.

    Bin b holds confidences in ((b-1)/n_bins, b/n_bins]; a confidence of 0 falls in the first. The
    measure is biased upwards where bins hold few images, and more so in a replicate, which
    repeats images.

    Args:
        weights: How often each image is drawn, per replicate.
        confidence: Predicted probability, of each label or of the predicted class (m = 1).
        correct: Whether the image has the label, or the prediction is right.
        known: Whether that is known, other images being left out; None: of all.
        n_bins: Number of bins.

    Returns:
        Per replicate and label; NaN for a replicate without images of which it is known.

    Raises:
        ValueError: if `n_bins` is below 1 or a confidence lies outside 0..1.

    Source: Guo et al., "On Calibration of Modern Neural Networks", 2017, equations 2-5.
    """
    if n_bins < 1:
        raise ValueError(f"n_bins must be at least 1, found {n_bins}")
    outside = np.argwhere(~((confidence >= 0) & (confidence <= 1)))
    if len(outside):
        row, label = outside[0]
        raise ValueError(
            f"confidence must lie in 0..1, found {confidence[row, label]} at row {row}, "
            f"label {label}"
        )
    edges = np.arange(1, n_bins) / n_bins
    bins = np.arange(n_bins)
    errors = np.empty((len(weights), confidence.shape[1]))
    known = np.ones_like(correct) if known is None else known
    for label in range(confidence.shape[1]):
        place = np.searchsorted(edges, confidence[:, label], side="left")
        gap = correct[:, label] - confidence[:, label].astype(np.float64)
        counted = (place[:, None] == bins) & known[:, label, None]
        binned = np.where(counted, gap[:, None], 0)
        errors[:, label] = np.abs(_sum(weights, binned)).sum(axis=1)
    return divide(errors, _sum(weights, known))


def images_drawn(
    weights: Int[np.ndarray, "r n"], members: Bool[np.ndarray, "n c"]
) -> Float[np.ndarray, "r c"]:
    """Count the images of each class that each replicate draws."""
    return _sum(weights, members)


def blocks_of(weights: Int[np.ndarray, "r n"]) -> Iterator[slice]:
    """Cut the replicates into blocks of bounded size."""
    step = max(1, _BLOCK // max(1, weights.shape[1]))
    for first in range(0, len(weights), step):
        yield slice(first, first + step)


def _sum(
    weights: Int[np.ndarray, "r n"],
    columns: Num[np.ndarray, "p k"] | Bool[np.ndarray, "p k"],
    image: Int[np.ndarray, " p"] | None = None,
) -> Float[np.ndarray, "r k"]:
    """Sum each column, a row counting as often as its image, which is its own place if None."""
    precise = columns.astype(np.float64)
    sums = np.empty((len(weights), columns.shape[1]))
    for rows in blocks_of(weights):
        block = weights[rows] if image is None else weights[rows][:, image]
        sums[rows] = block.astype(np.float64) @ precise
    return sums


def _require_images(image: Int[np.ndarray, " p"], weights: Int[np.ndarray, "r n"]) -> None:
    require_codes(image, n_codes=weights.shape[1], name="images of pairs")
