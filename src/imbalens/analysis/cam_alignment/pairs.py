"""All measures of alignment for every annotated pair of an image and a class."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from imbalens.analysis.cam_alignment.alignment import (
    Alignment,
    align_cams,
    harden,
    join_measures,
    measure_alignment,
)
from imbalens.analysis.cam_alignment.matched import (
    MatchedAlignment,
    matched_thresholds,
    measure_matched,
)
from imbalens.analysis.common.boxes import box_masks, find_pairs
from imbalens.analysis.common.cams import resize_maps

# Bound the memory: that many pixels of maps take 64 MB in single precision.
PAIRS_AT_A_TIME = 256
PIXELS_AT_A_TIME = 2**24


@dataclass(frozen=True)
class PairAlignment:
    """What was measured of each pair, sorted by image and class.

    Attributes:
        soft: Measures of the paper.
        hard: The same of maps cut at a threshold; None without one.
        matched: Measures at matched scale.
    """

    soft: Alignment
    hard: Alignment | None
    matched: MatchedAlignment


def align_pairs(
    cams: Float[np.ndarray, "p h w"],
    boxes: Int[np.ndarray, "b 6"],
    *,
    image_size: int,
    relu: bool,
    normalize_before_resize: bool,
    threshold: float | None,
    matched_share: float,
) -> PairAlignment:
    """Measure how well the map of every pair agrees with its boxes.

    Args:
        cams: Class activation maps as they are, in the network's resolution, of the pairs that
            have boxes, sorted by image and class.
        boxes: Image row, class, x, y, width, height (pixels) of each box.
        image_size: Side of the images in pixels.
        relu: See `align_cams`.
        normalize_before_resize: See `align_cams`.
        threshold: See `harden`; None for no hard measures.
        matched_share: Share of a class's pixels kept at matched scale.

    Raises:
        ValueError: if there are not as many maps as pairs, or as in `box_masks`, `harden` and
            `matched_thresholds`.
    """
    pairs = find_pairs(boxes)
    if len(cams) != len(pairs):
        raise ValueError(f"found {len(cams)} maps for {len(pairs)} pairs; give one for each")
    thresholds = matched_thresholds(cams, pairs[:, 1], image_size=image_size, share=matched_share)
    soft, hard, matched = [], [], []
    for chosen in blocks_of_pairs(len(pairs), image_size=image_size):
        masks = box_masks(boxes, pairs[chosen], image_size=image_size)
        aligned = align_cams(
            cams[chosen],
            image_size=image_size,
            relu=relu,
            normalize_before_resize=normalize_before_resize,
        )
        soft.append(measure_alignment(aligned, masks))
        if threshold is not None:
            hard.append(measure_alignment(harden(aligned, threshold=threshold), masks))
        resized = resize_maps(cams[chosen], size=(image_size, image_size))
        matched.append(measure_matched(resized, masks, thresholds[chosen]))
    return PairAlignment(
        soft=join_measures(soft),
        hard=join_measures(hard) if hard else None,
        matched=join_measures(matched),
    )


def blocks_of_pairs(n_pairs: int, *, image_size: int) -> list[slice]:
    """Return which pairs are measured at a time, whose maps have the pixels of images.

    Args:
        n_pairs: Number of pairs; without any there is one block, an empty one.
        image_size: Side of the images in pixels.
    """
    step = max(1, min(PAIRS_AT_A_TIME, PIXELS_AT_A_TIME // image_size**2))
    return [slice(start, start + step) for start in range(0, max(1, n_pairs), step)]
