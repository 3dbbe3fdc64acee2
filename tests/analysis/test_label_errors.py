import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax

from imbalens.analysis.label_errors import (
    LabelErrors,
    find_label_errors,
    label_error_recovery,
    label_probabilities,
    rank_candidates,
)
from imbalens.classes import UNKNOWN
from tests.analysis.neighbor_cases import listed

N_CLASSES = 4


def draw(seed, n=25):
    """Probabilities that sum to one per image, and labels; the last class may have no image."""
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(N_CLASSES), size=n), rng.integers(0, N_CLASSES - 1, n)


def slow_errors(probabilities, labels):
    """Per image: its label's probability, the label's mean, the best other class."""
    found = []
    for row, own in zip(probabilities.tolist(), labels.tolist(), strict=True):
        alike = [other[own] for other, c in zip(probabilities, labels, strict=True) if c == own]
        usual = sum(alike) / len(alike)
        best = max((c for c in range(len(row)) if c != own), key=lambda c: row[c])
        found.append((row[own], usual, usual - row[own], best, row[best] > row[own]))
    return found


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_agrees_with_slow_oracle(seed):
    probabilities, labels = draw(seed)
    errors = find_label_errors(probabilities, labels)
    for i, expected in enumerate(slow_errors(probabilities, labels)):
        found = [getattr(errors, field)[i] for field in LabelErrors.__dataclass_fields__]
        assert found == pytest.approx(list(expected), abs=1e-12)


def test_hand_made():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.4, 0.6], [0.5, 0.5]])
    errors = find_label_errors(probabilities, np.array([0, 0, 0, 1, 1]))
    np.testing.assert_allclose(errors.probability, [0.9, 0.8, 0.1, 0.6, 0.5])
    np.testing.assert_allclose(errors.usual, [0.6, 0.6, 0.6, 0.55, 0.55])
    np.testing.assert_allclose(errors.score, [-0.3, -0.2, 0.5, -0.05, 0.05], atol=1e-12)
    assert errors.suggested.tolist() == [1, 1, 1, 0, 0]
    assert errors.candidate.tolist() == [False, False, True, False, False]


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_permuting_images_and_renaming_classes_change_nothing(seed):
    probabilities, labels = draw(seed)
    rng = np.random.default_rng(seed)
    order, names = rng.permutation(len(labels)), rng.permutation(N_CLASSES)
    errors = find_label_errors(probabilities, labels)
    renamed = find_label_errors(probabilities[order][:, np.argsort(names)], names[labels][order])
    np.testing.assert_allclose(renamed.score, errors.score[order], atol=1e-12)
    np.testing.assert_array_equal(renamed.suggested, names[errors.suggested[order]])
    np.testing.assert_array_equal(renamed.candidate, errors.candidate[order])


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_scores_of_a_class_sum_to_zero(seed):
    probabilities, labels = draw(seed)
    score = find_label_errors(probabilities, labels).score
    for label in np.unique(labels):
        assert score[labels == label].sum() == pytest.approx(0, abs=1e-12)


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_each_label_of_a_matrix_is_a_problem_of_two_classes(seed):
    rng = np.random.default_rng(seed)
    probabilities = rng.random((20, 3))
    has = (rng.random((20, 3)) < 0.4).astype(np.uint8)
    errors = find_label_errors(probabilities, has)
    for label in range(3):
        p = probabilities[:, label]
        own = find_label_errors(np.stack([1 - p, p], axis=1), has[:, label].astype(np.int64))
        for field in LabelErrors.__dataclass_fields__:
            found = getattr(errors, field)[:, label]
            np.testing.assert_array_equal(found, getattr(own, field))
        assert (errors.suggested[:, label] == 1 - has[:, label]).all()


