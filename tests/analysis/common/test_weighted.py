import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    f1_score,
    precision_score,
    recall_score,
)

from imbalens.analysis.common import weighted
from tests.analysis.oracles import NAN, close, ratio, slow_calibration

N, CLASSES = 12, 3


def draw(seed):
    """Weights of 4 replicates after a row of ones, and codes that leave classes out at times."""
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(N, np.full(N, 1 / N), size=5)
    weights[0] = 1
    return rng, weights, rng.integers(0, CLASSES, N), rng.integers(0, CLASSES, N)


def members(codes):
    return codes[:, None] == np.arange(CLASSES)


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=15)
def test_classification_agrees_with_sklearn(seed):
    _, weights, targets, predictions = draw(seed)
    actual, predicted = members(targets), members(predictions)
    found_recall = weighted.recall(weights, actual, predicted)
    found_precision = weighted.precision(weights, actual, predicted)
    found_f1 = weighted.f_score(weights, actual, predicted)
    for row, weight in enumerate(weights):
        options = {"labels": range(CLASSES), "average": None, "zero_division": np.nan}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            arguments = (targets, predictions)
            expected = recall_score(*arguments, sample_weight=weight, **options)
            assert found_recall[row].tolist() == close(expected.tolist())
            expected = precision_score(*arguments, sample_weight=weight, **options)
            assert found_precision[row].tolist() == close(expected.tolist())
            expected = f1_score(*arguments, sample_weight=weight, **options)
            expected[[not weight[targets == code].any() for code in range(CLASSES)]] = NAN
            assert found_f1[row].tolist() == close(expected.tolist())


@given(seed=st.integers(0, 2**32 - 1), n_bins=st.integers(1, 12))
@settings(deadline=None, max_examples=15)
def test_other_measures_agree_with_repeating_rows(seed, n_bins):
    rng, weights, *_ = draw(seed)
    confidence = rng.integers(0, 9, (N, 2)) / 8  # on the edges of bins, too
    truth = rng.random((N, 2)) < 0.3
    errors = weighted.calibration_error(weights, confidence, truth, n_bins=n_bins)
    means = weighted.mean_where(weights, confidence, truth)
    for row, weight in enumerate(weights):
        drawn = np.repeat(np.arange(N), weight)
        for label in range(2):
            p, y = confidence[drawn, label], truth[drawn, label]
            assert errors[row, label] == close(slow_calibration(p, y, n_bins))
            assert means[row, label] == close(ratio(p[y].sum(), y.sum()))


@given(seed=st.integers(0, 2**32 - 1), p=st.integers(0, 20))
@settings(deadline=None, max_examples=15)
def test_pairs_count_as_their_image(seed, p):
    rng, weights, *_ = draw(seed)
    image, classes = rng.integers(0, N, p), rng.integers(0, CLASSES, p)
    values = rng.random((p, 2))
    overall = weighted.pair_means(weights, values, image)
    per_class = weighted.pair_means_per_class(
        weights, values[:, 0], image, classes, n_classes=CLASSES
    )
    for row, weight in enumerate(weights):
        drawn = np.repeat(np.arange(p), weight[image])
        for column in range(2):
            expected = ratio(values[drawn, column].sum(), len(drawn))
            assert overall[row, column] == close(expected)
        for code in range(CLASSES):
            chosen = values[drawn, 0][classes[drawn] == code]
            assert per_class[row, code] == close(ratio(chosen.sum(), len(chosen)))


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_permuting_images_with_their_weights_changes_nothing(seed):
    rng, weights, targets, predictions = draw(seed)
    order, values = rng.permutation(N), rng.random((N, CLASSES))
    actual, predicted = members(targets), members(predictions)
    measures = {
        "recall": lambda rows: weighted.recall(weights[:, rows], actual[rows], predicted[rows]),
        "mean": lambda rows: weighted.mean_where(weights[:, rows], values[rows], actual[rows]),
        "ece": lambda rows: weighted.calibration_error(
            weights[:, rows], values[rows], actual[rows], n_bins=4
        ),
    }
    for name, measure in measures.items():
        np.testing.assert_allclose(measure(order), measure(np.arange(N)), atol=1e-12, err_msg=name)


