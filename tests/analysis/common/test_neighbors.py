import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from imbalens.analysis.common import neighbors
from imbalens.analysis.common.neighbors import find_neighbors, nearest_rows
from tests.analysis.neighbor_cases import draw_duplicates, slow_places


def nearest(features, n_neighbors):
    """The neighbours to be shown; it takes no labels to find them."""
    alike = np.zeros(len(features), dtype=np.int64)
    return find_neighbors(features, alike, n_neighbors=n_neighbors).nearest


def places(features, labels, n_neighbors):
    """Places, or parts of them, that neighbours of each class take of each row's."""
    found = find_neighbors(features, labels, n_neighbors=n_neighbors)
    own = labels[found.neighbor]
    counts = np.stack([found.count(own == c) for c in range(labels.max() + 1)], axis=1)
    return [
        [Fraction(part, int(cut)) for part in row]
        for row, cut in zip(counts.tolist(), found.parts_per_place, strict=True)
    ]


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
    assert nearest(features, 2).tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]


def test_ties_hand_made():
    """Three at distance 1 of the first share two places; the last has one of its own class."""
    features = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [5.0, 0.0]])
    labels = np.array([0, 0, 1, 1, 1])
    third = Fraction(1, 3)
    assert places(features, labels, 2)[0] == [2 * third, 4 * third]
    assert places(features, labels, 3)[0] == [1, 2]
    assert places(features, labels, 1)[4] == [1, 0]


def test_identical_rows_share_all_places():
    """Ten identical rows of each of three classes: nine of the 29 others are of the own class."""
    labels = np.repeat([0, 1, 2], 10)
    found = places(np.zeros((30, 4)), labels, 5)
    for row, own in zip(found, labels.tolist(), strict=True):
        assert row == [Fraction(45 if c == own else 50, 29) for c in range(3)]


@given(seed=st.integers(0, 2**32 - 1), n_neighbors=st.integers(1, 7))
@settings(deadline=None, max_examples=60)
def test_ties_agree_with_definition_in_fractions(seed, n_neighbors):
    features, labels = draw_duplicates(seed)
    labels[-1] = 2
    expected = [
        [sum((part for i, part in row.items() if labels[i] == c), Fraction(0)) for c in range(3)]
        for row in slow_places(features, n_neighbors)
    ]
    assert places(features, labels, n_neighbors) == expected
    assert all(sum(row) == n_neighbors for row in expected)


@given(seed=st.integers(0, 2**32 - 1), n_neighbors=st.integers(1, 7))
@settings(deadline=None, max_examples=40)
def test_permuting_rows_permutes_places(seed, n_neighbors):
    features, labels = draw_duplicates(seed)
    labels[-1] = 2
    order = np.random.default_rng(seed).permutation(len(labels))
    found = places(features, labels, n_neighbors)
    assert places(features[order], labels[order], n_neighbors) == [found[i] for i in order]


