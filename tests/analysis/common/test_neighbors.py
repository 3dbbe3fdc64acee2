import math
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from imbalens.analysis.common import neighbors
from imbalens.analysis.common.neighbors import nearest_neighbors


def slow_neighbors(features, n_neighbors):
    """Paper B, section 3.2: sort all other instances by Euclidean distance."""
    rows = features.astype(np.float64).tolist()
    found = []
    for own, point in enumerate(rows):
        others = [(math.dist(point, q), i) for i, q in enumerate(rows) if i != own]
        found.append([i for _, i in sorted(others)[:n_neighbors]])
    return np.array(found)


def test_hand_made():
    features = np.array([[0.0], [1.0], [3.0], [7.0]])
    expected = [[1, 2], [0, 2], [1, 0], [2, 1]]
    assert nearest_neighbors(features, n_neighbors=2).tolist() == expected


def test_duplicates_exclude_the_row_by_index():
    features = np.zeros((4, 3), dtype=np.float32)
    expected = [[1, 2], [0, 2], [0, 1], [0, 1]]
    assert nearest_neighbors(features, n_neighbors=2).tolist() == expected


def test_many_duplicates_never_return_the_row_itself():
    features = np.repeat(np.random.default_rng(0).normal(size=(3, 8)), 40, axis=0)
    found = nearest_neighbors(features, n_neighbors=5)
    assert (found != np.arange(120)[:, None]).all()
    assert (found // 40 == np.arange(120)[:, None] // 40).all()
    assert all(len(set(row)) == 5 for row in found.tolist())


@given(seed=st.integers(0, 2**32 - 1), n_neighbors=st.integers(1, 6), ties=st.booleans())
@settings(deadline=None, max_examples=30)
def test_agrees_with_slow_oracle(seed, n_neighbors, ties):
    rng = np.random.default_rng(seed)
    # With ties, few enough rows that every one is a candidate.
    n = n_neighbors + 1 + neighbors.SPARE if ties else 60
    features = rng.integers(0, 3, (n, 2)).astype(np.float64) if ties else rng.normal(size=(n, 5))
    found = nearest_neighbors(features.astype(np.float32), n_neighbors=n_neighbors)
    np.testing.assert_array_equal(
        found, slow_neighbors(features.astype(np.float32), n_neighbors=n_neighbors)
    )


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_permuting_rows_permutes_answers(seed):
    rng = np.random.default_rng(seed)
    features, order = rng.normal(size=(50, 4)), rng.permutation(50)
    original = nearest_neighbors(features, n_neighbors=3)
    permuted = nearest_neighbors(features[order], n_neighbors=3)
    np.testing.assert_array_equal(order[permuted], original[order])


def test_far_from_the_origin_stays_exact():
    features = (1000 + np.random.default_rng(1).normal(size=(80, 6))).astype(np.float32)
    found = nearest_neighbors(features, n_neighbors=5)
    np.testing.assert_array_equal(found, slow_neighbors(features, 5))


def test_thread_count_changes_nothing():
    features = np.random.default_rng(2).normal(size=(3000, 8)).astype(np.float32)
    with threadpool_limits(limits=1):
        single = nearest_neighbors(features, n_neighbors=5)
    np.testing.assert_array_equal(single, nearest_neighbors(features, n_neighbors=5))


def test_large_input_goes_the_way_that_is_installed(monkeypatch):
    features = np.random.default_rng(3).normal(size=(200, 8)).astype(np.float32)
    expected = nearest_neighbors(features, n_neighbors=5)
    monkeypatch.setattr(neighbors, "FAISS_ABOVE", 10)
    monkeypatch.setattr(neighbors, "find_spec", lambda _: None)
    np.testing.assert_array_equal(nearest_neighbors(features, n_neighbors=5), expected)


@pytest.mark.skipif(find_spec("faiss") is None, reason="faiss is an optional extra")
@pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")
def test_faiss_finds_the_same(monkeypatch):
    features = np.random.default_rng(4).normal(size=(200, 8)).astype(np.float32)
    expected = nearest_neighbors(features, n_neighbors=5)
    monkeypatch.setattr(neighbors, "FAISS_ABOVE", 10)
    monkeypatch.setattr(neighbors, "_QUERY_ROWS", 64)
    np.testing.assert_array_equal(nearest_neighbors(features, n_neighbors=5), expected)


def test_small_blocks_change_nothing(monkeypatch):
    features = np.random.default_rng(5).normal(size=(50, 8))
    expected = nearest_neighbors(features, n_neighbors=5)
    monkeypatch.setattr(neighbors, "_BLOCK_VALUES", 1)
    np.testing.assert_array_equal(nearest_neighbors(features, n_neighbors=5), expected)


def test_needs_more_rows_than_neighbours():
    with pytest.raises(ValueError, match=r"more rows than n_neighbors=5, found 5"):
        nearest_neighbors(np.zeros((5, 2)), n_neighbors=5)


def test_needs_a_neighbour():
    with pytest.raises(ValueError, match="n_neighbors must be at least 1, found 0"):
        nearest_neighbors(np.zeros((5, 2)), n_neighbors=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_needs_finite_features(bad):
    features = np.zeros((6, 2))
    features[4, 1] = bad
    with pytest.raises(ValueError, match="found 1 rows that are not, the first being row 4"):
        nearest_neighbors(features, n_neighbors=2)
