from itertools import combinations
from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.claims.intervals import (
    Estimate,
    Resampling,
    adjust_holm,
    average_trainings,
    contrast_pairs,
    estimate_paired_ratio,
    estimate_proportion,
    estimate_weighted_mean,
    margin_p,
    permute_classes,
    subtract,
    undefined,
)

Z = 1.959963984540054  # of a two-sided 95 % interval
RESAMPLING = Resampling(confidence=0.95, n_resamples=200, seed=0)


def wilson_oracle(successes, trials):
    p = successes / trials
    middle = p + Z**2 / (2 * trials)
    spread = Z * sqrt(p * (1 - p) / trials + Z**2 / (4 * trials**2))
    return (middle - spread) / (1 + Z**2 / trials), (middle + spread) / (1 + Z**2 / trials)


@given(trials=st.integers(1, 500), share=st.floats(0, 1))
@settings(deadline=None, max_examples=50)
def test_a_proportion_agrees_with_wilson(trials, share):
    successes = round(share * trials)
    found = estimate_proportion(successes, trials, confidence=0.95)
    assert found.value == successes / trials
    assert found.n == trials
    np.testing.assert_allclose(
        (found.low, found.high), wilson_oracle(successes, trials), atol=1e-9
    )


def test_newcombes_example():
    """Newcombe 1998, Table II, (a): 56/70 and 48/80, method 10: 0.0524 to 0.3339."""
    first, second = (estimate_proportion(k, n, confidence=0.95) for k, n in ((56, 70), (48, 80)))
    found = subtract(first, second, n=150)
    assert (round(found.value, 2), round(found.low, 4), round(found.high, 4)) == (
        0.2,
        0.0524,
        0.3339,
    )
    assert found.n == 150


def test_swapping_the_terms_mirrors_the_difference():
    first, second = Estimate(0.5, 0.25, 0.625, 8), Estimate(0.25, 0.125, 0.75, 8)
    there, back = subtract(first, second, n=8), subtract(second, first, n=8)
    assert (there.value, there.low, there.high) == (-back.value, -back.high, -back.low)


def test_without_anything_behind_it_nothing_is_estimated():
    assert isnan(estimate_proportion(0, 0, confidence=0.95).low)
    for n in (0, 1):
        found = estimate_weighted_mean(np.ones(n), np.ones(n), confidence=0.95)
        assert isnan(found.low)
        assert found.n == n
    assert isnan(estimate_paired_ratio(0, 3, 0, n=9, confidence=0.95).value)


def test_of_equal_weights_the_mean_has_students_interval():
    values = np.array([1.0, 2.0, 6.0, 3.0])
    found = estimate_weighted_mean(values, np.full(4, 7.0), confidence=0.95)
    half = 3.182446305284263 * values.std(ddof=1) / 2  # t of three degrees of freedom
    assert (found.value, found.n) == (3.0, 4)
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half))


@given(seed=st.integers(0, 1000), factor=st.floats(0.1, 10))
@settings(deadline=None, max_examples=30)
def test_laws_of_weighted_means(seed, factor):
    rng = np.random.default_rng(seed)
    values, weights = rng.normal(size=7), rng.random(7) + 0.01
    found = estimate_weighted_mean(values, weights, confidence=0.9)
    assert found.value == pytest.approx(np.average(values, weights=weights))
    order = rng.permutation(7)
    for other in (
        estimate_weighted_mean(values[order], weights[order], confidence=0.9),
        estimate_weighted_mean(values, factor * weights, confidence=0.9),
        estimate_weighted_mean(np.append(values, 9.0), np.append(weights, 0.0), confidence=0.9),
    ):
        assert vars(other) == pytest.approx(vars(found), nan_ok=True)
    wide = estimate_weighted_mean(values, weights, confidence=0.99)
    assert wide.low < found.low < found.value < found.high < wide.high


@pytest.mark.parametrize("n_units", [8, 30])
def test_a_weighted_mean_of_few_units_is_covered(n_units):
    rng = np.random.default_rng(3)
    trials, covered = 600, 0
    for _ in range(trials):
        weights = rng.integers(1, 60, n_units).astype(float)
        values = 5.0 + rng.normal(size=n_units) * 10 / np.sqrt(weights)
        found = estimate_weighted_mean(values, weights, confidence=0.9)
        covered += found.low <= 5.0 <= found.high
    assert abs(covered / trials - 0.9) < 4 * sqrt(0.9 * 0.1 / trials)


def one(low, value, high, n=40):
    return Estimate(float(value), float(low), float(high), n, p=0.5)


