import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from imbalens.analysis.common.weighted_ranking import (
    rank_once,
    weighted_auroc,
    weighted_average_precision,
)

auroc = partial(rank_once, weighted_auroc)
average_precision = partial(rank_once, weighted_average_precision)


def slow_auroc(scores, positives):
    """Definition: share of (positive, negative) pairs ranked rightly, ties one half."""
    right, pairs = 0.0, 0
    for s, is_positive in zip(scores, positives, strict=True):
        for t, is_also in zip(scores, positives, strict=True):
            if is_positive and not is_also:
                pairs += 1
                right += 1.0 if s > t else 0.5 if s == t else 0.0
    return right / pairs


def test_hand_made():
    positives = np.array([True, True, False, False])
    assert auroc(np.array([0.9, 0.8, 0.2, 0.1]), positives) == 1.0
    assert auroc(np.array([3, 1, 1, 0]), positives) == 0.875
    assert auroc(np.zeros(4), positives) == 0.5


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 30), levels=st.sampled_from([2, 4, 1000]))
@settings(deadline=None, max_examples=50)
def test_agrees_with_slow_oracle_and_sklearn(seed, n, levels):
    rng = np.random.default_rng(seed)
    scores, positives = rng.integers(0, levels, n), rng.random(n) < 0.5
    positives[:2] = [True, False]
    assert auroc(scores, positives) == pytest.approx(slow_auroc(scores, positives), abs=1e-12)
    assert auroc(scores, positives) == pytest.approx(roc_auc_score(positives, scores), abs=1e-12)
    assert auroc(-scores, positives) == pytest.approx(1 - auroc(scores, positives), abs=1e-12)


@pytest.mark.parametrize("positives", [[], [True, True], [False, False]])
def test_undefined_without_both_kinds(positives):
    assert math.isnan(auroc(np.zeros(len(positives)), np.array(positives, dtype=bool)))


@pytest.mark.parametrize("figure", [auroc, average_precision])
def test_refuses_nan(figure):
    with pytest.raises(ValueError, match="must not be NaN, found 1"):
        figure(np.array([0.0, np.nan]), np.array([True, False]))


def slow_average_precision(scores, positives):
    """Definition: precision at each distinct score, weighted by the recall gained there."""
    total, recall_before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        found = [
            is_positive
            for score, is_positive in zip(scores, positives, strict=True)
            if score >= threshold
        ]
        recall = sum(found) / sum(positives)
        total += (recall - recall_before) * sum(found) / len(found)
        recall_before = recall
    return total


def test_average_precision_hand_made():
    positives = np.array([True, False, True, False])
    assert average_precision(np.array([4, 3, 2, 1]), positives) == pytest.approx(1 / 2 + 1 / 3)
    assert average_precision(np.array([2, 1, 2, 1]), positives) == 1.0
    assert average_precision(np.zeros(4), positives) == 0.5
    assert average_precision(np.zeros(2), np.array([True, True])) == 1.0


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 30), levels=st.sampled_from([2, 4, 1000]))
@settings(deadline=None, max_examples=50)
def test_average_precision_agrees_with_slow_oracle_and_sklearn(seed, n, levels):
    rng = np.random.default_rng(seed)
    scores, positives = rng.integers(0, levels, n), rng.random(n) < 0.4
    positives[0] = True
    found = average_precision(scores, positives)
    slow = slow_average_precision(scores.tolist(), positives.tolist())
    assert found == pytest.approx(slow, abs=1e-12)
    assert found == pytest.approx(average_precision_score(positives, scores), abs=1e-12)
    order = rng.permutation(n)
    assert average_precision(scores[order], positives[order]) == pytest.approx(found, abs=1e-12)


@pytest.mark.parametrize("positives", [[], [False, False]])
def test_average_precision_is_undefined_without_positives(positives):
    assert math.isnan(average_precision(np.zeros(len(positives)), np.array(positives, bool)))