def test_probabilities_average_neighbours_and_network():
    labels = np.array([0, 0, 1, 1, 2, 2])
    near = listed([[0, 1, 2, 3], [4, 5, 4, 5], *[[0, 0, 0, 0]] * 4])
    scores = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8], *[[1, 1, 1]] * 4]))
    found = label_probabilities(near, labels, scores)
    np.testing.assert_allclose(found[:2], [[0.5, 0.375, 0.125], [0.05, 0.05, 0.9]])
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_without_a_network_the_neighbours_are_heard_alone():
    labels = np.array([0, 0, 1, 1, 2, 2])
    near = listed([[0, 1, 2, 3], [4, 5, 4, 5], *[[0, 0, 0, 0]] * 4])
    found = label_probabilities(near, labels, None)
    np.testing.assert_allclose(found[:3], [[0.5, 0.5, 0], [0, 0, 1], [1, 0, 0]])
    several = np.array([[1, UNKNOWN], [1, UNKNOWN], [0, 0], [UNKNOWN, 1]], dtype=np.uint8)
    near = listed([[0, 1, 2], [0, 1, 0], [2, 3, 3], [0, 2, 3]])
    found = label_probabilities(near, several, None)
    # of the second label's neighbours none is known for the second image
    np.testing.assert_allclose(found, [[2 / 3, 0], [1, 0.5], [0, 2 / 3], [0.5, 0.5]])


def test_probabilities_of_several_labels():
    labels = np.array([[1, 0], [1, 0], [0, 0], [1, 1], [0, 1]], dtype=np.uint8)
    near = listed([[0, 1, 2, 3]] * 5)
    found = label_probabilities(near, labels, np.array([[0.0, -math.log(3)]] * 5))
    np.testing.assert_allclose(found, [[(0.75 + 0.5) / 2, (0.25 + 0.25) / 2]] * 5)


def test_neighbours_whose_label_is_not_known_are_not_asked():
    labels = np.array([[1, 9], [1, 0], [0, 9], [9, 1], [0, 9]], dtype=np.uint8)
    labels[labels == 9] = UNKNOWN
    near = listed([[0, 1, 2, 3], [0, 2, 4, 4], *[[0, 1, 2, 3]] * 3])
    found = label_probabilities(near, labels, np.array([[0.0, -math.log(3)]] * 5))
    np.testing.assert_allclose(found[0], [(2 / 3 + 0.5) / 2, (0.5 + 0.25) / 2])
    np.testing.assert_allclose(found[1], [(0.25 + 0.5) / 2, 0.25])  # of the second none knows


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_labels_that_are_not_known_are_not_judged(seed):
    rng = np.random.default_rng(seed)
    probabilities, has = rng.random((20, 3)), rng.integers(0, 2, (20, 3), dtype=np.uint8)
    unknown = rng.random((20, 3)) < [0.0, 0.4, 1.0]
    targets = np.where(unknown, np.uint8(UNKNOWN), has)
    errors = find_label_errors(probabilities, targets)
    for label, known in enumerate(~unknown.T):
        column = (np.flatnonzero(known)[:, None], [label])
        alone = find_label_errors(probabilities[column], has[column])
        for field in LabelErrors.__dataclass_fields__:
            found = getattr(errors, field)[:, label]
            np.testing.assert_array_equal(found[known], getattr(alone, field)[:, 0])
    assert np.isnan(errors.score[unknown]).all()
    assert not errors.candidate[unknown].any()
    rows, labels = rank_candidates(errors, targets, n_candidates=60)
    assert not unknown[rows, labels].any()


def test_probabilities_of_the_network_are_those_of_scipy():
    scores = np.random.default_rng(0).normal(size=(40, 3)) * 300
    far = listed(np.zeros((40, 1), dtype=np.int64))
    none = np.zeros((40, 3), dtype=np.uint8)
    np.testing.assert_allclose(label_probabilities(far, none, scores), expit(scores) / 2)
    of_code = label_probabilities(far, np.zeros(40, dtype=np.int64), scores)
    np.testing.assert_allclose(of_code, (softmax(scores, axis=1) + np.eye(3)[0]) / 2)


