"""Claims of paper B about nearest adversaries: that they foretell the errors on unseen images.

Each function computes the statistic of the claim that stands above it.
"""

import numpy as np
from jaxtyping import Float

from imbalens.analysis.adversaries.chance import random_prediction
from imbalens.analysis.adversaries.scores import kl_divergence, rank_correlation
from imbalens.analysis.claims.intervals import (
    Estimate,
    Resampling,
    estimate_mean,
    estimate_ratio,
)
from imbalens.analysis.claims.verdicts import Claim, Finding, Rules, judge

NO_CLASS = "fewer than two classes have both errors and nearest adversaries"

BEAT_RANDOM = Claim(
    id="adversaries_beat_random",
    paper="B",
    section="4.3, Table 2",
    text="Nearest adversaries in training predict errors better than random",
    statistic="KLD of random over that of nearest adversaries",
    side="above",
    threshold=1.0,
    unit="classes",
    undefined=NO_CLASS,
)


def judge_adversaries(
    run: str,
    errors: Float[np.ndarray, "c c"],
    neighbours: Float[np.ndarray, "c c"],
    *,
    kld: Float[np.ndarray, " c"],
    kld_fdr: Float[np.ndarray, " c"],
    eps: float,
    rules: Rules,
) -> tuple[Finding, ...]:
    """Judge the three claims by a run's nearest adversaries.

    Args:
        run: The run.
        errors: Distribution of the errors; rows without any are NaN.
        neighbours: Distribution of the nearest adversaries; rows without any are NaN.
        kld: Divergence of the nearest adversaries from the errors, per class.
        kld_fdr: That of Fisher's discriminant ratio.
        eps: See `kl_divergence`.
        rules: What a verdict asks for.
    """
    resampling = rules.resampling
    random = adversaries_beat_random(errors, neighbours, eps=eps, resampling=resampling)
    rank = adversaries_rank_errors(errors, neighbours, resampling)
    match = adversaries_match_fdr(kld, kld_fdr, resampling)
    return (
        judge(BEAT_RANDOM, random, rules=rules, run=run),
        judge(RANK_ERRORS, rank, rules=rules, run=run),
        judge(MATCH_FDR, match, rules=rules, run=run),
    )


def adversaries_beat_random(
    errors: Float[np.ndarray, "c c"],
    neighbours: Float[np.ndarray, "c c"],
    *,
    eps: float,
    resampling: Resampling,
) -> Estimate:
    """How many times larger the divergence of a random prediction is, over classes.

    The divergence of random is the mean over all random distributions: that of a single one, as
    in the paper, depends on the draw.

    Args:
        errors: Distribution of the errors; rows without any are NaN.
        neighbours: Distribution of the nearest adversaries; rows without any are NaN.
        eps: See `kl_divergence`.
        resampling: How to resample the classes.

    Source: paper B, Table 2 (NNB: Rand. factor).
    """
    own = kl_divergence(errors, neighbours, eps=eps)
    guess = random_prediction(np.zeros(len(own)), eps=eps, alpha=1.0)
    judged = np.isfinite(own)
    chance = kl_divergence(errors, guess.share, eps=eps)
    return estimate_ratio(chance[judged], own[judged], resampling)


RANK_ERRORS = Claim(
    id="adversaries_rank_errors",
    paper="B",
    section="4.3",
    text="Nearest adversaries in training rank errors better than random, whatever eps",
    statistic="mean rank correlation of nearest adversaries with errors",
    side="above",
    threshold=0.0,
    unit="classes",
    undefined=NO_CLASS,
)


def adversaries_rank_errors(
    errors: Float[np.ndarray, "c c"],
    neighbours: Float[np.ndarray, "c c"],
    resampling: Resampling,
) -> Estimate:
    """Mean over classes of Spearman's correlation, which is 0 for random and needs no eps.

    Args:
        errors: Distribution of the errors; rows without any are NaN.
        neighbours: Distribution of the nearest adversaries; rows without any are NaN.
        resampling: How to resample the classes.

    Source: paper B, section 4.3; the eps behind its divergence is not in the paper.
    """
    correlation = rank_correlation(errors, neighbours)
    return estimate_mean(correlation[np.isfinite(correlation)], resampling)


MATCH_FDR = Claim(
    id="adversaries_match_fdr",
    paper="B",
    section="4.3, Table 2",
    text="Nearest adversaries predict errors as well as Fisher's discriminant ratio or better",
    statistic="KLD of FDR over that of nearest adversaries",
    side="above",
    threshold=1.0,
    unit="classes",
    undefined=NO_CLASS,
)


def adversaries_match_fdr(
    kld: Float[np.ndarray, " c"], kld_fdr: Float[np.ndarray, " c"], resampling: Resampling
) -> Estimate:
    """How many times larger the divergence of Fisher's discriminant ratio is.

    Both are of the same classes and vary over them, so the classes are resampled in pairs.

    Args:
        kld: Divergence of the nearest adversaries from the errors, per class; NaN of classes that
            are not judged.
        kld_fdr: That of Fisher's discriminant ratio.
        resampling: How to resample the classes.

    Source: paper B, Table 2.
    """
    judged = np.isfinite(kld) & np.isfinite(kld_fdr)
    return estimate_ratio(kld_fdr[judged], kld[judged], resampling)
