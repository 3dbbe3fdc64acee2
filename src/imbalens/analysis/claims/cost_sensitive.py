"""Claims of paper A: what cost-sensitive losses change against the plain loss.

Each is a difference between a setting and its baseline, whose interval comes with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from imbalens.analysis.claims.added_activation import ADDED_IN_BOXES, Added, judge_added
from imbalens.analysis.claims.intervals import Estimate, adjust_holm, margin_p
from imbalens.analysis.claims.verdicts import (
    Absent,
    Claim,
    Finding,
    Rules,
    Side,
    judge,
    unjudged,
)
from imbalens.analysis.common.measures import (
    DISJOINT,
    IOBB,
    IOR,
    POINTING_CONTROLLED,
    UNIQUE,
    MeasureSpec,
)
from imbalens.analysis.differences.comparison import Difference
from imbalens.analysis.performance.measures import (
    AP,
    AUROC,
    PROBABILITY,
    PROBABILITY_POSITIVES,
    RECALL,
    RECALL_HALF,
)

ABSENT = "the figure, or its interval, is undefined for one of the two sides"
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
    """A setting with a cost-sensitive loss beside its baseline, both with all their trainings.

    Attributes:
        setting: The setting.
        baseline: Its baseline.
        plain: Whether the baseline's loss weighs all classes alike.
        differences: Over all classes, by stage and measure; without those not measured.
        added: What each training of the setting (row) activates in addition to each of the
            baseline's (column); nothing where maps were not dumped.
        unmapped: Of both sides, trainings without maps.
        classes_exclude: Whether an image has one class, and not any number of labels.
        positives_fixed: Whether labels are decided so that every run predicts as many positives.
    """

    setting: str
    baseline: str
    plain: bool
    differences: Mapping[tuple[str, str], Difference]
    added: Sequence[Sequence[Added]]
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
    claim = _claim(f"{measure.name}_{verb}", section, text, what, side=side, threshold=0.0)
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
        POINTING_CONTROLLED,
        FEATURES,
        "Maps of cost-sensitive losses point at pathologies more often, chance subtracted",
        "the pointing game's hits, less those in boxes elsewhere",
        side="above",
    ),
)
LOSS_CLAIMS = (*(item.claim for item in DIFFERENCE_CLAIMS), ADDED_IN_BOXES)


def judge_losses(comparisons: Sequence[Comparison], *, rules: Rules) -> list[Finding]:
    """Judge all claims of paper A.

    Recall is judged at probability 0.5: by it the paper means the inclination to say "positive".
    Where labels are decided so that every run predicts as many positives as there are in
    training, recall cannot rise by raised logits: that is the control beside it. A difference
    has an interval only if enough images are behind it, so that no further number is asked for.
    That a difference is marginal is corrected for the number of such claims (Holm), every other
    one with all differences of the dataset.


    Returns:
        One finding per comparison and claim, in the order of `LOSS_CLAIMS`.

    Source: paper A, section 5.
    """
    margins = [
        (comparison.setting, item.claim.id, _margin_p(difference, rules))
        for comparison in comparisons
        for item in DIFFERENCE_CLAIMS
        if item.claim.side == "within"
        if (difference := comparison.differences.get((item.stage, item.measure)))
    ]
    ps = [p for *_, p in margins]
    corrected = {
        (setting, claim): (p, adjusted)
        for (setting, claim, p), adjusted in zip(margins, adjust_holm(ps), strict=True)
    }
    findings: list[Finding] = []
    for comparison in comparisons:
        findings += [
            _judge_difference(
                item, comparison, corrected.get((comparison.setting, item.claim.id)), rules
            )
            for item in DIFFERENCE_CLAIMS
        ]
        findings.append(_judge_added(comparison, rules))
    return findings


def _judge_difference(
    item: DifferenceClaim,
    comparison: Comparison,
    of_margin: tuple[float, float] | None,
    rules: Rules,
) -> Finding:
    """Judge one claim; a margin by its own p-values, single and corrected."""
    sides = {"judged": comparison.setting, "baseline": comparison.baseline}
    difference = comparison.differences.get((item.stage, item.measure))
    absent = _why_not(item.stage, comparison, measure=item.measure)
    if absent:
        return unjudged(item.claim, *absent, **sides)
    if difference is None:
        what = f"{item.measure} of {item.stage}"
        reason = f"Not measured: the differences from {comparison.baseline} have no {what}."
        return unjudged(item.claim, "not measured", reason, **sides)
    p, p_adjusted = of_margin or (difference.p, difference.p_adjusted)
    return judge(
        item.claim,
        replace(_estimate(difference), p=p),
        rules=replace(rules, min_images=0),
        margin=rules.margin,
        p_adjusted=p_adjusted,
        p_same=difference.p_adjusted,
        seeds=difference.seeds,
        over_seeds=difference.of_loss,
        **sides,
    )


def _judge_added(comparison: Comparison, rules: Rules) -> Finding:
    sides = {"judged": comparison.setting, "baseline": comparison.baseline}
    absent = _why_not(IOBB.stage, comparison)
    if absent:
        return unjudged(ADDED_IN_BOXES, *absent, **sides)
    if not comparison.added:
        reason = "Not measured: no image has a box."
        return unjudged(ADDED_IN_BOXES, "not measured", reason, **sides)
    return judge_added(comparison.added, rules=rules, **sides)


def _estimate(difference: Difference) -> Estimate:
    return Estimate(difference.difference, difference.low, difference.high, difference.images)


def _margin_p(difference: Difference, rules: Rules) -> float:
    return margin_p(
        _estimate(difference),
        margin=rules.margin,
        freedom=difference.freedom,
        confidence=1 - rules.alpha,
    )


def _why_not(
    stage: str, comparison: Comparison, *, measure: str = ""
) -> tuple[Absent, str] | None:
    """Say why a claim cannot be judged; None if it can."""
    baseline, unmapped = comparison.baseline, comparison.unmapped
    if not comparison.plain:
        return "not applicable", f"The baseline {baseline} does not have the plain loss."
    if stage == RECALL.stage and comparison.classes_exclude:
        reason = "Stated of labels: not defined where classes exclude each other."
        return "not applicable", reason
    if measure == RECALL.name and not comparison.positives_fixed:
        reason = "Labels are decided at probability 0.5 (labels.decision): there is no control."
        return "not measured", reason
    if stage in (IOBB.stage, DISJOINT.stage) and unmapped:
        reason = f"No maps were dumped for {', '.join(unmapped)} (dumps.maps.runs)."
        return "not measured", reason
    return None
