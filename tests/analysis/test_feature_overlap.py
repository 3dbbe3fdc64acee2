import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis import feature_overlap as module
from imbalens.analysis.feature_overlap import (
    density_ratio,
    feature_overlap,
    pair_overlap,
    top_features,
)


def draw(seed):
    """Small integers as features, so that ties are common; class 3 is often empty."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 20))
    return rng.integers(0, 4, (n, 6)).astype(np.float32), rng.integers(0, 4, n)


def largest(values, k):
    alive = [f for f in range(len(values)) if values[f] > 0]
    return sorted(alive, key=lambda f: (-values[f], f))[:k]


def padded(values, k, empty):
    return [*values, *[empty] * (k - len(values))]


def top_features_oracle(features, labels, n_classes, k):
    """Algorithm 2 with loops."""
    rows = []
    for c in range(n_classes):
        members = [x for x, y in zip(features, labels, strict=True) if y == c]
        if not members:
            rows.append(([-1] * k, [np.nan] * k, [np.nan] * k))
            continue
        mean = [sum(float(x[f]) for x in members) / len(members) for f in range(len(members[0]))]
        top = largest(mean, k)
        chosen = [mean[f] for f in top]
        shares = [m / sum(chosen) for m in chosen]
        rows.append((padded(top, k, -1), padded(chosen, k, np.nan), padded(shares, k, np.nan)))
    return [np.array(column) for column in zip(*rows, strict=True)]


def density_oracle(features, labels, indices, n_classes):
    k = indices.shape[1]
    ratio = np.full((n_classes, n_classes), np.nan)
    for c in range(n_classes):
        for o in range(n_classes):
            members = features[labels == o]
            own = set(indices[c]) - {-1}
            if own and len(members):
                shares = [len(own & set(largest(x, k))) / len(own) for x in members]
                ratio[c, o] = sum(shares) / len(shares)
    return ratio


@given(seed=st.integers(0, 10_000), top_k=st.integers(1, 6))
@settings(deadline=None, max_examples=40)
def test_agrees_with_algorithm_2(seed, top_k):
    features, labels = draw(seed)
    top = top_features(features, labels, n_classes=4, top_k=top_k)
    indices, mean, share = top_features_oracle(features, labels, 4, top_k)
    np.testing.assert_array_equal(top.indices, indices)
    np.testing.assert_allclose(top.mean, mean)
    np.testing.assert_allclose(top.share, share)
    ratio = density_ratio(features, labels, top.indices, n_classes=4)
    np.testing.assert_allclose(ratio, density_oracle(features, labels, indices, 4))

    pairs = pair_overlap(top.indices)
    for c in range(4):
        for o in range(4):
            a, b = set(indices[c]) - {-1}, set(indices[o]) - {-1}
            assert pairs.shared[c, o] == len(a & b)
            if a and b:
                assert pairs.jaccard[c, o] == pytest.approx(len(a & b) / len(a | b))
            else:
                assert np.isnan(pairs.jaccard[c, o])


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=20)
def test_order_of_instances_does_not_matter_and_renaming_classes_only_renames(seed):
    features, labels = draw(seed)
    rng = np.random.default_rng(seed)
    order, new = rng.permutation(len(labels)), rng.permutation(4)
    before = top_features(features, labels, n_classes=4, top_k=3)
    after = top_features(features[order], new[labels[order]], n_classes=4, top_k=3)
    np.testing.assert_array_equal(after.indices[new], before.indices)
    np.testing.assert_allclose(after.mean[new], before.mean)
    np.testing.assert_allclose(
        density_ratio(features[order], new[labels[order]], after.indices, n_classes=4)[
            np.ix_(new, new)
        ],
        density_ratio(features, labels, before.indices, n_classes=4),
    )


def test_blocks_do_not_change_the_density_ratio(monkeypatch):
    features, labels = draw(7)
    indices = top_features(features, labels, n_classes=4, top_k=2).indices
    whole = density_ratio(features, labels, indices, n_classes=4)
    monkeypatch.setattr(module, "_BLOCK_VALUES", 1)
    np.testing.assert_array_equal(density_ratio(features, labels, indices, n_classes=4), whole)


def test_by_hand():
    features = np.array([[4.0, 0, 2, 0], [2, 0, 4, 6], [0, 1, 5, 0], [0, 0, 0, 0]])
    labels = np.array([0, 0, 1, 3])
    top = top_features(features, labels, n_classes=4, top_k=2)
    np.testing.assert_array_equal(top.indices, [[0, 2], [2, 1], [-1, -1], [-1, -1]])
    np.testing.assert_array_equal(top.mean[:2], [[3, 3], [5, 1]])
    np.testing.assert_allclose(top.share[:2], [[0.5, 0.5], [5 / 6, 1 / 6]])
    assert np.isnan(top.share[2:]).all()

    pairs = pair_overlap(top.indices)
    np.testing.assert_array_equal(
        pairs.shared, [[2, 1, 0, 0], [1, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    )
    assert pairs.jaccard[0, 1] == pytest.approx(1 / 3)
    assert np.isnan(pairs.jaccard[2:]).all()

    # top two per instance: {0, 2}, {3, 2}, {2, 1}, none
    ratio = density_ratio(features, labels, top.indices, n_classes=4)
    np.testing.assert_array_equal(ratio[0], [0.75, 0.5, np.nan, 0])
    np.testing.assert_array_equal(ratio[1], [0.5, 1.0, np.nan, 0])
    assert np.isnan(ratio[2:]).all()


def test_dead_features_do_not_fill_up_the_top():
    """Two classes with disjoint live features share none of six, though others tie at 0."""
    features = np.array([[1.0, 2, 0, 0, 0, 0], [0, 0, 0, 0, 2, 1]])
    found = feature_overlap(features, np.array([0, 1]), n_classes=2, top_k=6)
    np.testing.assert_array_equal(found.top.indices[:, :2], [[1, 0], [4, 5]])
    assert (found.top.indices[:, 2:] == -1).all()
    np.testing.assert_array_equal(found.pairs.shared, [[2, 0], [0, 2]])
    np.testing.assert_array_equal(found.pairs.jaccard, np.eye(2))
    np.testing.assert_array_equal(found.density, np.eye(2))


def test_an_image_counts_for_each_of_its_classes():
    features = np.array([[4.0, 0, 1], [0, 3, 1], [2, 2, 0]])
    has = np.array([[1, 0], [0, 1], [1, 1]], dtype=bool)
    by_hand = feature_overlap(features[[0, 1, 2, 2]], np.array([0, 1, 0, 1]), n_classes=2, top_k=2)
    found = feature_overlap(features, has, n_classes=2, top_k=2)
    np.testing.assert_array_equal(found.top.indices, by_hand.top.indices)
    np.testing.assert_array_equal(found.density, by_hand.density)


@pytest.mark.parametrize("top_k", [0, 5])
def test_top_k_must_fit_the_features(top_k):
    with pytest.raises(ValueError, match=f"top_k is {top_k}; it must be between 1 and .* 4"):
        top_features(np.ones((2, 4)), np.array([0, 1]), n_classes=2, top_k=top_k)


def test_no_class_has_instances():
    top = top_features(np.empty((0, 4)), np.empty(0, dtype=np.int64), n_classes=2, top_k=2)
    pairs = pair_overlap(top.indices)
    assert (pairs.shared == 0).all()
    assert np.isnan(pairs.jaccard).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.5e308])
def test_features_that_are_not_finite_have_no_order(value):
    features = np.ones((5, 4))
    features[2:4, 1] = value
    with pytest.raises(ValueError, match=r"features must be finite, .* mean over class 1"):
        feature_overlap(features, np.array([0, 0, 1, 1, 2]), n_classes=3, top_k=2)
