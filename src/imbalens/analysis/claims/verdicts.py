"""When a claim holds or does not, and why it cannot be judged.

A claim is "not decided" where it could be, but not by the data at hand; "not applicable" where it
says nothing of such a dataset; "not measured" where what it is about was not computed.
"""

from dataclasses import dataclass
from math import isnan
from typing import Literal, assert_never, get_args

from imbalens.analysis.claims.intervals import Estimate, Resampling, undefined

Side = Literal["above", "below", "within"]
Absent = Literal["not decided", "not applicable", "not measured"]
Verdict = Literal["holds", "does not hold"] | Absent
VERDICTS: tuple[Verdict, ...] = (*("holds", "does not hold"), *get_args(Absent))
Unit = Literal["images", "instances", "classes", "pairs of classes"]
NO_RUN = "(no run)"  # of a claim that no run of the dataset could support
ONE_EACH = "One training each: these two networks {}; of the loss nothing is decided."
DO_NOT = "are not shown to differ"


@dataclass(frozen=True)
class Claim:
    """An empirical statement of a paper, made testable.

    Attributes:
        id: Key in the metrics.
        paper: "A" or "B".
        section: Where the paper states it.
        text: The statement.
        statistic: What is measured.
        side: Where the statistic lies if the claim is true: above the threshold, below it, or
            within plus or minus the threshold.
        threshold: None where it is a margin that the parameters give.
        unit: What the number behind the statistic counts.
        undefined: Why the statistic may have no value.
        without: The verdict where it has none.
        same: The statistic of two networks that do not differ.
    """

    id: str
    paper: Literal["A", "B"]
    section: str
    text: str
    statistic: str
    side: Side
    threshold: float | None
    unit: Unit
    undefined: str
    without: Absent = "not decided"
    same: float = 0.0


@dataclass(frozen=True)
class Finding:
    """What the data say about a claim for a loss, or for one training.

    Attributes:
        claim: The claim.
        judged: The setting that is judged, the run where it is about a training, or `NO_RUN`.
        baseline: The setting that it is compared with; empty if there is none.
        estimate: The statistic; undefined where inputs are absent.
        threshold: What the interval is compared with; NaN where inputs are absent.
        verdict: See `decide`.
        reason: One sentence, from the numbers.
        p_adjusted: Two-sided p-value, adjusted for the number of comparisons, of no difference,
            or of the margin where the claim has one; NaN if unknown.
        seeds: Trainings behind it, of the side with the fewer; 0 if unknown.
    """

    claim: Claim
    judged: str
    baseline: str
    estimate: Estimate
    threshold: float
    verdict: Verdict
    reason: str
    p_adjusted: float = float("nan")
    seeds: int = 0


@dataclass(frozen=True)
class Rules:
    """What a verdict asks for.

    Attributes:
        resampling: How intervals over classes are made; its confidence is that of all intervals
            that are made of counts too.
        alpha: Adjusted p-value above which a difference is not taken for one.
        margin: Differences of AUROC and AP within plus or minus this are marginal.
        score_margin: A prediction whose score is worse by less is as good.
        error_margin: Errors that become fewer by a smaller share of them are not lowered.
        min_images: Images or instances below which nothing is decided.
        min_classes: Classes below which nothing is decided.
    """

    resampling: Resampling
    alpha: float
    margin: float
    score_margin: float
    error_margin: float
    min_images: int
    min_classes: int


def decide(low: float, high: float, *, side: Side, threshold: float) -> Verdict:
    """Compare an interval with what a claim says.

    Returns:
        "holds" if the whole interval lies on the claimed side, "does not hold" if all of it lies
        on the other, else "not decided". An end on the threshold lies on neither side.

    Raises:
        ValueError: if the interval is reversed, or the margin of "within" is not positive.
    """
    if low > high:
        raise ValueError(f"interval is [{low}, {high}]; the lower end must come first")
    if side == "within":
        if threshold <= 0:
            raise ValueError(f"threshold is {threshold}; a margin must be > 0")
        inside = -threshold < low and high < threshold
        outside = low > threshold or high < -threshold
    else:
        above, below = low > threshold, high < threshold
        inside, outside = (above, below) if side == "above" else (below, above)
    if inside:
        return "holds"
    return "does not hold" if outside else "not decided"


