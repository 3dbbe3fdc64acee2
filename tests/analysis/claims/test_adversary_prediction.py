from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.adversaries.distributions import off_diagonal_shares
from imbalens.analysis.adversaries.scores import rank_correlation
from imbalens.analysis.claims.adversary_prediction import (
    Foretold,
    adversaries_beat_random,
    adversaries_rank_errors,
    judge_adversaries,
    score_lead,
)
from imbalens.analysis.claims.intervals import Resampling
from tests.analysis.claims.rules import RESAMPLING, rules

C = 10


def drawn(seed, n_classes=C):
    rng = np.random.default_rng(seed)
    return off_diagonal_shares(rng.standard_exponential((n_classes, n_classes)))


def popular(rng, n_classes=C):
    """Distributions in which a few classes have most of every row."""
    shares = rng.dirichlet(np.ones(n_classes), n_classes) * rng.dirichlet(np.ones(n_classes) / 3)
    return off_diagonal_shares(shares)


def counted(rng, shares, low, high):
    """Counts of each row, as many as lie between two numbers."""
    return np.array([rng.multinomial(rng.integers(low, high), row) for row in shares])


def smooth(counts):
    return off_diagonal_shares(counts + 0.5)


def surprise(errors, smoothed):
    """Mean over a class's errors of -ln of the chance given to each."""
    chance = np.where(np.eye(len(errors), dtype=bool), 1.0, smoothed)
    return -(errors * np.log(chance)).sum(axis=1) / errors.sum(axis=1)


def foretold(errors, neighbours, fdr=None):
    """What is judged of counts of errors and of neighbours, FDR being counts too."""
    smoothed = smooth(neighbours)
    return Foretold(
        errors=off_diagonal_shares(errors.astype(float)),
        weights=errors.sum(axis=1),
        neighbours=off_diagonal_shares(neighbours.astype(float)),
        smoothed=smoothed,
        score=surprise(errors, smoothed),
        score_fdr=surprise(errors, smooth(neighbours if fdr is None else fdr)),
        score_name="log loss (nats)",
    )


def without(matrix, rows):
    matrix = matrix.astype(float)
    matrix[rows] = np.nan
    return matrix


def opposite(shares):
    """Distributions that have least where these have most."""
    return off_diagonal_shares(1 / (shares + 0.01))


def verdicts(found, **changed):
    return {
        finding.claim.id: finding.verdict
        for finding in judge_adversaries("r", found, rules=rules(**changed))
    }


RNG = np.random.default_rng(0)
TRUTH = off_diagonal_shares(RNG.dirichlet(np.ones(C) / 2, C))
ERRORS = counted(RNG, TRUTH, 20, 60)
SAME, OTHER = counted(RNG, TRUTH, 20, 60), counted(RNG, drawn(5), 20, 60)


@pytest.mark.parametrize(
    ("neighbours", "verdict"),
    [
        (SAME, "holds"),
        (counted(RNG, opposite(TRUTH), 20, 60), "does not hold"),
        (OTHER, "not decided"),
    ],
)
def test_predictions_and_ranks_are_better_than_those_of_other_classes_or_not(neighbours, verdict):
    found = verdicts(foretold(ERRORS, neighbours))
    assert found["adversaries_beat_random"] == verdict
    assert found["adversaries_rank_errors"] == verdict


@pytest.mark.parametrize(
    ("fdr", "verdict"),
    [
        (SAME, "holds"),
        (counted(RNG, opposite(TRUTH), 20, 60), "holds"),
        (1000 * ERRORS, "does not hold"),
        (counted(RNG, TRUTH, 60, 180), "not decided"),
    ],
)
def test_as_good_as_fdr_is_what_is_equal_or_worse_by_less_than_a_margin(fdr, verdict):
    found = foretold(ERRORS, SAME if verdict != "does not hold" else OTHER, fdr)
    assert verdicts(found)["adversaries_match_fdr"] == verdict


def test_the_margin_is_a_threshold_below_0():
    (*_, finding) = judge_adversaries("r", foretold(ERRORS, SAME), rules=rules(score_margin=0.25))
    assert (finding.threshold, finding.estimate.value) == (-0.25, 0.0)
    assert "log loss (nats) of FDR less that of nearest adversaries" in finding.reason
    assert {(finding.judged, finding.seeds, finding.baseline)} == {("r", 1, "")}


def test_a_claim_of_too_few_classes_is_not_decided():
    found = foretold(ERRORS, SAME)
    few = [C - 1, *range(C - 5)]  # four are left
    silent = without(found.neighbours, few)
    lacking = Foretold(**vars(found) | {"neighbours": silent, "score": without(found.score, few)})
    assert set(verdicts(lacking).values()) == {"not decided"}


def rates(shares_of, n_trials=150):
    """How often unrelated neighbours are found better, worse: by log loss, by rank."""
    held = np.zeros(4)
    for seed in range(n_trials):
        rng, resampling = np.random.default_rng(seed), Resampling(0.95, 120, seed)
        errors, neighbours = (counted(rng, shares_of(rng), 3, 40) for _ in range(2))
        one = foretold(errors, neighbours)
        for place, found in enumerate(
            (
                adversaries_beat_random(
                    one.errors, one.neighbours, one.smoothed, one.weights, resampling
                ),
                adversaries_rank_errors(one.errors, one.neighbours, resampling),
            )
        ):
            held[2 * place : 2 * place + 2] += found.low > 0, found.high < 0
    return held / n_trials


