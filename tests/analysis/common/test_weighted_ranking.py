import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from imbalens.analysis.common import weighted
from imbalens.analysis.common.weighted_ranking import (
    weighted_auroc,
    weighted_average_precision,
)
from tests.analysis.oracles import NAN, close, slow_auroc

MEASURES = (weighted_auroc, weighted_average_precision)


def draw(seed, n, levels):
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=5)
    weights[0] = 1
    scores = rng.integers(0, levels, (n, 2)).astype(float)
    return weights, scores, rng.random((n, 2)) < rng.uniform(0, 0.6, 2)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 30), levels=st.sampled_from([2, 5, 1000]))
@settings(deadline=None, max_examples=20)
def test_agrees_with_repeating_rows_and_sklearn(seed, n, levels):
    weights, scores, positives = draw(seed, n, levels)
    areas, averages = (measure(weights, scores, positives) for measure in MEASURES)
    for row, weight in enumerate(weights):
        drawn = np.repeat(np.arange(n), weight)
        for label in range(2):
            s, y = scores[:, label], positives[:, label]
            repeated, has = s[drawn], y[drawn]
            expected = slow_auroc(repeated[has].tolist(), repeated[~has].tolist())
            assert areas[row, label] == close(expected)
            assert y[drawn].any() or np.isnan(averages[row, label])
            if y[drawn].any():
                expected = average_precision_score(y, s, sample_weight=weight)
                assert averages[row, label] == close(expected)
                if not y[drawn].all():
                    assert areas[row, label] == close(roc_auc_score(y, s, sample_weight=weight))


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_laws(seed):
    weights, scores, positives = draw(seed, 20, 8)
    order = np.random.default_rng(seed).permutation(20)
    for measure in MEASURES:
        found = measure(weights, scores, positives)
        permuted = measure(weights[:, order], scores[order], positives[order])
        np.testing.assert_allclose(permuted, found, atol=1e-12)
        stretched = measure(weights, np.exp(scores), positives)
        np.testing.assert_array_equal(stretched, found)
        np.testing.assert_allclose(measure(3 * weights, scores, positives), found, atol=1e-12)
    turned = weighted_auroc(weights, -scores, positives)
    np.testing.assert_allclose(turned, 1 - weighted_auroc(weights, scores, positives), atol=1e-12)


def test_hand_made():
    weights = np.array([[1, 1, 1, 1], [0, 2, 1, 1], [0, 0, 2, 2], [4, 0, 0, 0]])
    scores = np.array([[3.0], [1.0], [1.0], [0.0]])
    positives = np.array([[True], [True], [False], [False]])
    found = weighted_auroc(weights, scores, positives)
    assert found.ravel().tolist() == close([0.875, 0.75, NAN, NAN])
    found = weighted_average_precision(weights, scores, positives)
    assert found.ravel().tolist() == close([1 / 2 + 1 / 2 * 2 / 3, 2 / 3, NAN, 1.0])


def test_blocks_change_nothing(monkeypatch):
    arguments = draw(3, 15, 6)
    whole = [measure(*arguments) for measure in MEASURES]
    monkeypatch.setattr(weighted, "_BLOCK", 30)
    for one, measure in zip(whole, MEASURES, strict=True):
        np.testing.assert_array_equal(measure(*arguments), one)


@pytest.mark.parametrize("measure", MEASURES)
def test_refuses_nan(measure):
    with pytest.raises(ValueError, match="must not be NaN, found 1"):
        measure(np.ones((1, 2), int), np.array([[0.0], [NAN]]), np.array([[True], [False]]))
