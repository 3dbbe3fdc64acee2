"""The measures of a training on resampled images, beside the metrics of the other stages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.cam_alignment.alignment import Alignment, summarize_measures
from imbalens.analysis.common.measured import over_shared_classes
from imbalens.analysis.differences.measures_of_run import image_measures, pair_measures
from imbalens.analysis.performance.judged import judge
from imbalens.analysis.performance.measures import performance_measures
from imbalens.analysis.performance.performance import performance
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


def of_classes(weights, scores, labels, counts, min_images=1, patients=None):
    names = NAMES[: scores.shape[1]]
    options = GROUPS | {"min_images": min_images, "patients": patients}
    judged = judge(scores, labels, thresholds=None, **BINS)
    return performance_measures(weights, judged, counts, names, **options)


def of_labels(weights, scores, labels, thresholds, min_images=1, patients=None):
    names = NAMES[: scores.shape[1]]
    options = GROUPS | {"min_images": min_images, "patients": patients}
    judged = judge(scores, labels, thresholds=thresholds, **BINS)
    return performance_measures(weights, judged, np.ones(len(names), int), names, **options)


def by_name(measures):
    found = {(one.name, one.classes): one for one in measures}
    assert len(found) == len(measures)
    return found


def first_rows(measures):
    return {key: one.values[0].tolist() for key, one in by_name(measures).items()}


@pytest.mark.parametrize("form", ["classes", "labels"])
@seeds
@few
def test_unweighted_measures_are_the_metrics_of_performance(form, seed):
    rng = np.random.default_rng(seed)
    exclusive = form == "classes"
    scores, labels, further = (draw_classes if exclusive else draw_labels)(rng)
    measure = of_classes if exclusive else of_labels
    found = by_name(measure(draw_weights(rng), scores, labels, further, min_images=3))
    metrics = performance(
        scores,
        labels,
        further if exclusive else np.ones(CLASSES, int),
        NAMES,
        thresholds=None if exclusive else further,
        min_images=3,
        **BINS,
        **GROUPS,
    )
    of_whole = {name: one for (name, classes), one in found.items() if classes is None}
    assert set(metrics.whole) - set(of_whole) <= {"many", "medium", "few"}
    for name, one in of_whole.items():
        np.testing.assert_allclose(one.values[0], [metrics.whole[name]], rtol=1e-13)
        assert one.averaged == metrics.classes.get(name)
    each = {name: one.values[0] for (name, classes), one in found.items() if classes}
    assert each.keys() == metrics.each.keys()
    for name, values in each.items():
        np.testing.assert_allclose(values, metrics.each[name], rtol=1e-13)


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
                if found[key].each is None and found[key].averaged is None:
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
        "recall_half": [3, 0, 5, 2],
        "precision": [2, 5, 0, 1],
    }
    whole = {name: found[name, None].images.tolist() for name in each}
    assert whole == {
        **{key: [2] for key in ("auroc", "ap", "probability_positives", "probability", "ece")},
        **{key: [5] for key in ("recall", "recall_half")},
        "precision": [3],
    }
    assert found["auroc", NAMES].values[0] == close([5 / 6, NAN, NAN, 3 / 4])
    assert found["precision", NAMES].values[0] == close([1, 0, NAN, 1])


def test_means_of_rates_are_over_all_classes_with_images():
    labels = np.array([0] * 8 + [1] * 5 + [2])
    scores = np.eye(4)[np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 2])]
    counts = np.array([500, 50, 30, 5])
    found = by_name(of_classes(np.ones((1, N), int), scores, labels, counts, min_images=5))
    balanced, medium, few = (found[name, None] for name in ("balanced_accuracy", "medium", "few"))
    assert balanced.values[0] == close([(4 / 8 + 4 / 5 + 1) / 3])
    assert (balanced.averaged, balanced.images.tolist()) == (3, [14])
    assert balanced.units.tolist() == [6], "of the two rare classes together"
    assert medium.values[0] == close([(4 / 5 + 1) / 2])
    assert (medium.averaged, medium.images.tolist(), medium.units.tolist()) == (2, [6], [6])
    assert np.isnan(few.values[0])
    assert (few.averaged, few.images.tolist()) == (0, [0])
    averaged = {name for (name, _), one in found.items() if one.averaged is not None}
    assert averaged == {"balanced_accuracy", "many", "medium", "few"}


def test_rare_classes_vary_as_their_images_do_together():
    """Of 10 classes with one image each, as of one class with 10 images."""
    rng = np.random.default_rng(5)
    hit = np.array([1, 0, 0, 1, 1, 1, 0, 1, 1, 1])
    weights = rng.multinomial(10, np.full(10, 0.1), size=400)
    weights[0] = 1
    scores = np.eye(11)[np.where(hit, np.arange(10), 10)]
    judged = judge(scores, np.arange(10), thresholds=None, **BINS)
    options = GROUPS | {"min_images": 5, "patients": None}
    names = [str(code) for code in range(11)]
    found = by_name(performance_measures(weights, judged, np.ones(11, int), names, **options))
    mean = found["balanced_accuracy", None]
    assert mean.values[:, 0].tolist() == close((weights @ hit / 10).tolist())
    assert (mean.averaged, mean.images.tolist(), mean.units.tolist()) == (10, [10], [10])


def test_classes_that_are_not_rare_are_averaged_as_they_are():
    rng = np.random.default_rng(6)
    scores, labels = rng.normal(size=(40, 4)), np.arange(40) % 4
    weights = draw_weights(rng, 40)
    found = by_name(of_classes(weights, scores, labels, np.full(4, 500), min_images=5))
    each = found["recall", NAMES].values
    assert found["balanced_accuracy", None].values[:, 0].tolist() == close(each.mean(1).tolist())
    assert found["balanced_accuracy", None].units.tolist() == [10]


def test_precision_is_averaged_over_the_labels_that_both_runs_give():
    labels = np.ones((4, 2), np.uint8)
    labels[2:] = 0
    scores = np.array([[1.0, -1.0], [1.0, -1.0], [-1.0, -1.0], [1.0, -1.0]])
    ones, zero = np.ones((1, 4), int), np.zeros(2)
    one, other = (
        by_name(of_labels(ones, each, labels, zero))["precision", None]
        for each in (scores, np.abs(scores))
    )
    assert (one.values[0, 0], one.averaged) == (close(2 / 3), 1)
    assert (other.values[0, 0], other.averaged) == (0.5, 2)
    shared = over_shared_classes([one, other])
    assert [(each.values[0, 0], each.averaged) for each in shared] == [(close(2 / 3), 1), (0.5, 1)]


def test_means_over_labels_take_those_that_they_are_declared_to():
    rng = np.random.default_rng(0)
    scores, weights = rng.normal(size=(N, CLASSES)), draw_weights(rng)
    labels = (np.arange(N)[:, None] < [0, 5, 9, 10]).astype(np.uint8)
    measures = of_labels(weights, scores, labels, np.zeros(CLASSES), min_images=5)
    found = by_name(measures)
    for name in ("auroc", "ap", "probability_positives", "probability", "ece"):
        mean = found[name, None]
        assert mean.values[:, 0] == close(found[name, NAMES].values[:, 1:3].mean(axis=1)), name
        assert (mean.averaged, mean.images.tolist()) == (2, [5])
        assert found[name, NAMES].averaged is None
    for name in ("recall", "recall_half"):
        mean = found[name, None]
        assert mean.values[0] == close([found[name, NAMES].values[0, 1:].mean()])
        assert (mean.averaged, mean.images.tolist()) == (3, [10])
    without = {(one.name, one.classes is None) for one in measures if not one.has_interval}
    assert without == {("ece", True), ("ece", False)}


def test_recall_at_one_half_rises_with_the_logits_whatever_the_decision():
    rng = np.random.default_rng(1)
    scores, labels, _ = draw_labels(rng)
    labels[:4] = 1
    ones = np.ones((1, N), dtype=int)
    low, high = (
        by_name(of_labels(ones, scores + shift, labels, np.full(CLASSES, 1.0 + shift)))
        for shift in (-9, 9)
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
    options = {"min_images": 2, "patients": patients}
    found = by_name(of_labels(ones, labels - 0.5, labels, np.zeros(2), **options))
    assert found["recall", NAMES[:2]].patients.tolist() == [2, 4]
    assert found["recall", NAMES[:2]].images.tolist() == [3, 4]
    assert found["auroc", NAMES[:2]].patients.tolist() == [2, 2]
    assert found["ece", NAMES[:2]].patients.tolist() == [4, 4]
    assert found["auroc", None].patients.tolist() == [2]
    assert found["recall", None].patients.tolist() == [4], "of both labels together"
    assert found["recall", None].units.tolist() == [2], "of the label with the fewest"
    codes, counts = np.array([0, 0, 0, 1, 1, 1]), np.array([9, 9])
    found = by_name(of_classes(ones, scores, codes, counts, **options))
    assert found["accuracy", None].patients.tolist() == [4]
    assert found["recall", NAMES[:2]].patients.tolist() == [2, 3]
    assert found["balanced_accuracy", None].patients.tolist() == [4]
    assert found["balanced_accuracy", None].units.tolist() == [2]
    image, classes = np.array([0, 1, 3]), np.array([0, 0, 1])
    pairs = pair_measures(
        ones, "cam_alignment", {"iobb": np.ones(3)}, image, classes, NAMES, patients=patients
    )
    assert [one.patients.tolist() for one in pairs] == [[2], [1, 1]]
    (one,) = image_measures(ones, "concepts", {"unique": np.ones(3)}, image, patients=patients)
    assert (one.images.tolist(), one.patients.tolist()) == ([3], [2])
    (one,) = image_measures(ones, "concepts", {"unique": np.ones(3)}, image)
    assert one.patients is None


def test_what_one_change_counts_among_in_a_share():
    ones, labels = np.ones((1, 12), dtype=int), np.repeat([0, 1], 6)
    found = by_name(of_classes(ones, np.eye(4)[labels], labels, np.full(4, 500)))
    for name in ("accuracy", "balanced_accuracy", "many"):
        assert found[name, None].interval == "share"
        assert found[name, None].share_units == close([12]), "an image changes each by 1/12"
    assert found["recall", NAMES].share_units[:2] == close([6, 6])
    labels = np.repeat([0, 1], [3, 9])
    found = by_name(of_classes(ones, np.eye(4)[labels], labels, np.full(4, 500)))
    of_one = np.sqrt((3 * (1 / 6) ** 2 + 9 * (1 / 18) ** 2) / 12)  # root of the mean square
    assert found["balanced_accuracy", None].share_units == close([1 / of_one])
    patients = np.repeat(np.arange(3), 4)
    found = by_name(
        of_classes(ones, np.eye(4)[labels], labels, np.full(4, 500), patients=patients)
    )
    assert found["accuracy", None].share_units == close([6]), "12 images of 3 patients"


def test_measures_have_the_intervals_that_they_are_declared_to():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (N, 4)).astype(np.uint8)
    found = of_labels(np.ones((1, N), int), rng.normal(size=(N, 4)), labels, np.zeros(4))
    of_pairs = {"iobb": rng.random(N), "pointing": rng.integers(0, 2, N)}
    found += pair_measures(
        np.ones((1, N), int), "cam_alignment", of_pairs, np.arange(N), np.arange(N) % 4, NAMES
    )
    intervals = {one.name: one.interval for one in found}
    assert intervals == {
        "auroc": "logit",
        **dict.fromkeys(("recall", "recall_half", "precision", "pointing"), "share"),
        **dict.fromkeys(("ap", "probability_positives", "probability", "ece", "iobb"), "wald"),
    }


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
