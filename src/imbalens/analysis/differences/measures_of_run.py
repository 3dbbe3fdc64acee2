"""All measures of one training on resampled images, by name.

Names and definitions are those of the metrics of the stages `performance`, `cam_alignment` and
`concepts`, whose values the first row of weights gives, but for two things. Means over classes,
`balanced_accuracy` and `many`, `medium`, `few` among them, are over the classes with enough images
to be in every replicate, which depends on the labels alone and is the same for all runs, where the
stage `performance` averages whatever is defined. And `recall_half` is not among those metrics: the
recall at a probability of one half, whatever `labels.decision` is; where as many images
as have a label are taken to have it, higher probabilities cannot raise the recall.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int, Num, UInt8

from imbalens.analysis.differences.measure import (
    Measure,
    count_behind,
    images_behind,
    mean_measure,
)
from imbalens.analysis.performance.classes import softmax
from imbalens.analysis.performance.labels import sigmoid
from imbalens.analysis.performance.weighted import (
    accuracy,
    calibration_error,
    mean_where,
    pair_means,
    pair_means_per_class,
    precision,
    recall,
)
from imbalens.analysis.performance.weighted_ranking import (
    weighted_auroc,
    weighted_average_precision,
)


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
    min_images: int,
    patients: Int[np.ndarray, " n"] | None = None,
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
        min_images: Images of a class from which on it is in means over classes.
        patients: Patient of each image, where images are drawn with their patient.
    """
    predictions, codes = scores.argmax(axis=1), np.arange(scores.shape[1])
    actual, predicted = labels[:, None] == codes, predictions[:, None] == codes
    recalls = recall(weights, actual, predicted)
    confidence = softmax(scores).max(axis=1, keepdims=True)
    right = (predictions == labels)[:, None]
    # of the images that have a class or are predicted to, the share with both is F / (2 - F)
    either = mean_where(weights, actual & predicted, actual | predicted)
    f1 = np.where(np.isnan(recalls), np.nan, 2 * either / (1 + either))
    many, few = train_counts > many_above, train_counts < few_below
    groups = {"many": many, "medium": ~many & ~few, "few": few}
    enough = images_behind(labels, n_classes=len(codes)) >= min_images
    all_images = count_behind(patients, np.ones_like(right))
    errors = calibration_error(weights, confidence, right, n_bins=n_bins)
    of_actual, of_predicted = count_behind(patients, actual), count_behind(patients, predicted)
    correct, classes = accuracy(weights, labels, predictions)[:, None], tuple(names)
    return [
        Measure("performance", "accuracy", None, correct, *all_images),
        mean_measure("balanced_accuracy", recalls, of_actual, enough),
        Measure("performance", "ece", None, errors, *all_images, has_interval=False),
        *(
            mean_measure(group, recalls, of_actual, chosen & enough)
            for group, chosen in groups.items()
            if chosen.any()
        ),
        Measure("performance", "recall", classes, recalls, *of_actual),
        Measure(
            "performance",
            "precision",
            classes,
            precision(weights, actual, predicted),
            *of_predicted,
        ),
        Measure("performance", "f1", classes, f1, *of_actual),
    ]


