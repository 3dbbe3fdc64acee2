"""Divergence of predicted from actual errors on resampled images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.adversaries.distributions import error_distribution, off_diagonal_shares
from imbalens.analysis.adversaries.scores import score_predictor
from imbalens.analysis.differences.adversaries import adversary_measures, divergence_intervals
from tests.analysis.oracles import close

NAN = np.nan
EPS = 1e-5
ERRORS = ("by_actual", "by_predicted")
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
    found = {}
    for name in ("kld", "kld_random"):
        weights = rng.integers(0, 3, (n_classes, n_classes)) * rng.random((n_classes, n_classes))
        found[name] = off_diagonal_shares(weights)
    return found


@pytest.mark.parametrize("form", ["codes", "members"])
@pytest.mark.parametrize("errors", ERRORS)
@given(seed=st.integers(0, 2**32 - 1), n_classes=st.integers(2, 5))
@few
def test_a_replicate_has_the_score_of_the_images_drawn(form, errors, seed, n_classes):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 25))
    weights, predictors = draw_weights(rng, n), draw_predictors(rng, n_classes)
    labels, predictions = draw_classes(rng, n, n_classes, form)
    found = adversary_measures(weights, labels, predictions, predictors, errors=errors, eps=EPS)
    assert [one.name for one in found] == list(predictors)
    for one, predicted in zip(found, predictors.values(), strict=True):
        assert (one.stage, one.classes) == ("adversaries", None)
        for row, weight in enumerate(weights):
            drawn = np.repeat(np.arange(n), weight)
            actual = error_distribution(
                labels[drawn], predictions[drawn], n_classes=n_classes, errors=errors
            )
            kld = score_predictor(actual.share, predicted, eps=EPS).kld
            assert one.values[row] == close([kld])


@pytest.mark.parametrize("errors", ERRORS)
def test_of_one_class_per_image_the_images_as_they_are_have_the_metric_to_the_bit(errors):
    rng = np.random.default_rng(0)
    labels, predictions = draw_classes(rng, 200, 6, "codes")
    predictors = {"kld": off_diagonal_shares(rng.random((6, 6)))}
    ones = np.ones((1, 200), dtype=int)
    (found,) = adversary_measures(ones, labels, predictions, predictors, errors=errors, eps=EPS)
    actual = error_distribution(labels, predictions, n_classes=6, errors=errors)
    assert found.values[0, 0] == score_predictor(actual.share, predictors["kld"], eps=EPS).kld


def test_images_are_those_with_an_error_around_a_class_that_is_judged():
    labels, predictions = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 1, 2, 0, 0, 2])
    share = off_diagonal_shares(np.ones((3, 3)))
    thin = share.copy()
    thin[0] = NAN
    ones = np.ones((1, 6), dtype=int)
    counts = {
        errors: [
            (one.images.tolist(), one.averaged)
            for one in adversary_measures(
                ones, labels, predictions, {"kld": share, "kld_fdr": thin}, errors=errors, eps=EPS
            )
        ]
        for errors in ERRORS
    }
    assert counts == {
        "by_actual": [([4], 3), ([2], 2)],
        "by_predicted": [([4], 3), ([2], 2)],
    }


def test_an_image_that_misses_two_labels_counts_once():
    labels = np.array([[True, True, False], [False, False, True]])
    predictions = np.array([[False, False, True], [False, False, True]])
    share = off_diagonal_shares(np.ones((3, 3)))
    ones = np.ones((1, 2), dtype=int)
    (found,) = adversary_measures(
        ones, labels, predictions, {"kld": share}, errors="by_actual", eps=EPS
    )
    assert found.images.tolist() == [1]
    assert found.values[0, 0] == pytest.approx(np.log(2), abs=1e-3), "all of it to one of two"


@pytest.mark.parametrize("form", ["codes", "members"])
def test_without_errors_nothing_is_measured(form):
    labels = np.array([0, 1, 1]) if form == "codes" else np.eye(2, dtype=bool)[[0, 1, 1]]
    share = off_diagonal_shares(np.ones((2, 2)))
    (found,) = adversary_measures(
        np.ones((3, 3), dtype=int), labels, labels, {"kld": share}, errors="by_actual", eps=EPS
    )
    assert np.isnan(found.values).all()
    assert found.images.tolist() == [0]


def test_many_replicates_are_worked_off_in_blocks(monkeypatch):
    rng = np.random.default_rng(1)
    labels, predictions = draw_classes(rng, 30, 4, "members")
    weights, predictors = draw_weights(rng, 30), draw_predictors(rng, 4)
    options = {"errors": "by_actual", "eps": EPS}
    whole = adversary_measures(weights, labels, predictions, predictors, **options)
    monkeypatch.setattr("imbalens.analysis.differences.adversaries._BLOCK", 1)
    parts = adversary_measures(weights, labels, predictions, predictors, **options)
    for one, other in zip(whole, parts, strict=True):
        assert other.values == close(one.values)


def test_refuses():
    labels, share = np.zeros((1, 2), dtype=bool), off_diagonal_shares(np.ones((2, 2)))
    ones = np.ones((1, 1), dtype=int)
    with pytest.raises(ValueError, match="each image must have a class"):
        adversary_measures(ones, labels, ~labels, {"kld": share}, errors="by_predicted", eps=EPS)
    with pytest.raises(ValueError, match="eps is 0"):
        adversary_measures(
            ones, np.array([0]), np.array([1]), {"kld": share}, errors="by_actual", eps=0.0
        )


def test_divergences_of_a_run_have_intervals():
    rng = np.random.default_rng(2)
    labels, predictions = draw_classes(rng, 300, 4, "codes")
    weights = rng.multinomial(300, np.full(300, 1 / 300), size=101)
    weights[0] = 1
    predictors = {
        name: off_diagonal_shares(rng.random((4, 4))) for name in ("kld", "kld_fdr", "kld_random")
    }
    measures = adversary_measures(
        weights, labels, predictions, predictors, errors="by_actual", eps=EPS
    )
    options = {"confidence": 0.95, "min_images": 20}
    found = divergence_intervals({"run": [measures], "twice": [measures] * 2}, **options)
    assert list(found) == ["run", "twice"]
    intervals = {run: one.intervals for run, one in found.items()}
    assert list(intervals["run"]) == [*predictors, "factor"]
    assert [one.classes for one in found.values()] == [4, 4]
    own = {name: float(one.value[0]) for name, one in intervals["run"].items()}
    for one in measures:
        assert own[one.name] == one.values[0, 0]
    assert own["factor"] == pytest.approx(own["kld_random"] / own["kld"])
    for name, one in intervals["run"].items():
        assert one.low[0] < one.value[0] < one.high[0]
        assert intervals["twice"][name].low == pytest.approx(one.low), "repeats alike add nothing"
