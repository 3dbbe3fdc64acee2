"""Which features stand for a class, and which classes share them.

Source: paper B, section 3.4, Algorithm 2 and Figure 5.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from imbalens.analysis.common.counting import divide
from imbalens.classes import Classes, pair_features, require_codes

_BLOCK_VALUES = 1 << 20


@dataclass(frozen=True)
class TopFeatures:
    """The features with the largest class means, largest first.

    A feature whose mean is not above 0 stands for no class: where fewer than K remain, the last
    places are empty, and all of them for a class without instances.

    Attributes:
        indices: Feature indices; -1 in an empty place.
        mean: Mean of these features over the class; NaN in an empty place.
        share: Part of each in the sum of the means; NaN in an empty place.
    """

    indices: Int[np.ndarray, "c k"]
    mean: Float[np.ndarray, "c k"]
    share: Float[np.ndarray, "c k"]


@dataclass(frozen=True)
class PairOverlap:
    """Top features that two classes have in common.

    Attributes:
        shared: Number of common indices; on the diagonal the number that the class has.
        jaccard: Common indices over all indices of the two; NaN with a class that has none.
    """

    shared: Int[np.ndarray, "c c"]
    jaccard: Float[np.ndarray, "c c"]


@dataclass(frozen=True)
class FeatureOverlap:
    """Which features stand for classes, and how far classes share them.

    Attributes:
        top: Strongest features of each class.
        pairs: Those that two classes have in common.
        density: How often those of a class are strong in instances of another.
    """

    top: TopFeatures
    pairs: PairOverlap
    density: Float[np.ndarray, "c c"]


def feature_overlap(
    features: Float[np.ndarray, "n d"], classes: Classes, *, n_classes: int, top_k: int
) -> FeatureOverlap:
    """Find the features that stand for each class, and how far classes share them.

    Args:
        features: Feature embeddings, one row per image.
        classes: True class per image, or the membership matrix: an image counts for each of its
            classes.
        n_classes: Number of classes.
        top_k: Features kept per class (K).

    Raises:
        ValueError: if `top_k` is less than 1 or more than the number of features, a class is out
            of range, or a feature is not finite.

    Source: paper B, section 3.4.
    """
    paired, labels = pair_features(features, classes)
    top = top_features(paired, labels, n_classes=n_classes, top_k=top_k)
    return FeatureOverlap(
        top=top,
        pairs=pair_overlap(top.indices),
        density=density_ratio(paired, labels, top.indices, n_classes=n_classes),
    )


def top_features(
    features: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    *,
    n_classes: int,
    top_k: int,
) -> TopFeatures:
    """Find the features with the largest mean over each class.

    Args:
        features: Feature embeddings, one row per instance.
        labels: True class of each instance.
        n_classes: Number of classes.
        top_k: Features kept per class (K); ties go to the smaller index.

    Returns:
        Indices, means and shares per class, largest mean first.

    Raises:
        ValueError: if `top_k` is less than 1 or more than the number of features, a label is out
            of range, or the mean of a feature is not finite.

    Source: paper B, section 3.4, Algorithm 2.
    """
    n_features = features.shape[1]
    if not 1 <= top_k <= n_features:
        raise ValueError(
            f"top_k is {top_k}; it must be between 1 and the number of features, {n_features}"
        )
    require_codes(labels, n_codes=n_classes, name="labels")
    indices = np.full((n_classes, top_k), -1, dtype=np.int64)
    mean = np.full((n_classes, top_k), np.nan)
    for c in range(n_classes):
        members = features[labels == c]
        if len(members):
            with np.errstate(over="ignore", invalid="ignore"):
                class_mean = members.mean(axis=0, dtype=np.float64)
            if not np.isfinite(class_mean).all():  # of which no order would be one of features
                raise ValueError(f"features must be finite, and so their mean over class {c}")
            largest = np.argsort(-class_mean, kind="stable")[:top_k]
            alive = class_mean[largest] > 0
            indices[c] = np.where(alive, largest, -1)
            mean[c] = np.where(alive, class_mean[largest], np.nan)
    share = divide(mean, np.nansum(mean, axis=1, keepdims=True))
    return TopFeatures(indices=indices, mean=mean, share=share)


def pair_overlap(indices: Int[np.ndarray, "c k"]) -> PairOverlap:
    """Count the top features that each pair of classes shares.

    Args:
        indices: Top features per class; -1 in an empty place.

    Returns:
        Count and Jaccard index of each pair; both symmetric.

    Source: paper B, section 3.4 and Figure 5.
    """
    listed = indices >= 0
    member = np.zeros((len(indices), indices.max() + 1), dtype=np.int64)
    member[np.nonzero(listed)[0], indices[listed]] = 1
    shared, size = member @ member.T, listed.sum(axis=1)
    union = size[:, None] + size - shared
    jaccard = np.where(np.outer(size, size) > 0, divide(shared, union), np.nan)
    return PairOverlap(shared=shared, jaccard=jaccard)


def density_ratio(
    features: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    indices: Int[np.ndarray, "c k"],
    *,
    n_classes: int,
) -> Float[np.ndarray, "c c"]:
    """How often a class's top features are among the top features of other classes' instances.

    Entry [c, o] is the mean, over the instances of class o, of the share of class c's top
    features that are among the instance's own K largest above 0 (ties go to the smaller index).

    Args:
        features: Feature embeddings, one row per instance.
        labels: True class of each instance.
        indices: Top features per class; -1 in an empty place.
        n_classes: Number of classes.

    Returns:
        Ratios in [0, 1]; NaN in rows of classes without top features and in columns of classes
        without instances.

    Raises:
        ValueError: if a label is out of range.

    Source: paper B, section 3.4.
    """
    n_instances, n_features = features.shape
    top_k = indices.shape[1]
    require_codes(labels, n_codes=n_classes, name="labels")
    hits = np.zeros(n_classes * n_features, dtype=np.int64)
    step = max(1, _BLOCK_VALUES // n_features)
    for start in range(0, n_instances, step):
        rows, columns = np.nonzero(_among_largest(features[start : start + step], top_k))
        cells = labels[start : start + step][rows] * n_features + columns
        hits += np.bincount(cells, minlength=len(hits))
    size = np.bincount(labels, minlength=n_classes)
    frequency = divide(hits.reshape(n_classes, n_features), size[:, None])
    ratio = np.full((n_classes, n_classes), np.nan)
    for c in np.flatnonzero(indices[:, 0] >= 0):
        own = indices[c][indices[c] >= 0]
        ratio[c] = frequency[:, own].sum(axis=1) / len(own)
    return ratio


def _among_largest(values: Float[np.ndarray, "n d"], top_k: int) -> Bool[np.ndarray, "n d"]:
    smallest = np.partition(values, -top_k, axis=1)[:, -top_k, None]
    above = values > smallest
    tied = values == smallest
    free = top_k - above.sum(axis=1, keepdims=True)
    return (above | (tied & (tied.cumsum(axis=1) <= free))) & (values > 0)
