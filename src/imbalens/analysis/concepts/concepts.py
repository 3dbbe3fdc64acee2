"""Which concepts do a network's channels detect in boxes, and how many?"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from imbalens.analysis.concepts.channels import ConceptSummary, summarize_concepts, top_channels
from imbalens.analysis.concepts.components import Connectivity
from imbalens.analysis.concepts.counting import ConceptCounts, count_concepts


@dataclass(frozen=True)
class Concepts:
    """Concepts in boxes.

    Attributes:
        counts: Counts per image, pair and channel.
        summary: Their means.
        top: Channel and class of the channels that fire most reliably in a class's boxes, see
            `top_channels`.
    """

    counts: ConceptCounts
    summary: ConceptSummary
    top: Int[np.ndarray, "m 2"]


def concepts(
    blocks: Iterable[tuple[int, Float[np.ndarray, "_ _ h w"]]],
    boxes: Int[np.ndarray, "b 6"],
    *,
    n_images: int,
    n_channels: int,
    n_classes: int,
    image_size: int,
    q: float,
    threshold_scope: Literal["dataset", "batch"],
    batch_size: int,
    space: Literal["native", "upsampled"],
    component: Literal["whole", "clipped"],
    connectivity: Connectivity,
    count_holes: bool,
    normalize_by: Literal["image", "label"],
    n_peaks: int,
    n_top: int,
) -> Concepts:
    """Count the concepts in boxes, average them, and choose channels to look at.

    Args:
        blocks: First channel and maps of each block of channels, all images at once; of maps in
            memory, `[(0, maps)]`.
        boxes: Image row, class, x, y, width, height (pixels of the image) of each box.
        n_images: Number of images.
        n_channels: Number of channels.
        n_classes: Number of classes.
        image_size: Side of the images in pixels.
        q: Share of a channel's values at or above its threshold.
        threshold_scope: Thresholds over all images, or over each batch of consecutive ones.
        batch_size: Images per batch.
        space: Take maps as they are, or resize them to the image first.
        component: A part counts as it is, or after it was cut off at the boxes.
        connectivity: 8 if cells that share only a corner belong to one part, 4 if not.
        count_holes: Whether each hole of a part that counts is counted too.
        normalize_by: See `summarize_concepts`.
        n_peaks: Images to keep of each channel, to be shown.
        n_top: Most channels to choose.

    Raises:
        ValueError: as `count_concepts`.

    Source: paper A, sections 3.2 and 4, Table 2.
    """
    counts = count_concepts(
        blocks,
        boxes,
        n_images=n_images,
        n_channels=n_channels,
        n_classes=n_classes,
        image_size=image_size,
        q=q,
        threshold_scope=threshold_scope,
        batch_size=batch_size,
        space=space,
        component=component,
        connectivity=connectivity,
        count_holes=count_holes,
        n_peaks=n_peaks,
    )
    return Concepts(
        counts=counts,
        summary=summarize_concepts(counts, normalize_by=normalize_by),
        top=top_channels(counts, n=n_top),
    )
