"""Whether paper A's effects are more than raised logits: the same claims at matched scale."""

from collections.abc import Sequence
from math import isnan

from imbalens.analysis.claims.cost_sensitive import CONTROLLED
from imbalens.analysis.claims.verdicts import Claim, Finding

VERBS = {"above": ("rise", "fall"), "below": ("fall", "rise")}


def prior_shift_sentences(findings: Sequence[Finding]) -> dict[str, str]:
    """Say for each controlled measure whether the paper's effect survives at matched scale.

    A loss that raises all logits raises IoBB without better features: only what also shows where
    the maps of both sides are brought to one scale is due to the features. Both sides are judged
    as all claims are, after correction for the dataset's comparisons.

    Args:
        findings: Of all claims of a dataset.

    Returns:
        One sentence per measure; where nothing was measured it says why.
    """
    return {
        what: _sentence(
            [finding for finding in findings if finding.claim == paper.claim],
            [finding for finding in findings if finding.claim == matched.claim],
            paper.claim,
        )
        for what, (paper, matched) in CONTROLLED.items()
    }


def _sentence(paper: Sequence[Finding], matched: Sequence[Finding], claim: Claim) -> str:
    verb, opposite = VERBS[claim.side]
    judged, shown = _measured(paper), _which(paper, "holds")
    if not judged:
        return f"not measured: {_reasons(paper)}"
    start = f"in the paper's measure it {verb}s for"
    against = _which(paper, "does not hold")
    if not shown and len(against) == len(judged):
        return (
            f"{start} none of {len(judged)} settings but {opposite}s for each: "
            "there is no effect to control."
        )
    if not shown:
        but = f" and {opposite}s for {len(against)} ({', '.join(against)})" if against else ""
        return (
            f"in the paper's measure it is not shown to {verb} for any of {len(judged)} settings"
            f"{but}: whether there is an effect to control is open."
        )
    start = f"{start} {len(shown)} of {len(judged)} settings ({', '.join(shown)})"
    controls = [finding for finding in matched if finding.judged in shown]
    if not _measured(controls):
        return f"{start}; not measured at matched scale: {_reasons(controls)}"
    left = _which(controls, "holds")
    those = f" ({', '.join(left)})" if left else ""
    return (
        f"{start}, at matched scale for {len(left)} of these{those}: the effect {_fate(controls)}."
    )


def _fate(controls: Sequence[Finding]) -> str:
    verdicts = {finding.verdict for finding in controls}
    if verdicts == {"holds"}:
        return "survives the control"
    if "holds" in verdicts:
        rest = "" if "does not hold" in verdicts else "; for the rest that is open"
        return f"survives the control in part{rest}"
    survives = "does not survive" if verdicts == {"does not hold"} else "is not shown to survive"
    return f"{survives} the control"


def _measured(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if not isnan(finding.estimate.low)]


def _which(findings: Sequence[Finding], verdict: str) -> list[str]:
    return [finding.judged for finding in findings if finding.verdict == verdict]


def _reasons(findings: Sequence[Finding]) -> str:
    reasons = dict.fromkeys(finding.reason for finding in findings)
    return " ".join(f"{reason[:1].lower()}{reason[1:]}" for reason in reasons)
