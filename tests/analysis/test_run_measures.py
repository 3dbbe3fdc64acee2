"""The measures of a training on resampled images, beside the metrics of the other stages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.alignment import Alignment, summarize_measures
from imbalens.analysis.label_performance import measure_label_performance
from imbalens.analysis.performance import measure_performance
from imbalens.analysis.run_measures import (
    class_measures,
    image_measures,
    label_measures,
    pair_measures,
)
from tests.analysis.oracles import close

NAN = np.nan
N, CLASSES = 14, 4
NAMES = ("a", "b", "c", "d")
BINS = {"n_bins": 5}
GROUPS = {"many_above": 100, "few_below": 20}
seeds = given(seed=st.integers(0, 2**32 - 1))
few = settings(deadline=None, max_examples=15)


def draw_weights(rng, n=N):
    """A row of ones, and three of images drawn with replacement."""
    weights = rng.multinomial(n, np.full(n, 1 / n), size=4)
    weights[0] = 1
    return weights


def draw_classes(rng):
    """Scores with ties, and labels that leave classes out at times."""
    scores = rng.integers(-3, 4, (N, CLASSES)) / 2.0
    return scores, rng.choice(rng.integers(0, CLASSES, 3), N), rng.integers(1, 200, CLASSES)


def draw_labels(rng):
    """Scores with ties, labels from none to all images, thresholds that none reaches at times."""
    scores = rng.integers(-3, 4, (N, CLASSES)) / 2.0
    labels = (rng.random((N, CLASSES)) < rng.choice([0, 0.3, 1], CLASSES)).astype(np.uint8)
    return scores, labels, rng.choice([-0.5, 0.5, np.inf], CLASSES)


def of_classes(weights, scores, labels, counts):
    return class_measures(weights, scores, labels, counts, NAMES, **BINS, **GROUPS)


def of_labels(weights, scores, labels, thresholds):
    return label_measures(weights, scores, labels, scores >= thresholds, NAMES, **BINS)


def by_name(measures):
    found = {(one.name, one.classes): one for one in measures}
    assert len(found) == len(measures)
    return found


def first_rows(measures):
    return {key: one.values[0].tolist() for key, one in by_name(measures).items()}


@seeds
@few
def test_unweighted_classes_have_the_metrics_of_performance(seed):
    rng = np.random.default_rng(seed)
    scores, labels, counts = draw_classes(rng)
    found = first_rows(of_classes(draw_weights(rng), scores, labels, counts))
    metrics = measure_performance(scores, labels, counts, **BINS, **GROUPS)
    expected = {
        (name, None): [getattr(metrics, name)] for name in ("accuracy", "balanced_accuracy", "ece")
    }
    present = {
        "many": (counts > 100).any(),
        "medium": ((counts <= 100) & (counts >= 20)).any(),
        "few": (counts < 20).any(),
    }
    expected |= {(name, None): [getattr(metrics, name)] for name in present if present[name]}
    expected |= {
        (name, NAMES): getattr(metrics, name).tolist() for name in ("recall", "precision", "f1")
    }
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert found[key] == close(values), key


@seeds
@few
def test_unweighted_labels_have_the_metrics_of_performance(seed):
    rng = np.random.default_rng(seed)
    scores, labels, thresholds = draw_labels(rng)
    found = first_rows(of_labels(draw_weights(rng), scores, labels, thresholds))
    metrics = measure_label_performance(scores, labels, **BINS, thresholds=thresholds)
    expected = {(name, None): [mean] for name, mean in metrics.means.items()}
    expected |= {(name, NAMES): getattr(metrics, name).tolist() for name in metrics.means}
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert found[key] == close(values), key


@seeds
@few
def test_unweighted_pairs_have_the_metrics_of_cam_alignment(seed):
    rng = np.random.default_rng(seed)
    image, classes = rng.integers(0, N, 9), rng.choice(rng.integers(0, CLASSES, 2), 9)
    columns = np.where(rng.random((4, 9)) < 0.3, NAN, rng.random((4, 9)))
    measured = Alignment(*columns, all_zero=rng.random(9) < 0.2)
    values = {name: column.astype(float) for name, column in vars(measured).items()}
    found = first_rows(
        pair_measures(draw_weights(rng), "cam_alignment", values, image, classes, NAMES)
    )
    summary = summarize_measures(measured, classes, n_classes=CLASSES)
    present = np.unique(classes)
    names = tuple(NAMES[code] for code in present)
    expected = {}
    for place, name in enumerate(values):
        if not np.isnan(values[name]).all():
            expected[name, None] = [summary.overall[place]]
            expected[name, names] = summary.means[present, place].tolist()
    assert found.keys() == expected.keys()
    for key, means in expected.items():
        assert found[key] == close(means), key


@seeds
@few
def test_concepts_are_averaged_over_annotated_images(seed):
    rng = np.random.default_rng(seed)
    image = np.sort(rng.choice(N, 6, replace=False))
    weights, counts = draw_weights(rng), {"disjoint": rng.integers(0, 90, 6), "unique": np.ones(6)}
    found = {one.name: one for one in image_measures(weights, "concepts", counts, image)}
    assert found["disjoint"].values[0] == close([counts["disjoint"].mean()])
    for row in range(1, 4):
        repeated = np.repeat(counts["disjoint"], weights[row, image])
        expected = repeated.mean() if len(repeated) else NAN
        assert found["disjoint"].values[row] == close([expected])
        assert found["unique"].values[row] == close([1.0 if len(repeated) else NAN])
    assert [one.images.tolist() for one in found.values()] == [[6], [6]]
    assert {(one.stage, one.classes) for one in found.values()} == {("concepts", None)}


@seeds
@few
def test_a_replicate_has_the_metrics_of_the_images_drawn(seed):
    rng = np.random.default_rng(seed)
    weights, ones = draw_weights(rng), np.ones((1, N), dtype=int)
    image, classes = rng.integers(0, N, 9), rng.integers(0, CLASSES, 9)
    pairs = {"iobb": rng.random(9)}
    for draw, measure in ((draw_classes, of_classes), (draw_labels, of_labels)):
        scores, labels, further = draw(rng)
        found = by_name(measure(weights, scores, labels, further))
        for row in (1, 2, 3):
            drawn = np.repeat(np.arange(N), weights[row])
            for key, one in by_name(measure(ones, scores[drawn], labels[drawn], further)).items():
                assert found[key].values[row] == close(one.values[0]), key
    found = by_name(pair_measures(weights, "cam_alignment", pairs, image, classes, NAMES))
    for row in (1, 2, 3):
        drawn = np.repeat(np.arange(9), weights[row, image])
        expected = pairs["iobb"][drawn].mean() if len(drawn) else NAN
        assert found["iobb", None].values[row] == close([expected])


def test_images_of_classes_by_hand():
    scores = np.eye(4)[[0, 0, 0, 1, 2, 2]]  # nothing is taken for d
    labels = np.array([0, 0, 1, 1, 1, 0])  # nothing is c or d
    counts = np.array([500, 50, 30, 5])
    found = by_name(of_classes(np.ones((1, 6), dtype=int), scores, labels, counts))
    assert {key: one.images.tolist() for key, one in found.items()} == {
        ("accuracy", None): [6],
        ("balanced_accuracy", None): [6],
        ("ece", None): [6],
        ("many", None): [3],
        ("medium", None): [3],
        ("few", None): [0],
        ("recall", NAMES): [3, 3, 0, 0],
        ("precision", NAMES): [3, 1, 2, 0],
        ("f1", NAMES): [3, 3, 0, 0],
    }
    assert {one.stage for one in found.values()} == {"performance"}
    assert found["recall", NAMES].values[0] == close([2 / 3, 1 / 3, NAN, NAN])
    assert found["precision", NAMES].values[0] == close([2 / 3, 1, 0, NAN])
    assert found["f1", NAMES].values[0] == close([2 / 3, 1 / 2, NAN, NAN])
    assert found["few", None].values[0] == close([NAN])


def test_groups_without_a_class_are_left_out():
    counts = np.array([500, 500, 500, 500])
    found = by_name(
        of_classes(np.ones((1, 2), dtype=int), np.eye(4)[:2], np.array([0, 1]), counts)
    )
    assert ("many", None) in found
    assert not {("medium", None), ("few", None)} & set(found)


def test_images_of_labels_by_hand():
    labels = np.array([[1, 0, 1, 0]] * 3 + [[0, 0, 1, 1]] * 2, dtype=np.uint8)
    scores = np.zeros((5, 4))
    scores[:2, 0] = scores[:, 1] = scores[4, 3] = 1
    found = by_name(of_labels(np.ones((1, 5), dtype=int), scores, labels, np.full(4, 0.5)))
    each = {name: one.images.tolist() for (name, classes), one in found.items() if classes}
    assert each == {
        "auroc": [2, 0, 0, 2],
        "ap": [3, 0, 5, 2],
        "probability_positives": [3, 0, 5, 2],
        "probability": [5, 5, 5, 5],
        "ece": [5, 5, 5, 5],
        "recall": [3, 0, 5, 2],
        "precision": [2, 5, 0, 1],
    }
    assert {tuple(found[name, None].images.tolist()) for name in each} == {(5,)}
    assert found["auroc", NAMES].values[0] == close([5 / 6, NAN, NAN, 3 / 4])
    assert found["precision", NAMES].values[0] == close([1, 0, NAN, 1])


def test_an_image_behind_two_pairs_of_a_class_counts_once():
    image, classes = np.array([0, 0, 1, 1, 4]), np.array([1, 1, 1, 3, 3])
    values = {
        "iobb": np.array([0.2, 0.4, 0.6, 0.8, NAN]),
        "never": np.full(5, NAN),
        "all_zero": np.array([0, 1, 1, 1, 1]),
    }
    ones = np.ones((1, 5), dtype=int)
    found = by_name(pair_measures(ones, "cam_alignment", values, image, classes, NAMES))
    assert {key: one.images.tolist() for key, one in found.items()} == {
        ("iobb", None): [2],
        ("iobb", ("b", "d")): [2, 1],
        ("all_zero", None): [3],
        ("all_zero", ("b", "d")): [2, 2],
    }
    assert found["iobb", ("b", "d")].values[0] == close([0.4, 0.8])
    assert found["all_zero", ("b", "d")].values[0] == close([2 / 3, 1])


def test_a_class_whose_pairs_are_all_undefined_keeps_its_column():
    """Otherwise two runs would not be compared in the other classes either."""
    ones, values = np.ones((1, 3), dtype=int), {"ior": np.array([0.5, NAN, 0.25])}
    image, classes = np.array([0, 1, 2]), np.array([0, 2, 3])
    found = by_name(pair_measures(ones, "cam_alignment", values, image, classes, NAMES))
    one = found["ior", ("a", "c", "d")]
    assert one.values[0] == close([0.5, NAN, 0.25])
    assert one.images.tolist() == [1, 0, 1]


@pytest.mark.parametrize("values", [{}, {"iobb": np.empty(0)}])
def test_without_pairs_there_is_nothing_to_measure(values):
    nothing = np.empty(0, dtype=int)
    ones = np.ones((1, 3), dtype=int)
    assert pair_measures(ones, "cam_alignment", values, nothing, nothing, NAMES) == []
