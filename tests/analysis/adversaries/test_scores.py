import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import spearmanr

from benchmarks.foretelling import count_in_order
from imbalens.analysis.adversaries.distributions import off_diagonal_shares
from imbalens.analysis.adversaries.scores import (
    Prediction,
    hit_rate,
    jensen_shannon,
    kl_divergence,
    log_loss,
    rank_correlation,
    score_prediction,
    smooth,
)


def draw_counts(seed, n_classes=5):
    counts = np.random.default_rng(seed).poisson(0.8, (n_classes, n_classes)).astype(float)
    np.fill_diagonal(counts, 0)
    return counts


def draw(seed, n_classes=5):
    """Shares of small counts: ties, zeros and undefined rows are common."""
    return off_diagonal_shares(draw_counts(seed, n_classes))


def score(errors, counts, *, judged=None):
    """Score what counts foretell, of all classes by default."""
    judged = np.ones(len(errors), dtype=bool) if judged is None else judged
    predicted = Prediction(off_diagonal_shares(counts), smooth(counts, alpha=0.5))
    return score_prediction(errors, predicted, judged=judged, eps=1e-5)


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
        if not wanted or np.isnan(predicted[c]).any() or top >= len(others):
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


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf])
def test_what_keeps_zeros_or_leaves_no_number_is_refused(value):
    with pytest.raises(ValueError, match=f"eps is {value}; it must be > 0 and finite"):
        kl_divergence(draw(0), draw(1), eps=value)
    with pytest.raises(ValueError, match=f"alpha is {value}; it must be > 0 and finite"):
        smooth(np.ones((2, 2)), alpha=value)


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
    p, q = draw_counts(seed), draw_counts(seed + 1)
    itself = score(p, p)
    for values in (itself.top1_per_class, itself.top3_per_class):
        np.testing.assert_allclose(values[~np.isnan(values)], 1.0)
    correlation = itself.rank_correlation_per_class
    np.testing.assert_allclose(correlation[~np.isnan(correlation)], 1.0)

    new = np.random.default_rng(seed).permutation(len(p))
    before, after = score(p, q), score(p[np.ix_(new, new)], q[np.ix_(new, new)])
    assert after.log_loss == pytest.approx(before.log_loss, nan_ok=True)
    for name in ("log_loss", "jensen_shannon", "kld", "rank_correlation", "top1", "top3"):
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


@given(seed=st.integers(0, 10_000), n_classes=st.integers(2, 6), top=st.integers(1, 6))
@settings(deadline=None, max_examples=60)
def test_who_names_all_others_is_not_scored(seed, n_classes, top):
    """The prediction would be right whatever it is."""
    p, q = draw(seed, n_classes), draw(seed + 1, n_classes)
    defined = ~np.isnan(hit_rate(p, q, top=top))
    assert not defined.any() or top < n_classes - 1
    if top < n_classes - 1:
        both = ~np.isnan(p).any(axis=1) & ~np.isnan(q).any(axis=1)
        np.testing.assert_array_equal(defined, both)


def test_a_uniform_prediction_scores_what_chance_does():
    uniform = score(np.arange(100.0).reshape(10, 10) + 1, np.ones((10, 10)))
    assert uniform.log_loss == pytest.approx(np.log(9))
    assert uniform.top1 == pytest.approx(1 / 9)
    assert uniform.top3 == pytest.approx(3 / 9)
    assert np.isnan(uniform.rank_correlation)


def test_hit_rate_refuses_to_name_no_class():
    with pytest.raises(ValueError, match="top is 0; it must be at least 1"):
        hit_rate(draw(0), draw(1), top=0)


# of class 1 nothing is said, class 2 has no errors
MADE = np.array([[0, 2, 2, 0], [1, 0, 0, 0], [0, 0, 0, 0], [1, 0, 1, 0]])
SAID = np.array([[0, 1, 3, 0], [0, 0, 0, 0], [1, 1, 0, 0], [2, 0, 0, 0]])
MEANS = ("jensen_shannon", "kld", "kld_unforeseen", "rank_correlation", "top1", "top3")
PER_CLASS = tuple(f"{name}_per_class" for name in MEANS if name != "kld_unforeseen")


def test_score_averages_the_judged_classes_and_the_log_loss_all_errors():
    errors, counts = MADE, SAID
    found = score(errors, counts)
    assert found.n_classes == 2
    for name in ("kld", "jensen_shannon", "rank_correlation"):
        per_class = getattr(found, f"{name}_per_class")
        assert np.isnan(per_class).tolist() == [False, True, True, False]
        assert getattr(found, name) == pytest.approx((per_class[0] + per_class[3]) / 2)
    assert found.top1 == 1.0
    assert np.isnan(found.top3), "of four classes all others are named"
    first = -(np.log(1.5 / 5.5) + np.log(3.5 / 5.5)) / 2
    last = -(np.log(2.5 / 3.5) + np.log(0.5 / 3.5)) / 2
    expected = [first, np.log(3), np.nan, last]
    assert found.log_loss_per_class == pytest.approx(expected, nan_ok=True)
    assert found.log_loss == pytest.approx((4 * first + np.log(3) + 2 * last) / 7)
    none = score(errors, counts, judged=np.zeros(4, dtype=bool))
    assert (none.n_classes, none.log_loss) == (0, found.log_loss)
    assert np.isnan([none.kld, none.jensen_shannon, none.top1]).all()


