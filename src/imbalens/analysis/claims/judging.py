"""All claims of both papers, judged by the results of a dataset's runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from imbalens.analysis.claims.adversary_prediction import (
    LOG_LOSS_NAME,
    Foretold,
    judge_adversaries,
    unjudged_adversaries,
)
from imbalens.analysis.claims.cost_sensitive import LOSS_CLAIMS, Comparison, judge_losses
from imbalens.analysis.claims.ldam import LDAM_CLAIMS, LdamComparison, judge_ldam
from imbalens.analysis.claims.overlapping_classes import COLOURS_ALIKE, judge_colours
from imbalens.analysis.claims.true_positives import judge_archetypes, unjudged_archetypes
from imbalens.analysis.claims.verdicts import Finding, Rules, unjudged


@dataclass(frozen=True)
class Colours:
    """Salient colours of a run's classes beside the features that the classes share.

    Attributes:
        shares: Share of each colour group per class; NaN of a class without any.
        jaccard: Share of top features that classes have in common.
    """

    shares: Float[np.ndarray, "c g"]
    jaccard: Float[np.ndarray, "c c"]


@dataclass(frozen=True)
class RunResults:
    """What claims of paper B are judged by, training by training.

    Attributes:
        run: The run.
        archetypes: Instances by archetype, in the order of `ARCHETYPE_NAMES`; None where it has
            no features or predictions of training images.
        true_positives: Those that are classified correctly; None likewise.
        foretold: Its errors, and what is to foretell them; None likewise.
        colours: None if the run has no saliency.
    """

    run: str
    archetypes: Int[np.ndarray, " a"] | None
    true_positives: Int[np.ndarray, " a"] | None
    foretold: Foretold | None
    colours: Colours | None


def judge_claims(
    comparisons: Sequence[Comparison],
    runs: Sequence[RunResults],
    ldam: Sequence[LdamComparison],
    *,
    count_ratio: float,
    overlapping_jaccard: float,
    rules: Rules,
) -> list[Finding]:
    """Judge the claims of both papers.

    Args:
        comparisons: Every loss that is not plain beside its baseline, for paper A.
        runs: Every training, for paper B.
        ldam: Every loss that is LDAM beside its baseline, for paper B.
        count_ratio: A class with so many times the images of another dominates it.
        overlapping_jaccard: Share of common top features from which classes overlap.
        rules: What a verdict asks for.

    Returns:
        A finding per claim and what it is judged on; one that says why where that is nothing.
    """
    overlap = {"overlapping_jaccard": overlapping_jaccard, "rules": rules}
    return [
        *_judge_losses(comparisons, rules),
        *(finding for run in runs for finding in _judge_run(run, **overlap)),
        *_judge_ldam(ldam, count_ratio=count_ratio, **overlap),
    ]


def _judge_losses(comparisons: Sequence[Comparison], rules: Rules) -> list[Finding]:
    if comparisons:
        return judge_losses(comparisons, rules=rules)
    reason = "No run of this dataset has a cost-sensitive loss."
    return [unjudged(claim, "not applicable", reason) for claim in LOSS_CLAIMS]


def _judge_run(
    found: RunResults, *, overlapping_jaccard: float, rules: Rules
) -> Iterator[Finding]:
    nothing = f"{found.run} has no features, or no predictions, of training images."
    if found.archetypes is None or found.true_positives is None:
        yield from unjudged_archetypes(found.run, "not measured", nothing)
    else:
        yield from judge_archetypes(found.run, found.archetypes, found.true_positives, rules=rules)
    if found.foretold is None:
        yield from unjudged_adversaries(found.run, LOG_LOSS_NAME, "not measured", nothing)
    else:
        yield from judge_adversaries(found.run, found.foretold, rules=rules)
    if found.colours is None:
        reason = f"No saliency was dumped for {found.run} (dumps.saliency.runs)."
        yield unjudged(COLOURS_ALIKE, "not measured", reason, judged=found.run)
    else:
        overlapping = found.colours.jaccard >= overlapping_jaccard
        yield judge_colours(found.run, found.colours.shares, overlapping, rules=rules)


def _judge_ldam(
    comparisons: Sequence[LdamComparison],
    *,
    count_ratio: float,
    overlapping_jaccard: float,
    rules: Rules,
) -> Iterator[Finding]:
    if not comparisons:
        reason = "No run of this dataset has LDAM."
        yield from (unjudged(claim, "not applicable", reason) for claim in LDAM_CLAIMS)
    for comparison in comparisons:
        yield from judge_ldam(
            comparison,
            count_ratio=count_ratio,
            overlapping_jaccard=overlapping_jaccard,
            rules=rules,
        )
