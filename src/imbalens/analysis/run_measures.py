"""All measures of one training on resampled images, by name.

Names and definitions are those of the metrics of the stages `performance`, `cam_alignment` and
`concepts`, whose values the first row of weights gives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Num, UInt8

from imbalens.analysis.label_performance import sigmoid
from imbalens.analysis.performance import softmax
from imbalens.analysis.weighted import (
    accuracy,
    calibration_error,
    mean_over_classes,
    mean_where,
    pair_means,
    pair_means_per_class,
    precision,
    recall,
)
from imbalens.analysis.weighted_ranking import weighted_auroc, weighted_average_precision


@dataclass(frozen=True)
class Measure:
    """One measure, over all images or per class.

    Attributes:
        stage: Stage in whose metrics it stands.
        name: Its key there.
        classes: Names of the columns' classes; None for a single column over all of them.
        values: On the images as they are (first row) and on resampled ones.
        images: Images behind each column.
    """

    stage: str
    name: str
    classes: tuple[str, ...] | None
    values: Float[np.ndarray, "r c"]
    images: Int[np.ndarray, " c"]


def class_measures(
    weights: Int[np.ndarray, "r n"],
    scores: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, " n"],
    train_counts: Int[np.ndarray, " c"],
    names: Sequence[str],
    *,
    n_bins: int,
    many_above: int,
    few_below: int,
) -> list[Measure]:
    """Measure a classifier of classes that exclude each other, see `measure_performance`.

    Args:
        weights: How often each image is drawn, per replicate.
        scores: Logits, already multiplied by their scale where they are cosines.
        labels: True class per image.
        train_counts: Training images per class.
        names: Name of each class.
        n_bins: Bins of the calibration error.
        many_above: A class with more training images than this has many.
        few_below: A class with fewer training images than this has few.
    """
    predictions, codes = scores.argmax(axis=1), np.arange(scores.shape[1])
    actual, predicted = labels[:, None] == codes, predictions[:, None] == codes
    recalls, n_actual = recall(weights, actual, predicted), actual.sum(axis=0)
    confidence = softmax(scores).max(axis=1, keepdims=True)
    right = (predictions == labels)[:, None]
    # of the images that have a class or are predicted to, the share with both is F / (2 - F)
    either = mean_where(weights, actual & predicted, actual | predicted)
    f1 = np.where(np.isnan(recalls), np.nan, 2 * either / (1 + either))
    many, few = train_counts > many_above, train_counts < few_below
    overall = {
        "accuracy": (accuracy(weights, labels, predictions), np.ones_like(many)),
        "balanced_accuracy": (mean_over_classes(recalls), np.ones_like(many)),
        "ece": (
            calibration_error(weights, confidence, right, n_bins=n_bins)[:, 0],
            np.ones_like(many),
        ),
    }
    for group, chosen in (("many", many), ("medium", ~many & ~few), ("few", few)):
        if chosen.any():
            overall[group] = (mean_over_classes(recalls[:, chosen]), chosen)
    classes = tuple(names)
    return [
        *(
            Measure("performance", name, None, values[:, None], n_actual[of].sum(keepdims=True))
            for name, (values, of) in overall.items()
        ),
        Measure("performance", "recall", classes, recalls, n_actual),
        Measure(
            "performance",
            "precision",
            classes,
            precision(weights, actual, predicted),
            predicted.sum(axis=0),
        ),
        Measure("performance", "f1", classes, f1, n_actual),
    ]


def label_measures(
    weights: Int[np.ndarray, "r n"],
    scores: Float[np.ndarray, "n m"],
    labels: UInt8[np.ndarray, "n m"],
    predicted: Bool[np.ndarray, "n m"],
    names: Sequence[str],
    *,
    n_bins: int,
) -> list[Measure]:
    """Measure a classifier of labels that do not exclude each other, each and their mean.

    Args:
        weights: How often each image is drawn, per replicate.
        scores: Logits.
        labels: 1 where an image has a label, else 0.
        predicted: Which labels images are taken to have.
        names: Name of each label.
        n_bins: Bins of the calibration error.
    """
    actual, probabilities = labels != 0, sigmoid(scores)
    n, n_positives = len(labels), actual.sum(axis=0)
    everything, all_images = np.ones_like(actual), np.full(len(n_positives), n)
    figures = {
        "auroc": (
            weighted_auroc(weights, scores, actual),
            np.minimum(n_positives, n - n_positives),
        ),
        "ap": (weighted_average_precision(weights, scores, actual), n_positives),
        "probability_positives": (mean_where(weights, probabilities, actual), n_positives),
        "probability": (mean_where(weights, probabilities, everything), all_images),
        "ece": (calibration_error(weights, probabilities, actual, n_bins=n_bins), all_images),
        "recall": (recall(weights, actual, predicted), n_positives),
        "precision": (precision(weights, actual, predicted), predicted.sum(axis=0)),
    }
    measures: list[Measure] = []
    for name, (values, images) in figures.items():
        mean = mean_over_classes(values)[:, None]
        measures += [
            Measure("performance", name, None, mean, np.array([n])),
            Measure("performance", name, tuple(names), values, images),
        ]
    return measures


def pair_measures(
    weights: Int[np.ndarray, "r n"],
    stage: str,
    values: Mapping[str, Num[np.ndarray, " p"]],
    image: Int[np.ndarray, " p"],
    classes: Int[np.ndarray, " p"],
    names: Sequence[str],
) -> list[Measure]:
    """Average what was measured per pair of an image and a class, over all pairs and per class.

    Args:
        weights: How often each image is drawn, per replicate.
        stage: Stage that measured it.
        values: By measure one value per pair; NaN where it is undefined.
        image: Row of each pair's image.
        classes: Class of each pair.
        names: Name of each class; classes without pairs are left out.
    """
    measures: list[Measure] = []
    for name, column in values.items():
        known = np.isfinite(column)
        if not known.any():
            continue
        # not of the known ones alone: else runs would differ in their classes
        of, chosen, present = image[known], classes[known], np.unique(classes)
        images = np.array([len(np.unique(of[chosen == code])) for code in present])
        means = pair_means_per_class(
            weights, column[known], of, np.searchsorted(present, chosen), n_classes=len(present)
        )
        measures += [
            Measure(
                stage,
                name,
                None,
                pair_means(weights, column[known][:, None], of),
                np.array([len(np.unique(of))]),
            ),
            Measure(stage, name, tuple(str(names[code]) for code in present), means, images),
        ]
    return measures


def image_measures(
    weights: Int[np.ndarray, "r n"],
    stage: str,
    values: Mapping[str, Num[np.ndarray, " p"]],
    image: Int[np.ndarray, " p"],
) -> list[Measure]:
    """Average what was measured once per annotated image, or per pair of one and a class.

    Args:
        weights: How often each image is drawn, per replicate.
        stage: Stage that measured it.
        values: By measure one value per image or pair.
        image: Row of each one's image.
    """
    return [
        Measure(
            stage,
            name,
            None,
            pair_means(weights, column[:, None], image),
            np.array([len(np.unique(image))]),
        )
        for name, column in values.items()
    ]
