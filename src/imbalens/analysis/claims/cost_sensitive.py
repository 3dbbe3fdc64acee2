"""Claims of paper A: what cost-sensitive losses change against the plain loss.

Each is a difference between a run and the baseline, whose interval comes with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from imbalens.analysis.claims.intervals import Estimate
from imbalens.analysis.claims.verdicts import Claim, Finding, Rules, Side, judge, undecided
from imbalens.analysis.common.measures import DISJOINT, IOBB, IOR, UNIQUE, MeasureSpec
from imbalens.analysis.differences.comparison import Difference
from imbalens.analysis.performance.measures import (
    AP,
    AUROC,
    PROBABILITY,
    PROBABILITY_POSITIVES,
    RECALL,
    RECALL_HALF,
)

ABSENT = "the figure, or its interval, is undefined for one of the two runs"
MATCHED = "_matched"


@dataclass(frozen=True)
class DifferenceClaim:
    """A claim about the difference of one measure.

    Attributes:
        claim: The claim.
        stage: Stage that measures.
        measure: The measure, over all classes.
    """

    claim: Claim
    stage: str
    measure: str


@dataclass(frozen=True)
class Comparison:
    """A run with a cost-sensitive loss beside the baseline, both with all their repeats.

    Attributes:
        run: The run, the first of its repeats.
        baseline: The baseline, the first of its repeats.
        plain: Whether the baseline's loss weighs all classes alike.
        differences: Over all classes, by stage and measure; without those not measured.
        unmapped: Of both sides, trainings without maps.
        classes_exclude: Whether an image has one class, and not any number of labels.
        positives_fixed: Whether labels are decided so that every run predicts as many positives.
    """

    run: str
    baseline: str
    plain: bool
    differences: Mapping[tuple[str, str], Difference]
    unmapped: Sequence[str]
    classes_exclude: bool
    positives_fixed: bool


def _claim(
    name: str, section: str, text: str, what: str, *, side: Side, threshold: float | None
) -> Claim:
    return Claim(
        id=name,
        paper="A",
        section=section,
        text=text,
        statistic=f"difference of {what}",
        side=side,
        threshold=threshold,
        unit="images",
        undefined=ABSENT,
    )


def _marginal(measure: MeasureSpec) -> DifferenceClaim:
    text = f"Differences in {measure.heading} between losses are marginal"
    name = f"{measure.name}_marginal"
    claim = _claim(name, ANALYSIS, text, measure.heading, side="within", threshold=None)
    return DifferenceClaim(claim, measure.stage, measure.name)


def _changed(
    measure: MeasureSpec, section: str, text: str, what: str, *, side: Side
) -> DifferenceClaim:
    verb = "rises" if side == "above" else "falls"
    name = f"pixel_{measure.name}" if measure is PIXEL_AUROC else measure.name
    claim = _claim(f"{name}_{verb}", section, text, what, side=side, threshold=0.0)
    return DifferenceClaim(claim, measure.stage, measure.name)


def _controlled(
    measure: MeasureSpec, text: str, *, side: Side
) -> tuple[DifferenceClaim, DifferenceClaim]:
    """Return the claim in the paper's measure and the same at matched scale."""
    what, scaled = measure.heading, replace(measure, name=f"{measure.name}{MATCHED}")
    return (
        _changed(measure, TABLE_1, text, what, side=side),
        _changed(
            scaled, TABLE_1, f"{text}, at matched scale", f"{what} at matched scale", side=side
        ),
    )


