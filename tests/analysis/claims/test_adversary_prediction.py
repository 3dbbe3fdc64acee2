from math import isnan

import numpy as np
import pytest

from imbalens.analysis.adversaries.distributions import off_diagonal_shares
from imbalens.analysis.adversaries.scores import kl_divergence
from imbalens.analysis.claims.adversary_prediction import (
    BEAT_RANDOM,
    RANK_ERRORS,
    adversaries_beat_random,
    adversaries_match_fdr,
    adversaries_rank_errors,
    judge_adversaries,
)
from imbalens.analysis.claims.intervals import estimate_mean
from imbalens.analysis.claims.verdicts import decide
from tests.analysis.claims.rules import RESAMPLING, rules

EPS = 1e-5


def drawn(seed, n_classes=12):
    rng = np.random.default_rng(seed)
    return off_diagonal_shares(rng.standard_exponential((n_classes, n_classes)))


def near(errors, seed):
    """The errors, with a little of something else."""
    return 0.9 * errors + 0.1 * drawn(seed, len(errors))


def without(matrix, rows):
    matrix = matrix.copy()
    matrix[rows] = np.nan
    return matrix


def verdicts(errors, neighbours):
    random = adversaries_beat_random(errors, neighbours, eps=EPS, resampling=RESAMPLING)
    rank = adversaries_rank_errors(errors, neighbours, RESAMPLING)
    return tuple(
        decide(found.low, found.high, side=claim.side, threshold=claim.threshold)
        for claim, found in ((BEAT_RANDOM, random), (RANK_ERRORS, rank))
    )


def test_planted_prediction_is_found():
    errors = drawn(1)
    assert verdicts(errors, near(errors, 2)) == ("holds", "holds")


def test_a_random_prediction_does_not_beat_random():
    trials = [verdicts(drawn(seed), drawn(1000 + seed)) for seed in range(25)]
    for claim in range(2):
        assert sum(verdict[claim] == "holds" for verdict in trials) <= 3


def test_the_opposite_of_the_errors_does_not_hold():
    errors = drawn(1)
    opposite = np.where(np.eye(12, dtype=bool), 0.0, 1 / (errors + 0.001))
    opposite /= opposite.sum(axis=1, keepdims=True)
    assert verdicts(errors, opposite) == ("does not hold", "does not hold")


def test_the_factor_by_its_definition():
    errors, neighbours = drawn(1, 5), without(drawn(2, 5), [3])
    found = adversaries_beat_random(errors, neighbours, eps=EPS, resampling=RESAMPLING)
    rows = [0, 1, 2, 4]
    own = kl_divergence(errors, neighbours, eps=EPS)[rows].mean()
    guesses = [
        kl_divergence(errors, drawn(seed, 5), eps=EPS)[rows].mean() for seed in range(200)
    ]  # the mean over all differs a little
    assert found.value == pytest.approx(np.mean(guesses) / own, rel=0.02)
    assert found.n == 4


def test_fdr_is_compared_class_by_class():
    """Three times as far in each class is three times, however much classes differ."""
    own = np.array([0.1, 2.0, 0.5, np.nan, 1.0, 0.3])
    found = adversaries_match_fdr(own, 3 * own, RESAMPLING)
    assert (found.low, found.value, found.high) == pytest.approx((3, 3, 3))
    assert found.n == 5
    alone = estimate_mean(own[np.isfinite(own)], RESAMPLING)
    assert 3 * alone.value / alone.high < 2 < 3, "of FDR as a fixed number the interval is wide"


def test_the_spread_of_fdr_over_the_classes_counts():
    """Of equal neighbours all uncertainty is FDR's, which a fixed number would hide."""
    own = np.ones(8)
    fdr = np.array([0.1, 0.2, 0.2, 0.3, 0.4, 0.5, 3.0, 4.0])
    found = adversaries_match_fdr(own, fdr, RESAMPLING)
    plain = estimate_mean(fdr, RESAMPLING)
    assert (found.value, found.low, found.high) == pytest.approx(
        (plain.value, plain.low, plain.high)
    )
    assert found.low < 1 < found.high


def test_classes_without_either_divergence_are_left_out():
    own, fdr = np.array([1.0, np.nan, 2.0, 1.0]), np.array([2.0, 9.0, np.nan, 2.0])
    found = adversaries_match_fdr(own, fdr, RESAMPLING)
    assert (found.value, found.n) == (2.0, 2)


def test_a_run_is_judged_by_all_three():
    errors = drawn(1)
    neighbours = near(errors, 2)
    found = judge_adversaries(
        "r",
        errors,
        neighbours,
        kld=kl_divergence(errors, neighbours, eps=EPS),
        kld_fdr=kl_divergence(errors, near(errors, 2), eps=EPS) / 2,
        eps=EPS,
        rules=rules(),
    )
    assert [(finding.claim.id, finding.verdict) for finding in found] == [
        ("adversaries_beat_random", "holds"),
        ("adversaries_rank_errors", "holds"),
        ("adversaries_match_fdr", "does not hold"),
    ]
    assert {(finding.run, finding.seeds) for finding in found} == {("r", 1)}


def test_rank_correlation_skips_classes_that_rank_nothing():
    errors, neighbours = drawn(1, 6), drawn(1, 6)
    neighbours[2] = np.where(np.arange(6) == 2, 0.0, 0.2)
    found = adversaries_rank_errors(errors, without(neighbours, [0]), RESAMPLING)
    assert (found.value, found.n) == (1.0, 4)


def test_without_errors_nothing_is_compared():
    nothing = np.full((3, 3), np.nan)
    for found in (
        adversaries_beat_random(nothing, drawn(0, 3), eps=EPS, resampling=RESAMPLING),
        adversaries_rank_errors(nothing, drawn(0, 3), RESAMPLING),
        adversaries_match_fdr(np.full(3, np.nan), np.ones(3), RESAMPLING),
    ):
        assert isnan(found.low)
        assert found.n == 0
