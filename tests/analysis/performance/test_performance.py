import math

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

from imbalens.analysis.performance.measures import OF_CLASSES, OF_LABELS
from imbalens.analysis.performance.performance import confusion_matrix, performance
from tests.analysis.oracles import NAN, close, ratio, slow_calibration

PAPER = {"n_bins": 15, "many_above": 100, "few_below": 20, "min_images": 5}
seeds = given(seed=st.integers(0, 2**32 - 1))


def of_classes(scores, labels, train_counts, **options):
    names = [f"c{i}" for i in range(scores.shape[1])]
    return performance(
        scores, labels, np.asarray(train_counts), names, thresholds=None, **(PAPER | options)
    )


def of_labels(scores, labels, thresholds, **options):
    names = [f"l{i}" for i in range(scores.shape[1])]
    counts = np.ones(len(names), dtype=int)
    return performance(scores, labels, counts, names, thresholds=thresholds, **(PAPER | options))


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


def draw_labels(seed, n=40, m=3, levels=12):
    """Logits with ties, and labels that have positives and negatives."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(-levels, levels, (n, m)) / 4
    labels = (rng.random((n, m)) < rng.uniform(0.1, 0.6, m)).astype(np.uint8)
    labels[:2] = [[1], [0]]
    return scores, labels, rng.integers(-levels, levels, m) / 4


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
        "recall_half": recall_score(truth, [score > 0 for score in scores]),
        "precision": precision_score(truth, answers, zero_division=np.nan),
    }


@pytest.mark.parametrize("measures", [OF_CLASSES, OF_LABELS])
def test_each_measure_is_declared_once(measures):
    names = [spec.name for spec in measures]
    assert len(set(names)) == len(names)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 30))
@settings(deadline=None, max_examples=40)
def test_classes_agree_with_slow_oracle(seed, n):
    rng = np.random.default_rng(seed)
    scores, labels = rng.normal(size=(n, 5)).astype(np.float32), rng.integers(0, 5, n)
    train_counts = rng.choice([5, 19, 20, 60, 100, 101, 500], 5)
    found = of_classes(scores, labels, train_counts)
    for name, expected in slow_performance(scores, labels, train_counts).items():
        values = found.each[name] if name in found.each else found.whole[name]
        np.testing.assert_allclose(values, expected, rtol=1e-12, err_msg=name)
    assert found.confusion.sum() == found.n == n
    assert found.classes["balanced_accuracy"] == len(np.unique(labels))
    assert sum(found.classes[group] for group in ("many", "medium", "few")) == len(
        np.unique(labels)
    )


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 40), n_bins=st.integers(1, 20))
@settings(deadline=None, max_examples=25)
def test_labels_agree_with_loops_and_sklearn(seed, n, n_bins):
    scores, labels, thresholds = draw_labels(seed, n)
    found = of_labels(scores, labels, thresholds, n_bins=n_bins)
    columns = zip(scores.T.tolist(), labels.T.tolist(), thresholds.tolist(), strict=True)
    slow = [slow_figures(*column, n_bins) for column in columns]
    enough = [min(sum(one), n - sum(one)) >= PAPER["min_images"] for one in labels.T.tolist()]
    for name in slow[0]:
        expected = [one[name] for one in slow]
        np.testing.assert_allclose(found.each[name], expected, atol=1e-12, err_msg=name)
        rate = name in ("recall", "recall_half", "precision")
        averaged = [
            value
            for value, is_in in zip(expected, enough, strict=True)
            if (rate or is_in) and not math.isnan(value)
        ]
        assert found.whole[name] == close(ratio(sum(averaged), len(averaged))), name
        assert found.means[name] == (close(found.whole[name]), len(averaged))
    assert found.undefined == ()
    assert found.images.tolist() == labels.sum(axis=0).tolist()


@seeds
@settings(deadline=None, max_examples=20)
def test_renaming_classes_permutes_performance(seed):
    rng = np.random.default_rng(seed)
    scores, labels = rng.normal(size=(30, 4)), rng.integers(0, 4, 30)
    train_counts, new = np.array([300, 50, 30, 7]), rng.permutation(4)
    old = np.argsort(new)
    found = of_classes(scores, labels, train_counts)
    renamed = of_classes(scores[:, old], new[labels], train_counts[old])
    np.testing.assert_array_equal(renamed.confusion, found.confusion[np.ix_(old, old)])
    for name, values in found.each.items():
        np.testing.assert_allclose(renamed.each[name], values[old])
    assert renamed.whole == {name: close(value) for name, value in found.whole.items()}


@seeds
@settings(deadline=None, max_examples=20)
def test_laws_of_labels(seed):
    scores, labels, thresholds = draw_labels(seed)
    found, rng = of_labels(scores, labels, thresholds), np.random.default_rng(seed)
    rows, columns = rng.permutation(len(scores)), rng.permutation(3)
    shuffled = of_labels(scores[rows], labels[rows], thresholds)
    renamed = of_labels(scores[:, columns], labels[:, columns], thresholds[columns])
    for name, values in found.each.items():
        np.testing.assert_allclose(shuffled.each[name], values, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(renamed.each[name], values[columns], atol=1e-12)
        assert renamed.whole[name] == close(found.whole[name])
    stretched = of_labels(np.exp(scores), labels, np.exp(thresholds))
    for name in ("auroc", "ap", "recall", "precision"):
        np.testing.assert_allclose(stretched.each[name], found.each[name], atol=1e-12)


def test_classes_hand_made():
    answers = np.array([0, 0, 1, 1, 0, 2])
    scores = np.full((6, 4), -50.0)
    scores[np.arange(6), answers] = 50.0
    labels = np.array([0, 0, 0, 1, 1, 2])
    found = of_classes(scores, labels, [101, 100, 20, 19])
    assert found.n == 6
    assert found.exclusive
    assert found.whole == {
        "accuracy": close(4 / 6),
        "balanced_accuracy": close((2 / 3 + 1 / 2 + 1) / 3),
        "ece": close(2 / 6),
        "many": close(2 / 3),
        "medium": close(0.75),
        "few": close(NAN),
    }
    assert found.classes == {"balanced_accuracy": 3, "many": 1, "medium": 2, "few": 0}
    for name in ("recall", "precision", "f1"):
        assert found.each[name].tolist() == close([2 / 3, 1 / 2, 1, NAN])
    assert found.confusion.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert found.images.tolist() == [3, 2, 1, 0]
    assert found.sizes.T.tolist() == [[3, 2, 1, 0]] * 4


def test_labels_hand_made():
    odds = np.array([[3.0], [1.0], [1 / 3], [1 / 4]])  # p = .75, .5, .25, .2
    labels = np.array([[1], [0], [1], [0]], np.uint8)
    found = of_labels(np.log(odds), labels, np.zeros(1), n_bins=2, min_images=2)
    expected = {
        "auroc": 0.75,
        "ap": (1 + 2 / 3) / 2,
        "probability_positives": 0.5,
        "probability": 0.425,
        # bins (0, .5] and (.5, 1]: 3/4 |1/3 - .95/3| + 1/4 |1 - .75|
        "ece": 0.075,
        "recall": 0.5,
        "recall_half": 0.5,
        "precision": 0.5,  # a score equal to the threshold reaches it
    }
    assert {name: values[0] for name, values in found.each.items()} == close(expected)
    assert found.whole == close(expected)
    assert set(found.classes.values()) == {1}
    assert found.confused == ("l0", "Healthy")
    # taken for l0: the first and, wrongly, the second; the third is taken for Healthy
    assert found.confusion.tolist() == [[1, 1], [1, 1]]


def test_class_never_predicted_has_f1_zero_but_no_precision():
    scores = np.array([[1.0, 0.0], [1.0, 0.0]])
    found = of_classes(scores, np.array([0, 1]), [200, 5])
    assert found.each["precision"].tolist() == close([0.5, NAN])
    assert found.each["f1"].tolist() == close([2 / 3, 0])
    assert found.whole["few"] == 0.0


def test_undefined_labels_are_listed_and_means_take_the_labels_they_are_declared_to():
    """Of the labels none, all, one and half of the images have."""
    scores = np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, -1.0, 1.0]] * 2)
    labels = np.array([[0, 1, 1, 1], [0, 1, 0, 0], [0, 1, 0, 1], [0, 1, 0, 0]], np.uint8)
    found = of_labels(scores, labels, np.array([5.0, 0.0, 0.0, 2.0]), min_images=2)
    assert found.undefined == (0, 1)
    assert found.each["auroc"].tolist() == close([NAN, NAN, 5 / 6, 0.5])
    assert found.each["recall"].tolist() == close([NAN, 1.0, 1.0, 0.0])
    assert found.each["precision"].tolist() == close([NAN, 1.0, 0.5, NAN])
    assert found.means["auroc"] == (0.5, 1), "the one label with two images with and without"
    assert found.means["probability"] == (close(found.each["probability"][3]), 1)
    assert found.means["recall"] == (close(2 / 3), 3), "labels that an image has"
    assert found.means["precision"] == (0.75, 2), "of these, those that some image is given"
    few = of_labels(scores, labels, np.zeros(4), min_images=3)
    assert few.means["auroc"] == (close(NAN), 0)


def test_nothing_to_evaluate_is_undefined():
    empty = np.empty(0, dtype=np.int64)
    found = of_classes(np.empty((0, 3)), empty, [200, 50, 5])
    assert found.n == 0
    assert np.isnan(list(found.whole.values())).all()
    assert np.isnan(found.each["recall"]).all()
    labels = of_labels(np.empty((0, 2)), np.empty((0, 2), np.uint8), np.zeros(2))
    assert labels.images.tolist() == [0, 0]
    assert labels.undefined == (0, 1)
    assert np.isnan(list(labels.whole.values())).all()


def test_refuses_overlapping_groups():
    with pytest.raises(ValueError, match="few_below=30, many_above=20"):
        of_classes(np.zeros((1, 2)), np.array([0]), [25, 9], many_above=20, few_below=30)


def test_confusion_hand_made():
    found = confusion_matrix(np.array([0, 0, 2, 1]), np.array([0, 1, 0, 1]), n_classes=3)
    assert found.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    actual = np.array([[1, 1, 0], [0, 0, 1]], dtype=bool)
    taken = np.array([[1, 0, 1], [0, 1, 0]], dtype=bool)
    found = confusion_matrix(actual, taken, n_classes=3)
    assert found.tolist() == [[1, 0, 1], [0, 0, 1], [0, 1, 0]]


def test_confusion_refuses_unknown_classes():
    with pytest.raises(ValueError, match=r"predictions must lie in 0\.\.1, found 2"):
        confusion_matrix(np.array([0]), np.array([2]), n_classes=2)
