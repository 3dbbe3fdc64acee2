import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from imbalens.analysis.adversaries.baselines import uniform_distribution
from imbalens.analysis.adversaries.distributions import off_diagonal_shares
from imbalens.analysis.adversaries.scores import (
    hit_rate,
    kl_divergence,
    rank_correlation,
    score_predictor,
)


def draw(seed, n_classes=5):
    """Shares of small counts: ties, zeros and undefined rows are common."""
    return off_diagonal_shares(
        np.random.default_rng(seed).poisson(0.8, (n_classes, n_classes)).astype(float)
    )


def kld_oracle(p, q, eps):
    return [
        math.fsum((a + eps) * math.log((a + eps) / (b + eps)) for a, b in zip(x, y, strict=True))
        for x, y in zip(p.tolist(), q.tolist(), strict=True)
    ]


def hit_rate_oracle(errors, predicted, top):
    """Mean hits over all orders in which the prediction's ties may be broken."""
    rates = []
    for c in range(len(errors)):
        others = [a for a in range(len(errors)) if a != c]
        wanted = {
            a
            for a in others
            if errors[c, a] > 0 and sum(errors[c, b] > errors[c, a] for b in others) < top
        }
        if not wanted or np.isnan(predicted[c]).any():
            rates.append(np.nan)
            continue
        hits = []
        for order in itertools.permutations(others):
            named = sorted(order, key=lambda a: -predicted[c, a])[:top]
            hits.append(len(wanted.intersection(named)))
        rates.append(np.mean(hits) / min(top, len(wanted)))
    return rates


@given(seed=st.integers(0, 10_000), eps=st.sampled_from([1e-5, 1e-2]))
@settings(deadline=None, max_examples=30)
def test_kld_agrees_with_loops_and_is_never_negative(seed, eps):
    p, q = draw(seed), draw(seed + 1)
    result = kl_divergence(p, q, eps=eps)
    np.testing.assert_allclose(result, kld_oracle(p, q, eps), rtol=1e-9, atol=1e-12)
    defined = ~np.isnan(p[:, 0]) & ~np.isnan(q[:, 0])
    np.testing.assert_array_equal(np.isnan(result), ~defined)
    assert (result[defined] >= -1e-15).all()
    same = kl_divergence(p, p, eps=eps)
    assert (same[~np.isnan(same)] == 0).all()


def test_kld_by_hand():
    p = np.array([[0, 0.5, 0.5], [1.0, 0, 0], [np.nan] * 3])
    q = np.array([[0, 0.25, 0.75], [0, 0, 1.0], [0.5, 0.5, 0]])
    result = kl_divergence(p, q, eps=1e-5)
    assert result[0] == pytest.approx(0.5 * math.log(4 / 3), abs=1e-4)
    assert result[1] == pytest.approx(math.log(1e5), abs=1e-3)
    assert np.isnan(result[2])


def test_kld_refuses_an_eps_that_leaves_zeros():
    with pytest.raises(ValueError, match=r"eps is 0\.0; it must be > 0"):
        kl_divergence(draw(0), draw(1), eps=0.0)


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_rank_correlation_agrees_with_scipy(seed):
    p, q = draw(seed), draw(seed + 1)
    result = rank_correlation(p, q)
    for c in range(len(p)):
        x, y = np.delete(p[c], c), np.delete(q[c], c)
        if np.isnan([x, y]).any() or np.ptp(x) == 0 or np.ptp(y) == 0:
            assert np.isnan(result[c])
        else:
            assert result[c] == pytest.approx(spearmanr(x, y).statistic)


@given(seed=st.integers(0, 10_000), top=st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_hit_rate_agrees_with_all_orders_of_ties(seed, top):
    p, q = draw(seed), draw(seed + 1)
    result = hit_rate(p, q, top=top)
    np.testing.assert_allclose(result, hit_rate_oracle(p, q, top), rtol=1e-12)


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_a_distribution_foretells_itself_and_class_names_do_not_matter(seed):
    p, q = draw(seed), draw(seed + 1)
    itself = score_predictor(p, p, eps=1e-5)
    for values in (itself.top1_per_class, itself.top3_per_class):
        np.testing.assert_allclose(values[~np.isnan(values)], 1.0)
    correlation = itself.rank_correlation_per_class
    np.testing.assert_allclose(correlation[~np.isnan(correlation)], 1.0)

    new = np.random.default_rng(seed).permutation(len(p))
    before = score_predictor(p, q, eps=1e-5)
    after = score_predictor(p[np.ix_(new, new)], q[np.ix_(new, new)], eps=1e-5)
    for name in ("kld", "rank_correlation", "top1", "top3"):
        per_class = f"{name}_per_class"
        np.testing.assert_allclose(
            getattr(after, per_class), getattr(before, per_class)[new], rtol=1e-9, atol=1e-12
        )


def test_hit_rate_by_hand():
    nan = np.nan
    errors = np.array([[0, 0.5, 0.3, 0.2], [0.6, 0, 0.4, 0], [0, 1, 0, 0], [nan] * 4])
    predicted = np.array([[0, 0.2, 0.5, 0.3], [0, 0, 0.7, 0.3], [0.5, 0.3, 0, 0.2], [1, 0, 0, 0]])
    np.testing.assert_allclose(hit_rate(errors, predicted, top=1), [0, 0, 0, nan])
    np.testing.assert_allclose(hit_rate(errors, predicted, top=2), [0.5, 0.5, 1, nan])
    np.testing.assert_allclose(hit_rate(errors, predicted, top=3), [1, 1, 1, nan])
    np.testing.assert_allclose(hit_rate(errors, predicted, top=9), [1, 1, 1, nan])


def test_a_uniform_prediction_scores_what_chance_does():
    errors = off_diagonal_shares(np.arange(100.0).reshape(10, 10) + 1)
    score = score_predictor(errors, uniform_distribution(10), eps=1e-5)
    assert score.top1 == pytest.approx(1 / 9)
    assert score.top3 == pytest.approx(3 / 9)
    assert np.isnan(score.rank_correlation)


def test_hit_rate_refuses_to_name_no_class():
    with pytest.raises(ValueError, match="top is 0; it must be at least 1"):
        hit_rate(draw(0), draw(1), top=0)


def test_score_averages_the_defined_classes_only():
    errors = np.array([[0, 0.5, 0.5], [1.0, 0, 0], [np.nan] * 3])
    predicted = np.array([[0, 0.25, 0.75], [np.nan] * 3, [0.5, 0.5, 0]])
    score = score_predictor(errors, predicted, eps=1e-5)
    assert score.n_classes == 1
    assert score.kld == score.kld_per_class[0]
    assert score.top1 == 1.0
    assert score.top3 == 1.0
    assert np.isnan(score.rank_correlation)


def test_score_without_a_defined_class_is_undefined():
    nothing = np.full((3, 3), np.nan)
    score = score_predictor(nothing, nothing, eps=1e-5)
    assert score.n_classes == 0
    assert np.isnan([score.kld, score.rank_correlation, score.top1, score.top3]).all()
