"""Alignment of maps and boxes at matched scale: what is left when logits are merely raised.

A loss that shifts the prior raises the logits of a class. The mean of a class activation map is
the logit without its bias, so such a map can be higher everywhere; cut at zero and stretched to
0 .. 1, as paper A has it, it then covers more of any box, seen or not. The measures here are taken
from the map as it is and do not change when all maps of a class are multiplied by a positive
number and shifted by another, which is what a change of the prior does. Two questions:

* `auroc`: does a map rank the pixels of its boxes above the others? It is invariant map by map,
  under any increasing function, and says nothing of how large the map is in another image.
* IoBB, IoR and IoU of hard maps, when every run keeps the same share of the pixels. The threshold
  is the quantile over all maps *of a class*, the paper's threshold of a channel over the dataset.
  Quantiles of each map would tie the measures to each other: with the same area in every map,
  IoBB and IoR are the same number but for the size of the boxes, and IoBB could not rise while IoR
  falls, the very effect in question; besides, `auroc` answers that. A quantile over the maps of
  all classes would not be invariant: losses shift rare classes more than frequent ones. So a
  class keeps the same area in every run, and a map lower than the others of its class nothing.
"""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from imbalens.analysis.cam_alignment.alignment import Measures, measure_alignment
from imbalens.analysis.common.cams import resize_maps
from imbalens.analysis.common.thresholds import find_threshold
from imbalens.analysis.common.weighted_ranking import weighted_auroc


@dataclass(frozen=True)
class MatchedAlignment(Measures):
    """Agreement of map and boxes per pair at matched scale; measures from 0 to 1, best.

    Attributes:
        auroc: Chance that a pixel inside the boxes has a larger value than one outside, ties
            counting one half; NaN where the boxes cover the image.
        iobb: Share of the boxes' pixels that the map keeps.
        ior: Share of the kept pixels that lie in the boxes.
        iou: Kept pixels in the boxes / pixels kept or in the boxes.
        empty: Whether the map keeps no pixel; `iobb`, `ior` and `iou` are then 0.
    """

    auroc: Float[np.ndarray, " p"]
    iobb: Float[np.ndarray, " p"]
    ior: Float[np.ndarray, " p"]
    iou: Float[np.ndarray, " p"]
    empty: Bool[np.ndarray, " p"]


MATCHED_MEASURES = tuple(field.name for field in fields(MatchedAlignment))


def matched_thresholds(
    cams: Float[np.ndarray, "p h w"],
    classes: Int[np.ndarray, " p"],
    *,
    image_size: int,
    share: float,
) -> Float64[np.ndarray, " p"]:
    """Find the value that the given share of the pixels of a class's maps reach.

    Args:
        cams: Class activation maps as they are, in the network's resolution.
        classes: Class of each map.
        image_size: Side of the images in pixels, to which the maps are resized.
        share: Share of the pixels at or above the threshold.

    Returns:
        For each map the threshold of its class.

    Raises:
        ValueError: if `share` is outside (0, 1) or a value is not finite.
    """
    thresholds = np.empty(len(cams), dtype=np.float64)
    for label in np.unique(classes).tolist():
        own = classes == label
        values = resize_maps(cams[own], size=(image_size, image_size))
        thresholds[own] = find_threshold(values, q=share, name=f"class {label}")
    return thresholds


def measure_matched(
    cams: Float[np.ndarray, "p h w"],
    masks: Bool[np.ndarray, "p h w"],
    thresholds: Float64[np.ndarray, " p"],
) -> MatchedAlignment:
    """Measure how well maps rank the pixels of their boxes, and how those above thresholds agree.

    Args:
        cams: Class activation maps as they are, in the pixels of the image.
        masks: Pixels inside the boxes.
        thresholds: Each map keeps the pixels strictly above its own: a constant map keeps none.

    Raises:
        ValueError: if a mask has no pixel or a value is NaN.
    """
    kept = (cams > thresholds[:, None, None]).astype(np.float64)
    hard = measure_alignment(kept, masks)
    once = np.ones((1, cams.shape[1] * cams.shape[2]), dtype=np.int64)
    pixels, inside = (values.reshape(-1, once.size).T for values in (cams, masks))
    return MatchedAlignment(
        auroc=weighted_auroc(once, pixels.astype(np.float64), inside)[0],
        iobb=hard.iobb,
        ior=hard.ior,
        iou=hard.iou,
        empty=hard.all_zero,
    )
