"""The measures of the stage `performance`: each is declared here once, with its kernel.

A new one is a declaration in `OF_CLASSES`, `OF_LABELS` or both, and a test of its kernel. Rates
over images (recall, precision, F1 and their means by groups) are averaged over all classes with
evaluation images. What scores say of labels (AUROC, AP, mean probabilities, calibration) is
averaged as rankings are, over labels with enough images with and without them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from imbalens.analysis.common.measured import (
    Measure,
    PerClass,
    classes_averaged,
    count_behind,
    mean_of_defined,
    mean_of_rankings,
)
from imbalens.analysis.common.measures import MeasureSpec
from imbalens.analysis.common.weighted import (
    calibration_error,
    f_score,
    images_drawn,
    mean_where,
    precision,
    recall,
)
from imbalens.analysis.common.weighted_ranking import (
    weighted_auroc,
    weighted_average_precision,
)
from imbalens.analysis.performance.judged import Judged

Kernel = Callable[[Int[np.ndarray, "r n"], Judged], Float[np.ndarray, "r m"]]
Behind = Callable[[Judged], tuple[Bool[np.ndarray, "n m"], ...]]
Group = Literal["many", "medium", "few"]


@dataclass(frozen=True, kw_only=True)
class ScoreMeasure(MeasureSpec):
    """A measure of scores against what images are.

    Attributes:
        kernel: Its values for rows of weights, per class or label, or in one column.
        behind: Images that each column is measured on, see `count_behind`.
        group: Of a mean over the classes with many, medium or few training images which those
            are; None of all classes.
    """

    kernel: Kernel
    behind: Behind
    group: Group | None = None


def _accuracy(weights: Int[np.ndarray, "r n"], judged: Judged) -> Float[np.ndarray, "r 1"]:
    correct = _right(judged)
    return mean_where(weights, correct, np.ones_like(correct))


def _recall(weights: Int[np.ndarray, "r n"], judged: Judged) -> Float[np.ndarray, "r m"]:
    return recall(weights, judged.actual, judged.predicted)


def _recall_half(weights: Int[np.ndarray, "r n"], judged: Judged) -> Float[np.ndarray, "r m"]:
    return recall(weights, judged.actual, judged.scores > 0)


def _precision(weights: Int[np.ndarray, "r n"], judged: Judged) -> Float[np.ndarray, "r m"]:
    return precision(weights, judged.actual, judged.predicted)


def _f1(weights: Int[np.ndarray, "r n"], judged: Judged) -> Float[np.ndarray, "r m"]:
    return f_score(weights, judged.actual, judged.predicted)


def _auroc(weights: Int[np.ndarray, "r n"], judged: Judged) -> Float[np.ndarray, "r m"]:
    return weighted_auroc(weights, judged.scores, judged.actual, judged.known)


def _ap(weights: Int[np.ndarray, "r n"], judged: Judged) -> Float[np.ndarray, "r m"]:
    return weighted_average_precision(weights, judged.scores, judged.actual, judged.known)


def _of_positives(weights: Int[np.ndarray, "r n"], judged: Judged) -> Float[np.ndarray, "r m"]:
    return mean_where(weights, judged.probabilities, judged.actual)


def _of_all(weights: Int[np.ndarray, "r n"], judged: Judged) -> Float[np.ndarray, "r m"]:
    return mean_where(weights, judged.probabilities, judged.known)


def _answer_error(weights: Int[np.ndarray, "r n"], judged: Judged) -> Float[np.ndarray, "r 1"]:
    confidence = judged.probabilities.max(axis=1, keepdims=True)
    return calibration_error(weights, confidence, _right(judged), n_bins=judged.n_bins)


def _label_error(weights: Int[np.ndarray, "r n"], judged: Judged) -> Float[np.ndarray, "r m"]:
    found = (judged.probabilities, judged.actual, judged.known)
    return calibration_error(weights, *found, n_bins=judged.n_bins)


def _right(judged: Judged) -> Bool[np.ndarray, "n 1"]:
    return (judged.actual & judged.predicted).sum(axis=1, keepdims=True) > 0


def _everything(judged: Judged) -> tuple[Bool[np.ndarray, "n 1"]]:
    return (np.ones((len(judged.scores), 1), dtype=bool),)


def _every_label(judged: Judged) -> tuple[Bool[np.ndarray, "n m"]]:
    return (judged.known,)


def _having(judged: Judged) -> tuple[Bool[np.ndarray, "n m"]]:
    return (judged.actual,)


def _taken(judged: Judged) -> tuple[Bool[np.ndarray, "n m"]]:
    return (judged.predicted,)


def _with_and_without(judged: Judged) -> tuple[Bool[np.ndarray, "n m"], Bool[np.ndarray, "n m"]]:
    return judged.actual, judged.lacking


STAGE = "performance"
ACCURACY = ScoreMeasure(
    "accuracy",
    STAGE,
    "accuracy",
    "up",
    None,
    in_table=True,
    main=True,
    interval="share",
    kernel=_accuracy,
    behind=_everything,
)
BALANCED_ACCURACY = ScoreMeasure(
    "balanced_accuracy",
    STAGE,
    "balanced accuracy",
    "up",
    "rates",
    in_table=True,
    headline=True,
    interval="share",
    kernel=_recall,
    behind=_having,
)
AUROC = ScoreMeasure(
    "auroc",
    STAGE,
    "AUROC of labels",
    "up",
    "rankings",
    per_class=True,
    in_table=True,
    headline=True,
    main=True,
    interval="logit",
    kernel=_auroc,
    behind=_with_and_without,
)
AP = ScoreMeasure(
    "ap",
    STAGE,
    "AP of labels",
    "up",
    "rankings",
    per_class=True,
    in_table=True,
    headline=True,
    main=True,
    kernel=_ap,
    behind=_having,
)
PROBABILITY_POSITIVES = ScoreMeasure(
    "probability_positives",
    STAGE,
    "predicted probability of positives",
    None,
    "rankings",
    per_class=True,
    in_table=True,
    headline=True,
    main=True,
    kernel=_of_positives,
    behind=_having,
)
PROBABILITY = ScoreMeasure(
    "probability",
    STAGE,
    "predicted probability",
    None,
    "rankings",
    per_class=True,
    in_table=True,
    main=True,
    kernel=_of_all,
    behind=_every_label,
)
# too high where bins hold few images, by amounts that resampling does not find
ECE = ScoreMeasure(
    "ece",
    STAGE,
    "ECE",
    "down",
    None,
    in_table=True,
    has_interval=False,
    kernel=_answer_error,
    behind=_everything,
)
MANY = ScoreMeasure(
    "many",
    STAGE,
    "recall of many-shot classes",
    "up",
    "rates",
    headline=True,
    interval="share",
    kernel=_recall,
    behind=_having,
    group="many",
)
MEDIUM = ScoreMeasure(
    "medium",
    STAGE,
    "recall of medium-shot classes",
    "up",
    "rates",
    headline=True,
    interval="share",
    kernel=_recall,
    behind=_having,
    group="medium",
)
FEW = ScoreMeasure(
    "few",
    STAGE,
    "recall of few-shot classes",
    "up",
    "rates",
    headline=True,
    interval="share",
    kernel=_recall,
    behind=_having,
    group="few",
)
RECALL = ScoreMeasure(
    "recall",
    STAGE,
    "recall",
    "up",
    None,
    per_class=True,
    main=True,
    interval="share",
    kernel=_recall,
    behind=_having,
)
RECALL_HALF = ScoreMeasure(
    "recall_half",
    STAGE,
    "recall at probability 0.5",
    "up",
    "rates",
    per_class=True,
    main=True,
    interval="share",
    kernel=_recall_half,
    behind=_having,
)
PRECISION = ScoreMeasure(
    "precision",
    STAGE,
    "precision",
    "up",
    None,
    per_class=True,
    interval="share",
    kernel=_precision,
    behind=_taken,
)
F1 = ScoreMeasure(
    "f1",
    STAGE,
    "F1",
    "up",
    None,
    per_class=True,
    interval="share",
    kernel=_f1,
    behind=_having,
)

OF_CLASSES = (ACCURACY, BALANCED_ACCURACY, ECE, MANY, MEDIUM, FEW, RECALL, PRECISION, F1)
OF_LABELS = (
    AUROC,
    AP,
    PROBABILITY_POSITIVES,
    PROBABILITY,
    replace(ECE, mean="rankings", per_class=True, kernel=_label_error, behind=_every_label),
    replace(RECALL, mean="rates"),
    RECALL_HALF,
    replace(PRECISION, mean="rates"),
)


def performance_measures(
    weights: Int[np.ndarray, "r n"],
    judged: Judged,
    train_counts: Int[np.ndarray, " m"],
    names: Sequence[str],
    *,
    many_above: int,
    few_below: int,
    min_images: int,
    patients: Int[np.ndarray, " n"] | None,
) -> list[Measure]:
    """Measure a classifier on images and on images drawn from them.

    Args:
        weights: How often each image is drawn, per replicate; of a row of ones the measures are
            those of the images as they are.
        judged: The images beside what the classifier says.
        train_counts: Training images per class or label.
        names: Name of each class or label.
        many_above: A class with more training images than this has many.
        few_below: A class with fewer training images than this has few.
        min_images: Images with and without a label from which on it is in means of rankings.
        patients: Patient of each image; None where each image is drawn for itself.

    Returns:
        `OF_CLASSES` or `OF_LABELS` in their order, each mean before what it averages; but for
        groups that no class is in, which are all where there are no training images.

    Raises:
        ValueError: if a class could have both many and few images, or as the kernels do.
    """
    if few_below > many_above + 1:
        raise ValueError(
            f"few_below must be at most many_above + 1, found few_below={few_below}, "
            f"many_above={many_above}"
        )
    many, few = train_counts > many_above, train_counts < few_below
    counted = np.full_like(many, train_counts.any())  # without training images no class has few
    groups: Mapping[Group | None, Bool[np.ndarray, " m"]] = {
        None: np.ones_like(many),
        "many": many,
        "medium": ~many & ~few & counted,
        "few": few & counted,
    }
    computed: dict[Kernel, Float[np.ndarray, "r m"]] = {}
    measures: list[Measure] = []
    for spec in OF_CLASSES if judged.exclusive else OF_LABELS:
        group = groups[spec.group]
        if spec.group is not None and not group.any():
            continue
        if spec.kernel not in computed:
            computed[spec.kernel] = spec.kernel(weights, judged)
        values = computed[spec.kernel]
        if spec.mean in ("rates", "rankings"):
            sides = _with_and_without(judged)
            averaged = classes_averaged(spec.mean, *sides, min_images=min_images) & group
            measures.append(_mean(spec, weights, judged, values, averaged, patients, min_images))
        if spec.per_class or spec.mean is None:
            measures.append(
                Measure(
                    STAGE,
                    spec.name,
                    tuple(names) if spec.per_class else None,
                    values,
                    *count_behind(patients, *spec.behind(judged)),
                    has_interval=spec.has_interval,
                    interval=spec.interval,
                )
            )
    return measures


def _mean(
    spec: ScoreMeasure,
    weights: Int[np.ndarray, "r n"],
    judged: Judged,
    values: Float[np.ndarray, "r m"],
    averaged: Bool[np.ndarray, " m"],
    patients: Int[np.ndarray, " n"] | None,
    min_images: int,
) -> Measure:
    if spec.mean == "rankings":
        return mean_of_rankings(spec, values, _with_and_without(judged), averaged, patients)
    (members,) = spec.behind(judged)
    each = PerClass(
        np.where(averaged, values, np.nan),
        members,
        patients,
        drawn=images_drawn(weights, members),
        collapsed=min_images,
    )
    return mean_of_defined(spec, each)
