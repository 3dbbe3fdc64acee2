from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.claims.intervals import Resampling
from imbalens.analysis.claims.overlapping_classes import (
    change_of_errors,
    colour_distance,
    contrast_overlapping,
    larger_classes,
)

RESAMPLING = Resampling(confidence=0.95, n_resamples=200, seed=0)


def test_larger_classes_by_hand():
    found = larger_classes(np.array([100, 50, 49, 10]), count_ratio=2.0)
    assert found.tolist() == [
        [False, False, False, False],
        [True, False, False, False],
        [True, False, False, False],
        [True, True, True, False],
    ]
    assert not larger_classes(np.array([0, 0]), count_ratio=2.0).diagonal().any()


# images by actual and predicted class; the third is small, the first shares few features with it
CE = np.array([[100, 0, 0], [0, 100, 0], [40, 30, 30]])
LDAM = np.array([[98, 0, 2], [0, 98, 2], [10, 30, 60]])
TO_FIRST = np.array([[0, 0, 0], [0, 0, 0], [1, 0, 0]], dtype=bool)
TO_SECOND = np.array([[0, 0, 0], [0, 0, 0], [0, 1, 0]], dtype=bool)


def test_the_papers_example():
    """Errors towards the large class fall, those towards the overlapping one do not."""
    fallen = change_of_errors(CE, LDAM, TO_FIRST, confidence=0.95)
    assert fallen.value == pytest.approx(-0.3)
    assert fallen.high < 0
    assert fallen.n == 100
    left = change_of_errors(CE, LDAM, TO_SECOND, confidence=0.95)
    assert left.value == 0
    assert left.low == pytest.approx(-left.high)


def test_without_such_pairs_there_is_no_change():
    found = change_of_errors(CE, LDAM, np.zeros((3, 3), dtype=bool), confidence=0.95)
    assert isnan(found.low)
    assert found.n == 0


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_laws_of_changes(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 30, 4)
    before, after = (
        np.array([rng.multinomial(size, np.full(4, 0.25)) for size in sizes]) for _ in range(2)
    )
    pairs = (rng.random((4, 4)) < 0.4) & ~np.eye(4, dtype=bool)
    pairs[0, 1] = True
    there = change_of_errors(before, after, pairs, confidence=0.9)
    back = change_of_errors(after, before, pairs, confidence=0.9)
    np.testing.assert_allclose(
        (back.value, back.low, back.high), (-there.value, -there.high, -there.low), atol=1e-12
    )
    same = change_of_errors(before, before, pairs, confidence=0.9)
    assert same.value == 0
    assert same.low < 0 < same.high
    order = rng.permutation(4)
    turned = np.ix_(order, order)
    renamed = change_of_errors(before[turned], after[turned], pairs[turned], confidence=0.9)
    assert vars(renamed) == pytest.approx(vars(there), nan_ok=True)


def test_colour_distance_by_hand():
    shares = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    assert colour_distance(shares).tolist() == [[0, 0.5, 1], [0.5, 0, 1], [1, 1, 0]]


def mixed(rng, n_classes):
    draws = rng.standard_exponential((n_classes, 14))
    return draws / draws.sum(axis=1, keepdims=True)


def twins(n_classes):
    marked = np.zeros((n_classes, n_classes), dtype=bool)
    for first in range(0, n_classes, 4):
        marked[first, first + 1] = marked[first + 1, first] = True
    return marked


def test_alike_colours_of_overlapping_classes_are_found():
    shares, overlapping = mixed(np.random.default_rng(0), 8), twins(8)
    shares[[1, 5]] = shares[[0, 4]]
    found = contrast_overlapping(colour_distance(shares), overlapping, RESAMPLING)
    assert found.high < 0
    assert found.n == 8


def test_colours_at_random_are_not_called_alike():
    held = 0
    for seed in range(40):
        shares = mixed(np.random.default_rng(seed), 8)
        found = contrast_overlapping(
            colour_distance(shares), twins(8), Resampling(0.95, 100, seed)
        )
        held += found.high < 0
    assert held <= 4


def test_classes_without_values_are_left_out():
    shares, overlapping = mixed(np.random.default_rng(0), 9), twins(9 + 3)[:9, :9]
    shares[8] = np.nan
    found = contrast_overlapping(colour_distance(shares), overlapping, RESAMPLING)
    alone = contrast_overlapping(colour_distance(shares[:8]), overlapping[:8, :8], RESAMPLING)
    assert found == alone


def test_without_values_nothing_is_contrasted():
    nothing = np.full((4, 4), np.nan)
    assert contrast_overlapping(nothing, twins(4), RESAMPLING).n == 0
