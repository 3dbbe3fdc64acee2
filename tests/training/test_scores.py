"""The score of a training: against scikit-learn, by hand, and its laws."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from imbalens.classes import UNKNOWN
from imbalens.training.scores import (
    balanced_accuracy,
    mean_auroc,
    score,
    show_score,
    to_outputs,
)


@given(st.integers(0, 2**32 - 1), st.integers(2, 9))
def test_balanced_accuracy_is_that_of_scikit_learn(seed, n_classes):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, 40)
    predicted = np.where(rng.random(40) < 0.5, labels, rng.choice(labels, 40))
    found = balanced_accuracy(torch.from_numpy(predicted), torch.from_numpy(labels))
    assert found == pytest.approx(balanced_accuracy_score(labels, predicted))


def test_balanced_accuracy_by_hand():
    labels, predicted = torch.tensor([0, 0, 0, 0, 2]), torch.tensor([0, 0, 0, 1, 0])
    assert balanced_accuracy(predicted, labels) == pytest.approx((3 / 4 + 0) / 2)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_mean_auroc_is_that_of_scikit_learn_with_ties_and_unknown_labels(seed, n_labels):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, (30, n_labels)).astype(np.float32)  # many are equal
    labels = rng.choice([0, 1, UNKNOWN], (30, n_labels), p=[0.6, 0.3, 0.1]).astype(np.uint8)
    areas = []
    for column, truth in zip(scores.T, labels.T, strict=True):
        known = truth != UNKNOWN
        if len(set(truth[known])) == 2:
            areas.append(roc_auc_score(truth[known], column[known]))
    found = mean_auroc(torch.from_numpy(scores), torch.from_numpy(labels))
    assert found == pytest.approx(np.mean(areas)) if areas else math.isnan(found)


def test_mean_auroc_by_hand():
    scores = torch.tensor([[3.0, 1.0], [1.0, 2.0], [2.0, 3.0], [2.0, 9.0]])
    labels = torch.tensor([[1, 0], [0, 0], [1, 0], [0, UNKNOWN]], dtype=torch.uint8)
    # of four pairs of the first label three are in order and one is equal; of the second none is
    assert mean_auroc(scores, labels) == pytest.approx(3.5 / 4)


def test_a_network_that_finds_nothing_is_no_better_than_chance():
    labels = torch.zeros(100, 2, dtype=torch.uint8)
    labels[:7] = 1  # 93 % of the decisions are right
    assert mean_auroc(torch.full((100, 2), -5.0), labels) == 0.5


def test_where_nothing_can_be_told_the_score_is_undefined():
    assert math.isnan(mean_auroc(torch.ones(2, 3), torch.ones(2, 3, dtype=torch.uint8)))


def test_what_is_kept_of_logits_is_a_copy():
    logits, several = torch.tensor([[0.0, 2.0]]), torch.tensor([[0, 1]], dtype=torch.uint8)
    kept = to_outputs(logits, several), to_outputs(logits, torch.tensor([1]))
    logits.fill_(-1)  # as the next replay of a CUDA graph does
    assert [each.tolist() for each in kept] == [[[0.0, 2.0]], [1]]
    assert score(kept[1], torch.tensor([1])) == 1


@pytest.mark.parametrize(
    ("value", "several", "shown"),
    [
        (0.6314, False, ("balanced accuracy", "63.1%")),
        (0.71249, True, ("mean AUROC", "0.712")),
        (math.nan, True, ("mean AUROC", "undefined")),
    ],
)
def test_a_score_is_shown_with_its_name(value, several, shown):
    assert show_score(value, several_labels=several) == shown
