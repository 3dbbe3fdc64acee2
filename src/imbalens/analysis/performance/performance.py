"""What a classifier gets right, overall and per class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from imbalens.analysis.common.counting import count_pairs
from imbalens.analysis.performance.judged import judge
from imbalens.analysis.performance.measures import OF_CLASSES, OF_LABELS, performance_measures
from imbalens.classes import (
    Classes,
    Targets,
    class_names,
    count_members,
    known_classes,
    predicted_classes,
    true_classes,
    where_known,
)


@dataclass(frozen=True)
class Performance:
    """What a classifier gets right.

    Attributes:
        exclusive: Whether each image has exactly one class; else it has any of several labels.
        names: Classes, or labels.
        whole: By measure its value over all images, or its mean over classes; NaN where it is
            undefined.
        classes: By measure that is a mean over classes how many those are.
        each: By measure its value per class or label; NaN where it is undefined.
        images: Evaluation images that have each class or label.
        known: Those that are known to have it or to lack it.
        undefined: Labels (0-based) that none of these has, or all have.
        confused: Classes of `confusion`: `names`, and that of images without any label.
        confusion: Images by the class that they have (rows) and that they are taken for
            (columns); of labels, off the diagonal, those taken for a class without having it.
        sizes: What these are a share of: images that have the row's class, of which it is known
            whether they have the column's.
        n: Images evaluated.
    """

    exclusive: bool
    names: tuple[str, ...]
    whole: Mapping[str, float]
    classes: Mapping[str, int]
    each: Mapping[str, Float[np.ndarray, " m"]]
    images: Int[np.ndarray, " m"]
    known: Int[np.ndarray, " m"]
    undefined: tuple[int, ...]
    confused: tuple[str, ...]
    confusion: Int[np.ndarray, "c c"]
    sizes: Int[np.ndarray, "c c"]
    n: int

    @property
    def means(self) -> dict[str, tuple[float, int]]:
        """By measure its mean over classes, and how many those are."""
        return {name: (self.whole[name], n) for name, n in self.classes.items()}


def performance(
    scores: Float[np.ndarray, "n m"],
    targets: Targets,
    train_counts: Int[np.ndarray, " m"],
    names: Sequence[str],
    *,
    thresholds: Float[np.ndarray, " m"] | None,
    n_bins: int,
    many_above: int,
    few_below: int,
    min_images: int,
) -> Performance:
    """Measure how well scores tell which images have which class, or label.

    Args:
        scores: Logits, already multiplied by their scale where they are cosines.
        targets: Class per image, or 1 where an image has a label, 0 where it lacks it, or
            `UNKNOWN`: the image is then left out of what is measured of the label.
        train_counts: Training images per class or label.
        names: Name of each class or label.
        thresholds: Score of each label from which on an image counts as having it; None where
            classes exclude each other.
        n_bins: Bins of the calibration error.
        many_above: A class with more training images than this has many.
        few_below: A class with fewer training images than this has few.
        min_images: Images with and without a label from which on it is in means of rankings.

    Returns:
        All measures that `performance.measures` declares, unweighted.

    Raises:
        ValueError: if a score is not finite, a class is out of range, a label is none of 0, 1
            and `UNKNOWN`, a threshold is NaN, `n_bins` is below 1, or a class could have both many
            and few training images.

    Source: definitions of paper A, section 5 (AUROC, AP, mean predicted probability).
    """
    judged = judge(scores, targets, thresholds=thresholds, n_bins=n_bins)
    n = len(scores)
    measures = performance_measures(
        np.ones((1, n), dtype=np.int64),
        judged,
        train_counts,
        names,
        many_above=many_above,
        few_below=few_below,
        min_images=min_images,
        patients=None,
    )
    declared = OF_CLASSES if judged.exclusive else OF_LABELS
    means = {spec.name: spec.mean for spec in declared if spec.mean or not spec.per_class}
    found = {one.name: one for one in measures if one.classes is None}
    counts, known = judged.actual.sum(axis=0), judged.known.sum(axis=0)
    actual = true_classes(targets, names)
    decided = predicted_classes(scores, names, thresholds=thresholds)
    predicted = where_known(decided, targets, names)
    confused = class_names(names, task="multiclass" if judged.exclusive else "multilabel")
    return Performance(
        exclusive=judged.exclusive,
        names=tuple(names),
        whole={key: float(found[key].values[0, 0]) if key in found else np.nan for key in means},
        classes={
            key: (found[key].averaged or 0) if key in found else 0
            for key, mean in means.items()
            if mean
        },
        each={one.name: one.values[0] for one in measures if one.classes is not None},
        images=counts,
        known=known,
        undefined=tuple(np.flatnonzero((counts == 0) | (counts == known)).tolist()),
        confused=confused,
        confusion=confusion_matrix(actual, predicted, n_classes=len(confused)),
        sizes=_known_pairs(actual, known_classes(targets, names), n_classes=len(confused)),
        n=n,
    )


def _known_pairs(
    actual: Classes, known: Bool[np.ndarray, "n c"] | None, *, n_classes: int
) -> Int[np.ndarray, "c c"]:
    """Count the images that have each class (row) and tell of each other whether they do."""
    if known is None or actual.ndim == 1:
        sizes = count_members(actual, n_classes=n_classes)
        return np.repeat(sizes[:, None], n_classes, axis=1)
    return actual.T.astype(int) @ known.astype(int)


def confusion_matrix(
    actual: Classes, predicted: Classes, *, n_classes: int
) -> Int[np.ndarray, "c c"]:
    """Count how often each class is taken for each class.

    Args:
        actual: True class per image, or the membership matrix.
        predicted: Predicted classes, in the same form.
        n_classes: Number of classes, c.

    Returns:
        Counts, rows actual, columns predicted. Of several labels the diagonal counts the images
        that have a class and are taken to, the rest those that are taken for the column's class
        without having it.

    Raises:
        ValueError: if a class is out of range.
    """
    if actual.ndim == 1:
        names = ("labels", "predictions")
        return count_pairs(actual, predicted, n_rows=n_classes, n_columns=n_classes, names=names)
    hits, mistakes = actual & predicted, predicted & ~actual
    return np.diag(hits.sum(axis=0)) + actual.T.astype(int) @ mistakes.astype(int)