ANALYSIS = "5, Performance Analysis"
FEATURES = "5, Feature Alignment Analysis"
TABLE_2 = "5, Analysis of Concepts, Table 2"
TABLE_1 = f"{FEATURES}, Table 1"
PIXEL_AUROC = replace(IOBB, name=AUROC.name)  # of maps, the only one without a scale
# paper's measure and the same measure at matched scale, by what they measure
CONTROLLED = {
    IOBB.heading: _controlled(IOBB, "Cost-sensitive losses raise IoBB", side="above"),
    IOR.heading: _controlled(IOR, "Cost-sensitive losses lower IoR", side="below"),
}
DIFFERENCE_CLAIMS = (
    _marginal(AUROC),
    _marginal(AP),
    _changed(
        PROBABILITY,
        ANALYSIS,
        "Weighted losses raise predicted probabilities",
        "mean predicted probability",
        side="above",
    ),
    _changed(
        PROBABILITY_POSITIVES,
        ANALYSIS,
        "Weighted losses raise predicted probabilities of positives",
        "mean predicted probability of positives",
        side="above",
    ),
    _changed(
        RECALL_HALF,
        ANALYSIS,
        "Weighted losses raise recall",
        "mean recall of the classes at probability 0.5",
        side="above",
    ),
    # the control: raised logits alone cannot raise it
    _changed(
        RECALL,
        ANALYSIS,
        "Weighted losses raise recall, with as many predicted positives",
        "mean recall of the classes, with as many predicted positives as in training",
        side="above",
    ),
    *(claim for both in CONTROLLED.values() for claim in both),
    # thresholds of concepts are quantiles of each channel: their scale is matched already
    _changed(
        DISJOINT,
        TABLE_2,
        "Cost-sensitive losses raise the number of disjoint concepts",
        "disjoint concepts",
        side="above",
    ),
    _changed(
        UNIQUE,
        TABLE_2,
        "Cost-sensitive losses raise the number of unique concepts",
        "unique concepts",
        side="above",
    ),
    _changed(
        PIXEL_AUROC,
        FEATURES,
        "What cost-sensitive losses activate in addition lies in pathologies",
        "AUROC of pixels in boxes",
        side="above",
    ),
)


def judge_differences(comparison: Comparison, *, rules: Rules) -> list[Finding]:
    """Judge all claims by the differences between a run and the baseline.

    Recall is judged at probability 0.5: by it the paper means the inclination to say "positive".
    Where labels are decided so that every run predicts as many positives as there are in
    training, recall cannot rise by raised logits: that is the control beside it. A difference
    has an interval only if enough images are behind it, so that no further number is asked for.

    Returns:
        One finding per claim, in the order of `DIFFERENCE_CLAIMS`.

    Source: paper A, section 5.
    """
    findings, rules = [], replace(rules, min_images=0)
    for item in DIFFERENCE_CLAIMS:
        sides = {"run": comparison.run, "baseline": comparison.baseline}
        difference = comparison.differences.get((item.stage, item.measure))
        reason = _why_not(item, comparison, measured=difference is not None)
        if difference is None or reason:
            findings.append(undecided(item.claim, reason, **sides))
            continue
        estimate = Estimate(
            difference.difference, difference.low, difference.high, difference.images, difference.p
        )
        findings.append(
            judge(
                item.claim,
                estimate,
                rules=rules,
                margin=rules.margin,
                p_adjusted=difference.p_adjusted,
                seeds=difference.seeds,
                **sides,
            )
        )
    return findings


def _why_not(item: DifferenceClaim, comparison: Comparison, *, measured: bool) -> str:
    """Say why a claim cannot be judged; empty if it can."""
    baseline, unmapped = comparison.baseline, comparison.unmapped
    if not comparison.plain:
        return f"The baseline {baseline} does not have the plain loss."
    if item.stage == RECALL.stage and comparison.classes_exclude:
        return "Stated of labels: not defined where classes exclude each other."
    if item.measure == RECALL.name and not comparison.positives_fixed:
        return "Labels are decided at probability 0.5 (labels.decision): there is no control."
    if item.stage in (IOBB.stage, DISJOINT.stage) and unmapped:
        return f"No maps were dumped for {', '.join(unmapped)} (dumps.maps.runs)."
    if not measured:
        what = f"{item.measure} of {item.stage}"
        return f"Not measured: the differences from {baseline} have no {what}."
    return ""
