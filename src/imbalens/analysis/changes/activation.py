"""What a training activates in addition to another, and whether it lies in the boxes.

Maps are those that the measures of the stage `cam_alignment` are of: each within 0 and 1. What is
added is what the map of one training exceeds that of the other by, pixel by pixel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from imbalens.analysis.cam_alignment.alignment import align_cams
from imbalens.analysis.cam_alignment.pairs import blocks_of_pairs
from imbalens.analysis.common.boxes import box_masks, find_pairs, shift_boxes


@dataclass(frozen=True)
class AddedActivation:
    """What is activated in addition per pair of an image and a class that has a box.

    Attributes:
        total: Sum of what is added over the image, in pixels of full activation.
        inside: Sum over the pair's boxes.
        elsewhere: Sum over boxes of the same sizes moved at random.
    """

    total: Float[np.ndarray, " p"]
    inside: Float[np.ndarray, " p"]
    elsewhere: Float[np.ndarray, " p"]


def compare_activation(
    cams: Mapping[str, Float[np.ndarray, "p h w"]],
    boxes: Int[np.ndarray, "b 6"],
    sides: Sequence[tuple[str, str]],
    *,
    image_size: int,
    relu: bool,
    normalize_before_resize: bool,
    shift_seed: int,
) -> dict[tuple[str, str], AddedActivation]:
    """Measure what trainings activate in addition to those of their baseline.

    Args:
        cams: By training its class activation maps, see `added_activation`.
        boxes: As `added_activation`.
        sides: Training and training of its baseline; those without maps are left out.
        image_size: As `added_activation`, and all that follows.
        relu: See there.
        normalize_before_resize: See there.
        shift_seed: See there.
    """
    return {
        (run, base): added_activation(
            cams[base],
            cams[run],
            boxes,
            image_size=image_size,
            relu=relu,
            normalize_before_resize=normalize_before_resize,
            shift_seed=shift_seed,
        )
        for run, base in sides
        if run in cams and base in cams
    }


def added_activation(
    baseline: Float[np.ndarray, "p h w"],
    other: Float[np.ndarray, "p h w"],
    boxes: Int[np.ndarray, "b 6"],
    *,
    image_size: int,
    relu: bool,
    normalize_before_resize: bool,
    shift_seed: int,
) -> AddedActivation:
    """Measure what one training activates in addition to another, and where.

    Args:
        baseline: Class activation maps as they are, of the pairs that have boxes, sorted by image
            and class.
        other: Those of the other training, of the same pairs.
        boxes: Image row, class, x, y, width, height (pixels) of each box.
        image_size: Side of the images in pixels.
        relu: See `align_cams`.
        normalize_before_resize: See `align_cams`.
        shift_seed: Seed of the places to which boxes are moved as a control.

    Raises:
        ValueError: if there are not as many maps as pairs, or a box reaches out of its image.

    Source: paper A, section 5 and Figure 1.
    """
    pairs = find_pairs(boxes)
    if len(other) != len(pairs):
        raise ValueError(f"found {len(other)} maps for {len(pairs)} pairs; give one for each")
    rng = np.random.default_rng(shift_seed)
    shifted = shift_boxes(boxes, image_size=image_size, rng=rng)
    sums = np.zeros((3, len(pairs)))
    for chosen in blocks_of_pairs(len(pairs), image_size=image_size):
        before, after = (
            align_cams(
                cams[chosen],
                image_size=image_size,
                relu=relu,
                normalize_before_resize=normalize_before_resize,
            ).astype(np.float64)
            for cams in (baseline, other)
        )
        added = np.maximum(after - before, 0)
        sums[0, chosen] = added.sum(axis=(1, 2))
        for row, each in enumerate((boxes, shifted), start=1):
            masks = box_masks(each, pairs[chosen], image_size=image_size)
            sums[row, chosen] = np.where(masks, added, 0).sum(axis=(1, 2))
    return AddedActivation(*sums)
