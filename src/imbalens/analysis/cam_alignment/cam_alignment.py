"""Do class activation maps lie where the boxes are, and better than those of controls?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, Int

from imbalens.analysis.cam_alignment.alignment import AlignmentSummary, summarize_measures
from imbalens.analysis.cam_alignment.pairs import PairAlignment, align_pairs
from imbalens.analysis.common.boxes import find_pairs, shift_boxes
from imbalens.analysis.common.cams import pair_cams


@dataclass(frozen=True)
class CamAlignment:
    """What was measured of a network's maps.

    Attributes:
        pairs: Image row and class of each pair that has a box, sorted.
        cams: Class activation map of each pair as it is, in the network's resolution.
        measured: Measures of each pair.
        summaries: Their means by kind: `soft`, `matched` and, with a threshold, `hard`; of the
            controls `shifted` and `matched_shifted` (boxes elsewhere), and, with maps of random
            weights, `untrained` and `matched_untrained`.
        pointing_controlled: Of each pair the pointing game's share of hits, less that in its
            boxes elsewhere, which a map that is high everywhere hits as often.
        grad_cam: Whether `cams` are Grad-CAM instead, and were given.
    """

    pairs: Int[np.ndarray, "p 2"]
    cams: Float[np.ndarray, "p h w"]
    measured: PairAlignment
    summaries: Mapping[str, AlignmentSummary]
    pointing_controlled: Float[np.ndarray, " p"]
    grad_cam: bool = False


def cam_alignment(
    blocks: Iterable[tuple[slice, Float[np.ndarray, "_ k h w"]]],
    head: Float[np.ndarray, "m k"],
    boxes: Int[np.ndarray, "b 6"],
    *,
    cams: Float[np.ndarray, "p h w"] | None,
    untrained_cams: Float[np.ndarray, "p h w"] | None,
    image_size: int,
    relu: bool,
    normalize_before_resize: bool,
    threshold: float | None,
    matched_share: float,
    shift_seed: int,
) -> CamAlignment:
    """Measure how well class activation maps agree with boxes, beside controls.

    Args:
        blocks: Rows and maps of the last convolutional layer, of some images at a time, in order;
            of maps in memory, `[(slice(0, len(maps)), maps)]`.
        head: Weights of the linear head for each of m classes; with `cams`, of any features.
        boxes: Image row, class, x, y, width, height (pixels) of each box.
        cams: Grad-CAM of each pair that has boxes, sorted by image and class,
            where the head is not applied to the maps' means; None for class activation maps.
        untrained_cams: The same of the network with random weights; None for no such control.
        image_size: Side of the images in pixels.
        relu: See `align_cams`.
        normalize_before_resize: See `align_cams`.
        threshold: See `harden`; None for no hard measures.
        matched_share: Share of a class's pixels kept at matched scale.
        shift_seed: Seed of the places to which boxes are moved as a control.

    Raises:
        ValueError: if images of boxes are in no block, a class is out of range, or as in
            `align_pairs`.

    Source: paper A, section 4 and Table 1; the controls are ours.
    """
    pairs = find_pairs(boxes)
    grad_cam = cams is not None
    if cams is None:
        cams = pair_cams(blocks, pairs, head)
    measure = partial(
        align_pairs,
        image_size=image_size,
        relu=relu,
        normalize_before_resize=normalize_before_resize,
        threshold=threshold,
        matched_share=matched_share,
    )
    rng = np.random.default_rng(shift_seed)
    measured = measure(cams, boxes)
    controls = {"shifted": measure(cams, shift_boxes(boxes, image_size=image_size, rng=rng))}
    if untrained_cams is not None:
        controls["untrained"] = measure(untrained_cams, boxes)
    parts = {"soft": measured.soft, "matched": measured.matched}
    if measured.hard is not None:
        parts["hard"] = measured.hard
    for control, found in controls.items():
        parts |= {control: found.soft, f"matched_{control}": found.matched}
    return CamAlignment(
        pairs=pairs,
        cams=cams,
        grad_cam=grad_cam,
        measured=measured,
        summaries={
            kind: summarize_measures(part, pairs[:, 1], n_classes=len(head))
            for kind, part in parts.items()
        },
        pointing_controlled=measured.soft.pointing - controls["shifted"].soft.pointing,
    )
