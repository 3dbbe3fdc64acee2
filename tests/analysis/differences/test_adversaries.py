"""How well errors are foretold, on resampled images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.adversaries.distributions import (
    error_distribution,
    error_masses,
    off_diagonal_shares,
)
from imbalens.analysis.adversaries.scores import Prediction, score_prediction, smooth
from imbalens.analysis.differences.adversaries import (
    _positive_weights,
    adversary_measures,
    divergence_intervals,
)
from imbalens.classes import UNKNOWN, true_classes, where_known
from tests.analysis.oracles import close

NAN = np.nan
EPS = 1e-5
ERRORS = ("by_actual", "by_predicted")
NAMES = ("nearest adversaries", "random", "FDR")
NEAREST = NAMES[0]
few = settings(deadline=None, max_examples=15)


def draw_weights(rng, n):
    """A row of ones, and five of images drawn with replacement."""
    weights = rng.multinomial(n, np.full(n, 1 / n), size=6)
    weights[0] = 1
    return weights


def draw_classes(rng, n, n_classes, form):
    """True and predicted classes: one per image, or several."""
    if form == "codes":
        return rng.integers(0, n_classes, (2, n))
    members = rng.random((2, n, n_classes)) < 0.3
    members[..., -1] |= ~members.any(axis=2)
    return members


def draw_predictors(rng, n_classes):
    """Distributions with zeros, and with classes that nothing is said of."""
    return {
        name: predict(rng.integers(0, 3, (n_classes, n_classes)) * rng.random(n_classes))
        for name in NAMES[:2]
    }


def predict(counts):
    return Prediction(off_diagonal_shares(counts), smooth(counts, alpha=0.5))


def measure(weights, labels, predictions, predictors, errors="by_actual", **options):
    """Log losses and divergences, by name of the predictor."""
    found = adversary_measures(
        weights,
        labels,
        predictions,
        predictors,
        errors=errors,
        **{"eps": EPS, "seed": 0} | options,
    )
    half = len(predictors)
    assert len(found) == 2 * half
    return (dict(zip(predictors, part, strict=True)) for part in (found[:half], found[half:]))


@pytest.mark.parametrize("form", ["codes", "members"])
@pytest.mark.parametrize("errors", ERRORS)
@given(seed=st.integers(0, 2**32 - 1), n_classes=st.integers(2, 5))
@few
def test_a_replicate_has_the_log_loss_of_the_images_drawn(form, errors, seed, n_classes):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 25))
    weights, predictors = draw_weights(rng, n), draw_predictors(rng, n_classes)
    labels, predictions = draw_classes(rng, n, n_classes, form)
    losses, _ = measure(weights, labels, predictions, predictors, errors)
    every = np.ones(n_classes, dtype=bool)
    for name, one in losses.items():
        assert (one.stage, one.classes) == ("adversaries", None)
        for row, weight in enumerate(weights):
            drawn = np.repeat(np.arange(n), weight)
            actual = error_distribution(
                labels[drawn], predictions[drawn], n_classes=n_classes, errors=errors
            )
            score = score_prediction(actual.counts, predictors[name], judged=every, eps=EPS)
            assert one.values[row] == close([score.log_loss])


@pytest.mark.parametrize("errors", ERRORS)
def test_the_images_as_they_are_have_the_metrics(errors):
    rng = np.random.default_rng(0)
    labels, predictions = draw_classes(rng, 200, 6, "codes")
    predictors = {NEAREST: predict(rng.random((6, 6)))}
    ones = np.ones((1, 200), dtype=int)
    losses, klds = measure(ones, labels, predictions, predictors, errors)
    actual = error_distribution(labels, predictions, n_classes=6, errors=errors)
    every = np.ones(6, dtype=bool)
    score = score_prediction(actual.counts, predictors[NEAREST], judged=every, eps=EPS)
    assert klds[NEAREST].values[0, 0] == score.kld
    assert losses[NEAREST].values[0] == close([score.log_loss])
    assert (losses[NEAREST].name, klds[NEAREST].name) == ("log_loss", "kld")
    assert (losses[NEAREST].has_interval, klds[NEAREST].has_interval) == (True, False)


def test_every_replicate_has_errors_of_every_class():
    """A draw with replacement has none of a class with one error in 37 of 100 replicates."""
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1, 2], [40, 40, 1])
    predictions = np.where(np.arange(81) % 4 > 0, labels, (labels + 1) % 3)
    predictions[-1] = 0
    weights = rng.multinomial(81, np.full(81, 1 / 81), size=200)
    weights[0] = 1
    assert (weights[:, -1] == 0).any()
    _, klds = measure(weights, labels, predictions, {NEAREST: predict(np.ones((3, 3)))})
    assert not np.isnan(klds[NEAREST].each.values).any()
    assert klds[NEAREST].averaged == 3


@pytest.mark.parametrize("errors", ERRORS)
@given(seed=st.integers(0, 2**32 - 1))
@few
def test_replicates_average_over_the_classes_that_the_value_does(errors, seed):
    """Of labels that are not known too, where an error may say nothing of where errors go."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([0, 1, UNKNOWN], dtype=np.uint8), (12, 3))
    actual = true_classes(labels, "ABC")
    taken = where_known(
        true_classes(rng.integers(0, 2, (12, 3)).astype(np.uint8), "ABC"), labels, "ABC"
    )
    _, klds = measure(draw_weights(rng, 12), actual, taken, draw_predictors(rng, 4), errors)
    for one in klds.values():
        undefined = np.isnan(one.each.values)
        assert (undefined == undefined[0]).all()


