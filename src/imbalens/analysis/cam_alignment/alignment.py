"""How well class activation maps and boxes cover each other.

Source: paper A, section 4, "Feature Alignment Analysis" and Table 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int

from imbalens.analysis.common.cams import normalize_maps, resize_maps
from imbalens.analysis.common.counting import divide, mean_defined
from imbalens.classes import require_codes


@dataclass(frozen=True)
class Measures:
    """Figures of the same pairs of an image and a class: each field holds one per pair."""


SomeMeasures = TypeVar("SomeMeasures", bound=Measures)


@dataclass(frozen=True)
class Alignment(Measures):
    """Agreement of map and boxes per pair of an image and a class; measures from 0 to 1, best.

    Attributes:
        iobb: Intersection over bounding box: sum of the map in the boxes / area of the boxes.
        ior: Intersection over detected region: sum of the map in the boxes / sum of the map.
        iou: Intersection over union, the union being sum of the map + area - intersection.
        pointing: Share of the map's largest pixels that lie in the boxes, the pointing game.
        all_zero: Whether the map is zero everywhere; the measures are then 0.
    """

    iobb: Float[np.ndarray, " p"]
    ior: Float[np.ndarray, " p"]
    iou: Float[np.ndarray, " p"]
    pointing: Float[np.ndarray, " p"]
    all_zero: Bool[np.ndarray, " p"]


MEASURES = tuple(field.name for field in fields(Alignment))


@dataclass(frozen=True)
class AlignmentSummary:
    """Means over the pairs where a measure is defined; columns follow the fields of `Measures`.

    Attributes:
        pairs: Pairs of each class.
        means: Means per class; NaN for a class without pairs.
        overall: Means over all pairs, each pair counting once; NaN if there are none.
    """

    pairs: Int[np.ndarray, " c"]
    means: Float[np.ndarray, "c m"]
    overall: Float[np.ndarray, " m"]


def align_cams(
    cams: Float[np.ndarray, "p h w"],
    *,
    image_size: int,
    relu: bool,
    normalize_before_resize: bool,
) -> Float[np.ndarray, "p s s"]:
    """Bring class activation maps to [0, 1] and to the pixels of their images.

    Args:
        cams: Class activation maps in the network's resolution.
        image_size: Side of the images, s pixels.
        relu: Whether negative evidence is cut off.
        normalize_before_resize: Bring the small map to [0, 1] and then resize it, after which
            its largest value can be less than 1; otherwise the resized map is normalised.

    Returns:
        Maps within [0, 1], see `measure_alignment`.
    """
    size = (image_size, image_size)
    cams = np.maximum(cams, 0) if relu else cams
    if normalize_before_resize:
        return resize_maps(normalize_maps(cams), size=size)
    return normalize_maps(resize_maps(cams, size=size))


def harden(cams: Float[np.ndarray, "p h w"], *, threshold: float) -> Float[np.ndarray, "p h w"]:
    """Cut maps to 0 and 1, so that `measure_alignment` gives the hard measures.

    Args:
        cams: Maps within [0, 1].
        threshold: Smallest value that becomes 1.

    Raises:
        ValueError: if `threshold` is outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; it must be > 0 and <= 1")
    return (cams >= threshold).astype(cams.dtype)


def measure_alignment(
    cams: Float[np.ndarray, "p h w"], masks: Bool[np.ndarray, "p h w"]
) -> Alignment:
    """Measure how well the map of each pair covers its boxes, and they it.

    Args:
        cams: Maps within [0, 1], in the pixels of the image.
        masks: Pixels inside the boxes.

    Returns:
        The measures; an all-zero map is marked and counts 0 in each.

    Raises:
        ValueError: if a value lies outside [0, 1] or a mask has no pixel.

    Source: paper A, section 4 (soft IoBB and IoR); the pointing game is Zhang et al. 2016,
    "Top-down neural attention by excitation backprop", with ties shared.
    """
    if cams.size and not (cams.min() >= 0 and cams.max() <= 1):
        raise ValueError(
            f"maps must lie within [0, 1], found {cams.min():.6g} to {cams.max():.6g}; "
            "normalise them first"
        )
    area = masks.sum(axis=(1, 2))
    if not area.all():
        raise ValueError(f"the mask of pair {np.argmin(area)} has no pixel; a pair needs a box")
    values = cams.astype(np.float64)
    total = values.sum(axis=(1, 2))
    common = np.where(masks, values, 0).sum(axis=(1, 2))
    peak = values.max(axis=(1, 2), keepdims=True)
    all_zero = peak[:, 0, 0] == 0
    top = values == peak
    hits = (top & masks).sum(axis=(1, 2))
    return Alignment(
        iobb=divide(common, area),
        ior=divide(common, np.where(all_zero, 1, total)),
        iou=divide(common, total + area - common),
        pointing=divide(np.where(all_zero, 0, hits), top.sum(axis=(1, 2))),
        all_zero=all_zero,
    )


def join_measures(parts: Sequence[SomeMeasures]) -> SomeMeasures:
    """Put the measures of one or more batches of pairs together, in order."""
    names = [field.name for field in fields(parts[0])]
    return type(parts[0])(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    )


def summarize_measures(
    measures: Measures, classes: Int[np.ndarray, " p"], *, n_classes: int
) -> AlignmentSummary:
    """Average measures over the pairs where they are defined, per class and in all.

    Raises:
        ValueError: if a class is out of range.

    Source: paper A, Table 1 (the means over all pairs).
    """
    require_codes(classes, n_codes=n_classes, name="classes")
    columns = [getattr(measures, field.name).astype(np.float64) for field in fields(measures)]
    means = []
    for values in columns:
        defined = ~np.isnan(values)
        sums = np.bincount(classes[defined], values[defined], n_classes)
        means.append(divide(sums, np.bincount(classes[defined], minlength=n_classes)))
    return AlignmentSummary(
        pairs=np.bincount(classes, minlength=n_classes),
        means=np.stack(means, axis=1),
        overall=np.array([mean_defined(values) for values in columns]),
    )