def test_trainings_by_hand():
    assert average_trainings([[one(0, 1, 2)]], confidence=0.95) == one(0, 1, 2)
    first, second = one(0.125, 0.25, 0.5), one(0.5, 0.75, 0.875, n=38)
    # means 0.25 and 0.75 of either side: variance 0.125; one training of the other side: t of 1
    of_seeds = 12.706204736432095 * sqrt(0.125 * (1 + 1 / 2))
    for pairs in ([[first, second]], [[first], [second]]):
        found = average_trainings(pairs, confidence=0.95)
        assert (found.value, found.n) == (0.5, 38)
        assert found.low == pytest.approx(0.5 - sqrt(0.1875**2 + of_seeds**2))
        assert found.high == pytest.approx(0.5 + sqrt(0.1875**2 + of_seeds**2))
        assert isnan(found.p)
    same = average_trainings([[first] * 3] * 2, confidence=0.95)
    assert (same.value, same.low, same.high) == (0.25, 0.125, 0.5)
    assert isnan(average_trainings([[first, undefined(5)]], confidence=0.95).low)


@pytest.mark.parametrize(("n_after", "n_before"), [(1, 3), (3, 1), (2, 3)])
def test_trainings_cover_the_difference_of_losses(n_after, n_before):
    """Seeds of either side are drawn, images are certain: the interval is over seeds alone."""
    rng = np.random.default_rng(4)
    trials, covered = 1000, 0
    for _ in range(trials):
        after, before = rng.normal(0.3, 0.1, n_after), rng.normal(0.1, 0.1, n_before)
        pairs = [[one(x - y, x - y, x - y) for y in before] for x in after]
        found = average_trainings(pairs, confidence=0.9)
        covered += found.low <= 0.2 <= found.high
    assert abs(covered / trials - 0.9) < 4 * sqrt(0.9 * 0.1 / trials)


def paired_ratio_oracle(x11, x12, x21, z):
    """Bonett and Price 2006 as Fagerland, Lydersen and Laake 2017, chapter 8, write it down."""
    n, x1, x2 = x11 + x12 + x21, x11 + x12, x11 + x21
    a = sqrt((x12 + x21 + 2) / ((x1 + 1) * (x2 + 1)))
    b = sqrt((1 - (x1 + 1) / (n + 2)) / (x1 + 1))
    c = sqrt((1 - (x2 + 1) / (n + 2)) / (x2 + 1))
    z *= a / (b + c)
    ends = [
        [
            (2 * x + z**2 + sign * z * sqrt(z**2 + 4 * x * (1 - x / n))) / (2 * (n + z**2))
            for sign in (-1, 1)
        ]
        for x in (x1, x2)
    ]
    return ends[0][0] / ends[1][1], ends[0][1] / ends[1][0]


@given(x11=st.integers(0, 30), x12=st.integers(0, 30), x21=st.integers(1, 30))
@settings(deadline=None, max_examples=50)
def test_a_paired_ratio_agrees_with_its_source(x11, x12, x21):
    found = estimate_paired_ratio(x11 + x21, x11 + x12, x11, n=200, confidence=0.95)
    low, high = paired_ratio_oracle(x11, x12, x21, Z)
    assert found.n == 200
    assert found.value == pytest.approx((x11 + x12) / (x11 + x21) - 1)
    np.testing.assert_allclose((found.low, found.high), (low - 1, high - 1), atol=1e-7)


def test_the_paired_ratio_of_a_published_table():
    """Bentur et al. 2009, before and after: 1, 1, 7 and 12; a ratio of .25."""
    found = estimate_paired_ratio(8, 2, 1, n=21, confidence=0.95)
    ends = (round(found.low + 1, 3), round(found.high + 1, 3))
    assert (found.value, *ends) == (-0.75, 0.068, 0.923)


@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_a_paired_ratio_is_covered(ratio):
    rng = np.random.default_rng(0)
    trials, covered = 600, 0
    for _ in range(trials):
        before = rng.random(300) < 0.1
        after = rng.random(300) < np.where(before, 0.5 * ratio, 0.05 * ratio / 0.9)
        counts = int(before.sum()), int(after.sum()), int((before & after).sum())
        found = estimate_paired_ratio(*counts, n=300, confidence=0.9)
        covered += found.low <= ratio - 1 <= found.high
    assert abs(covered / trials - 0.9) < 4 * sqrt(0.9 * 0.1 / trials)


