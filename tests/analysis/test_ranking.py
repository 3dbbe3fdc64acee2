import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from imbalens.analysis.ranking import auroc


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


def test_refuses_nan():
    with pytest.raises(ValueError, match="must not be NaN, found 1"):
        auroc(np.array([0.0, np.nan]), np.array([True, False]))
