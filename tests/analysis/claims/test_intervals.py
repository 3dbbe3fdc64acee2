from itertools import combinations
from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.claims.intervals import (
    Estimate,
    Resampling,
    average_repeats,
    contrast_pairs,
    estimate_mean,
    estimate_proportion,
    estimate_ratio,
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
    for few in (np.array([]), np.array([2.0])):
        assert isnan(estimate_mean(few, RESAMPLING).value)
        assert estimate_ratio(few, few, RESAMPLING).n == len(few)


def test_the_mean_and_the_ratio_by_hand():
    values = np.array([1.0, 2.0, 6.0])
    mean = estimate_mean(values, RESAMPLING)
    assert (mean.value, mean.n) == (3.0, 3)
    assert 1 <= mean.low < 3 < mean.high <= 6
    ratio = estimate_ratio(2 * values, values, RESAMPLING)
    assert (ratio.value, ratio.low, ratio.high) == (2.0, 2.0, 2.0)
    assert isnan(estimate_ratio(values, np.zeros(3), RESAMPLING).low)


def test_the_seed_decides_the_interval():
    values = np.random.default_rng(0).random(12)
    assert estimate_mean(values, RESAMPLING) == estimate_mean(values, RESAMPLING)
    other = Resampling(confidence=0.95, n_resamples=200, seed=1)
    assert estimate_mean(values, RESAMPLING) != estimate_mean(values, other)


@pytest.mark.parametrize("n_classes", [8, 30])
def test_a_bootstrap_interval_over_few_classes_covers(n_classes):
    rng = np.random.default_rng(3)
    trials = 300
    covered = 0
    for seed in range(trials):
        values = rng.normal(5.0, 2.0, n_classes)
        found = estimate_mean(values, Resampling(0.9, 300, seed))
        covered += found.low <= 5.0 <= found.high
    assert abs(covered / trials - 0.9) < 4 * sqrt(0.9 * 0.1 / trials)


def test_repeats_by_hand():
    one, two = Estimate(0.25, 0.125, 0.5, 40, p=0.5), Estimate(0.75, 0.5, 0.875, 38, p=0.5)
    assert average_repeats([one], confidence=0.95) is one
    found = average_repeats([one, two], confidence=0.95)
    of_seeds = 12.706204736432095 * 0.25  # t of one degree of freedom; sd / sqrt(2) = 0.25
    assert (found.value, found.n) == (0.5, 38)
    assert found.low == pytest.approx(0.5 - sqrt(0.1875**2 + of_seeds**2))
    assert found.high == pytest.approx(0.5 + sqrt(0.1875**2 + of_seeds**2))
    assert isnan(found.p)
    same = average_repeats([one, one, one], confidence=0.95)
    assert (same.value, same.low, same.high) == (0.25, 0.125, 0.5)
    assert isnan(average_repeats([one, undefined(5)], confidence=0.95).low)


@pytest.mark.parametrize("n_repeats", [2, 3, 5])
def test_repeats_cover_the_mean_over_seeds(n_repeats):
    """Images differ in how hard they are and seeds in how well they do; both are drawn."""
    rng = np.random.default_rng(4)
    trials, covered = 200, 0
    for _ in range(trials):
        hard = rng.random(60)
        skills = np.clip(0.5 + 0.1 * rng.standard_normal(n_repeats), 0, 1)
        wrong = (hard[None] < skills[:, None]).sum(axis=1)
        repeats = [estimate_proportion(int(count), 60, confidence=0.9) for count in wrong]
        found = average_repeats(repeats, confidence=0.9)
        covered += found.low <= 0.5 <= found.high
    assert covered / trials > 0.9 - 3 * sqrt(0.9 * 0.1 / trials)


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


@pytest.mark.parametrize("marked", [np.zeros((4, 4), dtype=bool), np.ones((4, 4), dtype=bool)])
def test_without_both_kinds_of_pairs_there_is_no_contrast(marked):
    found = contrast_pairs(distances(np.random.default_rng(0), 4), marked, RESAMPLING)
    assert isnan(found.value)
    assert found.n == 4