@pytest.mark.parametrize("shares_of", [popular, lambda rng: drawn(int(rng.integers(2**31)))])
def test_unrelated_neighbours_seldom_foretell_errors(shares_of):
    """Nominal are 2.5 % on either side."""
    assert (rates(shares_of) <= 0.06).all()


def test_neighbours_like_the_errors_nearly_always_foretell_them():
    held = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        truth = off_diagonal_shares(rng.dirichlet(np.ones(C) / 2, C))
        one = foretold(counted(rng, truth, 5, 40), counted(rng, truth, 5, 40))
        found = verdicts(one)
        held += found["adversaries_beat_random"] == found["adversaries_rank_errors"] == "holds"
    assert held >= 38


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=15)
def test_statistics_by_their_definition(seed):
    """The mean correlation, and the mean surprise, less those of the classes interchanged."""
    rng = np.random.default_rng(seed)
    errors, neighbours = counted(rng, drawn(seed), 2, 9), counted(rng, drawn(seed + 1), 2, 9)
    one, resampling = foretold(errors, neighbours), Resampling(0.95, 100, seed)
    orders = np.random.default_rng(seed)
    others = [orders.permutation(C) for _ in range(100)]

    def interchanged(matrix, order):
        return matrix[np.ix_(order, order)]

    def correlation(order):
        return rank_correlation(one.errors, interchanged(one.neighbours, order)).mean()

    def loss(order):
        return np.average(
            surprise(errors, interchanged(one.smoothed, order)), weights=errors.sum(axis=1)
        )

    plain = np.arange(C)
    rank = adversaries_rank_errors(one.errors, one.neighbours, resampling)
    if not np.isnan(correlation(plain)):
        assert rank.value == pytest.approx(
            correlation(plain) - np.mean([correlation(order) for order in others])
        )
    random = adversaries_beat_random(
        one.errors, one.neighbours, one.smoothed, one.weights, resampling
    )
    assert random.value == pytest.approx(np.mean([loss(order) for order in others]) - loss(plain))
    assert random.n == C


def test_classes_that_are_not_judged_keep_their_place():
    """Of three classes one has no errors; its column stays, the other two are interchanged."""
    errors = without(np.array([[0.0, 0.7, 0.3], [0.6, 0.0, 0.4], [0.5, 0.5, 0.0]]), [2])
    neighbours = np.array([[0.0, 0.7, 0.3], [0.6, 0.0, 0.4], [0.5, 0.5, 0.0]])
    weights = np.array([10, 20, 0])
    found = adversaries_beat_random(errors, neighbours, neighbours, weights, RESAMPLING)
    own = -(7 * np.log(0.7) + 3 * np.log(0.3) + 12 * np.log(0.6) + 8 * np.log(0.4)) / 30
    other = -(7 * np.log(0.6) + 3 * np.log(0.4) + 12 * np.log(0.7) + 8 * np.log(0.3)) / 30
    assert found.n == 2
    ends = sorted([0.0, other - own])
    assert (found.low, found.high) == pytest.approx(tuple(ends), abs=1e-12)


def test_rank_correlation_skips_classes_that_rank_nothing():
    errors, neighbours = drawn(1, 6), drawn(1, 6)
    neighbours[2] = np.where(np.arange(6) == 2, 0.0, 0.2)
    found = adversaries_rank_errors(errors, without(neighbours, [0]), RESAMPLING)
    assert found.n == 4
    assert 0 < found.value < 2
    assert found.low >= 0, "no order of four classes is better"


def test_scores_are_compared_class_by_class_and_weighed():
    own = np.array([0.1, 2.0, 0.5, np.nan, 1.0, 0.3])
    weights = np.array([1, 2, 3, 4, 0, 5])
    same = score_lead(own, own + 0.25, weights, confidence=0.95)
    assert (same.low, same.value, same.high) == pytest.approx((0.25, 0.25, 0.25))
    assert same.n == 4
    other = np.array([1.1, 2.0, np.nan, 9.0, 9.0, 0.3])
    found = score_lead(own, other, weights, confidence=0.95)
    assert (found.value, found.n) == (pytest.approx(1 / 8), 3)
    assert found.low < 0 < found.high


def test_of_two_classes_no_claim_applies():
    matrix = np.array([[0, 40], [50, 0]])
    for neighbours in (matrix, matrix * 3):
        findings = judge_adversaries("run", foretold(matrix, neighbours), rules=rules())
        assert [one.verdict for one in findings] == ["not applicable"] * 3
        assert all(isnan(one.estimate.value) for one in findings)
        reason = "With two classes every error of a class goes to the other, whatever is foretold."
        assert {one.reason for one in findings} == {reason}
        assert {one.judged for one in findings} == {"run"}


def test_without_errors_nothing_is_compared():
    nothing, uniform = np.full((3, 3), np.nan), smooth(np.zeros((3, 3)))
    for found in (
        adversaries_beat_random(nothing, drawn(0, 3), uniform, np.zeros(3), RESAMPLING),
        adversaries_rank_errors(nothing, drawn(0, 3), RESAMPLING),
        score_lead(np.full(3, np.nan), np.ones(3), np.ones(3), confidence=0.95),
    ):
        assert isnan(found.low)
        assert found.n == 0
