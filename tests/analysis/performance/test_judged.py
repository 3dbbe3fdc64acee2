import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.performance.judged import judge, sigmoid, softmax


def test_softmax_hand_made():
    found = softmax(np.log(np.array([[1.0, 3.0], [2.0, 2.0]])))
    np.testing.assert_allclose(found, [[0.25, 0.75], [0.5, 0.5]], rtol=1e-15)


def test_softmax_survives_extreme_scores():
    found = softmax(np.array([[1e4, -1e4], [-3e38, -3e38]], dtype=np.float32))
    assert found.dtype == np.float64
    assert found.tolist() == [[1.0, 0.0], [0.5, 0.5]]


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_softmax_agrees_with_definition_and_ignores_shifts(seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(6, 4))
    before = scores.copy()
    expected = [[math.exp(v) / sum(map(math.exp, row)) for v in row] for row in scores.tolist()]
    np.testing.assert_allclose(softmax(scores), expected, rtol=1e-13)
    np.testing.assert_allclose(softmax(scores + 100), expected, rtol=1e-12)
    np.testing.assert_array_equal(scores, before)


def test_sigmoid_survives_extreme_scores():
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        found = sigmoid(np.array([[-1e4, -3e38], [0.0, 1e4]], dtype=np.float32))
    assert found.dtype == np.float64
    assert found.tolist() == [[0.0, 0.0], [0.5, 1.0]]
    np.testing.assert_allclose(sigmoid(np.array([-50.0])), math.exp(-50), rtol=1e-14)


def test_exclusive_classes_are_answered_by_the_first_of_the_highest():
    found = judge(np.array([[1.0, 1.0], [0.0, 2.0]]), np.array([1, 1]), thresholds=None, n_bins=5)
    assert found.exclusive
    assert found.predicted.tolist() == [[True, False], [False, True]]
    assert found.actual.tolist() == [[False, True], [False, True]]
    assert found.probabilities[0].tolist() == [0.5, 0.5]


def test_a_label_is_given_where_its_score_reaches_the_threshold():
    labels = np.array([[1, 0], [0, 0]], np.uint8)
    scores, thresholds = np.array([[0.5, 9.0], [0.25, 9.0]]), np.array([0.5, np.inf])
    found = judge(scores, labels, thresholds=thresholds, n_bins=5)
    assert not found.exclusive
    assert found.predicted.tolist() == [[True, False], [False, False]]
    assert found.actual.tolist() == [[True, False], [False, False]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": np.array([[0.0, 1.0], [0.0, np.inf]])}, "found inf at row 1, column 1"),
        (
            {"targets": np.array([[0, 1], [2, 0]], np.uint8)},
            r"0, 1 or 255 \(not known\), found 2 at row 1, column 0",
        ),
        ({"thresholds": np.array([0.0, np.nan])}, "must not be NaN, found that of label 1"),
        ({"targets": np.array([0, 2]), "thresholds": None}, r"labels must lie in 0\.\.1, found 2"),
    ],
)
def test_refuses_what_cannot_be_judged(changes, message):
    valid = {
        "scores": np.zeros((2, 2)),
        "targets": np.zeros((2, 2), np.uint8),
        "thresholds": np.zeros(2),
        "n_bins": 5,
    }
    with pytest.raises(ValueError, match=message):
        judge(**(valid | changes))
