import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.concepts.channels import (
    FEWEST_PAIRS,
    fire_shares,
    summarize_concepts,
    top_channels,
)
from imbalens.analysis.concepts.counting import ConceptCounts

NAN = np.nan


def counts_of(fires, pairs, *, n=0, per_image=(), per_pair=()):
    """Counts with the given numbers; unique concepts are half of the disjoint ones."""
    fires, per_image, per_pair = np.array(fires), np.array(per_image), np.array(per_pair)
    return ConceptCounts(
        tau=np.zeros(len(fires)),
        dead=~fires.any(axis=1),
        pairs=np.array(pairs, dtype=np.int64).reshape(-1, 2),
        disjoint_per_image=per_image if n else np.zeros(0, int),
        unique_per_image=per_image // 2 if n else np.zeros(0, int),
        disjoint_per_pair=per_pair if n else np.zeros(len(pairs), int),
        unique_per_pair=per_pair // 2 if n else np.zeros(len(pairs), int),
        fires=fires,
        peak_images=np.zeros((len(fires), 0), dtype=np.int64),
        peak_active=np.zeros((len(fires), 0, 2, 2), dtype=bool),
    )


def firing(fires, pairs_per_class):
    pairs = [(row, label) for label, n in enumerate(pairs_per_class) for row in range(n)]
    return counts_of(fires, pairs)


def test_summary_by_hand():
    # image 1 has no box; image 2 has boxes of two classes, which share parts
    counts = counts_of(
        [[1, 1, 0], [0, 0, 0]],
        [(0, 0), (2, 0), (2, 1)],
        n=3,
        per_image=[4, 0, 10],
        per_pair=[4, 8, 6],
    )
    for normalize_by, disjoint, unique in (("image", 7, 3.5), ("label", 6, 3)):
        summary = summarize_concepts(counts, normalize_by=normalize_by)
        assert (summary.disjoint, summary.unique) == (disjoint, unique)
        assert (summary.n_images, summary.n_pairs) == (2, 3)
        assert (summary.n_channels, summary.n_dead) == (2, 1)
        assert summary.normalize_by == normalize_by
        np.testing.assert_array_equal(summary.class_pairs, [2, 1, 0])
        np.testing.assert_array_equal(summary.class_disjoint, [6, 6, NAN])
        np.testing.assert_array_equal(summary.class_unique, [3, 3, NAN])


@pytest.mark.parametrize("normalize_by", ["image", "label"])
def test_without_boxes_means_are_undefined(normalize_by):
    summary = summarize_concepts(counts_of([[0, 0]], []), normalize_by=normalize_by)
    assert np.isnan([summary.disjoint, summary.unique, *summary.class_disjoint]).all()
    assert (summary.n_images, summary.n_pairs) == (0, 0)


def test_shares_need_enough_pairs():
    shares = fire_shares(firing([[4, 2, 0, 3], [1, 0, 0, 0]], [4, FEWEST_PAIRS - 1, 0, 3]))
    np.testing.assert_array_equal(shares, [[1, NAN, NAN, 1], [0.25, NAN, NAN, 0]])


def test_every_class_gets_a_channel_before_any_gets_two():
    fires = [[10, 0, 9], [9, 0, 8], [8, 1, 0], [0, 0, 0]]
    counts = firing(fires, [10, 10, 10])
    # class 2 would rather have channel 0, which class 0 took
    expected = [[0, 0], [1, 2], [2, 1]]
    np.testing.assert_array_equal(top_channels(counts, n=9), expected)
    np.testing.assert_array_equal(top_channels(counts, n=2), expected[:2])
    one_class = firing([[2], [5], [0], [3]], [5])
    np.testing.assert_array_equal(top_channels(one_class, n=2), [[1, 0], [3, 0]])


@given(seed=st.integers(0, 10_000), n=st.integers(0, 8))
@settings(deadline=None, max_examples=40)
def test_chosen_channels_are_distinct_and_no_class_is_two_ahead_of_a_better_one(seed, n):
    rng = np.random.default_rng(seed)
    pairs = rng.integers(0, 8, 3)
    fires = rng.integers(0, pairs + 1, (5, 3)) * (rng.random((5, 3)) < 0.6)
    counts = firing(fires, pairs)
    chosen = top_channels(counts, n=n)
    share = np.nan_to_num(fire_shares(counts))
    possible = int((share > 0).any(axis=1).sum())
    assert len(chosen) == len(set(chosen[:, 0].tolist())) == min(n, possible)
    used, served = set(), set()
    for channel, label in chosen.tolist():
        unused = [c for c in range(5) if c not in used]
        waiting = [c for c in range(3) if c not in served and share[unused, c].any()]
        if not waiting:
            served, waiting = set(), [c for c in range(3) if share[unused, c].any()]
        assert label in waiting
        assert share[channel, label] == share[np.ix_(unused, waiting)].max()
        used.add(channel)
        served.add(label)
