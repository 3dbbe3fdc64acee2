"""How well class activation maps and boxes cover each other.

Source: paper A, section 4, "Feature Alignment Analysis" and Table 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float, Int

from imbalens.analysis.cams import class_activation_maps, normalize_maps, resize_maps
from imbalens.analysis.counting import divide, require_codes

MEASURES = ("iobb", "ior", "iou", "pointing", "all_zero")


@dataclass(frozen=True)
class Alignment:
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


@dataclass(frozen=True)
class AlignmentSummary:
    """Means over pairs; the columns follow `MEASURES`, the last one being a rate.

    Attributes:
        pairs: Pairs of each class.
        means: Means per class; NaN for a class without pairs.
        overall: Means over all pairs, each pair counting once; NaN if there are none.
    """

    pairs: Int[np.ndarray, " c"]
    means: Float[np.ndarray, "c 5"]
    overall: Float[np.ndarray, " 5"]


def find_pairs(boxes: Int[np.ndarray, "b 6"]) -> Int[np.ndarray, "p 2"]:
    """Find the distinct (image, class) pairs that have a box.

    Args:
        boxes: Image row, class, x, y, width, height of each box.

    Returns:
        Image row and class of each pair, sorted.
    """
    return np.unique(boxes[:, :2], axis=0)


def box_masks(
    boxes: Int[np.ndarray, "b 6"], pairs: Int[np.ndarray, "p 2"], *, image_size: int
) -> Bool[np.ndarray, "p s s"]:
    """Mark the pixels inside any box of each pair.

    Args:
        boxes: Image row, class, x, y, width, height (pixels) of each box; those of other pairs
            are ignored.
        pairs: Image row and class of each pair.
        image_size: Side of the images, s pixels.

    Returns:
        True inside the union of the boxes of the pair.

    Raises:
        ValueError: if a box is empty or reaches out of the image, or a pair has no box.
    """
    _require_inside(boxes, image_size)
    masks = np.zeros((len(pairs), image_size, image_size), dtype=bool)
    places = {(row, label): place for place, (row, label) in enumerate(pairs.tolist())}
    for row, label, x, y, width, height in boxes.tolist():
        if (row, label) in places:
            masks[places[row, label], y : y + height, x : x + width] = True
    bare = np.flatnonzero(~masks.any(axis=(1, 2)))
    if len(bare):
        row, label = pairs[bare[0]].tolist()
        raise ValueError(f"image {row} has no box of class {label}; find pairs in these boxes")
    return masks


def shift_boxes(
    boxes: Int[np.ndarray, "b 6"], *, image_size: int, rng: np.random.Generator
) -> Int[np.ndarray, "b 6"]:
    """Move each box to a place chosen at random, to see what alignment chance alone gives.

    Args:
        boxes: Image row, class, x, y, width, height (pixels) of each box.
        image_size: Side of the images in pixels.
        rng: Chooses the places, all that lie inside the image being equally likely.

    Returns:
        Boxes of the same images, classes and sizes, elsewhere.

    Raises:
        ValueError: if a box is empty or reaches out of the image.
    """
    _require_inside(boxes, image_size)
    shifted = boxes.copy()
    shifted[:, 2:4] = rng.integers(0, image_size - boxes[:, 4:] + 1)
    return shifted


def align_maps(
    maps: Float[np.ndarray, "p k h w"],
    weights: Float[np.ndarray, "p k"],
    *,
    image_size: int,
    relu: bool,
    normalize_before_resize: bool,
) -> Float[np.ndarray, "p s s"]:
    """Make the class activation map of each pair and bring it to its image, see `align_cams`.

    Args:
        maps: Maps of the last convolutional layer for the image of each pair.
        weights: Weights of the head for the class of each pair.
        image_size: Side of the images, s pixels.
        relu: Whether negative evidence is cut off.
        normalize_before_resize: See `align_cams`.
    """
    return align_cams(
        class_activation_maps(maps, weights, relu=relu),
        image_size=image_size,
        relu=relu,
        normalize_before_resize=normalize_before_resize,
    )


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
    normalized = normalize_maps(cams)
    if normalize_before_resize:
        return resize_maps(normalized, size=size)
    aligned = normalize_maps(resize_maps(cams, size=size))
    # resized by rounded weights, a constant map is not quite constant: it must not be stretched
    aligned[~normalized.any(axis=(1, 2))] = 0
    return aligned


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


def join_alignments(parts: Sequence[Alignment]) -> Alignment:
    """Put the measures of batches of pairs together, in order; no batch gives no pair."""
    nothing = np.empty(0)
    start = Alignment(nothing, nothing, nothing, nothing, nothing.astype(bool))
    return Alignment(
        *(
            np.concatenate([getattr(part, field.name) for part in (start, *parts)])
            for field in fields(Alignment)
        )
    )


def summarize_alignment(
    alignment: Alignment, classes: Int[np.ndarray, " p"], *, n_classes: int
) -> AlignmentSummary:
    """Average the measures over pairs, per class and in all.

    Args:
        alignment: Measures per pair.
        classes: Class of each pair.
        n_classes: Number of classes.

    Raises:
        ValueError: if a class is out of range.

    Source: paper A, Table 1 (the means over all pairs).
    """
    require_codes(classes, n_codes=n_classes, name="classes")
    pairs = np.bincount(classes, minlength=n_classes)
    measures = [getattr(alignment, name) for name in MEASURES]
    sums = np.stack([np.bincount(classes, values, n_classes) for values in measures], axis=1)
    return AlignmentSummary(
        pairs=pairs,
        means=divide(sums, pairs[:, None]),
        overall=divide(np.array([values.sum() for values in measures]), len(classes)),
    )


def _require_inside(boxes: Int[np.ndarray, "b 6"], image_size: int) -> None:
    corner, size = boxes[:, 2:4], boxes[:, 4:]
    wrong = ((corner < 0) | (size < 1) | (corner + size > image_size)).any(axis=1)
    if wrong.any():
        position = np.argmax(wrong)
        raise ValueError(
            f"box {position} has x, y, width, height {boxes[position, 2:].tolist()}; it must have "
            f"at least one pixel and lie inside the {image_size} x {image_size} image"
        )