def test_an_error_that_says_nothing_of_where_errors_go_is_none():
    """Four images of A are taken for B alone, of which it is not known whether they have it."""
    labels = np.array([[1, UNKNOWN]] * 4 + [[0, 1]] * 6 + [[1, 0]] * 2, dtype=np.uint8)
    decided = np.array([[0, 1]] * 4 + [[1, 0]] * 6 + [[0, 1]] * 2, dtype=np.uint8)
    actual = true_classes(labels, "AB")
    taken = where_known(true_classes(decided, "AB"), labels, "AB")
    found = error_masses(actual, taken, n_classes=3, errors="by_actual")
    assert found.wrong.sum(axis=0).tolist() == [2, 6, 0]
    assert found.images.tolist() == list(range(4, 12))
    errors = error_distribution(actual, taken, n_classes=3, errors="by_actual")
    assert errors.n_instances.tolist() == errors.counts.sum(axis=1).tolist() == [2, 6, 0]


def test_images_of_a_patient_have_one_weight():
    labels = np.array([0, 0, 1, 1])
    found = error_masses(labels, np.array([1, 2, 1, 2]), n_classes=3, errors="by_actual")
    patients = np.array([7, 5, 9, 7])  # the third image is right
    weights = _positive_weights(50, found, patients, np.random.default_rng(0))
    assert weights[0].tolist() == [1, 1, 1]
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[1:, 0] != weights[1:, 1]).all()
    assert (weights > 0).all()


def test_other_seeds_draw_other_weights():
    labels, predictions = np.array([0, 0, 1, 1]), np.array([1, 2, 0, 2])
    given = (np.ones((50, 4), dtype=int), labels, predictions, {NEAREST: predict(np.ones((3, 3)))})
    first, again, other = (
        measured[NEAREST].values[:, 0]
        for _, measured in (measure(*given), measure(*given), measure(*given, seed=1))
    )
    assert (first == again).all()
    assert (first[1:] != other[1:]).all()


def test_images_are_those_with_an_error_around_a_class_that_is_judged():
    labels, predictions = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 1, 2, 0, 0, 2])
    some = np.ones((3, 3))
    some[0] = 0
    predictors = {NEAREST: predict(np.ones((3, 3))), "FDR": predict(some)}
    for errors in ERRORS:
        losses, klds = measure(np.ones((1, 6), dtype=int), labels, predictions, predictors, errors)
        assert [one.images.tolist() for one in losses.values()] == [[4], [4]]
        assert [one.images.tolist() for one in klds.values()] == [[4], [2]]
        assert [one.averaged for one in klds.values()] == [3, 2]


def test_an_image_that_misses_two_labels_counts_once():
    labels = np.array([[True, True, False], [False, False, True]])
    predictions = np.array([[False, False, True], [False, False, True]])
    ones = np.ones((1, 2), dtype=int)
    losses, klds = measure(ones, labels, predictions, {NEAREST: predict(np.ones((3, 3)))})
    assert losses[NEAREST].images.tolist() == klds[NEAREST].images.tolist() == [1]
    assert klds[NEAREST].values[0, 0] == pytest.approx(np.log(2), abs=1e-3), "all to one of two"
    assert losses[NEAREST].values[0, 0] == pytest.approx(np.log(2))


@pytest.mark.parametrize("form", ["codes", "members"])
def test_without_errors_nothing_is_measured(form):
    labels = np.array([0, 1, 1]) if form == "codes" else np.eye(2, dtype=bool)[[0, 1, 1]]
    ones = np.ones((3, 3), dtype=int)
    for measured in measure(ones, labels, labels, {NEAREST: predict(np.ones((2, 2)))}):
        assert np.isnan(measured[NEAREST].values).all()
        assert measured[NEAREST].images.tolist() == [0]


