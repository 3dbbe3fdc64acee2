"""Which concepts do a network's channels detect in boxes, and how many?"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from imbalens.analysis.concepts.channels import ConceptSummary, summarize_concepts, top_channels
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
    normalize_by: Literal["image", "label"],
    n_top: int,
    **counting: Any,  # noqa: ANN401 - `count_concepts` says of which kinds
) -> Concepts:
    """Count the concepts in boxes, average them, and choose channels to look at.

    Args:
        blocks: First channel and maps of each block of channels, all images at once; of maps in
            memory, `[(0, maps)]`.
        boxes: Image row, class, x, y, width, height (pixels of the image) of each box.
        normalize_by: See `summarize_concepts`.
        n_top: Most channels to choose.
        counting: How many images, channels and classes there are and what counts, all that
            `count_concepts` asks for.

    Raises:
        ValueError: as `count_concepts`.

    Source: paper A, sections 3.2 and 4, Table 2.
    """
    counts = count_concepts(blocks, boxes, **counting)
    return Concepts(
        counts=counts,
        summary=summarize_concepts(counts, normalize_by=normalize_by),
        top=top_channels(counts, n=n_top),
    )