def test_candidates_are_ranked_and_equals_keep_their_order():
    labels = np.array([0, 0, 0, 0, 1])
    given = np.array([0.9, 0.1, 0.3, 0.1, 0.2])
    probabilities = np.where(np.eye(2, dtype=bool)[labels], given[:, None], 1 - given[:, None])
    errors = find_label_errors(probabilities, labels)
    rows, classes = rank_candidates(errors, labels, n_candidates=10)
    assert rows.tolist() == [1, 3, 2, 4]
    assert classes.tolist() == [0, 0, 0, 1]
    assert rank_candidates(errors, labels, n_candidates=2)[0].tolist() == [1, 3]


def test_candidates_of_a_matrix_name_image_and_label():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.7], [0.1, 0.2]])
    has = np.array([[1, 0], [1, 0], [1, 0]], dtype=np.uint8)
    errors = find_label_errors(probabilities, has)
    rows, labels = rank_candidates(errors, has, n_candidates=10)
    assert list(zip(rows.tolist(), labels.tolist(), strict=True)) == [(2, 0), (1, 1)]
    assert errors.suggested[rows, labels].tolist() == [0, 1]


def test_no_candidates():
    labels = np.array([0, 1])
    errors = find_label_errors(np.array([[0.9, 0.1], [0.1, 0.9]]), labels)
    rows, classes = rank_candidates(errors, labels, n_candidates=5)
    assert rows.tolist() == classes.tolist() == []


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (np.ones((2, 1)), [0, 0], "at least two classes, found 1"),
        (np.ones((2, 2)), [0, 2], r"labels must lie in 0\.\.1, found 2 at position 1"),
    ],
)
def test_unusable_labels(probabilities, labels, message):
    with pytest.raises(ValueError, match=message):
        find_label_errors(probabilities, np.array(labels))


def test_recovery_hand_made():
    labels = np.array([0, 0, 0, 0, 1])
    probabilities = np.array([[0.1, 0.9], [0.3, 0.7], [0.8, 0.2], [0.9, 0.1], [0.1, 0.9]])
    errors = find_label_errors(probabilities, labels)
    mislabelled = np.array([True, False, True, False, False])
    found = label_error_recovery(errors, mislabelled, np.array([1, 0, 1, 0, 1]), np.array([0]))
    assert found["average_precision"] == pytest.approx((1 / 1 + 2 / 4) / 2)
    assert found["auroc"] == pytest.approx(4 / 6)
    assert found["chance"] == pytest.approx(0.4)
    assert found["candidate_precision"] == found["candidate_recall"] == 0.5
    assert (found["listed_precision"], found["listed_recall"]) == (1, 0.5)
    assert found["suggestion_accuracy"] == 1


def test_recovery_of_nothing_is_undefined():
    labels = np.array([0, 1])
    errors = find_label_errors(np.array([[0.9, 0.1], [0.1, 0.9]]), labels)
    found = label_error_recovery(errors, np.zeros(2, dtype=bool), labels, labels[:0])
    assert found.pop("chance") == 0
    assert np.isnan(list(found.values())).all()


@pytest.mark.parametrize("ratio", [1, 8])
def test_planted_wrong_labels_come_first(ratio):
    """Three groups apart by far, some labels swapped: all are found, however rare the class."""
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], [40 * ratio, 40, 20])
    wrong = np.isin(np.arange(len(truth)), [0, 1, 40 * ratio, 40 * ratio + 41])
    labels = np.where(wrong, (truth + 1) % 3, truth)
    scores = 4 * np.eye(3)[truth] + rng.normal(size=(len(truth), 3))
    members = [np.flatnonzero(truth == c) for c in range(3)]
    near = np.array([rng.choice(members[c][members[c] != i], 5) for i, c in enumerate(truth)])
    errors = find_label_errors(label_probabilities(listed(near), labels, scores), labels)
    rows, _ = rank_candidates(errors, labels, n_candidates=4)
    found = label_error_recovery(errors, wrong, truth, rows)
    assert found["average_precision"] == found["candidate_recall"] == 1
    assert found["listed_precision"] == found["listed_recall"] == 1
    assert found["suggestion_accuracy"] == 1