def test_many_replicates_are_worked_off_in_blocks(monkeypatch):
    rng = np.random.default_rng(1)
    labels, predictions = draw_classes(rng, 30, 4, "members")
    given = (draw_weights(rng, 30), labels, predictions, draw_predictors(rng, 4))
    whole = list(measure(*given))
    monkeypatch.setattr("imbalens.analysis.differences.adversaries._BLOCK", 1)
    for before, after in zip(whole, measure(*given), strict=True):
        for name, one in before.items():
            assert after[name].values == close(one.values)


def test_refuses():
    ones, predictors = np.ones((1, 1), dtype=int), {NEAREST: predict(np.ones((2, 2)))}
    with pytest.raises(ValueError, match="eps is 0"):
        measure(ones, np.array([0]), np.array([1]), predictors, eps=0.0)


def test_divergences_of_a_run_have_intervals():
    rng = np.random.default_rng(2)
    labels, predictions = draw_classes(rng, 300, 4, "codes")
    weights = rng.multinomial(300, np.full(300, 1 / 300), size=101)
    weights[0] = 1
    predictors = {name: predict(rng.random((4, 4))) for name in NAMES}
    measures = adversary_measures(
        weights, labels, predictions, predictors, errors="by_actual", eps=EPS, seed=0
    )
    options = {"confidence": 0.95, "min_images": 20}
    found = divergence_intervals({"run": [measures], "twice": [measures] * 2}, **options)
    assert list(found) == ["run", "twice"]
    intervals = {run: one.intervals for run, one in found.items()}
    assert list(intervals["run"]) == ["kld", "kld_fdr", "kld_random", "factor"]
    assert [one.classes for one in found.values()] == [4, 4]
    own = {name: float(one.value[0]) for name, one in intervals["run"].items()}
    for one in measures[3:]:
        assert own[one.name] == one.values[0, 0]
    assert own["factor"] == pytest.approx(own["kld_random"] / own["kld"])
    for name, one in intervals["run"].items():
        assert one.low[0] < one.value[0] < one.high[0]
        assert intervals["twice"][name].low == pytest.approx(one.low), "repeats alike add nothing"


@pytest.mark.parametrize("form", ["codes", "members"])
def test_of_two_classes_nothing_is_measured(form):
    labels = np.array([0, 0, 1, 1]) if form == "codes" else np.eye(2, dtype=bool)[[0, 0, 1, 1]]
    predictions = labels[::-1]
    weights = draw_weights(np.random.default_rng(0), 4)
    for measured in measure(weights, labels, predictions, {NEAREST: predict(np.ones((2, 2)))}):
        assert np.isnan(measured[NEAREST].values).all()
        assert measured[NEAREST].images.tolist() in ([0], [4])


def few_defined(rng, judged):
    """Measures of one training, of whose 4 classes some are said something of."""
    labels, predictions = draw_classes(rng, 300, 4, "codes")
    weights = rng.multinomial(300, np.full(300, 1 / 300), size=101)
    weights[0] = 1
    said = rng.random((4, 4))
    said[[c for c in range(4) if c not in judged]] = 0
    predictors = {name: predict(said) for name in NAMES}
    return adversary_measures(
        weights, labels, predictions, predictors, errors="by_actual", eps=EPS, seed=0
    )


def test_a_divergence_of_a_single_class_has_neither_value_nor_interval():
    measures = few_defined(np.random.default_rng(2), [1])
    assert [one.averaged for one in measures[3:]] == [1, 1, 1]
    assert all(np.isnan(one.values).all() for one in measures[3:])
    assert not any(np.isnan(one.values).any() for one in measures[:3]), "means over errors"
    options = {"confidence": 0.95, "min_images": 20}
    found = divergence_intervals({"run": [measures]}, **options)["run"]
    assert found.classes == 1
    for one in found.intervals.values():
        assert np.isnan([one.value[0], one.low[0], one.high[0]]).all()


def test_trainings_that_share_a_single_class_are_not_compared():
    rng = np.random.default_rng(2)
    trainings = [few_defined(rng, [0, 1]), few_defined(rng, [1, 2])]
    assert not any(np.isnan(one.values[0]).any() for of in trainings for one in of)
    options = {"confidence": 0.95, "min_images": 20}
    found = divergence_intervals({"run": trainings}, **options)["run"]
    assert found.classes == 1
    assert np.isnan(found.intervals["kld"].value[0])
