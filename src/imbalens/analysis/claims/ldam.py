"""Claims of paper B about LDAM: which errors and which features the plain loss leaves to change.

Each training with LDAM is held against each of the baseline, image by image; there is one verdict,
about the mean over all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from imbalens.analysis.claims.intervals import (
    Estimate,
    average_trainings,
    estimate_paired_ratio,
    estimate_proportion,
    undefined,
)
from imbalens.analysis.claims.verdicts import Claim, Finding, Rules, judge, unjudged

LOWERS_DOMINATED = Claim(
    id="ldam_lowers_dominated_errors",
    paper="B",
    section="4.4, Figure 6",
    text="LDAM lowers errors towards classes with many more images that share few features",
    statistic="relative change of the number of images so misclassified",
    side="below",
    threshold=None,
    unit="images",
    undefined="the baseline makes no such error",
)
LEAVES_OVERLAPPING = Claim(
    id="ldam_leaves_overlapping_errors",
    paper="B",
    section="4.4, Figure 6",
    text="LDAM does not lower errors towards classes with many more images that share features",
    statistic="relative change of the number of images so misclassified",
    side="above",
    threshold=None,
    unit="images",
    undefined="the baseline makes no such error",
)
LEAVES_OVERLAP = Claim(
    id="ldam_leaves_overlap",
    paper="B",
    section="4.4, Figure 5",
    text="Classes that share features under the plain loss still do under LDAM",
    statistic="share of the overlapping pairs of classes that still overlap",
    side="above",
    threshold=0.5,
    unit="pairs of classes",
    undefined="no pair of classes overlaps",
    without="not applicable",
    same=1.0,
)
LDAM_CLAIMS = (LOWERS_DOMINATED, LEAVES_OVERLAPPING, LEAVES_OVERLAP)
NO_LARGER = {
    LOWERS_DOMINATED: "No class has a much larger one that shares few features with it.",
    LEAVES_OVERLAPPING: "No class has a much larger one that shares features with it.",
}


@dataclass(frozen=True)
class PredictionPairs:
    """What two trainings predict of the same images: how many images, per three classes.

    Attributes:
        actual: True class.
        before: Class that the baseline predicts.
        after: Class that the other training predicts.
        count: Images of which that is so; images not listed are none.
    """

    actual: Int[np.ndarray, " k"]
    before: Int[np.ndarray, " k"]
    after: Int[np.ndarray, " k"]
    count: Int[np.ndarray, " k"]


@dataclass(frozen=True)
class LdamComparison:
    """Trainings with LDAM beside those of the baseline.

    Attributes:
        setting: The setting with LDAM.
        baseline: Its baseline.
        plain: Whether the baseline's loss weighs all classes alike.
        predictions: Of each training with LDAM (row) beside each of the baseline (column).
        jaccards: Of each training with LDAM the share of top features that classes have in common.
        baseline_jaccards: The same of each training of the baseline.
        train_counts: Training images per class.
        measured: Whether both sides have predictions, and features of training images; without
            them, nothing of the above is known.
    """

    setting: str
    baseline: str
    plain: bool
    predictions: Sequence[Sequence[PredictionPairs]]
    jaccards: Float[np.ndarray, "s c c"]
    baseline_jaccards: Float[np.ndarray, "t c c"]
    train_counts: Int[np.ndarray, " c"]
    measured: bool = True


def judge_ldam(
    comparison: LdamComparison,
    *,
    count_ratio: float,
    overlapping_jaccard: float,
    rules: Rules,
) -> tuple[Finding, ...]:
    """Judge the claims by the trainings with LDAM and those with the plain loss.

    Which errors are towards classes that share features is told by the mean over the baseline's
    trainings. Both claims about errors have one threshold, a relative change: what lowers errors
    does not leave them.

    Args:
        comparison: The trainings.
        count_ratio: A class with so many times the images of another dominates it.
        overlapping_jaccard: Share of common top features from which classes overlap.
        rules: What a verdict asks for.

    Source: paper B, section 4.4.
    """
    setting, baseline = comparison.setting, comparison.baseline
    sides = {"judged": setting, "baseline": baseline}
    if not comparison.plain:
        reason = f"The baseline {baseline} does not have the plain loss."
        return tuple(unjudged(claim, "not applicable", reason, **sides) for claim in LDAM_CLAIMS)
    if not comparison.measured:
        reason = f"{setting} or {baseline} has no features, or no predictions."
        return tuple(unjudged(claim, "not measured", reason, **sides) for claim in LDAM_CLAIMS)
    confidence = rules.resampling.confidence
    overlapping = comparison.baseline_jaccards.mean(axis=0) >= overlapping_jaccard
    larger = larger_classes(comparison.train_counts, count_ratio=count_ratio)
    estimates = {
        claim: [
            [change_of_errors(one, towards, confidence=confidence) for one in row]
            for row in comparison.predictions
        ]
        for claim, towards in (
            (LOWERS_DOMINATED, larger & ~overlapping),
            (LEAVES_OVERLAPPING, larger & overlapping),
        )
        if towards.any()
    }
    estimates[LEAVES_OVERLAP] = [
        [
            overlap_left(
                before, after, overlapping_jaccard=overlapping_jaccard, confidence=confidence
            )
            for before in comparison.baseline_jaccards
        ]
        for after in comparison.jaccards
    ]
    trainings = sorted((len(comparison.jaccards), len(comparison.baseline_jaccards)))
    return tuple(
        judge(
            claim,
            average_trainings(estimates[claim], confidence=confidence),
            rules=rules,
            judged=setting,
            baseline=baseline,
            margin=-rules.error_margin,
            seeds=trainings[0],
            over_seeds=trainings[1] > 1,
        )
        if claim in estimates
        else unjudged(claim, "not applicable", NO_LARGER[claim], judged=setting, baseline=baseline)
        for claim in LDAM_CLAIMS
    )


def larger_classes(
    train_counts: Int[np.ndarray, " c"], *, count_ratio: float
) -> Bool[np.ndarray, "c c"]:
    """Which classes (columns) have at least `count_ratio` times the images of a class (row)."""
    larger = train_counts[None, :] >= count_ratio * train_counts[:, None]
    return larger & ~np.eye(len(train_counts), dtype=bool)


def change_of_errors(
    predictions: PredictionPairs, errors: Bool[np.ndarray, "c c"], *, confidence: float
) -> Estimate:
    """Relative change of the number of images with certain errors, from one training to another.

    Paired over images: those that both misclassify so say nothing of a change.

    Args:
        predictions: What both trainings predict of the same images.
        errors: Which errors count, true class by predicted class; images of classes with none
            are left out.
        confidence: Coverage wanted.

    Returns:
        See `estimate_paired_ratio`.

    Source: paper B, section 4.4 and Figure 6.
    """
    count, actual, judged = predictions.count, predictions.actual, errors.any(axis=1)
    before, after = errors[actual, predictions.before], errors[actual, predictions.after]
    return estimate_paired_ratio(
        int(count[before].sum()),
        int(count[after].sum()),
        int(count[before & after].sum()),
        n=int(count[np.isin(actual, np.flatnonzero(judged))].sum()),
        confidence=confidence,
    )


def overlap_left(
    baseline: Float[np.ndarray, "c c"],
    other: Float[np.ndarray, "c c"],
    *,
    overlapping_jaccard: float,
    confidence: float,
) -> Estimate:
    """Share of the pairs of classes that overlap in one training which do in another too.

    Pairs with a class in common vary together; Wilson's interval takes them for no more than half
    as many as there are classes in them.

    Args:
        baseline: Share of top features that classes have in common; symmetric.
        other: The same in the other training.
        overlapping_jaccard: Share of common top features from which classes overlap.
        confidence: Coverage wanted.

    Returns:
        The share, of that many pairs; undefined if no pair overlaps in the baseline.

    Source: paper B, section 4.4 and Figure 5.
    """
    first, second = np.triu_indices(len(baseline), k=1)
    overlap = baseline[first, second] >= overlapping_jaccard
    left = overlap & (other[first, second] >= overlapping_jaccard)
    n = int(overlap.sum())
    if n == 0:
        return undefined(0)
    apart = min(n, len(np.union1d(first[overlap], second[overlap])) / 2)
    found = estimate_proportion(left.sum() / n * apart, apart, confidence=confidence)
    return Estimate(found.value, found.low, found.high, n)
