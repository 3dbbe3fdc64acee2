import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.performance.classes import (
    confusion_matrix,
    expected_calibration_error,
    measure_performance,
    softmax,
)

PAPER = {"n_bins": 15, "many_above": 100, "few_below": 20}


def slow_ece(confidence, correct, n_bins):
    """Guo et al. 2017, equations 2-5."""
    total = 0.0
    for b in range(1, n_bins + 1):
        low, high = (b - 1) / n_bins, b / n_bins
        members = [i for i, p in enumerate(confidence) if low < p <= high or (b == 1 and p == 0)]
        if members:
            accuracy = sum(bool(correct[i]) for i in members) / len(members)
            mean = sum(float(confidence[i]) for i in members) / len(members)
            total += len(members) / len(confidence) * abs(accuracy - mean)
    return total


def slow_performance(scores, labels, train_counts):
    """Definitions of recall, precision, F1 and the three groups of classes, in plain loops."""
    answers = [max(range(len(row)), key=row.__getitem__) for row in scores.tolist()]
    pairs = list(zip(labels.tolist(), answers, strict=True))
    recall, precision, f1 = [], [], []
    for c in range(scores.shape[1]):
        hits = pairs.count((c, c))
        actual = sum(1 for own, _ in pairs if own == c)
        predicted = sum(1 for _, answer in pairs if answer == c)
        recall.append(hits / actual if actual else math.nan)
        precision.append(hits / predicted if predicted else math.nan)
        misses, false_alarms = actual - hits, predicted - hits
        f1.append(hits / (hits + (misses + false_alarms) / 2) if actual else math.nan)
    groups = {"many": [], "medium": [], "few": []}
    for c, count in enumerate(train_counts):
        if not math.isnan(recall[c]):
            group = "many" if count > 100 else "few" if count < 20 else "medium"
            groups[group].append(recall[c])
    defined = [r for r in recall if not math.isnan(r)]
    means = {k: sum(v) / len(v) if v else math.nan for k, v in groups.items()}
    return {
        "accuracy": sum(1 for own, answer in pairs if own == answer) / len(pairs),
        "balanced_accuracy": sum(defined) / len(defined),
        "recall": recall,
        "precision": precision,
        "f1": f1,
        **means,
    }


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


def test_confusion_hand_made():
    found = confusion_matrix(np.array([0, 0, 2, 1]), np.array([0, 1, 0, 1]), n_classes=3)
    assert found.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_confusion_refuses_unknown_classes():
    with pytest.raises(ValueError, match=r"predictions must lie in 0\.\.1, found 2"):
        confusion_matrix(np.array([0]), np.array([2]), n_classes=2)


def test_ece_hand_made():
    confidence = np.array([0.9, 0.8, 0.3, 0.6])
    correct = np.array([True, False, False, True])
    # bins (0, .5] and (.5, 1]: 1/4 |0 - .3| + 3/4 |2/3 - 2.3/3|
    assert expected_calibration_error(confidence, correct, n_bins=2) == pytest.approx(0.15)


def test_ece_puts_an_edge_in_the_lower_bin():
    confidence, correct = np.array([0.5, 0.6]), np.array([True, False])
    # each in a bin of its own: (.5 + .6) / 2
    assert expected_calibration_error(confidence, correct, n_bins=2) == pytest.approx(0.55)


def test_ece_zero_confidence_lies_in_the_first_bin():
    found = expected_calibration_error(np.array([0.0]), np.array([True]), n_bins=10)
    assert found == 1.0


@given(seed=st.integers(0, 2**32 - 1), n_bins=st.integers(1, 20), edges=st.booleans())
@settings(deadline=None, max_examples=50)
def test_ece_agrees_with_slow_oracle(seed, n_bins, edges):
    rng = np.random.default_rng(seed)
    confidence = rng.integers(0, n_bins + 1, 40) / n_bins if edges else rng.random(40)
    correct, order = rng.random(40) < confidence, rng.permutation(40)
    found = expected_calibration_error(confidence, correct, n_bins=n_bins)
    assert found == pytest.approx(slow_ece(confidence, correct, n_bins), abs=1e-12)
    permuted = expected_calibration_error(confidence[order], correct[order], n_bins=n_bins)
    assert found == pytest.approx(permuted, abs=1e-12)


