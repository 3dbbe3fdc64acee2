"""Intervals of measures themselves: they cover what they are of as often as they say."""

import numpy as np
import pytest
from scipy import stats

from imbalens.analysis.adversaries.distributions import off_diagonal_shares
from imbalens.analysis.common.weighted import mean_where
from imbalens.analysis.differences.bootstrap import resample_images
from imbalens.analysis.differences.intervals import ratio_interval, value_interval
from imbalens.analysis.differences.repeats import RunMeasure, average_repeats
from tests.analysis.oracles import close

NAN = np.nan
EPS = 1e-5
OPTIONS = {"confidence": 0.95, "min_images": 5}


def summarize(*repeats, images):
    counts = np.full((len(repeats), repeats[0].shape[1]), images)
    return average_repeats(np.stack(repeats), counts)


def means(weights, values):
    return mean_where(weights, values, np.ones(values.shape, dtype=bool))


def mean_divergence(counts, predicted):
    """Mean over 5 classes of the divergence of errors, counted per pair, from a prediction."""
    share = counts.reshape(-1, 5, 5) / counts.reshape(-1, 5, 5).sum(axis=2, keepdims=True)
    return ((share + EPS) * np.log((share + EPS) / (predicted + EPS))).sum(axis=2).mean(axis=1)


def simulate_divergences(n, *, n_simulations):
    """Divergence of errors from a near and a far prediction; a column is a simulation."""
    rng = np.random.default_rng(5)
    true, far = (off_diagonal_shares(rng.standard_exponential((5, 5))) for _ in range(2))
    predicted = off_diagonal_shares(true + 0.1), far
    weights = resample_images(n, n_resamples=300, seed=1)
    labels = np.arange(n) % 5
    totals, columns = np.cumsum(true, axis=1)[labels], []
    for _ in range(n_simulations):
        taken_for = (rng.random((n, 1)) > totals).sum(axis=1)
        pairs = np.eye(25)[5 * labels + taken_for] * (rng.random((n, 1)) < 0.5)
        columns.append([mean_divergence(weights @ pairs, one) for one in predicted])
    return [
        summarize(np.stack(values, axis=1), images=n // 2) for values in zip(*columns, strict=True)
    ]


@pytest.mark.parametrize(("n", "bounds"), [(20, (0.92, 0.975)), (90, (0.93, 0.97))])
def test_interval_of_a_mean_covers_as_often_as_it_says(n, bounds):
    weights = resample_images(n, n_resamples=400, seed=1)
    values = np.random.default_rng(3).beta(2, 5, (n, 800))
    found = value_interval(summarize(means(weights, values), images=n), **OPTIONS)
    covered = (found.low <= 2 / 7) & (found.high >= 2 / 7)
    assert bounds[0] <= covered.mean() <= bounds[1]


def test_intervals_of_divergences_and_their_ratio_cover_the_mean_over_image_sets():
    near, far = simulate_divergences(400, n_simulations=400)  # binomial error of 1.1 %
    for run in (near, far):
        found, truth = value_interval(run, **OPTIONS), run.values.mean()
        covered = (found.low <= truth) & (truth <= found.high)
        assert 0.92 <= covered.mean() <= 0.98
    found, truth = ratio_interval(far, near, **OPTIONS), far.values.mean() / near.values.mean()
    covered = (found.low <= truth) & (truth <= found.high)
    assert 0.92 <= covered.mean() <= 0.98


def test_agrees_with_plain_loops():
    rng = np.random.default_rng(8)
    weights = resample_images(12, n_resamples=200, seed=5)
    values = 1 + rng.random((2, 12))
    top, bottom = (summarize(means(weights, one[:, None]), images=12) for one in values)
    drawn = np.array([[np.repeat(one, w).mean() for w in weights[1:]] for one in values])
    (above, below), t = values.mean(axis=1), stats.t.ppf(0.975, 11)
    found = value_interval(top, **OPTIONS)
    reach = t * np.std(drawn[0], ddof=1)
    assert [found.value[0], found.low[0], found.high[0]] == close(
        [above, above - reach, above + reach]
    )
    ratio = ratio_interval(top, bottom, **OPTIONS)
    stretch = np.exp(t * np.std(drawn[0] / above - drawn[1] / below, ddof=1))
    assert [ratio.value[0], ratio.low[0], ratio.high[0]] == close(
        [above / below, above / below / stretch, above / below * stretch]
    )


def test_repeats_widen_an_interval_by_how_they_spread():
    measured = [np.full((2001, 1), value) for value in (0.2, 0.5)]
    run, steady = (
        summarize(*values, images=9000) for values in (measured, [np.full((2001, 1), 0.5)] * 2)
    )
    found = value_interval(run, **OPTIONS)
    # one degree of freedom
    half_width = stats.t.isf(0.025, 1) * 0.15
    assert found.value == close([0.35])
    assert (found.high - found.low)[0] == pytest.approx(2 * half_width, rel=0.001)
    ratio = ratio_interval(run, steady, **OPTIONS)
    assert ratio.value == close([0.7])
    assert np.log(ratio.high / ratio.low)[0] == pytest.approx(2 * half_width / 0.35, rel=0.001)


def once(values, replicates, images):
    """A measure of a run that was trained once."""
    unknown = np.full(values.shape, NAN)
    return RunMeasure(values, replicates, unknown, images, images, 1)


def test_thin_undefined_and_certain_measures():
    replicates = np.array([[0.4, 0.5, NAN, 0.0, 0.5], [0.6, 0.5, 1.0, 0.0, 0.7]])
    values, images = np.array([0.5, 0.5, NAN, 0.0, 0.6]), np.array([9, 9, 9, 9, 4])
    run = once(values, replicates, images)
    found = value_interval(run, **OPTIONS)
    assert found.value == close([0.5, 0.5, NAN, 0, 0.6])
    assert np.isnan(found.low).tolist() == [False, False, True, True, True]
    assert found.low[1] < 0.5 < found.high[1], "though no replicate differs"
    one = once(np.ones(5), np.ones((2, 5)), images)
    ratio = ratio_interval(one, run, **OPTIONS)
    assert ratio.value == close([2, 2, NAN, NAN, 1 / 0.6])
    assert np.isnan(ratio.high).tolist() == [False, False, True, True, True]
    assert np.isnan(ratio_interval(run, one, **OPTIONS).value).tolist() == [0, 0, 1, 1, 0]
    assert np.isnan(ratio_interval(run, run, **OPTIONS).high).all(), "they vary together"


def test_an_end_beyond_all_numbers_is_infinite():
    replicates = np.array([[1.0], [3.0], [2.0]])
    near_zero = once(np.array([1e-9]), replicates, np.array([9]))
    one = once(np.ones(1), np.ones((3, 1)), np.array([9]))
    found = ratio_interval(one, near_zero, **OPTIONS)
    assert (found.low[0], found.high[0]) == (0, np.inf)


def test_refuses():
    run = summarize(np.ones((3, 1)), images=5)
    with pytest.raises(ValueError, match="confidence must be between 0 and 1, found 95"):
        value_interval(run, confidence=95.0, min_images=2)
    with pytest.raises(ValueError, match="min_images must be at least 2, found 1"):
        ratio_interval(run, run, confidence=0.95, min_images=1)