def test_the_p_of_a_margin_by_hand():
    options = {"freedom": 10.0, "confidence": 0.95}
    half = 2.2281388519649385  # t of ten degrees of freedom: an error of 1
    inside = one(0.5 - half, 0.5, 0.5 + half)
    # the nearer end, 3 - 0.5 = 2.5 errors away: 2 P(T > 2.5) = 0.0314
    assert margin_p(inside, margin=3.0, **options) == pytest.approx(0.031447, abs=1e-5)
    outside = one(-4.5 - half, -4.5, -4.5 + half)
    assert margin_p(outside, margin=2.0, **options) == pytest.approx(0.031447, abs=1e-5)
    assert margin_p(inside, margin=0.5, **options) == 1.0
    assert margin_p(one(0.5, 0.5, 0.5), margin=1.0, **options) == 0.0
    assert isnan(margin_p(undefined(3), margin=1.0, **options))


@given(value=st.floats(-2, 2), half=st.floats(0.1, 2), margin=st.floats(0.1, 2))
@settings(deadline=None, max_examples=50)
def test_the_p_of_a_margin_is_small_where_the_interval_leaves_it_out(value, half, margin):
    found = one(value - half, value, value + half)
    p = margin_p(found, margin=margin, freedom=7.0, confidence=0.95)
    ends = abs(margin - abs(value)) - half
    if abs(ends) > 1e-9:
        assert (p < 0.05) == (ends > 0)


def test_holm_by_hand():
    assert adjust_holm([]) == []
    assert adjust_holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    found = adjust_holm([0.02, float("nan"), 0.9, 0.6])
    assert found[0] == pytest.approx(0.06)
    assert isnan(found[1])
    assert found[2:] == [1.0, 1.0]


def pairs_of(n_classes, chosen):
    marked = np.zeros((n_classes, n_classes), dtype=bool)
    for i, j in chosen:
        marked[i, j] = marked[j, i] = True
    return marked


def distances(rng, n_classes):
    points = rng.random((n_classes, 2))
    return np.abs(points[:, None] - points[None, :]).sum(axis=2)


@given(seed=st.integers(0, 1000), shift=st.floats(-2, 2))
@settings(deadline=None, max_examples=20)
def test_the_contrast_agrees_with_a_loop_over_pairs(seed, shift):
    rng = np.random.default_rng(seed)
    marked = pairs_of(6, [(0, 1), (2, 5), (1, 4)])
    values = distances(rng, 6) + shift * marked
    found = contrast_pairs(values, marked, RESAMPLING)
    inside, outside = [], []
    for i, j in combinations(range(6), 2):
        (inside if marked[i, j] else outside).append(values[i, j])
    assert found.value == pytest.approx(np.mean(inside) - np.mean(outside))
    assert found.low < found.value < found.high
    assert found.n == 6


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_negated_values_mirror_the_contrast(seed):
    rng = np.random.default_rng(seed)
    values, marked = distances(rng, 7), pairs_of(7, [(0, 1), (2, 3)])
    there, back = (contrast_pairs(sign * values, marked, RESAMPLING) for sign in (1, -1))
    assert back.value == pytest.approx(-there.value)
    np.testing.assert_allclose((back.low, back.high), (-there.high, -there.low))
    assert back.p == pytest.approx(there.p)


def test_the_permutation_test_keeps_its_level_and_finds_what_is_planted():
    rng = np.random.default_rng(5)
    marked = pairs_of(8, [(0, 1), (2, 3), (4, 5)])
    trials, rejected = 200, 0
    for seed in range(trials):
        found = contrast_pairs(distances(rng, 8), marked, Resampling(0.9, 100, seed))
        rejected += not found.low <= 0 <= found.high
    assert rejected / trials < 0.1 + 4 * sqrt(0.1 * 0.9 / trials)
    planted = contrast_pairs(distances(rng, 8) - 2.0 * marked, marked, RESAMPLING)
    assert planted.high < 0
    assert planted.p < 0.05


def test_what_is_centred_is_less_its_mean_under_permutation():
    values = np.array([[0.0, 4.0], [2.0, 0.0]])

    def statistic(order):
        return float(values[order[0], order[1]])

    plain = permute_classes(statistic, 2, RESAMPLING, centred=False)
    found = permute_classes(statistic, 2, RESAMPLING, centred=True)
    assert plain.value == 4.0
    assert found.value == pytest.approx(1.0, abs=0.25), "half of the orders give 2"
    assert (found.low, found.high, found.p) == (plain.low, plain.high, plain.p)
    assert (plain.low, plain.high) == (0.0, 2.0)


@pytest.mark.parametrize("marked", [np.zeros((4, 4), dtype=bool), np.ones((4, 4), dtype=bool)])
def test_without_both_kinds_of_pairs_there_is_no_contrast(marked):
    found = contrast_pairs(distances(np.random.default_rng(0), 4), marked, RESAMPLING)
    assert isnan(found.value)
    assert found.n == 4
