import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.adversaries.baselines import (
    centroid_distribution,
    fdr_distribution,
    fisher_ratio,
    prior_distribution,
    uniform_distribution,
)


def draw(seed, n_classes=5):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 30))
    features = rng.random((n, 3)).astype(np.float32)
    features[:, 2] = rng.integers(0, 2)  # a feature that never varies
    return features, rng.integers(0, n_classes, n)


def fisher_oracle(features, labels, n_classes):
    """Equation 1 with loops, averaged over the features that vary."""
    ratio = np.full((n_classes, n_classes), np.nan)
    for i in range(n_classes):
        for k in range(n_classes):
            x, y = (features[labels == c].astype(np.float64) for c in (i, k))
            if not len(x) or not len(y):
                continue
            terms = []
            for f in range(features.shape[1]):
                variance = np.var(x[:, f]) + np.var(y[:, f])
                if variance > 0:
                    terms.append((np.mean(x[:, f]) - np.mean(y[:, f])) ** 2 / variance)
            if terms:
                ratio[i, k] = sum(terms) / len(terms)
    return ratio


def inverse_oracle(dissimilarity):
    c = len(dissimilarity)
    share = np.full((c, c), np.nan)
    for i in range(c):
        others = [k for k in range(c) if k != i and not np.isnan(dissimilarity[i, k])]
        same = [k for k in others if dissimilarity[i, k] == 0]
        weight = dict.fromkeys(same, 1.0) or {k: 1 / dissimilarity[i, k] for k in others}
        if weight:
            share[i] = [weight.get(k, 0.0) / sum(weight.values()) for k in range(c)]
    return share


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_fdr_agrees_with_equation_1(seed):
    features, labels = draw(seed)
    ratio = fisher_ratio(features, labels, n_classes=5)
    np.testing.assert_allclose(ratio, fisher_oracle(features, labels, 5), rtol=1e-9)
    np.testing.assert_array_equal(ratio, ratio.T)
    np.testing.assert_allclose(
        fdr_distribution(features, labels, n_classes=5), inverse_oracle(ratio), rtol=1e-9
    )


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_centroid_agrees_with_loops(seed):
    features, labels = draw(seed)
    distance = np.full((5, 5), np.nan)
    for i in set(labels):
        for k in set(labels):
            x, y = (features[labels == c].astype(np.float64).mean(axis=0) for c in (i, k))
            distance[i, k] = np.sqrt(((x - y) ** 2).sum())
    result = centroid_distribution(features, labels, n_classes=5)
    np.testing.assert_allclose(result, inverse_oracle(distance), rtol=1e-9)


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=20)
def test_rows_sum_to_one_and_renaming_classes_only_renames(seed):
    features, labels = draw(seed)
    new = np.random.default_rng(seed).permutation(5)
    for distribution in (fdr_distribution, centroid_distribution):
        before = distribution(features, labels, n_classes=5)
        renamed = distribution(features, new[labels], n_classes=5)
        np.testing.assert_allclose(renamed[np.ix_(new, new)], before, rtol=1e-12)
        defined = ~np.isnan(before).any(axis=1)
        np.testing.assert_allclose(before[defined].sum(axis=1), 1.0)
        assert (np.diag(before)[defined] == 0).all()


def test_fisher_ratio_by_hand():
    features = np.array([[0.0, 5.0], [2.0, 5.0], [4.0, 5.0], [8.0, 5.0]])
    ratio = fisher_ratio(features, np.array([0, 0, 1, 1]), n_classes=3)
    assert ratio[0, 1] == 25 / 5  # means 1 and 6, variances 1 and 4; the second never varies
    assert ratio[0, 0] == 0
    assert np.isnan(ratio[2]).all()
    assert np.isnan(ratio[:, 2]).all()


@pytest.mark.parametrize("value", [0.1, 1e5 + 0.1, 1 / 3])
def test_features_that_never_vary_have_no_ratio(value):
    """The mean of equal numbers is rounded: without care they vary, and classes differ."""
    ratio = fisher_ratio(np.full((24, 2), value), np.repeat([0, 1, 2], [3, 7, 14]), n_classes=3)
    assert np.isnan(ratio).all()
    share = fdr_distribution(np.full((24, 2), value), np.repeat([0, 1], [7, 17]), n_classes=2)
    assert np.isnan(share).all()
    together = centroid_distribution(
        np.full((24, 2), value), np.repeat([0, 1, 2], [3, 7, 14]), n_classes=3
    )
    np.testing.assert_array_equal(together, (1 - np.eye(3)) / 2)


def test_classes_in_the_same_place_share_the_row():
    features = np.array([[0.0], [2.0], [0.0], [2.0], [1.0], [11.0]])
    labels = np.array([0, 0, 1, 1, 2, 2])
    for distribution in (fdr_distribution, centroid_distribution):
        share = distribution(features, labels, n_classes=4)
        np.testing.assert_array_equal(share[0], [0, 1, 0, 0])
        np.testing.assert_array_equal(share[2], [0.5, 0.5, 0, 0])
        assert np.isnan(share[3]).all()


def test_uniform_and_prior_by_hand():
    third = 1 / 3
    np.testing.assert_allclose(uniform_distribution(4)[1], [third, 0, third, third])
    prior = prior_distribution(np.array([6, 3, 1, 0]))
    np.testing.assert_allclose(prior[0], [0, 0.75, 0.25, 0])
    np.testing.assert_allclose(prior[2], [2 / 3, 1 / 3, 0, 0])
    assert np.isnan(prior[3]).all()


def test_a_single_class_has_no_adversary():
    assert np.isnan(uniform_distribution(1)).all()
    assert np.isnan(prior_distribution(np.array([7]))).all()
