"""Labels that are not known: every measure is that of the images whose label is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.performance.judged import judge
from imbalens.analysis.performance.measures import performance_measures
from imbalens.analysis.performance.performance import performance
from imbalens.classes import UNKNOWN
from imbalens.reports.performance.tables import (
    confusion_table,
    performance_metrics,
    performance_table,
)

NAMES = ("a", "b", "c")
OPTIONS = {"many_above": 100, "few_below": 20, "min_images": 3}
N_BINS = 4
N = 24
COUNTS = np.array([5, 6, 7])
laws = settings(deadline=None, max_examples=25)
seeds = given(seed=st.integers(0, 2**32 - 1))


def draw(seed):
    """Scores with ties, labels of which some are not known, thresholds, and who has which."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(-3, 4, (N, 3)) / 2.0
    labels = (rng.random((N, 3)) < rng.random(3)).astype(np.uint8)
    unknown = rng.random((N, 3)) < rng.choice([0, 0.3, 0.9, 1], 3)
    targets = np.where(unknown, np.uint8(UNKNOWN), labels)
    return scores, targets, rng.choice([-0.5, 0.5, np.inf], 3), ~unknown, rng


def measure(scores, targets, thresholds, names=NAMES):
    counts = COUNTS[: len(names)]
    options = OPTIONS | {"thresholds": thresholds, "n_bins": N_BINS}
    return performance(scores, targets, counts, names, **options)


@seeds
@laws
def test_each_label_is_measured_on_the_images_that_tell_it(seed):
    scores, targets, thresholds, known, _ = draw(seed)
    found = measure(scores, targets, thresholds)
    averaged = {name: [] for name in found.classes}
    for label, rows in enumerate(known.T):
        column = (np.flatnonzero(rows)[:, None], [label])
        alone = measure(scores[column], targets[column], thresholds[[label]], NAMES[:1])
        for name, values in found.each.items():
            np.testing.assert_allclose(values[label], alone.each[name][0], err_msg=name)
            averaged[name] += [values[label]] * alone.classes[name]
        assert (found.images[label], found.known[label]) == (alone.images[0], rows.sum())
        assert (label in found.undefined) == bool(alone.undefined)
    for name, values in averaged.items():
        defined = [value for value in values if not np.isnan(value)]
        mean = sum(defined) / len(defined) if defined else np.nan
        np.testing.assert_allclose(found.whole[name], mean, err_msg=name)
        assert found.classes[name] == len(defined)


@seeds
@laws
def test_so_are_measures_of_images_drawn_anew(seed):
    scores, targets, thresholds, known, rng = draw(seed)
    weights = rng.multinomial(N, np.full(N, 1 / N), size=5)
    weights[0] = 1
    patients = rng.integers(0, 9, N)

    def drawn(rows, labels):
        column = (rows[:, None], labels)
        judged = judge(
            scores[column], targets[column], thresholds=thresholds[labels], n_bins=N_BINS
        )
        names = tuple(NAMES[label] for label in labels)
        some = {"patients": patients[rows], **OPTIONS}
        measures = performance_measures(weights[:, rows], judged, COUNTS[labels], names, **some)
        return {one.name: one for one in measures if one.classes is not None}

    found = drawn(np.arange(N), [0, 1, 2])
    for label, rows in enumerate(known.T):
        alone = drawn(np.flatnonzero(rows), [label])
        for name, one in found.items():
            np.testing.assert_allclose(one.values[:, label], alone[name].values[:, 0])
            assert one.images[label] == alone[name].images[0]
            assert one.patients[label] == alone[name].patients[0]


@seeds
@laws
def test_what_stands_where_a_label_is_not_known_does_not_matter(seed):
    scores, targets, thresholds, known, rng = draw(seed)
    others = np.where(known, scores, rng.normal(size=scores.shape))
    first, second = (measure(each, targets, thresholds) for each in (scores, others))
    for name, values in first.each.items():
        np.testing.assert_array_equal(values, second.each[name])
    np.testing.assert_array_equal(first.confusion[:3, :3], second.confusion[:3, :3])


@seeds
@laws
def test_confusion_is_of_what_is_known(seed):
    scores, targets, thresholds, _, _ = draw(seed)
    found = measure(scores, targets, thresholds)
    assert found.confused == (*NAMES, "No Finding")
    counts, sizes = np.zeros((2, 4, 4), dtype=int)
    for row, truth in zip(scores, targets, strict=True):
        state = dict(enumerate(truth.tolist()))
        taken = {c for c in range(3) if row[c] >= thresholds[c]} or {3}
        if 1 in state.values():
            state[3] = 0
        else:
            state[3] = UNKNOWN if UNKNOWN in state.values() else 1
        for own in range(4):
            for other in range(4):
                sizes[own, other] += state[own] == 1 and state[other] != UNKNOWN
            for other in taken:
                wrong = state[own] == 1 and state[other] == 0
                counts[own, other] += wrong or (own == other and state[own] == 1)
    assert found.confusion.tolist() == counts.tolist()
    assert found.sizes.tolist() == sizes.tolist()


def test_a_share_of_the_confusion_is_of_the_images_that_tell_it():
    """Ten images have a; one of them, taken for b, is known to lack it."""
    targets = np.array([[1, 0]] + [[1, UNKNOWN]] * 9 + [[0, 1]] * 2, dtype=np.uint8)
    scores = np.array([[1.0, 1]] * 10 + [[-1, 1]] * 2)
    found = measure(scores, targets, np.zeros(2), NAMES[:2])
    table = confusion_table(found, np.array([5, 6, 7])).set_index(["actual", "predicted"])
    assert table.loc[("a", "b")].tolist() == [1, 1.0]
    assert table.loc[("a", "a")].tolist() == [10, 1.0]
    assert table.loc[("b", "a")].tolist() == [0, 0.0]


def test_a_label_of_which_nothing_is_known_has_no_measure():
    targets = np.array([[1, UNKNOWN], [0, UNKNOWN], [0, UNKNOWN]], dtype=np.uint8)
    scores = np.array([[2.0, 1], [1, 1], [-1, 1]])
    found = measure(scores, targets, np.zeros(2), NAMES[:2])
    assert {name: values[1] for name, values in found.each.items()} == pytest.approx(
        dict.fromkeys(found.each, np.nan), nan_ok=True
    )
    assert found.undefined == (1,)
    assert found.whole["recall"] == 1
    assert found.whole["precision"] == 0.5


def test_reports_count_the_images_of_which_it_is_known():
    targets = np.array([[1, 1], [0, UNKNOWN], [0, UNKNOWN], [0, 0]], dtype=np.uint8)
    found = measure(np.zeros((4, 2)), targets, np.zeros(2), NAMES[:2])
    metrics = performance_metrics(found, None)
    assert [metrics["class"][name]["prevalence"] for name in "ab"] == [0.25, 0.5]
    assert [metrics["class"][name]["n_unknown"] for name in "ab"] == [0, 2]
    assert performance_table(found, COUNTS[:2])["prevalence"].tolist() == [0.5, 0.25]
    known = measure(np.zeros((4, 2)), targets % UNKNOWN, np.zeros(2), NAMES[:2])
    assert "n_unknown" not in performance_metrics(known, None)["class"]["a"]
