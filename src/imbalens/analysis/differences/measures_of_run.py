"""All measures of one training on resampled images.

Names and definitions are those of the metrics of the stages `performance`, `adversaries`,
`cam_alignment` and `concepts`, whose values the first row of weights gives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, Int16, Num

from imbalens.analysis.adversaries.scores import Prediction
from imbalens.analysis.common.measured import Measure, count_behind
from imbalens.analysis.common.measures import CAM_ALIGNMENT, DISJOINT, IOBB
from imbalens.analysis.common.weighted import pair_means, pair_means_per_class
from imbalens.analysis.differences.adversaries import adversary_measures
from imbalens.analysis.performance.judged import judge
from imbalens.analysis.performance.measures import performance_measures
from imbalens.classes import Classes, Targets

ALIGNMENT, CONCEPTS = IOBB.stage, DISJOINT.stage
SHARES = {spec.name for spec in CAM_ALIGNMENT if spec.interval == "share"}  # of pairs


@dataclass(frozen=True)
class Drawn:
    """The evaluation images of a split, drawn anew again and again, once for all runs.

    Attributes:
        weights: How often each image is drawn, see `resample_images`.
        patients: Patient of each image, with which it is drawn; None if each is of its own.
        seed: Of the draws.
    """

    weights: Int16[np.ndarray, "r n"]
    patients: Int[np.ndarray, " n"] | None
    seed: int


@dataclass(frozen=True)
class BoxFindings:
    """What maps of a training show in boxes.

    Attributes:
        alignment: By measure one value per pair of an image and a class; NaN where undefined.
        image: Row of each pair's image.
        classes: Class of each pair.
        concepts: By measure one value per annotated image, or per pair.
        counted: Row of each one's image.
    """

    alignment: Mapping[str, Num[np.ndarray, " p"]]
    image: Int[np.ndarray, " p"]
    classes: Int[np.ndarray, " p"]
    concepts: Mapping[str, Num[np.ndarray, " q"]]
    counted: Int[np.ndarray, " q"]


@dataclass(frozen=True)
class Foretold:
    """Errors of a training beside what is to foretell them.

    Attributes:
        classes: Classes of the images.
        predictions: Classes that these are taken to have.
        predictors: What foretells the errors, see `adversary_measures`.
    """

    classes: Classes
    predictions: Classes
    predictors: Mapping[str, Prediction]


@dataclass(frozen=True)
class Training:
    """What one training says of evaluation images.

    Attributes:
        names: Name of each class, or label.
        train_counts: Training images of each.
        scores: Logits of the split that performance is measured on.
        targets: Classes of its images, or 1 where they have a label.
        thresholds: See `judge`.
        foretold: Its errors, on images of another split perhaps; None where nothing foretells
            them.
        boxes: What its maps show; None without maps of annotated images.
    """

    names: tuple[str, ...]
    train_counts: Int[np.ndarray, " m"]
    scores: Float[np.ndarray, "n m"]
    targets: Targets
    thresholds: Float[np.ndarray, " m"] | None
    foretold: Foretold | None
    boxes: BoxFindings | None


@dataclass(frozen=True)
class Definitions:
    """How a training is measured.

    Attributes:
        n_bins: Bins of the calibration error.
        many_above: A class with more training images than this has many.
        few_below: A class with fewer training images than this has few.
        min_images: Images with and without a label from which on it is in means of rankings;
            images that must be behind an interval.
        errors: Which errors are around a class, see `error_distribution`.
        eps: See `kl_divergence`.
    """

    n_bins: int
    many_above: int
    few_below: int
    min_images: int
    errors: Literal["by_actual", "by_predicted"]
    eps: float


def measure_run(
    training: Training,
    evaluated: Drawn,
    judged: Drawn,
    annotated: Drawn | None,
    definitions: Definitions,
) -> list[Measure]:
    """Measure a training on images and on images drawn from them, by all that is compared.

    Args:
        training: What it says of the images.
        evaluated: Images that performance is measured on.
        judged: Those whose errors are to be foretold.
        annotated: Those with boxes; None if no run has maps.
        definitions: How it is measured.

    Raises:
        ValueError: as `judge` and `adversary_measures`.
    """
    measures = performance_measures(
        evaluated.weights,
        judge(
            training.scores,
            training.targets,
            thresholds=training.thresholds,
            n_bins=definitions.n_bins,
        ),
        training.train_counts,
        training.names,
        many_above=definitions.many_above,
        few_below=definitions.few_below,
        min_images=definitions.min_images,
        patients=evaluated.patients,
    )
    if training.foretold is not None:
        measures += adversary_measures(
            judged.weights,
            training.foretold.classes,
            training.foretold.predictions,
            training.foretold.predictors,
            errors=definitions.errors,
            eps=definitions.eps,
            seed=judged.seed,
            patients=judged.patients,
        )
    boxes = training.boxes
    if annotated is None or boxes is None:
        return measures
    weights, patients = annotated.weights, annotated.patients
    return [
        *measures,
        *pair_measures(
            weights,
            ALIGNMENT,
            boxes.alignment,
            boxes.image,
            boxes.classes,
            training.names,
            patients=patients,
        ),
        *image_measures(weights, CONCEPTS, boxes.concepts, boxes.counted, patients=patients),
    ]


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
        interval = "share" if name in SHARES else "wald"
        measures += [
            Measure(
                stage,
                name,
                None,
                pair_means(weights, column[known][:, None], of),
                *count_behind(patients, annotated),
                interval=interval,
            ),
            Measure(
                stage,
                name,
                tuple(str(names[code]) for code in present),
                means,
                *count_behind(patients, member),
                interval=interval,
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
