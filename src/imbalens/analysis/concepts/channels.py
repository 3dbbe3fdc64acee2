"""What the concept counts say: means per image and class, and which channels stand for what.

Source: paper A, section 4 and Table 2.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Float64, Int

from imbalens.analysis.common.counting import divide
from imbalens.analysis.concepts.counting import ConceptCounts

# Fewer say too little about a channel: one box alone gives every share 0 or 1.
FEWEST_PAIRS = 3


@dataclass(frozen=True)
class ConceptSummary:
    """Mean numbers of concepts.

    Attributes:
        normalize_by: What `disjoint` and `unique` are means over: annotated images ("image") or
            pairs of an image and a class ("label").
        disjoint: Mean number of parts in boxes, over all channels; NaN without boxes.
        unique: Mean number of channels with such a part; NaN without boxes.
        class_disjoint: The same per pair of each class; NaN for a class without pairs.
        class_unique: The same per pair of each class; NaN for a class without pairs.
        class_pairs: Pairs of each class.
        n_channels: Number of channels.
        n_images: Annotated images.
        n_pairs: Pairs.
        n_dead: Dead channels.
    """

    normalize_by: Literal["image", "label"]
    disjoint: float
    unique: float
    class_disjoint: Float[np.ndarray, " c"]
    class_unique: Float[np.ndarray, " c"]
    class_pairs: Int[np.ndarray, " c"]
    n_channels: int
    n_images: int
    n_pairs: int
    n_dead: int


def summarize_concepts(
    counts: ConceptCounts, *, normalize_by: Literal["image", "label"]
) -> ConceptSummary:
    """Average concepts over annotated images or pairs, and over the pairs of each class.

    Args:
        counts: Counts of all channels.
        normalize_by: Count in the union of an image's boxes and divide by the number of annotated
            images, or count in the boxes of each pair and divide by the number of pairs.

    Source: paper A, section 4 "Analysis of Concepts" and Table 2 (by image).
    """
    classes, n_classes = counts.pairs[:, 1], counts.fires.shape[1]
    class_pairs = np.bincount(classes, minlength=n_classes)
    n_images, n_pairs = len(np.unique(counts.pairs[:, 0])), len(counts.pairs)
    if normalize_by == "image":
        disjoint, unique, number = counts.disjoint_per_image, counts.unique_per_image, n_images
    else:
        disjoint, unique, number = counts.disjoint_per_pair, counts.unique_per_pair, n_pairs
    class_disjoint, class_unique = (
        divide(np.bincount(classes, per_pair, n_classes), class_pairs)
        for per_pair in (counts.disjoint_per_pair, counts.unique_per_pair)
    )
    return ConceptSummary(
        normalize_by=normalize_by,
        disjoint=float(divide(disjoint.sum(), number)),
        unique=float(divide(unique.sum(), number)),
        class_disjoint=class_disjoint,
        class_unique=class_unique,
        class_pairs=class_pairs,
        n_channels=len(counts.dead),
        n_images=n_images,
        n_pairs=n_pairs,
        n_dead=int(counts.dead.sum()),
    )


def fire_shares(counts: ConceptCounts) -> Float64[np.ndarray, "k c"]:
    """Share of each class's pairs in whose boxes a channel has a concept.

    Returns:
        Shares; NaN for a class with fewer than `FEWEST_PAIRS` pairs.
    """
    pairs = np.bincount(counts.pairs[:, 1], minlength=counts.fires.shape[1])
    return divide(counts.fires, np.where(pairs < FEWEST_PAIRS, 0, pairs))


def top_channels(counts: ConceptCounts, *, n: int) -> Int[np.ndarray, "m 2"]:
    """Choose the channels that fire most reliably in the boxes of some class.

    They are chosen in rounds, in each of which every class gets at most one channel, the largest
    share first. No channel is chosen twice; equal shares go to the smaller channel and class.

    Returns:
        Channel and class of each choice, fewer than `n` where no more channels fire in a class
        with at least `FEWEST_PAIRS` pairs.
    """
    share = np.nan_to_num(fire_shares(counts))
    free = share.copy()
    chosen: list[tuple[int, int]] = []
    while len(chosen) < n and share.any():
        if not free.any():
            free = share.copy()
        channel, label = np.unravel_index(np.argmax(free), free.shape)
        chosen.append((int(channel), int(label)))
        share[channel] = free[channel] = 0
        free[:, label] = 0
    return np.array(chosen, dtype=np.int64).reshape(-1, 2)
