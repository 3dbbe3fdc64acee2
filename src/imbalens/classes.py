"""Which classes an image has, be it exactly one or any of several labels.

The analyses take classes in one of two forms. Where each image has exactly one class they are
codes, "n". Where several labels can apply, or none, they are a membership matrix, "n c": row i
tells which classes image i has. An image that is known to have no label has a class of its own,
`NO_FINDING` (`HEALTHY` beside a single label). A pair is an image and a class that it has; pairs
stand in the order of images, then of classes.

Of several labels, an image need not be known to have one or to lack it: `UNKNOWN` stands there
among the labels. Such an image is in neither set, counts neither as having the label nor as
wrongly taken for it, and may be in no class at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

NO_FINDING = "No Finding"
"""The label of an image that has none of the others."""
HEALTHY = "Healthy"
UNKNOWN = 255
"""What stands among several labels, beside 1 and 0, for one that is not known."""

Classes = Int[np.ndarray, " n"] | Bool[np.ndarray, "n c"]
Decision = Literal["half", "prevalence"]
Targets = Int[np.ndarray, " n"] | UInt8[np.ndarray, "n m"]


@dataclass(frozen=True)
class Seen:
    """Images of a split: which classes they have, and which a network takes them for.

    Attributes:
        targets: Class of each image; of several labels, 1 where an image has one, 0 where it
            lacks it, `UNKNOWN` where that is not known.
        index: Position of each image in the source's split.
        classes: Classes that each image is known to have.
        predictions: Classes that it is taken to have, of those known of it; None where nobody
            said.
        known: See `known_classes`.
    """

    targets: Targets
    index: Int[np.ndarray, " n"]
    classes: Classes
    predictions: Classes | None
    known: Bool[np.ndarray, "n c"] | None


def require_codes(codes: Int[np.ndarray, " n"], *, n_codes: int, name: str) -> None:
    """Refuse codes outside `0 .. n_codes - 1`.

    Args:
        codes: Class, archetype or group code per instance.
        n_codes: How many codes there are.
        name: What the codes are called in the message.

    Raises:
        ValueError: naming the first code out of range and its position.
    """
    outside = np.flatnonzero((codes < 0) | (codes >= n_codes))
    if len(outside):
        position = outside[0]
        raise ValueError(
            f"{name} must lie in 0..{n_codes - 1}, found {codes[position]} at position {position}"
        )


def class_names(label_names: Sequence[str], *, task: str) -> tuple[str, ...]:
    """Name the classes that there are, that of images without any label included.

    Args:
        label_names: Name of each output of the network.
        task: "multiclass", where these are all classes, "multilabel" or "binary".

    Returns:
        Names of the c classes, in the order of codes or of a membership matrix's columns.
    """
    if task == "multiclass" or NO_FINDING in label_names:
        return tuple(label_names)
    return (*label_names, HEALTHY if len(label_names) == 1 else NO_FINDING)


def true_classes(targets: Targets, label_names: Sequence[str]) -> Classes:
    """Turn labels, as a dataset gives them, into classes.

    Args:
        targets: Class per image, or 1 where an image has a label, 0 where it lacks it, or
            `UNKNOWN`.
        label_names: Name of each output of the network.

    Returns:
        Codes as they are, or the membership matrix.
    """
    if targets.ndim == 1:
        return targets
    return _with_unlabelled(targets == 1, targets == 0, label_names)


def mark_unknown(
    labels: Int[np.ndarray, " n"] | UInt8[np.ndarray, "n m"],
    unknown: Bool[np.ndarray, "n m"] | None,
) -> Targets:
    """Put `UNKNOWN` where a label is not known; None: all are known."""
    return labels if unknown is None else np.where(unknown, np.uint8(UNKNOWN), labels)


def known_classes(targets: Targets, label_names: Sequence[str]) -> Bool[np.ndarray, "n c"] | None:
    """Tell of which classes it is known whether images have them.

    Whether an image has no label at all is known where it is known to have one, or to lack each;
    where No Finding is itself a label, also where it says so.

    Args:
        targets: Class per image, or 1 where an image has a label, 0 where it lacks it, or
            `UNKNOWN`.
        label_names: Name of each output of the network.

    Returns:
        One column per class, as in the membership matrix; None of classes that exclude each
        other, of which all are known.
    """
    if targets.ndim == 1:
        return None
    known, has = targets != UNKNOWN, targets == 1
    if NO_FINDING not in label_names:
        return np.hstack(
            [known, known.all(axis=1, keepdims=True) | has.any(axis=1, keepdims=True)]
        )
    none = np.asarray(label_names) == NO_FINDING
    return known | (none & (has & ~none).any(axis=1, keepdims=True))


def where_known(predictions: Classes, targets: Targets, label_names: Sequence[str]) -> Classes:
    """Keep of the classes that images are taken for those of which it is known if they have them.

    Args:
        predictions: Predicted class per image, or the membership matrix.
        targets: Class per image, or 1 where an image has a label, 0 where it lacks it, or
            `UNKNOWN`.
        label_names: Name of each output of the network.
    """
    known = known_classes(targets, label_names)
    return predictions if known is None else predictions & known


def predicted_classes(
    scores: Float[np.ndarray, "n m"],
    label_names: Sequence[str],
    *,
    thresholds: Float[np.ndarray, " m"] | None,
) -> Classes:
    """Decide which classes images have, from the network's scores.

    Args:
        scores: What a softmax or a decision per label is taken on.
        label_names: Name of each output of the network.
        thresholds: Smallest sufficient score per label, see `label_thresholds`; None where
            classes exclude each other.

    Returns:
        Code of the highest score, or the membership matrix of the labels decided on.
    """
    if thresholds is None:
        return scores.argmax(axis=1)
    decided = decide(scores, thresholds)
    return _with_unlabelled(decided, ~decided, label_names)


def label_thresholds(
    train_scores: Float[np.ndarray, "n m"],
    train_labels: UInt8[np.ndarray, "n m"],
    *,
    decision: Decision,
) -> Float[np.ndarray, " m"]:
    """Choose the score from which on an image is taken to have a label.

    Args:
        train_scores: Logits of the training images.
        train_labels: 1 where a training image has a label, 0 where it lacks it, or `UNKNOWN`.
        decision: `half`: a probability above 0.5, that is a logit above 0. `prevalence`: per
            label as many training images as have it, or more if several share the score at the
            threshold, of those that are known to have or to lack it.

    Returns:
        Smallest sufficient score per label: for `half` the smallest number above 0; infinity for
        `prevalence` of a label that no training image has.

    Raises:
        ValueError: if a training score is not finite.
    """
    broken = np.flatnonzero(~np.isfinite(train_scores).all(axis=1))
    if len(broken):
        raise ValueError(
            f"training scores must be finite, found {len(broken)} rows that are not, "
            f"the first being row {broken[0]}"
        )
    n_labels = train_scores.shape[1]
    match decision:
        case "half":
            return np.full(n_labels, np.nextafter(0.0, 1.0))
        case "prevalence":
            known = np.where(train_labels == UNKNOWN, -np.inf, train_scores.astype(np.float64))
            sufficient = np.vstack([np.full(n_labels, np.inf), -np.sort(-known, axis=0)])
            n_positive = np.count_nonzero(train_labels == 1, axis=0)
            return sufficient[n_positive, np.arange(n_labels)]
        case _:
            assert_never(decision)


def decide(
    scores: Float[np.ndarray, "n m"], thresholds: Float[np.ndarray, " m"]
) -> Bool[np.ndarray, "n m"]:
    """Tell which labels images are taken to have: those whose score reaches the threshold.

    Args:
        scores: Logits.
        thresholds: Smallest sufficient score per label, see `label_thresholds`.
    """
    return scores >= thresholds


def list_pairs(classes: Classes) -> tuple[Int[np.ndarray, " p"], Int[np.ndarray, " p"]]:
    """List every image with every class that it has.

    Args:
        classes: Codes, or a membership matrix.

    Returns:
        Row of the image and code of the class, per pair; of codes one pair per image.
    """
    if classes.ndim == 1:
        return np.arange(len(classes)), classes
    rows, codes = np.nonzero(classes)
    return rows, codes


def pair_features(
    features: Float[np.ndarray, "n d"], classes: Classes
) -> tuple[Float[np.ndarray, "p d"], Int[np.ndarray, " p"]]:
    """Repeat the features of an image for every class that it has.

    Args:
        features: Feature embeddings, one row per image.
        classes: Codes, or a membership matrix.

    Returns:
        Features and code of the class, per pair; of codes both as they are.
    """
    if classes.ndim == 1:
        return features, classes
    rows, codes = list_pairs(classes)
    return features[rows], codes


def count_members(classes: Classes, *, n_classes: int) -> Int[np.ndarray, " c"]:
    """Count the images that have each class.

    Args:
        classes: Codes, or a membership matrix.
        n_classes: Number of classes.

    Raises:
        ValueError: if a code is out of range.
    """
    _, codes = list_pairs(classes)
    require_codes(codes, n_codes=n_classes, name="classes")
    return np.bincount(codes, minlength=n_classes)


def count_shares(memberships: Bool[np.ndarray, "*n c"]) -> Int[np.ndarray, "*n"]:
    """Count the shares of each image's mass: one per class, and one of an image in no class.

    Args:
        memberships: Membership matrix, whose images may stand in several dimensions.
    """
    return np.maximum(memberships.sum(axis=-1), 1)


def spread_mass(memberships: Bool[np.ndarray, "*n c"]) -> Float[np.ndarray, "*n c"]:
    """Spread each image's mass of 1 evenly over the classes that it has.

    Args:
        memberships: Membership matrix, whose images may stand in several dimensions.

    Returns:
        Weights that sum to 1 over the classes; to 0 of an image of which no class is known.
    """
    return memberships / count_shares(memberships)[..., None]


def describe(classes: Classes, names: Sequence[str]) -> list[str]:
    """Name the classes of each image, several of them joined by "|".

    Args:
        classes: Codes, or a membership matrix.
        names: Name of each class.
    """
    named = np.asarray(names, dtype=object)
    if classes.ndim == 1:
        return named[classes].tolist()
    return ["|".join(named[row]) for row in classes]


def _with_unlabelled(
    labels: Bool[np.ndarray, "n m"], lacking: Bool[np.ndarray, "n m"], label_names: Sequence[str]
) -> Bool[np.ndarray, "n c"]:
    """Give images that lack each label the class for that, an added one unless it is a label."""
    none = lacking.all(axis=1, keepdims=True)
    if NO_FINDING not in label_names:
        return np.hstack([labels, none])
    return labels | (none & (np.asarray(label_names) == NO_FINDING))
