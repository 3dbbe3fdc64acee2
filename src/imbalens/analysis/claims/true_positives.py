"""Claims of paper B about archetypes: which instances are classified correctly.

Each function computes the statistic of the claim that stands above it.
"""

import numpy as np
from jaxtyping import Int

from imbalens.analysis.claims.intervals import (
    Estimate,
    estimate_proportion,
    subtract,
    undefined,
)
from imbalens.analysis.claims.verdicts import Absent, Claim, Finding, Rules, judge, unjudged

N_COMMON = 2  # safe and border come first among the archetypes

TRUE_POSITIVES_SHARE = Claim(
    id="safe_border_hold_true_positives",
    paper="B",
    section="4.2, Figure 2",
    text="Safe and border instances hold most true positives",
    statistic="share of true positives that are safe or border, less that of all instances",
    side="above",
    threshold=0.0,
    unit="instances",
    undefined="no instance, or every one, is a true positive",
)


def unjudged_archetypes(run: str, verdict: Absent, reason: str) -> tuple[Finding, ...]:
    """Return the findings of both claims about a run that nothing is judged of.

    Args:
        run: The run.
        verdict: Why not, in one word of `verdicts`.
        reason: Why not.
    """
    claims = (TRUE_POSITIVES_SHARE, TRUE_POSITIVE_RATES)
    return tuple(unjudged(one, verdict, reason, judged=run) for one in claims)


def judge_archetypes(
    run: str,
    counts: Int[np.ndarray, " a"],
    true_positives: Int[np.ndarray, " a"],
    *,
    rules: Rules,
) -> tuple[Finding, ...]:
    """Judge both claims by a run's archetypes.

    Args:
        run: The run.
        counts: Instances by archetype, in the order of `ARCHETYPE_NAMES`.
        true_positives: Those that are classified correctly.
        rules: What a verdict asks for.
    """
    confidence = rules.resampling.confidence
    share = true_positives_lead(counts, true_positives, confidence=confidence)
    lead = true_positive_rates_lead(counts, true_positives, confidence=confidence)
    return (
        judge(TRUE_POSITIVES_SHARE, share, rules=rules, judged=run),
        judge(TRUE_POSITIVE_RATES, lead, rules=rules, judged=run),
    )


def true_positives_lead(
    counts: Int[np.ndarray, " a"], true_positives: Int[np.ndarray, " a"], *, confidence: float
) -> Estimate:
    """Share of the true positives that are safe or border, less their share of all instances.

    Where nearly all instances are safe or border, so are most true positives, whatever the
    archetypes say. All instances are the true positives and the others; the difference is thus
    the share of the others times how far the two groups lie apart, which has Newcombe's interval.

    Source: paper B, section 4.2.
    """
    n, right = int(counts.sum()), int(true_positives.sum())
    if right in (0, n):
        return undefined(n)
    common, common_right = (int(each[:N_COMMON].sum()) for each in (counts, true_positives))
    apart = subtract(
        estimate_proportion(common_right, right, confidence=confidence),
        estimate_proportion(common - common_right, n - right, confidence=confidence),
        n=n,
    )
    others = (n - right) / n
    return Estimate(others * apart.value, others * apart.low, others * apart.high, n)


TRUE_POSITIVE_RATES = Claim(
    id="safe_border_lead_true_positive_rates",
    paper="B",
    section="4.2, Figure 2",
    text="Safe and border instances have the highest true-positive rates",
    statistic="lower rate of safe and border minus the higher of rare and outlier",
    side="above",
    threshold=0.0,
    unit="instances",
    undefined="instances are all safe or border, or all rare or outlier",
    without="not applicable",
)


def true_positive_rates_lead(
    counts: Int[np.ndarray, " a"], true_positives: Int[np.ndarray, " a"], *, confidence: float
) -> Estimate:
    """Lower true-positive rate of safe and border minus the higher one of rare and outlier.

    It is the least of the differences between the groups. Each has Newcombe's interval at a level
    corrected for their number (Bonferroni), so that the least of the lower and of the upper ends
    bound it. Empty groups are left out.

    Source: paper B, section 4.2.
    """
    n = int(counts.sum())
    filled = np.flatnonzero(counts > 0).tolist()
    pairs = [(a, b) for a in filled for b in filled if a < N_COMMON <= b]
    if not pairs:
        return undefined(n)
    level = 1 - (1 - confidence) / len(pairs)
    rates = {
        group: estimate_proportion(
            int(true_positives[group]), int(counts[group]), confidence=level
        )
        for group in filled
    }
    differences = [subtract(rates[a], rates[b], n=n) for a, b in pairs]
    return Estimate(
        min(each.value for each in differences),
        min(each.low for each in differences),
        min(each.high for each in differences),
        n,
    )