@pytest.mark.parametrize("bad", [-0.1, 1.5, np.nan])
def test_ece_refuses_what_is_no_probability(bad):
    with pytest.raises(ValueError, match=r"confidence must lie in 0\.\.1, found .* at position 1"):
        expected_calibration_error(np.array([0.5, bad]), np.array([True, True]), n_bins=5)


def test_ece_needs_a_bin():
    with pytest.raises(ValueError, match="n_bins must be at least 1, found 0"):
        expected_calibration_error(np.array([0.5]), np.array([True]), n_bins=0)


def test_performance_hand_made():
    answers = np.array([0, 0, 1, 1, 0, 2])
    scores = np.full((6, 4), -50.0)
    scores[np.arange(6), answers] = 50.0
    labels = np.array([0, 0, 0, 1, 1, 2])
    found = measure_performance(scores, labels, np.array([101, 100, 20, 19]), **PAPER)
    nan = np.nan
    assert found.n == 6
    assert found.accuracy == pytest.approx(4 / 6)
    assert found.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert found.ece == pytest.approx(2 / 6)
    np.testing.assert_allclose(found.recall, [2 / 3, 1 / 2, 1, nan])
    np.testing.assert_allclose(found.precision, [2 / 3, 1 / 2, 1, nan])
    np.testing.assert_allclose(found.f1, [2 / 3, 1 / 2, 1, nan])
    assert found.confusion.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert found.many == pytest.approx(2 / 3)
    assert found.medium == pytest.approx(0.75)
    assert math.isnan(found.few)


def test_class_never_predicted_has_f1_zero_but_no_precision():
    scores = np.array([[1.0, 0.0], [1.0, 0.0]])
    found = measure_performance(scores, np.array([0, 1]), np.array([200, 5]), **PAPER)
    np.testing.assert_array_equal(found.precision, [0.5, np.nan])
    np.testing.assert_allclose(found.f1, [2 / 3, 0])
    assert found.few == 0.0


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 30))
@settings(deadline=None, max_examples=40)
def test_performance_agrees_with_slow_oracle(seed, n):
    rng = np.random.default_rng(seed)
    scores, labels = rng.normal(size=(n, 5)).astype(np.float32), rng.integers(0, 5, n)
    train_counts = rng.choice([5, 19, 20, 60, 100, 101, 500], 5)
    found = measure_performance(scores, labels, train_counts, **PAPER)
    for name, expected in slow_performance(scores, labels, train_counts).items():
        np.testing.assert_allclose(getattr(found, name), expected, rtol=1e-12, err_msg=name)
    assert found.confusion.sum() == found.n == n


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_renaming_classes_permutes_performance(seed):
    rng = np.random.default_rng(seed)
    scores, labels = rng.normal(size=(30, 4)), rng.integers(0, 4, 30)
    train_counts, new = np.array([300, 50, 30, 7]), rng.permutation(4)
    old = np.argsort(new)
    found = measure_performance(scores, labels, train_counts, **PAPER)
    renamed = measure_performance(scores[:, old], new[labels], train_counts[old], **PAPER)
    np.testing.assert_allclose(renamed.recall, found.recall[old])
    np.testing.assert_array_equal(renamed.confusion, found.confusion[np.ix_(old, old)])
    for name in ("accuracy", "balanced_accuracy", "ece", "many", "medium", "few"):
        assert getattr(renamed, name) == pytest.approx(getattr(found, name), nan_ok=True)


def test_nothing_to_evaluate_is_undefined():
    empty = np.empty(0, dtype=np.int64)
    found = measure_performance(np.empty((0, 3)), empty, np.array([200, 50, 5]), **PAPER)
    assert found.n == 0
    assert math.isnan(found.accuracy)
    assert math.isnan(found.balanced_accuracy)
    assert math.isnan(found.ece)
    assert np.isnan(found.recall).all()


def test_refuses_scores_that_are_not_finite():
    scores = np.array([[0.0, 1.0], [np.nan, 0.0]])
    with pytest.raises(ValueError, match="found 1 rows that are not, the first being row 1"):
        measure_performance(scores, np.array([0, 1]), np.array([9, 9]), **PAPER)


def test_refuses_overlapping_groups():
    with pytest.raises(ValueError, match="few_below=30, many_above=20"):
        measure_performance(
            np.zeros((1, 2)),
            np.array([0]),
            np.array([25, 9]),
            n_bins=5,
            many_above=20,
            few_below=30,
        )