@given(seed=st.integers(0, 2**32 - 1), n_neighbors=st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_of_rows_that_stand_twice_neighbours_do_too(seed, n_neighbors):
    """With 2 k + 1 places, one of them goes to the row's own double."""
    features = np.random.default_rng(seed).normal(size=(20, 3))
    labels = np.arange(20)
    once = places(features, labels, n_neighbors)
    twice = places(np.tile(features, (2, 1)), np.tile(labels, 2), 2 * n_neighbors + 1)
    doubled = [[2 * part for part in row] for row in once]
    for own, row in enumerate(doubled):
        row[own] = Fraction(1)
    assert twice == doubled * 2


def test_neighbours_differ_by_the_form_of_labels_in_nothing():
    features, labels = draw_duplicates(5)
    has = labels[:, None] == np.arange(3)
    by_code = find_neighbors(features, labels, n_neighbors=4)
    by_row = find_neighbors(features, has, n_neighbors=4)
    for field in vars(by_code):
        np.testing.assert_array_equal(getattr(by_row, field), getattr(by_code, field))


def test_duplicates_exclude_the_row_by_index():
    expected = [[1, 2], [0, 2], [0, 1], [0, 1]]
    assert nearest(np.zeros((4, 3), dtype=np.float32), 2).tolist() == expected


def test_many_duplicates_never_return_the_row_itself():
    features = np.repeat(np.random.default_rng(0).normal(size=(3, 8)), 40, axis=0)
    found = nearest(features, 5)
    assert (found != np.arange(120)[:, None]).all()
    assert (found // 40 == np.arange(120)[:, None] // 40).all()
    assert all(len(set(row)) == 5 for row in found.tolist())


def test_identical_rows_take_little_memory():
    n = 20_000
    found = find_neighbors(np.ones((n, 2)), np.arange(n) % 3, n_neighbors=5)
    assert len(found.row) == 3 * n
    assert (found.count(np.ones(3 * n, dtype=bool)) == 5 * found.parts_per_place).all()


@given(seed=st.integers(0, 2**32 - 1), n_neighbors=st.integers(1, 6), ties=st.booleans())
@settings(deadline=None, max_examples=30)
def test_agrees_with_slow_oracle(seed, n_neighbors, ties):
    rng = np.random.default_rng(seed)
    features = rng.integers(0, 3, (60, 2)) if ties else rng.normal(size=(60, 5))
    features = features.astype(np.float32)
    np.testing.assert_array_equal(
        nearest(features, n_neighbors), slow_neighbors(features, n_neighbors)
    )


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_permuting_rows_permutes_answers(seed):
    rng = np.random.default_rng(seed)
    features, order = rng.normal(size=(50, 4)), rng.permutation(50)
    np.testing.assert_array_equal(order[nearest(features[order], 3)], nearest(features, 3)[order])


@pytest.mark.parametrize(
    ("offset", "spread"), [(1000, 1.0), (1e6, 1e-3), (0, 1e-30), (0, 1e30), (-7, 1e-9)]
)
def test_far_from_the_origin_and_close_together_stays_exact(offset, spread):
    features = offset + spread * np.random.default_rng(1).normal(size=(300, 6))
    np.testing.assert_array_equal(nearest(features, 5), slow_neighbors(features, 5))


def test_tight_groups_far_apart_stay_exact():
    rng = np.random.default_rng(2)
    features = 1e3 * np.repeat(np.eye(4), 100, axis=0) + 1e-4 * rng.normal(size=(400, 4))
    np.testing.assert_array_equal(nearest(features, 5), slow_neighbors(features, 5))


def test_more_rows_at_one_distance_than_candidates():
    """A point amid a circle of 100 rows, all equally far, and 200 rows farther out."""
    angles = np.arange(0, 100)
    legs = [(a, b) for a in range(-65, 66) for b in range(-65, 66) if a * a + b * b == 65 * 65]
    ring = np.array([(*leg, 0) for leg in legs] + [(0, *leg) for leg in legs], dtype=np.float64)
    far = np.column_stack([200.0 + angles, angles, angles])
    features = np.concatenate([np.zeros((1, 3)), ring, far])
    labels = np.concatenate([[0], np.arange(len(ring)) % 2, np.full(len(far), 2)])
    expected = slow_places(features[: len(ring) + 1], 5)[0]
    of_ring = [sum(p for i, p in expected.items() if labels[i] == c) for c in range(2)]
    assert len(ring) > 5 * (5 + neighbors.SPARE)
    assert places(features, labels, 5)[0] == [*of_ring, 0]


def test_thread_count_changes_nothing():
    features = np.random.default_rng(2).normal(size=(3000, 8)).astype(np.float32)
    with threadpool_limits(limits=1):
        single = nearest(features, 5)
    np.testing.assert_array_equal(single, nearest(features, 5))


@pytest.mark.parametrize("chunk", [1, 3, 64])
def test_small_blocks_change_nothing(monkeypatch, chunk):
    features = np.random.default_rng(5).normal(size=(150, 8))
    expected = nearest(features, 5)
    monkeypatch.setattr(neighbors, "_BLOCK_VALUES", 1)
    monkeypatch.setattr(neighbors, "_CHUNK", chunk)
    np.testing.assert_array_equal(nearest(features, 5), expected)


def test_needs_more_rows_than_neighbours():
    with pytest.raises(ValueError, match=r"more rows than n_neighbors=5, found 5"):
        nearest(np.zeros((5, 2)), 5)


def test_needs_a_neighbour():
    with pytest.raises(ValueError, match="n_neighbors must be at least 1, found 0"):
        nearest(np.zeros((5, 2)), 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_needs_finite_features(bad):
    features = np.zeros((6, 2))
    features[4, 1] = bad
    with pytest.raises(ValueError, match="found 1 rows that are not, the first being row 4"):
        nearest(features, 2)


@given(seed=st.integers(0, 2**32 - 1), grid=st.booleans())
@settings(deadline=None, max_examples=30)
def test_rows_nearest_to_others_agree_with_slow_oracle(seed, grid):
    rng = np.random.default_rng(seed)
    rows, queries = rng.normal(size=(40, 3)), rng.normal(size=(5, 3))
    if grid:
        rows, queries = (rng.integers(0, 3, (n, 2)).astype(np.float64) for n in (40, 5))
    expected = [
        sorted(range(len(rows)), key=lambda i: (math.dist(rows[i], query), i))[:3]
        for query in queries
    ]
    assert nearest_rows(rows, queries, n_neighbors=3).tolist() == expected


def test_rows_nearest_to_others_hand_made():
    rows = np.array([[0.0], [10.0], [4.0]], dtype=np.float32)
    found = nearest_rows(rows, np.array([[4.0], [9.0]], dtype=np.float32), n_neighbors=2)
    assert found.tolist() == [[2, 0], [1, 2]]
    assert nearest_rows(rows, np.empty((0, 1)), n_neighbors=2).shape == (0, 2)


@pytest.mark.parametrize("n_neighbors", [0, 4])
def test_needs_as_many_rows(n_neighbors):
    with pytest.raises(ValueError, match=rf"1\.\.3, .* found {n_neighbors}"):
        nearest_rows(np.zeros((3, 2)), np.zeros((1, 2)), n_neighbors=n_neighbors)
