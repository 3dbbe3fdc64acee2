"""Claims of paper B about LDAM: which errors and which features the plain loss leaves to change.

A run with LDAM is held against the baseline, the repeats of both together: there is one verdict,
about the mean over all seeds.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from imbalens.analysis.claims.intervals import (
    Estimate,
    average_repeats,
    estimate_proportion,
    subtract,
)
from imbalens.analysis.claims.overlapping_classes import NO_PAIR, contrast_overlapping
from imbalens.analysis.claims.verdicts import Claim, Finding, Rules, judge

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
LDAM_CLAIMS = (LOWERS_DOMINATED, LEAVES_OVERLAPPING, LEAVES_OVERLAP)


@dataclass(frozen=True)
class Repeats:
    """Trainings that differ in their seed alone, perhaps one.

    Attributes:
        run: Name of the first.
        confusions: Of each, the same images by actual (row) and predicted (column) class.
        jaccards: Of each, the share of top features that classes have in common.
    """

    run: str
    confusions: Int[np.ndarray, "s c c"]
    jaccards: Float[np.ndarray, "s c c"]


def judge_ldam(
    baseline: Repeats,
    ldam: Repeats,
    train_counts: Int[np.ndarray, " c"],
    *,
    count_ratio: float,
    overlapping_jaccard: float,
    rules: Rules,
) -> tuple[Finding, ...]:
    """Judge the claims by the trainings with LDAM and those with the plain loss.

    Which classes overlap is told by the mean over the baseline's repeats.

    Args:
        baseline: Trainings with the plain loss.
        ldam: Trainings with LDAM.
        train_counts: Training images per class.
        count_ratio: A class with so many times the images of another dominates it.
        overlapping_jaccard: Share of common top features from which classes overlap.
        rules: What a verdict asks for.

    Source: paper B, section 4.4.
    """
    confidence = rules.resampling.confidence
    overlapping = baseline.jaccards.mean(axis=0) >= overlapping_jaccard
    larger = larger_classes(train_counts, count_ratio=count_ratio)
    dominated, shared = (
        change_of_errors(baseline.confusions, ldam.confusions, pairs, confidence=confidence)
        for pairs in (larger & ~overlapping, larger & overlapping)
    )
    contrasts = [
        contrast_overlapping(jaccard, overlapping, rules.resampling) for jaccard in ldam.jaccards
    ]
    left = average_repeats(contrasts, confidence=confidence)
    seeds = min(len(baseline.confusions), len(ldam.confusions))
    return tuple(
        judge(
            claim,
            estimate,
            rules=rules,
            run=ldam.run,
            baseline=baseline.run,
            margin=-rules.error_margin,
            seeds=seeds,
        )
        for claim, estimate in zip(LDAM_CLAIMS, (dominated, shared, left), strict=True)
    )


def larger_classes(
    train_counts: Int[np.ndarray, " c"], *, count_ratio: float
) -> Bool[np.ndarray, "c c"]:
    """Which classes (columns) have at least `count_ratio` times the images of a class (row)."""
    larger = train_counts[None, :] >= count_ratio * train_counts[:, None]
    return larger & ~np.eye(len(train_counts), dtype=bool)


def change_of_errors(
    baseline: Int[np.ndarray, "s c c"],
    other: Int[np.ndarray, "t c c"],
    pairs: Bool[np.ndarray, "c c"],
    *,
    confidence: float,
) -> Estimate:
    """Change, from one run to another, of the share of images whose error is one of `pairs`.

    Each run's share is the mean over its repeats, see `average_repeats`. The interval is
    Newcombe's for independent proportions: the counts do not tell which images both runs
    misclassify, and it is wider than a paired one where many are the same.

    Args:
        baseline: Of each repeat, images by actual (row) and predicted (column) class.
        other: The same images in the repeats of the other run.
        pairs: Which errors count; images of classes with none are left out.
        confidence: Coverage wanted.

    Source: paper B, section 4.4 and Figure 6.
    """
    judged = pairs.any(axis=1)

    def share(confusion: Int[np.ndarray, "c c"]) -> Estimate:
        wrong, images = int(confusion[pairs].sum()), int(confusion[judged].sum())
        return estimate_proportion(wrong, images, confidence=confidence)

    before, after = (
        average_repeats([share(each) for each in repeats], confidence=confidence)
        for repeats in (baseline, other)
    )
    return subtract(after, before, n=before.n)
