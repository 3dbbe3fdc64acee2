from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.archetypes.judging import Archetype
from imbalens.analysis.changes.changes import (
    archetype_flow,
    expected_shared,
    largest_entries,
    match_features,
    shared_top_features,
    total_variation,
)
from imbalens.analysis.feature_overlap import top_features

SAFE, BORDER, RARE, OUTLIER = Archetype
NAN = np.nan
SEEDS = st.integers(0, 10_000)


def draw_codes(seed):
    """Archetypes under two runs, and classes, of which the last is often empty."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    return rng.integers(0, 4, n), rng.integers(0, 4, n), rng.integers(0, 4, n)


@given(seed=SEEDS)
@settings(deadline=None, max_examples=40)
def test_flow_agrees_with_counting_one_by_one(seed):
    before, after, classes = draw_codes(seed)
    flow = archetype_flow(before, after, classes, n_classes=4)
    for c in range(4):
        moves = [(b, a) for b, a, k in zip(before, after, classes, strict=True) if k == c]
        for b in range(4):
            for a in range(4):
                assert flow.count[c, b, a] == moves.count((b, a))
        if moves:
            assert flow.moved[c] == pytest.approx(sum(b != a for b, a in moves) / len(moves))
            assert flow.safer[c] == pytest.approx(sum(a < b for b, a in moves) / len(moves))
        else:
            assert np.isnan([flow.moved[c], flow.safer[c]]).all()
    assert flow.overall_moved == pytest.approx(np.mean(before != after))
    assert flow.overall_safer == pytest.approx(np.mean(after < before))
    np.testing.assert_array_equal(flow.overall_count, flow.count.sum(axis=0))


@given(seed=SEEDS)
@settings(deadline=None, max_examples=20)
def test_nothing_moves_to_itself_and_the_way_back_is_the_transpose(seed):
    before, after, classes = draw_codes(seed)
    same = archetype_flow(before, before, classes, n_classes=4)
    assert same.overall_moved == 0
    there = archetype_flow(before, after, classes, n_classes=4)
    back = archetype_flow(after, before, classes, n_classes=4)
    np.testing.assert_array_equal(back.count, there.count.swapaxes(1, 2))
    assert there.overall_safer + back.overall_safer == pytest.approx(there.overall_moved)


def test_flow_by_hand():
    before = np.array([SAFE, SAFE, OUTLIER, RARE, BORDER])
    after = np.array([SAFE, BORDER, SAFE, OUTLIER, BORDER])
    flow = archetype_flow(before, after, np.array([0, 0, 0, 2, 2]), n_classes=3)
    np.testing.assert_array_equal(
        flow.count[0], [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    )
    np.testing.assert_allclose(flow.moved, [2 / 3, NAN, 1 / 2])
    np.testing.assert_allclose(flow.safer, [1 / 3, NAN, 0])
    assert (flow.overall_moved, flow.overall_safer) == (0.6, 0.2)


def test_no_instance_at_all_moves_an_undefined_share():
    none = np.empty(0, dtype=np.int64)
    flow = archetype_flow(none, none, none, n_classes=2)
    assert np.isnan([flow.overall_moved, flow.overall_safer]).all()
    assert flow.overall_count.sum() == 0


@pytest.mark.parametrize("name", ["baseline", "other", "classes"])
def test_codes_out_of_range_are_refused(name):
    codes = {key: np.array([0, 1]) for key in ("baseline", "other", "classes")}
    codes[name] = np.array([0, 4])
    with pytest.raises(ValueError, match=rf"{name} must lie in 0..\d, found 4 at position 1"):
        archetype_flow(**codes, n_classes=2)


@given(seed=SEEDS, widths=st.sampled_from([(3, 3), (2, 4), (4, 2)]))
@settings(deadline=None, max_examples=40)
def test_the_match_has_the_largest_sum_of_correlations(seed, widths):
    rng = np.random.default_rng(seed)
    first, second = (rng.normal(size=(8, d)) for d in widths)
    partner = match_features(first, second)
    correlations = np.corrcoef(first.T, second.T)[: widths[0], widths[0] :]
    paired = np.flatnonzero(partner >= 0)
    assert len(paired) == min(widths) == len(set(partner[paired]))
    wide = correlations if widths[0] <= widths[1] else correlations.T
    sums = [
        sum(row[c] for row, c in zip(wide, chosen, strict=True))
        for chosen in permutations(range(wide.shape[1]), len(wide))
    ]
    assert correlations[paired, partner[paired]].sum() == pytest.approx(max(sums))


@given(seed=SEEDS)
@settings(deadline=None, max_examples=20)
def test_permuted_scaled_shifted_features_find_back(seed):
    rng = np.random.default_rng(seed)
    features, labels = rng.normal(size=(40, 8)), rng.integers(0, 3, 40)
    order = rng.permutation(8)
    partner = match_features(features, 3 * features[:, order] + 1)
    np.testing.assert_array_equal(order[partner], np.arange(8))
    first, second = (
        top_features(x, labels, n_classes=3, top_k=2).indices
        for x in (features + 9, features[:, order] + 9)  # above 0, as features of networks are
    )
    np.testing.assert_array_equal(shared_top_features(first, second, partner), [2, 2, 2])


def test_empty_places_are_shared_by_none():
    first, second = np.array([[2, 0, -1], [1, -1, -1]]), np.array([[0, -1, -1], [-1, -1, -1]])
    found = shared_top_features(first, second, np.array([0, 1, -1]))
    np.testing.assert_array_equal(found, [1, np.nan])


def test_a_constant_feature_has_no_partner():
    varying = np.array([[0.0, 1], [1, 0], [2, 5]])
    first = np.column_stack([varying[:, 0], np.full(3, 0.1), varying[:, 1]])
    second = np.column_stack([varying[:, 1], varying[:, 0], np.full(3, 0.7)])
    np.testing.assert_array_equal(match_features(first, second), [1, -1, 0])


def test_shared_by_hand():
    first = np.array([[0, 2], [1, 3], [-1, -1], [0, 1]])
    second = np.array([[2, 3], [3, 1], [0, 1], [-1, -1]])
    same_index = shared_top_features(first, second, np.arange(4))
    np.testing.assert_array_equal(same_index, [1, 2, NAN, NAN])
    matched = shared_top_features(first, second, np.array([3, -1, 2, 0]))
    np.testing.assert_array_equal(matched, [2, 0, NAN, NAN])


@pytest.mark.parametrize("widths", [(12, 12), (12, 20), (20, 12)])
def test_partners_drawn_at_random_share_what_is_expected(widths):
    rng = np.random.default_rng(0)
    small, large = sorted(widths)
    found = []
    for _ in range(600):
        chosen = rng.permutation(large)[:small]
        partner = np.full(widths[0], -1)
        if widths[0] <= widths[1]:
            partner[:] = chosen
        else:
            partner[chosen] = np.arange(small)
        first, second = (rng.permutation(d)[None, :4] for d in widths)
        found.append(shared_top_features(first, second, partner)[0])
    expected = expected_shared(top_k=4, n_features=widths)
    assert expected == 16 / large
    assert np.mean(found) == pytest.approx(expected, rel=0.15)


@given(seed=SEEDS)
@settings(deadline=None, max_examples=40)
def test_total_variation_is_the_largest_difference_that_any_event_can_have(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.dirichlet(np.ones(5), size=(2, 3))
    distance = total_variation(first, second)
    events = (np.arange(32)[:, None] >> np.arange(5)) & 1
    np.testing.assert_allclose(distance, ((first - second) @ events.T).max(axis=1))
    np.testing.assert_array_equal(distance, total_variation(second, first))
    np.testing.assert_array_equal(total_variation(first, first), 0)
    order = rng.permutation(5)
    np.testing.assert_allclose(total_variation(first[:, order], second[:, order]), distance)


def test_distributions_by_hand():
    first = np.array([[0, 1, 0], [0.5, 0, 0.5], [NAN] * 3, [1, 0, 0]])
    second = np.array([[0, 0, 1], [0.25, 0, 0.75], [1, 0, 0], [NAN] * 3])
    np.testing.assert_array_equal(total_variation(first, second), [1, 0.25, NAN, NAN])
    np.testing.assert_array_equal(
        largest_entries(first), np.array([[0, 1, 0], [1, 0, 1], [0, 0, 0], [1, 0, 0]], dtype=bool)
    )


def test_shares_that_are_equal_but_for_rounding_are_both_the_largest():
    shares = np.array([[0.1 + 0.2, 0.3, 0.4 - 1e-3]])
    shares[0, 2] = 1 - shares[0, :2].sum() - 0.2
    np.testing.assert_array_equal(largest_entries(shares), [[True, True, False]])
