import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from imbalens.analysis.performance.labels import measure_label_performance, sigmoid
from tests.analysis.oracles import close, ratio

FIGURES = ("auroc", "ap", "probability_positives", "probability", "ece", "recall", "precision")


def draw(seed, n=40, m=3, levels=12):
    """Logits with ties, and labels that have positives and negatives."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(-levels, levels, (n, m)) / 4
    labels = (rng.random((n, m)) < rng.uniform(0.1, 0.6, m)).astype(np.uint8)
    labels[:2] = [[1], [0]]
    return scores, labels, rng.integers(-levels, levels, m) / 4


def measure(scores, labels, thresholds, n_bins=10):
    return measure_label_performance(scores, labels, n_bins=n_bins, thresholds=thresholds)


def slow_calibration(probabilities, truth, n_bins):
    total = 0.0
    for b in range(n_bins):
        members = [
            (p, y)
            for p, y in zip(probabilities, truth, strict=True)
            if b / n_bins < p <= (b + 1) / n_bins or (b == 0 and p == 0)
        ]
        total += abs(sum(p for p, _ in members) - sum(y for _, y in members))
    return total / len(truth)


def slow_figures(scores, truth, threshold, n_bins):
    """Figures of one label, in plain loops and from scikit-learn."""
    probabilities = [1 / (1 + math.exp(-score)) for score in scores]
    of_positives = [p for p, y in zip(probabilities, truth, strict=True) if y]
    answers = [score >= threshold for score in scores]
    return {
        "auroc": roc_auc_score(truth, scores),
        "ap": average_precision_score(truth, scores),
        "probability_positives": sum(of_positives) / len(of_positives),
        "probability": sum(probabilities) / len(probabilities),
        "ece": slow_calibration(probabilities, truth, n_bins),
        "recall": recall_score(truth, answers),
        "precision": precision_score(truth, answers, zero_division=np.nan),
        "prevalence": sum(truth) / len(truth),
        "n_positives": sum(truth),
    }


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 40), n_bins=st.integers(1, 20))
@settings(deadline=None, max_examples=25)
def test_agrees_with_loops_and_sklearn(seed, n, n_bins):
    scores, labels, thresholds = draw(seed, n)
    found = measure(scores, labels, thresholds, n_bins)
    columns = zip(scores.T.tolist(), labels.T.tolist(), thresholds.tolist(), strict=True)
    slow = [slow_figures(*column, n_bins) for column in columns]
    for name in slow[0]:
        expected = [one[name] for one in slow]
        np.testing.assert_allclose(getattr(found, name), expected, atol=1e-12, err_msg=name)
    for name in FIGURES:
        defined = [one[name] for one in slow if not math.isnan(one[name])]
        assert found.means[name] == close(ratio(sum(defined), len(defined)))
    assert found.undefined == ()
    assert found.n == n


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_laws(seed):
    scores, labels, thresholds = draw(seed)
    found, rng = measure(scores, labels, thresholds), np.random.default_rng(seed)
    rows, columns = rng.permutation(len(scores)), rng.permutation(3)
    shuffled = measure(scores[rows], labels[rows], thresholds)
    renamed = measure(scores[:, columns], labels[:, columns], thresholds[columns])
    for name in FIGURES:
        values = getattr(found, name)
        np.testing.assert_allclose(getattr(shuffled, name), values, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(getattr(renamed, name), values[columns], atol=1e-12)
        assert renamed.means[name] == close(found.means[name])
    stretched = measure(np.exp(scores), labels, np.exp(thresholds))
    for name in ("auroc", "ap", "recall", "precision"):
        np.testing.assert_allclose(getattr(stretched, name), getattr(found, name), atol=1e-12)


def test_hand_made():
    odds = np.array([[3.0], [1.0], [1 / 3], [1 / 4]])  # p = .75, .5, .25, .2
    found = measure(np.log(odds), np.array([[1], [0], [1], [0]], np.uint8), np.zeros(1), n_bins=2)
    assert found.auroc.tolist() == [0.75]
    assert found.ap.tolist() == close([1 / 2 + 1 / 3])
    assert found.probability_positives.tolist() == close([0.5])
    assert found.probability.tolist() == close([0.425])
    # bins (0, .5] and (.5, 1]: 3/4 |1/3 - .95/3| + 1/4 |1 - .75|
    assert found.ece.tolist() == close([0.075])
    assert found.prevalence.tolist() == [0.5]
    assert found.n_positives.tolist() == [2]
    assert found.recall.tolist() == [0.5]
    assert found.precision.tolist() == [0.5]  # a score equal to the threshold reaches it


def test_undefined_labels_are_listed_and_left_out_of_the_means():
    scores = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    labels = np.array([[0, 1, 1], [0, 1, 0]], np.uint8)
    found = measure(scores, labels, np.array([5.0, 0.0, 0.0]))
    nan = math.nan
    assert found.undefined == (0, 1)
    assert found.auroc.tolist() == close([nan, nan, 1.0])
    assert found.ap.tolist() == close([nan, 1.0, 1.0])
    assert found.probability_positives.tolist() == close([nan, 0.5, sigmoid(np.ones(1))[0]])
    assert found.recall.tolist() == close([nan, 1.0, 1.0])
    assert found.precision.tolist() == close([nan, 1.0, 1.0])
    assert found.ece[:2].tolist() == close([0.5, 0.5])
    for name in ("auroc", "ap", "recall", "precision"):
        assert found.means[name] == 1.0


def test_nothing_to_evaluate_is_undefined():
    found = measure(np.empty((0, 2)), np.empty((0, 2), np.uint8), np.zeros(2))
    assert found.n == 0
    assert found.n_positives.tolist() == [0, 0]
    assert found.undefined == (0, 1)
    for name in FIGURES:
        assert np.isnan(getattr(found, name)).all(), name
        assert math.isnan(found.means[name]), name


def test_sigmoid_survives_extreme_scores():
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        found = sigmoid(np.array([[-1e4, -3e38], [0.0, 1e4]], dtype=np.float32))
    assert found.dtype == np.float64
    assert found.tolist() == [[0.0, 0.0], [0.5, 1.0]]
    np.testing.assert_allclose(sigmoid(np.array([-50.0])), math.exp(-50), rtol=1e-14)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": np.array([[0.0, 1.0], [0.0, np.inf]])}, "found inf at row 1, label 1"),
        ({"labels": np.array([[0, 1], [2, 0]], np.uint8)}, "0 or 1, found 2 at row 1, label 0"),
        ({"thresholds": np.array([0.0, np.nan])}, "must not be NaN, found that of label 1"),
        ({"n_bins": 0}, "n_bins must be at least 1, found 0"),
    ],
)
def test_refuses_what_cannot_be_measured(changes, message):
    valid = {
        "scores": np.zeros((2, 2)),
        "labels": np.zeros((2, 2), np.uint8),
        "thresholds": np.zeros(2),
        "n_bins": 5,
    }
    with pytest.raises(ValueError, match=message):
        measure(**(valid | changes))
