"""The measures of a training on resampled images, beside the metrics of the other stages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.cam_alignment.alignment import Alignment, summarize_measures
from imbalens.analysis.differences.measures_of_run import (
    class_measures,
    image_measures,
    label_measures,
    pair_measures,
)
from imbalens.analysis.performance.classes import measure_performance
from imbalens.analysis.performance.labels import measure_label_performance
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


def of_classes(weights, scores, labels, counts, min_images=0):
    options = BINS | GROUPS | {"min_images": min_images}
    return class_measures(weights, scores, labels, counts, NAMES, **options)


def of_labels(weights, scores, labels, thresholds, min_images=0):
    options = BINS | {"min_images": min_images}
    return label_measures(weights, scores, labels, scores >= thresholds, NAMES, **options)


def mean_of_all(values):
    """The mean where every class has a value."""
    return [np.mean(values)]


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
    expected = {(name, None): [getattr(metrics, name)] for name in ("accuracy", "ece")}
    groups = {
        "balanced_accuracy": counts > 0,
        "many": counts > 100,
        "medium": (counts <= 100) & (counts >= 20),
        "few": counts < 20,
    }
    expected |= {
        (name, None): mean_of_all(metrics.recall[of]) for name, of in groups.items() if of.any()
    }
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
    each = {name: getattr(metrics, name) for name in metrics.means}
    at_half = measure_label_performance(
        scores, labels, **BINS, thresholds=np.full(CLASSES, np.nextafter(0, 1))
    )
    each["recall_half"] = at_half.recall
    expected = {(name, NAMES): values.tolist() for name, values in each.items()}
    expected |= {(name, None): mean_of_all(values) for name, values in each.items()}
    for name, values in each.items():
        if not np.isnan(values).any() and name in metrics.means:
            assert metrics.means[name] == close(values.mean())
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
        ("balanced_accuracy", None): [0],
        ("ece", None): [6],
        ("many", None): [3],
        ("medium", None): [0],
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
        "recall_half": [3, 0, 5, 2],
        "precision": [2, 5, 0, 1],
    }
    assert {tuple(found[name, None].images.tolist()) for name in each} == {(0,)}
    assert found["auroc", NAMES].values[0] == close([5 / 6, NAN, NAN, 3 / 4])
    assert found["precision", NAMES].values[0] == close([1, 0, NAN, 1])


def test_means_are_over_the_classes_with_enough_images_in_every_replicate():
    labels = np.array([0] * 8 + [1] * 5 + [2])
    scores = np.eye(4)[np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 2])]
    counts = np.array([500, 50, 30, 5])
    weights = np.ones((3, N), dtype=int)
    weights[1, 13], weights[1, 0] = 0, 2  # none of c
    weights[2, 8:13], weights[2, 0] = 0, 6  # none of b
    found = by_name(of_classes(weights, scores, labels, counts, min_images=5))
    mean = found["balanced_accuracy", None]
    assert mean.values.ravel() == close([(4 / 8 + 4 / 5) / 2, (5 / 9 + 4 / 5) / 2, NAN])
    assert (mean.averaged, mean.images.tolist()) == (2, [5])
    medium = found["medium", None]
    assert medium.values.ravel() == close([4 / 5, 4 / 5, NAN])
    assert (medium.averaged, medium.images.tolist()) == (1, [5])
    few = found["few", None]
    assert few.values.ravel() == close([NAN] * 3)
    assert (few.averaged, few.images.tolist()) == (0, [0])
    averaged = {name for (name, _), one in found.items() if one.averaged is not None}
    assert averaged == {"balanced_accuracy", "many", "medium", "few"}


def test_means_over_labels_take_those_with_enough_images_with_and_without_them():
    rng = np.random.default_rng(0)
    scores, weights = rng.normal(size=(N, CLASSES)), draw_weights(rng)
    labels = (np.arange(N)[:, None] < [1, 5, 9, 10]).astype(np.uint8)
    measures = of_labels(weights, scores, labels, np.zeros(CLASSES), min_images=5)
    found = by_name(measures)
    for name in ("auroc", "ap", "probability", "ece", "recall", "recall_half", "precision"):
        mean = found[name, None]
        assert mean.values[:, 0] == close(found[name, NAMES].values[:, 1:3].mean(axis=1)), name
        assert (mean.averaged, mean.images.tolist()) == (2, [5])
        assert found[name, NAMES].averaged is None
    without = {(one.name, one.classes is None) for one in measures if not one.has_interval}
    assert without == {("ece", True), ("ece", False)}


def test_recall_at_one_half_rises_with_the_logits_whatever_the_decision():
    rng = np.random.default_rng(1)
    scores, labels, _ = draw_labels(rng)
    labels[:4] = 1
    ones, predicted = np.ones((1, N), dtype=int), scores >= 1
    low, high = (
        by_name(label_measures(ones, s, labels, predicted, NAMES, **BINS, min_images=0))
        for s in (scores - 9, scores + 9)
    )
    assert (low["recall", NAMES].values == high["recall", NAMES].values).all()
    assert (low["recall_half", NAMES].values == 0).all()
    assert (high["recall_half", NAMES].values == 1).all()


def test_patients_behind_measures():
    """Images 0 and 1 are of one patient, and 2 and 3 of another."""
    patients = np.array([5, 5, 2, 2, 9, 8])
    ones = np.ones((1, 6), dtype=int)
    labels = np.array([[1, 1], [1, 0], [1, 1], [0, 0], [0, 1], [0, 1]], dtype=np.uint8)
    scores = np.zeros((6, 2))
    options = BINS | {"min_images": 2, "patients": patients}
    found = by_name(label_measures(ones, scores, labels, labels > 0, NAMES[:2], **options))
    assert found["recall", NAMES[:2]].patients.tolist() == [2, 4]
    assert found["recall", NAMES[:2]].images.tolist() == [3, 4]
    assert found["auroc", NAMES[:2]].patients.tolist() == [2, 2]
    assert found["ece", NAMES[:2]].patients.tolist() == [4, 4]
    assert found["recall", None].patients.tolist() == [2]
    codes, counts = np.array([0, 0, 0, 1, 1, 1]), np.array([9, 9])
    found = by_name(class_measures(ones, scores, codes, counts, NAMES[:2], **options, **GROUPS))
    assert found["accuracy", None].patients.tolist() == [4]
    assert found["recall", NAMES[:2]].patients.tolist() == [2, 3]
    assert found["balanced_accuracy", None].patients.tolist() == [2]
    image, classes = np.array([0, 1, 3]), np.array([0, 0, 1])
    pairs = pair_measures(
        ones, "cam_alignment", {"iobb": np.ones(3)}, image, classes, NAMES, patients=patients
    )
    assert [one.patients.tolist() for one in pairs] == [[2], [1, 1]]
    (one,) = image_measures(ones, "concepts", {"unique": np.ones(3)}, image, patients=patients)
    assert (one.images.tolist(), one.patients.tolist()) == ([3], [2])
    (one,) = image_measures(ones, "concepts", {"unique": np.ones(3)}, image)
    assert one.patients is None


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
