from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.adversaries.distributions import (
    adversary_distribution,
    error_distribution,
    off_diagonal_shares,
)
from tests.analysis.neighbor_cases import count_adversaries, listed

INSTANCES = ("misclassified_by_actual", "misclassified_by_predicted", "all")
ERRORS = ("by_actual", "by_predicted")


def adversaries_oracle(neighbor_labels, labels, predictions, n_classes, instances):
    """Algorithm 1 with loops."""
    share = np.full((n_classes, n_classes), np.nan)
    n_instances = np.zeros(n_classes, dtype=np.int64)
    for c in range(n_classes):
        counted = Counter()
        for neighbors, true, predicted in zip(neighbor_labels, labels, predictions, strict=True):
            selected = {
                "misclassified_by_actual": true == c and predicted != c,
                "misclassified_by_predicted": predicted == c and true != c,
                "all": true == c,
            }[instances]
            if selected:
                n_instances[c] += 1
                counted.update(int(a) for a in neighbors if a != c)
        if counted:
            share[c] = [counted[a] / counted.total() for a in range(n_classes)]
    return share, n_instances


def errors_oracle(labels, predictions, n_classes, errors):
    share = np.full((n_classes, n_classes), np.nan)
    n_instances = np.zeros(n_classes, dtype=np.int64)
    for c in range(n_classes):
        other = Counter()
        for true, predicted in zip(labels, predictions, strict=True):
            if true == predicted:
                continue
            if errors == "by_actual" and true == c:
                other[int(predicted)] += 1
            if errors == "by_predicted" and predicted == c:
                other[int(true)] += 1
        n_instances[c] = other.total()
        if other:
            share[c] = [other[a] / other.total() for a in range(n_classes)]
    return share, n_instances


def draw(seed, n_classes):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 40))
    labels = rng.integers(0, n_classes, n)
    predictions = np.where(rng.random(n) < 0.5, labels, rng.integers(0, n_classes, n))
    return rng.integers(0, n_classes, (n, 5)), labels, predictions


@pytest.mark.parametrize("instances", INSTANCES)
@given(seed=st.integers(0, 10_000), n_classes=st.integers(2, 6))
@settings(deadline=None, max_examples=30)
def test_adversaries_agree_with_algorithm_1(instances, seed, n_classes):
    data = draw(seed, n_classes)
    result = count_adversaries(*data, n_classes=n_classes, instances=instances)
    share, n_instances = adversaries_oracle(*data, n_classes, instances)
    np.testing.assert_allclose(result.share, share, rtol=1e-12)
    np.testing.assert_array_equal(result.n_instances, n_instances)


@pytest.mark.parametrize("errors", ERRORS)
@given(seed=st.integers(0, 10_000), n_classes=st.integers(2, 6))
@settings(deadline=None, max_examples=30)
def test_errors_agree_with_loops(errors, seed, n_classes):
    _, labels, predictions = draw(seed, n_classes)
    result = error_distribution(labels, predictions, n_classes=n_classes, errors=errors)
    share, n_instances = errors_oracle(labels, predictions, n_classes, errors)
    np.testing.assert_allclose(result.share, share, rtol=1e-12)
    np.testing.assert_array_equal(result.n_instances, n_instances)
    assert result.n_instances.sum() == (labels != predictions).sum()


@pytest.mark.parametrize("instances", INSTANCES)
@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=20)
def test_order_of_instances_does_not_matter_and_renaming_classes_only_renames(instances, seed):
    n_classes = 5
    neighbors, labels, predictions = draw(seed, n_classes)
    rng = np.random.default_rng(seed + 1)
    before = count_adversaries(
        neighbors, labels, predictions, n_classes=n_classes, instances=instances
    )
    order = rng.permutation(len(labels))
    shuffled = count_adversaries(
        neighbors[order],
        labels[order],
        predictions[order],
        n_classes=n_classes,
        instances=instances,
    )
    np.testing.assert_array_equal(shuffled.share, before.share)
    new = rng.permutation(n_classes)
    renamed = count_adversaries(
        new[neighbors], new[labels], new[predictions], n_classes=n_classes, instances=instances
    )
    np.testing.assert_array_equal(renamed.share[np.ix_(new, new)], before.share)
    np.testing.assert_array_equal(renamed.n_instances[new], before.n_instances)


def test_the_two_readings_of_errors_are_transposes():
    labels, predictions = np.array([0, 0, 0, 1, 2]), np.array([1, 1, 2, 0, 2])
    actual = error_distribution(labels, predictions, n_classes=3, errors="by_actual")
    predicted = error_distribution(predictions, labels, n_classes=3, errors="by_predicted")
    np.testing.assert_array_equal(actual.share, predicted.share)
    np.testing.assert_allclose(actual.share[0], [0, 2 / 3, 1 / 3])
    np.testing.assert_array_equal(actual.share[1], [1, 0, 0])
    assert np.isnan(actual.share[2]).all()
    np.testing.assert_array_equal(actual.n_instances, [3, 1, 0])


def test_adversaries_by_hand():
    labels = np.array([0, 0, 1, 2])
    predictions = np.array([1, 0, 1, 1])
    neighbors = np.array([[0, 1, 1, 2], [0, 0, 0, 2], [0, 1, 1, 1], [2, 2, 2, 2]])

    actual = count_adversaries(
        neighbors, labels, predictions, n_classes=3, instances="misclassified_by_actual"
    )
    np.testing.assert_allclose(actual.share[0], [0, 2 / 3, 1 / 3])
    assert np.isnan(actual.share[1:]).all()
    np.testing.assert_array_equal(actual.n_instances, [1, 0, 1])

    predicted = count_adversaries(
        neighbors, labels, predictions, n_classes=3, instances="misclassified_by_predicted"
    )
    np.testing.assert_allclose(predicted.share[1], [1 / 6, 0, 5 / 6])
    np.testing.assert_array_equal(predicted.n_instances, [0, 2, 0])

    everything = count_adversaries(neighbors, labels, predictions, n_classes=3, instances="all")
    np.testing.assert_allclose(everything.share[0], [0, 0.5, 0.5])
    np.testing.assert_allclose(everything.share[1], [1, 0, 0])
    np.testing.assert_array_equal(everything.n_instances, [2, 1, 1])


@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([0, 2], [1, 1], r"labels must lie in 0\.\.1, found 2"),
        ([0, 1], [2, 1], r"predictions must lie in 0\.\.1, found 2"),
    ],
)
def test_a_class_out_of_range_is_refused(labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        adversary_distribution(
            listed([[1], [0]]),
            np.array(labels),
            np.array(predictions),
            n_classes=2,
            instances="misclassified_by_predicted",
            among=np.ones(2, dtype=bool),
        )


def test_shares_ignore_the_diagonal_and_leave_empty_rows_undefined():
    weights = np.array([[9, 1, 3], [0, 5, 0], [2, 2, 0]])
    expected = np.array([[0, 0.25, 0.75], [np.nan] * 3, [0.5, 0.5, 0]])
    np.testing.assert_array_equal(off_diagonal_shares(weights), expected)
