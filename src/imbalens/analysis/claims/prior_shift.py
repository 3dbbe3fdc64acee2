"""Whether paper A's effects are more than raised logits: the same claims at matched scale."""

from collections.abc import Sequence
from math import isnan

from imbalens.analysis.claims.cost_sensitive import CONTROLLED
from imbalens.analysis.claims.verdicts import Claim, Finding


def prior_shift_sentences(findings: Sequence[Finding]) -> list[str]:
    """Say for each controlled measure whether the paper's effect survives at matched scale.

    A loss that raises all logits raises IoBB without better features: only what also shows where
    the maps of both runs are brought to one scale is due to the features.

    Args:
        findings: Of all claims of a dataset.

    Returns:
        One sentence per measure of which at least one run was judged.
    """
    sentences = []
    for what, (paper, matched) in CONTROLLED.items():
        judged, shown = _runs(findings, paper.claim), _held(findings, paper.claim)
        change = "rises" if paper.claim.side == "above" else "falls"
        start = f"{what}: in the paper's measure it {change}"
        if not judged:
            continue
        if not shown:
            sentences.append(
                f"{start} for none of {len(judged)} runs: there is no effect to control."
            )
            continue
        start = f"{start} for {len(shown)} of {len(judged)} runs ({', '.join(shown)})"
        if not set(shown) & set(_runs(findings, matched.claim)):
            sentences.append(f"{start}; it was not measured at matched scale.")
            continue
        left = [run for run in shown if run in _held(findings, matched.claim)]
        those = f" ({', '.join(left)})" if left else ""
        sentences.append(
            f"{start}, at matched scale for {len(left)} of these{those}: "
            f"the effect {_fate(findings, matched.claim, shown)} the control."
        )
    return sentences


def _fate(findings: Sequence[Finding], matched: Claim, shown: Sequence[str]) -> str:
    verdicts = {f.verdict for f in findings if f.claim == matched and f.run in shown}
    if verdicts == {"holds"}:
        return "survives"
    if "holds" in verdicts:
        return "survives in part"
    return "does not survive" if verdicts == {"does not hold"} else "is not shown to survive"


def _runs(findings: Sequence[Finding], claim: Claim) -> list[str]:
    """Return the runs with an interval."""
    return [f.run for f in findings if f.claim == claim and not isnan(f.estimate.low)]


def _held(findings: Sequence[Finding], claim: Claim) -> list[str]:
    return [f.run for f in findings if f.claim == claim and f.verdict == "holds"]
