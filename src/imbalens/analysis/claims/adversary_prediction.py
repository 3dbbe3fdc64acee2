"""Claims of paper B about nearest adversaries: that they foretell the errors on unseen images.

Each function computes the statistic of the claim that stands above it.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int, Shaped

from imbalens.analysis.adversaries.scores import (
    FEW_CLASSES,
    TWO_CLASSES,
    centred_ranks,
    surprise,
    tells_of,
)
from imbalens.analysis.claims.intervals import (
    Estimate,
    Resampling,
    estimate_weighted_mean,
    permute_classes,
    undefined,
)
from imbalens.analysis.claims.verdicts import Absent, Claim, Finding, Rules, judge, unjudged
from imbalens.analysis.common.counting import divide

LOG_LOSS_NAME = "log loss per error (nats)"


@dataclass(frozen=True)
class Foretold:
    """Errors around each class, and what is to foretell them.

    Attributes:
        errors: Distribution of the errors; rows without any are NaN.
        weights: Errors behind each row.
        neighbours: Distribution of the nearest adversaries; rows without any are NaN.
        smoothed: The same with a chance for every other class.
        score: Score of the nearest adversaries per class, lower being better.
        score_fdr: That of Fisher's discriminant ratio.
        score_name: What the score is called, with its unit.
    """

    errors: Float[np.ndarray, "c c"]
    weights: Shaped[np.ndarray, " c"]
    neighbours: Float[np.ndarray, "c c"]
    smoothed: Float[np.ndarray, "c c"]
    score: Float[np.ndarray, " c"]
    score_fdr: Float[np.ndarray, " c"]
    score_name: str


def unjudged_adversaries(
    run: str, score_name: str, verdict: Absent, reason: str
) -> tuple[Finding, ...]:
    """Return the findings of the three claims about a run that nothing is judged of.

    Args:
        run: The run.
        score_name: What the predictors are scored by.
        verdict: Why not, in one word of `verdicts`.
        reason: Why not.
    """
    named = replace(MATCH_FDR, statistic=MATCH_FDR.statistic.format(score_name))
    claims = (BEAT_RANDOM, RANK_ERRORS, named)
    return tuple(unjudged(one, verdict, reason, judged=run) for one in claims)


def judge_adversaries(run: str, foretold: Foretold, *, rules: Rules) -> tuple[Finding, ...]:
    """Judge the three claims by a run's nearest adversaries; of two classes none applies.

    Args:
        run: The run.
        foretold: Its errors, and what is to foretell them.
        rules: What a verdict asks for.

    Source: paper B, section 4.3 and Table 2.
    """
    errors, resampling = foretold.errors, rules.resampling
    named = replace(MATCH_FDR, statistic=MATCH_FDR.statistic.format(foretold.score_name))
    if not tells_of(len(errors)):
        reason = f"{TWO_CLASSES.capitalize()}."
        return unjudged_adversaries(run, foretold.score_name, "not applicable", reason)
    random = adversaries_beat_random(
        errors, foretold.neighbours, foretold.smoothed, foretold.weights, resampling
    )
    rank = adversaries_rank_errors(errors, foretold.neighbours, resampling)
    match = score_lead(
        foretold.score,
        foretold.score_fdr,
        foretold.weights,
        confidence=resampling.confidence,
    )
    return (
        judge(BEAT_RANDOM, random, rules=rules, judged=run),
        judge(RANK_ERRORS, rank, rules=rules, judged=run),
        judge(named, match, rules=rules, judged=run, margin=-rules.score_margin),
    )


BEAT_RANDOM = Claim(
    id="adversaries_beat_random",
    paper="B",
    section="4.3, Table 2",
    text="Nearest adversaries in training predict errors better than random",
    statistic="log loss per error (nats), that of other classes' nearest adversaries less its own",
    side="above",
    threshold=0.0,
    unit="classes",
    undefined=FEW_CLASSES,
)


def adversaries_beat_random(
    errors: Float[np.ndarray, "c c"],
    neighbours: Float[np.ndarray, "c c"],
    smoothed: Float[np.ndarray, "c c"],
    weights: Shaped[np.ndarray, " c"],
    resampling: Resampling,
) -> Estimate:
    """How much more surprising errors are to nearest adversaries with their classes interchanged.

    A prediction that knows nothing still beats the mean of random draws if it is nearer to
    uniform, as any smoothed one is: of unrelated neighbours of 10 (14) classes that was found in
    19 % (52 %) of 1,000 simulations. What is random here is thus which class is which, see
    `permute_classes`: that left out 0 above in 2.3 to 2.6 %, below in 2.5 to 3.4 %, be all classes
    as popular or a few of them in either matrix. Only the judged classes change places.

    Args:
        errors: Distribution of the errors; rows without any are NaN.
        neighbours: Distribution of the nearest adversaries; rows without any are NaN, and not
            judged.
        smoothed: The same with a chance for every other class.
        weights: Errors behind each row.
        resampling: How to permute the classes.

    Source: paper B, section 4.3 and Table 2 (NNB: Rand. factor).
    """
    counts = np.where(np.isfinite(errors), errors, 0.0) * weights[:, None].astype(np.float64)
    judged = np.flatnonzero((counts.sum(axis=1) > 0) & np.isfinite(neighbours).all(axis=1))
    if len(judged) < 2:
        return undefined(len(judged))
    losses, own = surprise(smoothed)[judged], counts[judged]

    def certainty(order: Int[np.ndarray, " j"]) -> float:
        return -float((own * _interchanged(losses, judged, order)).sum() / own.sum())

    return permute_classes(certainty, len(judged), resampling, centred=True)


MATCH_FDR = Claim(
    id="adversaries_match_fdr",
    paper="B",
    section="4.3, Table 2",
    text="Nearest adversaries predict errors as well as Fisher's discriminant ratio or better",
    statistic="{} of FDR less that of nearest adversaries",
    side="above",
    threshold=None,
    unit="classes",
    undefined=FEW_CLASSES,
)


def score_lead(
    own: Float[np.ndarray, " c"],
    other: Float[np.ndarray, " c"],
    weights: Shaped[np.ndarray, " c"],
    *,
    confidence: float,
) -> Estimate:
    """How much higher the score of another prediction is than one's own: above 0 one is better.

    As good as the other is what is worse by less than a margin: equally good predictions never
    differ by exactly 0, and no interval around 0 would ever show it.

    Args:
        own: Score per class, lower being better; NaN of classes that are not judged.
        other: That of the other prediction, of the same errors.
        weights: What each class counts for in the mean; 0 leaves it out.
        confidence: Coverage wanted.

    Returns:
        The difference of the weighted means, see `estimate_weighted_mean`.
    """
    judged = np.isfinite(own) & np.isfinite(other)
    size = weights[judged].astype(np.float64)
    return estimate_weighted_mean((other - own)[judged], size, confidence=confidence)


RANK_ERRORS = Claim(
    id="adversaries_rank_errors",
    paper="B",
    section="4.3",
    text="Nearest adversaries in training rank errors better than random, whatever eps",
    statistic="mean rank correlation with errors, less that of other classes' nearest adversaries",
    side="above",
    threshold=0.0,
    unit="classes",
    undefined=FEW_CLASSES,
)


def adversaries_rank_errors(
    errors: Float[np.ndarray, "c c"],
    neighbours: Float[np.ndarray, "c c"],
    resampling: Resampling,
) -> Estimate:
    """Mean over classes of Spearman's correlation, against that of classes in other order.

    Classes that many errors go to make the rows of one matrix alike: they agree with the other
    matrix, or do not, all together. Of unrelated neighbours of 10 classes this lay above 0 in 2.1
    to 2.9 % of 1,000 simulations, a bootstrap of the classes in 2.5 % where all classes are as
    popular and in 17 % where a few are. Only the judged classes change places.

    Args:
        errors: Distribution of the errors; rows without any are NaN.
        neighbours: Distribution of the nearest adversaries; rows without any are NaN.
        resampling: How to permute the classes.

    Returns:
        See `permute_classes`; of the classes whose rows both rank something.

    Source: paper B, section 4.3; the eps behind its divergence is not in the paper.
    """
    ranks = _unit_ranks(errors), _unit_ranks(neighbours)
    judged = np.flatnonzero(np.isfinite(ranks[0] + ranks[1]).all(axis=1))
    if len(judged) < 2:
        return undefined(len(judged))
    of_errors, of_neighbours = (matrix[judged] for matrix in ranks)

    def correlation(order: Int[np.ndarray, " j"]) -> float:
        moved = _interchanged(of_neighbours, judged, order)
        return float((of_errors * moved).sum() / len(judged))

    return permute_classes(correlation, len(judged), resampling, centred=True)


def _interchanged(
    rows: Float[np.ndarray, "j c"], judged: Int[np.ndarray, " j"], order: Int[np.ndarray, " j"]
) -> Float[np.ndarray, "j c"]:
    """Give the judged classes each other's rows and columns; other columns stay."""
    columns = np.arange(rows.shape[1])
    columns[judged] = judged[order]
    return rows[order][:, columns]


def _unit_ranks(shares: Float[np.ndarray, "c c"]) -> Float[np.ndarray, "c c"]:
    """Rank each row's other classes, centred and scaled so that products are correlations.

    Returns:
        0 on the diagonal; NaN rows where shares are NaN or all the same.
    """
    others, centred = ~np.eye(len(shares), dtype=bool), centred_ranks(shares)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    found = np.zeros(shares.shape)
    found[others] = divide(centred, np.broadcast_to(length, centred.shape)).ravel()
    return found