def label_measures(
    weights: Int[np.ndarray, "r n"],
    scores: Float[np.ndarray, "n m"],
    labels: UInt8[np.ndarray, "n m"],
    predicted: Bool[np.ndarray, "n m"],
    names: Sequence[str],
    *,
    n_bins: int,
    min_images: int,
    patients: Int[np.ndarray, " n"] | None = None,
) -> list[Measure]:
    """Measure a classifier of labels that do not exclude each other, each and their mean.

    Args:
        weights: How often each image is drawn, per replicate.
        scores: Logits.
        labels: 1 where an image has a label, else 0.
        predicted: Which labels images are taken to have.
        names: Name of each label.
        n_bins: Bins of the calibration error.
        min_images: Images with a label, and as many without it, from which on it is in means over
            labels.
        patients: Patient of each image, where images are drawn with their patient.
    """
    actual, probabilities = labels != 0, sigmoid(scores)
    everything = np.ones_like(actual)
    both, positives = count_behind(patients, actual, ~actual), count_behind(patients, actual)
    all_images = count_behind(patients, everything)
    of_predicted = count_behind(patients, predicted)
    figures = {
        "auroc": (weighted_auroc(weights, scores, actual), both),
        "ap": (weighted_average_precision(weights, scores, actual), positives),
        "probability_positives": (mean_where(weights, probabilities, actual), positives),
        "probability": (mean_where(weights, probabilities, everything), all_images),
        "ece": (calibration_error(weights, probabilities, actual, n_bins=n_bins), all_images),
        "recall": (recall(weights, actual, predicted), positives),
        "recall_half": (recall(weights, actual, scores > 0), positives),
        "precision": (precision(weights, actual, predicted), of_predicted),
    }
    enough = images_behind(labels, n_classes=actual.shape[1]) >= min_images
    measures: list[Measure] = []
    for name, (values, behind) in figures.items():
        each = Measure(
            "performance", name, tuple(names), values, *behind, has_interval=name != "ece"
        )
        mean = mean_measure(name, values, both, enough)
        measures += [replace(mean, has_interval=each.has_interval), each]
    return measures


def pair_measures(
    weights: Int[np.ndarray, "r n"],
    stage: str,
    values: Mapping[str, Num[np.ndarray, " p"]],
    image: Int[np.ndarray, " p"],
    classes: Int[np.ndarray, " p"],
    names: Sequence[str],
    *,
    patients: Int[np.ndarray, " n"] | None = None,
) -> list[Measure]:
    """Average what was measured per pair of an image and a class, over all pairs and per class.

    Args:
        weights: How often each image is drawn, per replicate.
        stage: Stage that measured it.
        values: By measure one value per pair; NaN where it is undefined.
        image: Row of each pair's image.
        classes: Class of each pair.
        names: Name of each class; classes without pairs are left out.
        patients: Patient of each image, where images are drawn with their patient.
    """
    measures: list[Measure] = []
    for name, column in values.items():
        known = np.isfinite(column)
        if not known.any():
            continue
        # not of the known ones alone: else runs would differ in their classes
        of, chosen, present = image[known], classes[known], np.unique(classes)
        place = np.searchsorted(present, chosen)
        means = pair_means_per_class(weights, column[known], of, place, n_classes=len(present))
        member = np.zeros((weights.shape[1], len(present)), dtype=bool)
        member[of, place] = True
        annotated = np.isin(np.arange(len(member)), of)[:, None]
        measures += [
            Measure(
                stage,
                name,
                None,
                pair_means(weights, column[known][:, None], of),
                *count_behind(patients, annotated),
            ),
            Measure(
                stage,
                name,
                tuple(str(names[code]) for code in present),
                means,
                *count_behind(patients, member),
            ),
        ]
    return measures


def image_measures(
    weights: Int[np.ndarray, "r n"],
    stage: str,
    values: Mapping[str, Num[np.ndarray, " p"]],
    image: Int[np.ndarray, " p"],
    *,
    patients: Int[np.ndarray, " n"] | None = None,
) -> list[Measure]:
    """Average what was measured once per annotated image, or per pair of one and a class.

    Args:
        weights: How often each image is drawn, per replicate.
        stage: Stage that measured it.
        values: By measure one value per image or pair.
        image: Row of each one's image.
        patients: Patient of each image, where images are drawn with their patient.
    """
    measured = np.zeros((weights.shape[1], 1), dtype=bool)
    measured[image] = True
    behind = count_behind(patients, measured)
    return [
        Measure(stage, name, None, pair_means(weights, column[:, None], image), *behind)
        for name, column in values.items()
    ]
