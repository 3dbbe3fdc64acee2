"""When a claim holds, does not hold, or cannot be decided with the data at hand."""

from dataclasses import dataclass
from math import isnan
from typing import Literal

from imbalens.analysis.claims.intervals import Estimate, Resampling, undefined

Side = Literal["above", "below", "within"]
Verdict = Literal["holds", "does not hold", "not decidable"]
Unit = Literal["images", "instances", "classes"]
NO_RUN = "(no run)"  # of a claim that no run of the dataset could support


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


@dataclass(frozen=True)
class Finding:
    """What the data say about a claim for one run.

    Attributes:
        claim: The claim.
        run: The run that is judged, or `NO_RUN`.
        baseline: The run that it is compared with; empty if there is none.
        estimate: The statistic; undefined where inputs are absent.
        threshold: What the interval is compared with; NaN where inputs are absent.
        verdict: See `decide`.
        reason: One sentence, from the numbers.
        p_adjusted: Two-sided p-value, adjusted for the number of comparisons; NaN if unknown.
        seeds: Trainings behind the run; 0 if unknown.
    """

    claim: Claim
    run: str
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
        error_margin: Errors whose share falls by less are not lowered.
        min_images: Images or instances below which nothing is decided.
        min_classes: Classes below which nothing is decided.
    """

    resampling: Resampling
    alpha: float
    margin: float
    error_margin: float
    min_images: int
    min_classes: int


def decide(low: float, high: float, *, side: Side, threshold: float) -> Verdict:
    """Compare an interval with what a claim says.

    Returns:
        "holds" if the whole interval lies on the claimed side, "does not hold" if all of it lies
        on the other, else "not decidable". An end on the threshold lies on neither side.

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
    return "does not hold" if outside else "not decidable"


def judge(
    claim: Claim,
    estimate: Estimate,
    *,
    rules: Rules,
    run: str,
    baseline: str = "",
    margin: float = float("nan"),
    p_adjusted: float = float("nan"),
    seeds: int = 1,
) -> Finding:
    """Judge a claim by its statistic.

    Where the statistic is one of the many differences of a dataset that are looked at together,
    `p_adjusted` is given, and whatever states a difference (that it rises, falls, or lies outside
    a margin) is decided only if that is small too: of many intervals some leave out 0 by chance.
    That a difference lies within a margin needs no such correction: it finds no difference, which
    is what the correction guards against, and each measure that it is said of was named before.
    The corrected p-value, which is of no difference at all, would not tell anything about it.

    Args:
        claim: The claim.
        estimate: Its statistic.
        rules: What is asked for.
        run: The run that is judged.
        baseline: The run that it is compared with; empty if there is none.
        margin: The threshold of a claim that has none of its own.
        p_adjusted: See `Finding`.
        seeds: See `Finding`.

    Returns:
        The finding, its reason built from the numbers.
    """
    verdict: Verdict = "not decidable"
    behind = f"{estimate.n} {claim.unit}"
    threshold = margin if claim.threshold is None else claim.threshold
    minimum = rules.min_classes if claim.unit == "classes" else rules.min_images
    if isnan(estimate.low) or isnan(estimate.high):
        reason = f"The {claim.statistic} is undefined: {claim.undefined}."
    elif estimate.n < minimum:
        reason = f"Only {behind}, fewer than the {minimum} asked for."
    else:
        verdict = decide(estimate.low, estimate.high, side=claim.side, threshold=threshold)
        interval = f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}]"
        where = _place(claim.side, threshold, verdict)
        states_difference = claim.side != "within" or verdict == "does not hold"
        if states_difference and verdict != "not decidable" and p_adjusted > rules.alpha:
            verdict = "not decidable"
            where = f"{where} singly, not after correction for the dataset's comparisons"
        told = states_difference and not isnan(p_adjusted)
        known = f", adjusted p {p_adjusted:.2g}" if told else ""
        reason = f"The {claim.statistic}, {interval}, {where} ({behind}{known})."
    return Finding(
        claim=claim,
        run=run,
        baseline=baseline,
        estimate=estimate,
        threshold=threshold,
        verdict=verdict,
        reason=reason,
        p_adjusted=p_adjusted,
        seeds=seeds,
    )


def undecided(claim: Claim, reason: str, *, run: str = NO_RUN, baseline: str = "") -> Finding:
    """Return the finding of a claim whose inputs are absent, for the reason given."""
    return Finding(
        claim=claim,
        run=run,
        baseline=baseline,
        estimate=undefined(0),
        threshold=float("nan"),
        verdict="not decidable",
        reason=reason,
    )


def _place(side: Side, threshold: float, verdict: Verdict) -> str:
    margin = f"±{threshold:.3g}" if side == "within" else f"{threshold:.3g}"
    other = {"above": "below", "below": "above", "within": "outside"}[side]
    if verdict == "holds":
        return f"lies {side} {margin}"
    if verdict == "does not hold":
        return f"lies {other} {margin}"
    return f"lies partly outside {margin}" if side == "within" else f"does not exclude {margin}"