def test_score_without_errors_is_undefined():
    nothing = score(np.zeros((3, 3)), np.ones((3, 3)))
    assert nothing.n_classes == 0
    means = (nothing.log_loss, nothing.jensen_shannon, nothing.kld, nothing.kld_unforeseen)
    assert np.isnan([*means, nothing.rank_correlation, nothing.top1, nothing.top3]).all()


@pytest.mark.parametrize("only", [0, 3])
def test_a_mean_of_a_single_class_is_not_given_but_its_own_scores_are(only):
    found, both = score(MADE, SAID, judged=np.arange(4) == only), score(MADE, SAID)
    assert found.n_classes == 1
    assert np.isnan([getattr(found, name) for name in MEANS]).all()
    for name in PER_CLASS:
        own, expected = getattr(found, name), getattr(both, name)
        np.testing.assert_equal(own[only], expected[only], name)
        assert np.isnan(np.delete(own, only)).all(), name
    assert found.log_loss == both.log_loss, "a mean over all errors"


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=20)
def test_of_two_classes_nothing_is_scored(seed):
    rng = np.random.default_rng(seed)
    found = score(rng.integers(0, 9, (2, 2)), rng.random((2, 2)))
    assert found.n_classes == 0
    assert np.isnan([found.log_loss, *(getattr(found, name) for name in MEANS)]).all()
    for name in ("log_loss_per_class", *PER_CLASS):
        assert np.isnan(getattr(found, name)).all(), name


def test_errors_that_nobody_foretold_are_most_of_the_divergence():
    errors, counts = np.array([[0, 9, 1], [1, 0, 0], [1, 0, 9]]), np.zeros((3, 3))
    counts[0, 1] = counts[1, 0] = 5
    found = score(errors, counts)
    unforeseen = (0.1 + 1e-5) * math.log((0.1 + 1e-5) / 1e-5)
    assert found.kld_per_class[1] == pytest.approx(0)
    assert found.kld_unforeseen == pytest.approx(unforeseen / (2 * found.kld))
    assert found.kld_unforeseen > 1, "what was foretold too often is less than nothing"


def test_smoothing_adds_to_each_count_and_knows_nothing_of_nothing():
    smoothed = smooth(np.array([[7, 3, 1], [0, 9, 0], [0, 4, 0]]), alpha=0.5)
    np.testing.assert_allclose(smoothed, [[0, 3.5 / 5, 1.5 / 5], [0.5, 0, 0.5], [0.1, 0.9, 0]])


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_log_loss_is_least_of_the_errors_own_distribution(seed):
    """A proper score: entropy where the prediction is the truth, above it elsewhere."""
    errors = draw_counts(seed) + 1
    itself, other = off_diagonal_shares(errors), smooth(draw_counts(seed + 1), alpha=0.5)
    entropy = [-sum(p * math.log(p) for p in row if p > 0) for row in itself.tolist()]
    assert log_loss(errors, itself) == pytest.approx(entropy)
    assert (log_loss(errors, other) >= log_loss(errors, itself) - 1e-12).all()
    each = log_loss(errors, other) * (errors.sum(axis=1) - np.diag(errors))
    twice = log_loss(2 * errors, other) * 2 * (errors.sum(axis=1) - np.diag(errors))
    assert twice == pytest.approx(2 * each), "each error adds its own"


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_jensen_shannon_agrees_with_scipy_and_is_symmetric(seed):
    p, q = draw(seed), draw(seed + 1)
    found = jensen_shannon(p, q)
    for c in range(len(p)):
        if np.isnan([p[c], q[c]]).any():
            assert np.isnan(found[c])
        else:
            assert found[c] == pytest.approx(jensenshannon(p[c], q[c], base=2) ** 2, abs=1e-12)
    np.testing.assert_allclose(found, jensen_shannon(q, p), atol=1e-12)


def test_jensen_shannon_by_hand():
    errors = np.array([[0, 1, 0], [1, 0, 0], [0.5, 0.5, 0]])
    predicted = np.array([[0.0, 0, 1], [1, 0, 0], [1, 0, 0]])
    by_hand = (0.5 * math.log2(0.5 / 0.75) + 0.5 * math.log2(2) + math.log2(1 / 0.75)) / 2
    assert jensen_shannon(errors, predicted) == pytest.approx([1, 0, by_hand])


@pytest.mark.parametrize("concentration", [0.2, 0.5])
def test_who_knows_comes_before_who_says_nothing_before_who_guesses(concentration):
    """Of truths on few classes; of flat ones see docs/evidence.md."""
    n = 200
    assert count_in_order(concentration, n=n) >= 0.95 * n