def judge(
    claim: Claim,
    estimate: Estimate,
    *,
    rules: Rules,
    judged: str,
    baseline: str = "",
    margin: float = float("nan"),
    p_adjusted: float = float("nan"),
    p_same: float = float("nan"),
    seeds: int = 1,
    over_seeds: bool = True,
) -> Finding:
    """Judge a claim by its statistic.

    Where the statistic is one of several that are looked at together, `p_adjusted` is given, and
    the claim is decided only if that is small too: of many intervals some leave out 0, or lie
    within a margin, by chance.

    A claim about a loss is judged by trainings with it. Two networks of which each was trained
    once may differ, but so may two that were trained alike: an interval that is over images alone
    decides nothing about the loss.

    Args:
        claim: The claim.
        estimate: Its statistic.
        rules: What is asked for.
        judged: See `Finding`.
        baseline: See `Finding`.
        margin: The threshold of a claim that has none of its own.
        p_adjusted: See `Finding`.
        p_same: Two-sided p-value of no difference, adjusted; NaN if unknown.
        seeds: See `Finding`.
        over_seeds: Whether the interval is over seeds, or the claim about this training alone.

    Returns:
        The finding, its reason built from the numbers.
    """
    verdict: Verdict = "not decided"
    behind = f"{estimate.n} {claim.unit}"
    threshold = margin if claim.threshold is None else claim.threshold
    minimum = _minimum(claim.unit, rules)
    if isnan(estimate.low) or isnan(estimate.high):
        verdict = claim.without
        reason = f"The {claim.statistic} is undefined: {claim.undefined}."
    elif estimate.n < minimum:
        reason = f"Only {behind}, fewer than the {minimum} asked for."
    else:
        verdict = decide(estimate.low, estimate.high, side=claim.side, threshold=threshold)
        interval = f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}]"
        where = _place(claim.side, threshold, verdict)
        if verdict != "not decided" and p_adjusted > rules.alpha:
            verdict = "not decided"
            where = f"{where} singly, not after correction for the dataset's comparisons"
        known = "" if isnan(p_adjusted) else f", adjusted p {p_adjusted:.2g}"
        reason = f"The {claim.statistic}, {interval}, {where} ({behind}{known})."
        if claim.side == "within":
            half = (estimate.high - estimate.low) / 2
            reason += f" So many images allow no margin below ±{half:.3g}."
        if not over_seeds:
            apart = claim.same < estimate.low or estimate.high < claim.same
            shown = "differ" if apart and not p_same > rules.alpha else DO_NOT
            reason = f"{ONE_EACH.format(shown)} {reason}"
            verdict = "not decided"
    return Finding(
        claim=claim,
        judged=judged,
        baseline=baseline,
        estimate=estimate,
        threshold=threshold,
        verdict=verdict,
        reason=reason,
        p_adjusted=p_adjusted,
        seeds=seeds,
    )


def unjudged(
    claim: Claim, verdict: Absent, reason: str, *, judged: str = NO_RUN, baseline: str = ""
) -> Finding:
    """Return the finding of a claim whose inputs are absent, for the reason given."""
    return Finding(
        claim=claim,
        judged=judged,
        baseline=baseline,
        estimate=undefined(0),
        threshold=float("nan"),
        verdict=verdict,
        reason=reason,
    )


def _minimum(unit: Unit, rules: Rules) -> int:
    match unit:
        case "images" | "instances":
            return rules.min_images
        case "classes":
            return rules.min_classes
        case "pairs of classes":
            return 1  # an interval of few pairs is wide enough to decide nothing
        case _:
            assert_never(unit)


def _place(side: Side, threshold: float, verdict: Verdict) -> str:
    margin = f"±{threshold:.3g}" if side == "within" else f"{threshold:.3g}"
    other = {"above": "below", "below": "above", "within": "outside"}[side]
    if verdict == "holds":
        return f"lies {side} {margin}"
    if verdict == "does not hold":
        return f"lies {other} {margin}"
    return f"lies partly outside {margin}" if side == "within" else f"does not exclude {margin}"
