import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.common import medoids
from imbalens.analysis.common.medoids import exact_medoid
from tests.analysis.neighbor_cases import slow_medoid


def slow(points):
    return slow_medoid(points, range(len(points)))


def test_hand_made():
    assert exact_medoid(np.array([[0.0], [10.0], [4.0], [5.0], [6.0]])) == 3
    assert exact_medoid(np.array([[3.0, 4.0]])) == 0


@pytest.mark.parametrize(
    "points",
    [
        np.array([[0.1, 7.3], [5.2, -1.1]], dtype=np.float32),
        np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]]),
        np.array([[9.0, 0.0], [-9.0, 0.0], [0.0, 9.0], [0.0, -9.0]]),
    ],
)
def test_a_tie_goes_to_the_same_point_whatever_the_order(points):
    first = points[exact_medoid(points)]
    for order in itertools.permutations(range(len(points))):
        shuffled = points[list(order)]
        np.testing.assert_array_equal(shuffled[exact_medoid(shuffled)], first)
    np.testing.assert_array_equal(points.astype(np.float64)[exact_medoid(points)], first)


def test_all_equal_points_tie_to_the_first():
    assert exact_medoid(np.full((700, 5), 0.1, dtype=np.float32)) == 0


def test_zeros_of_either_sign_are_duplicates():
    points = np.array([[-0.0, 1.0], [0.0, 1.0], [0.0, -1.0], [-0.0, -1.0]])
    assert exact_medoid(points) == slow(points + 0.0)


def test_first_of_duplicate_medoids():
    points = np.array([[9.0, 0.0], [-9.0, 0.0], [0.0, 0.0], [0.0, 9.0], [0.0, 0.0]])
    assert exact_medoid(points) == 2


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40), grid=st.booleans())
@settings(deadline=None, max_examples=50)
def test_agrees_with_slow_oracle(seed, n, grid):
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 3, (n, 2)).astype(np.float64) if grid else rng.normal(size=(n, 4))
    assert exact_medoid(points) == slow(points)


@pytest.mark.parametrize("block", [1, 7, 64, 1000])
def test_block_size_changes_nothing(monkeypatch, block):
    points = np.random.default_rng(0).normal(size=(150, 3)).astype(np.float32)
    monkeypatch.setattr(medoids, "_BLOCK", block)
    assert exact_medoid(points) == slow(points)


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_permuting_and_shifting_points_keeps_the_medoid(seed):
    rng = np.random.default_rng(seed)
    points, order = rng.normal(size=(30, 3)), rng.permutation(30)
    assert order[exact_medoid(points[order] + 50.0)] == exact_medoid(points)


def test_far_from_the_origin_stays_exact():
    points = (10_000 + np.random.default_rng(1).normal(size=(90, 4))).astype(np.float32)
    assert exact_medoid(points) == slow(points)


def test_needs_points():
    with pytest.raises(ValueError, match="at least one row"):
        exact_medoid(np.empty((0, 3)))


def test_needs_finite_points():
    with pytest.raises(ValueError, match="must be finite"):
        exact_medoid(np.array([[0.0], [np.nan]]))
