"""Claims of paper B about classes that share features: their errors and their colours.

Each function computes the statistic of the claims that stand above it.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from imbalens.analysis.claims.intervals import (
    Estimate,
    Resampling,
    contrast_pairs,
    estimate_proportion,
    subtract,
)
from imbalens.analysis.claims.verdicts import Claim

NO_PAIR = "no pair of classes overlaps, or every pair does"

LOWERS_DOMINATED = Claim(
    id="ldam_lowers_dominated_errors",
    paper="B",
    section="4.4, Figure 6",
    text="LDAM lowers errors towards classes with many more images that share few features",
    statistic="difference of the share of images so misclassified",
    side="below",
    threshold=0.0,
    unit="images",
    undefined="no class has a much larger one that shares few features with it",
)
LEAVES_OVERLAPPING = Claim(
    id="ldam_leaves_overlapping_errors",
    paper="B",
    section="4.4, Figure 6",
    text="LDAM does not lower errors towards classes with many more images that share features",
    statistic="difference of the share of images so misclassified",
    side="above",
    threshold=None,
    unit="images",
    undefined="no class has a much larger one that shares features with it",
)


def larger_classes(
    train_counts: Int[np.ndarray, " c"], *, count_ratio: float
) -> Bool[np.ndarray, "c c"]:
    """Which classes (columns) have at least `count_ratio` times the images of a class (row)."""
    larger = train_counts[None, :] >= count_ratio * train_counts[:, None]
    return larger & ~np.eye(len(train_counts), dtype=bool)


def change_of_errors(
    baseline: Int[np.ndarray, "c c"],
    other: Int[np.ndarray, "c c"],
    pairs: Bool[np.ndarray, "c c"],
    *,
    confidence: float,
) -> Estimate:
    """Change, from one run to another, of the share of images whose error is one of `pairs`.

    The interval is Newcombe's for independent proportions: the counts do not tell which images
    both runs misclassify, and it is wider than a paired one where many are the same.

    Args:
        baseline: Images by actual (row) and predicted (column) class.
        other: The same images in the other run.
        pairs: Which errors count; images of classes with none are left out.
        confidence: Coverage wanted.

    Source: paper B, section 4.4 and Figure 6.
    """
    n = int(baseline[pairs.any(axis=1)].sum())
    before, after = (
        estimate_proportion(
            int(confusion[pairs].sum()),
            int(confusion[pairs.any(axis=1)].sum()),
            confidence=confidence,
        )
        for confusion in (baseline, other)
    )
    return subtract(after, before, n=n)


LEAVES_OVERLAP = Claim(
    id="ldam_leaves_overlap",
    paper="B",
    section="4.4, Figure 5",
    text="Classes that share features under the plain loss still do under LDAM",
    statistic="mean Jaccard index of the overlapping pairs minus that of the others",
    side="above",
    threshold=0.0,
    unit="classes",
    undefined=NO_PAIR,
)
COLOURS_ALIKE = Claim(
    id="overlapping_colours_alike",
    paper="B",
    section="4.5, Figure 7",
    text="Classes that share features have alike salient colours",
    statistic="mean colour distance of the overlapping pairs minus that of the others",
    side="below",
    threshold=0.0,
    unit="classes",
    undefined=NO_PAIR,
)


def colour_distance(shares: Float[np.ndarray, "c g"]) -> Float[np.ndarray, "c c"]:
    """Total variation distance between the colours of classes: 0 equal, 1 nothing in common.

    Args:
        shares: Share of each colour group per class; rows sum to 1.
    """
    return np.abs(shares[:, None] - shares[None, :]).sum(axis=2) / 2


def contrast_overlapping(
    values: Float[np.ndarray, "c c"],
    overlapping: Bool[np.ndarray, "c c"],
    resampling: Resampling,
) -> Estimate:
    """Compare the overlapping pairs with the others, of the classes with values.

    Args:
        values: A symmetric figure of pairs; NaN for pairs with a class that has none.
        overlapping: Which pairs share features.
        resampling: How to permute the classes.

    Returns:
        See `contrast_pairs`.

    Source: paper B, sections 4.4 and 4.5.
    """
    known = np.isfinite(np.where(np.eye(len(values), dtype=bool), np.nan, values)).any(axis=1)
    part = np.ix_(known, known)
    return contrast_pairs(values[part], overlapping[part], resampling)
