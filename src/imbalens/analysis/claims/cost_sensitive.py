"""Claims of paper A: what cost-sensitive losses change against the plain loss.

Each is a difference between a run and the baseline, whose interval comes with it.
"""

from dataclasses import dataclass

from imbalens.analysis.claims.intervals import Estimate
from imbalens.analysis.claims.verdicts import Claim, Finding, Side, judge

ABSENT = "the figure, or its interval, is undefined for one of the two runs"
ALIGNMENT = "cam_alignment"
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
class Difference:
    """A run minus the baseline, over all classes.

    Attributes:
        estimate: The difference, its interval, the images behind it and its p-value.
        p_adjusted: That p-value, adjusted for the number of comparisons; NaN if undefined.
        seeds: Trainings behind the run.
    """

    estimate: Estimate
    p_adjusted: float
    seeds: int


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


def _marginal(measure: str, what: str) -> DifferenceClaim:
    text = f"Differences in {what} between losses are marginal"
    claim = _claim(
        f"{measure}_marginal", "5, Performance Analysis", text, what, side="within", threshold=None
    )
    return DifferenceClaim(claim, "performance", measure)


def _changed(
    stage: str, measure: str, section: str, text: str, what: str, *, side: Side
) -> DifferenceClaim:
    verb = "rises" if side == "above" else "falls"
    name = f"pixel_{measure}" if (stage, measure) == (ALIGNMENT, "auroc") else measure
    claim = _claim(f"{name}_{verb}", section, text, what, side=side, threshold=0.0)
    return DifferenceClaim(claim, stage, measure)


def _controlled(
    stage: str, measure: str, section: str, text: str, what: str, *, side: Side
) -> tuple[DifferenceClaim, DifferenceClaim]:
    """Return the claim in the paper's measure and the same at matched scale."""
    return (
        _changed(stage, measure, section, text, what, side=side),
        _changed(
            stage,
            f"{measure}{MATCHED}",
            section,
            f"{text}, at matched scale",
            f"{what} at matched scale",
            side=side,
        ),
    )


PERFORMANCE = "5, Performance Analysis"
FEATURES = "5, Feature Alignment Analysis"
CONCEPTS = "5, Analysis of Concepts, Table 2"
TABLE_1 = f"{FEATURES}, Table 1"
# paper's measure and the same measure at matched scale, by what they measure
CONTROLLED = {
    "IoBB": _controlled(
        ALIGNMENT, "iobb", TABLE_1, "Cost-sensitive losses raise IoBB", "IoBB", side="above"
    ),
    "IoR": _controlled(
        ALIGNMENT, "ior", TABLE_1, "Cost-sensitive losses lower IoR", "IoR", side="below"
    ),
}
DIFFERENCE_CLAIMS = (
    _marginal("auroc", "AUROC"),
    _marginal("ap", "AP"),
    _changed(
        "performance",
        "probability",
        PERFORMANCE,
        "Weighted losses raise predicted probabilities",
        "mean predicted probability",
        side="above",
    ),
    _changed(
        "performance",
        "probability_positives",
        PERFORMANCE,
        "Weighted losses raise predicted probabilities of positives",
        "mean predicted probability of positives",
        side="above",
    ),
    _changed(
        "performance",
        "recall",
        PERFORMANCE,
        "Weighted losses raise recall",
        "mean recall of the classes",
        side="above",
    ),
    *(claim for both in CONTROLLED.values() for claim in both),
    # thresholds of concepts are quantiles of each channel: their scale is matched already
    _changed(
        "concepts",
        "disjoint",
        CONCEPTS,
        "Cost-sensitive losses raise the number of disjoint concepts",
        "disjoint concepts",
        side="above",
    ),
    _changed(
        "concepts",
        "unique",
        CONCEPTS,
        "Cost-sensitive losses raise the number of unique concepts",
        "unique concepts",
        side="above",
    ),
    _changed(
        ALIGNMENT,
        "auroc",
        FEATURES,
        "What cost-sensitive losses activate in addition lies in pathologies",
        "AUROC of pixels in boxes",
        side="above",
    ),
)


def judge_difference(
    item: DifferenceClaim,
    difference: Difference,
    *,
    run: str,
    baseline: str,
    margin: float,
    min_images: int,
) -> Finding:
    """Judge a claim by the difference between a run and the baseline.

    Args:
        item: One of `DIFFERENCE_CLAIMS`.
        difference: Of the claim's measure.
        run: A run with a cost-sensitive loss.
        baseline: The run with the plain loss.
        margin: Differences of AUROC and AP within plus or minus this are marginal.
        min_images: Images below which nothing is decided.

    Returns:
        The finding.

    Source: paper A, section 5.
    """
    threshold = item.claim.threshold
    return judge(
        item.claim,
        difference.estimate,
        run=run,
        baseline=baseline,
        threshold=margin if threshold is None else threshold,
        minimum=min_images,
        p_adjusted=difference.p_adjusted,
        seeds=difference.seeds,
    )