def test_hand_made():
    weights = np.array([[1, 1, 1], [2, 1, 0], [0, 0, 3]])
    actual = np.array([[1, 0], [0, 1], [0, 1]], dtype=bool)
    predicted = np.array([[0, 1], [0, 1], [0, 1]], dtype=bool)
    found = weighted.recall(weights, actual, predicted)
    assert found.ravel().tolist() == close([0, 1, 0, 1, NAN, 1])
    found = weighted.precision(weights, actual, predicted)
    assert found.ravel().tolist() == close([NAN, 2 / 3, NAN, 1 / 3, NAN, 1])
    found = weighted.f_score(weights, actual, predicted)
    assert found.ravel().tolist() == close([0, 4 / 5, 0, 1 / 2, NAN, 1])
    iobb = np.array([0.2, 0.6, 1.0])
    found = weighted.pair_means(weights, iobb[:, None], np.array([0, 0, 1]))
    assert found.ravel().tolist() == close([0.6, (0.4 + 1.2 + 1.0) / 5, NAN])


def test_blocks_change_nothing(monkeypatch):
    rng, weights, targets, predictions = draw(0)
    actual, values = members(targets), rng.random((N, CLASSES))
    whole = [
        weighted.recall(weights, actual, members(predictions)),
        weighted.calibration_error(weights, values, actual, n_bins=5),
        weighted.pair_means(weights, values[:4], np.array([0, 0, 5, 7])),
    ]
    monkeypatch.setattr(weighted, "_BLOCK", 2 * N)
    assert [rows.stop for rows in weighted.blocks_of(weights)] == [2, 4, 6]
    cut = [
        weighted.recall(weights, actual, members(predictions)),
        weighted.calibration_error(weights, values, actual, n_bins=5),
        weighted.pair_means(weights, values[:4], np.array([0, 0, 5, 7])),
    ]
    for one, other in zip(whole, cut, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_without_images_all_is_undefined():
    weights = np.ones((2, 0), dtype=np.int16)
    nothing = np.zeros((0, 1), dtype=bool)
    assert math.isnan(weighted.recall(weights, nothing, nothing)[1, 0])
    found = weighted.calibration_error(weights, np.zeros((0, 1)), nothing, n_bins=3)
    assert math.isnan(found[0, 0])


def test_ece_hand_made():
    ones, confidence = np.ones((1, 4), dtype=int), np.array([[0.9], [0.8], [0.3], [0.6]])
    correct = np.array([[True], [False], [False], [True]])
    # bins (0, .5] and (.5, 1]: 1/4 |0 - .3| + 3/4 |2/3 - 2.3/3|
    assert weighted.calibration_error(ones, confidence, correct, n_bins=2)[0] == close([0.15])


def test_ece_puts_an_edge_in_the_lower_bin_and_zero_in_the_first():
    ones, confidence = np.ones((1, 2), dtype=int), np.array([[0.5], [0.6]])
    correct = np.array([[True], [False]])
    # each in a bin of its own: (.5 + .6) / 2
    assert weighted.calibration_error(ones, confidence, correct, n_bins=2)[0] == close([0.55])
    nothing = weighted.calibration_error(ones[:, :1], np.zeros((1, 1)), correct[:1], n_bins=10)
    assert nothing.tolist() == [[1.0]]


def test_refuses():
    weights, one = np.ones((1, 2), dtype=int), np.ones((2, 1), dtype=bool)
    with pytest.raises(ValueError, match=r"0\.\.1, found 1\.5 at row 1, label 0"):
        weighted.calibration_error(weights, np.array([[0.0], [1.5]]), one, n_bins=3)
    with pytest.raises(ValueError, match="n_bins must be at least 1, found 0"):
        weighted.calibration_error(weights, np.zeros((2, 1)), one, n_bins=0)
    with pytest.raises(ValueError, match=r"images of pairs must lie in 0\.\.1, found 2"):
        weighted.pair_means(weights, np.ones((1, 1)), np.array([2]))
    with pytest.raises(ValueError, match=r"classes of pairs must lie in 0\.\.2, found 3"):
        weighted.pair_means_per_class(
            weights, np.ones(1), np.array([0]), np.array([3]), n_classes=3
        )
