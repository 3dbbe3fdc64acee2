import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from imbalens.analysis.common.measured import PerClass, mean_of_defined
from imbalens.analysis.common.weighted import (
    images_drawn,
    mean_where,
    precision,
    recall,
)
from imbalens.analysis.common.weighted_ranking import (
    rank_once,
    weighted_auroc,
    weighted_average_precision,
)
from imbalens.analysis.differences.bootstrap import compare_paired, resample_images
from imbalens.analysis.differences.repeats import average_repeats
from imbalens.analysis.performance.measures import RECALL_HALF

SIMULATIONS, FEWER, RESAMPLES = 800, 300, 500
ARRAYS = ("baseline", "value", "difference", "low", "high", "p", "images", "z")


def summarize(*repeats, images, interval="wald"):
    """A run's measure from that of each repeat on the weights."""
    counts = np.full((len(repeats), repeats[0].shape[1]), images)
    return average_repeats(np.stack(repeats), counts, interval=interval)


def compare(baseline, other, min_images=2):
    return compare_paired(baseline, other, confidence=0.95, min_images=min_images)


def means(weights, values):
    return mean_where(weights, values, np.ones(values.shape, dtype=bool))


def draw_means(rng, weights, effect=0.0):
    """Values in 0..1 of two runs on the same images; a column is a simulation."""
    n = weights.shape[1]
    first = rng.beta(2, 5, (n, SIMULATIONS))
    second = np.clip(first + rng.normal(0, 0.15, first.shape), 0, 1) * (1 - effect)
    return [summarize(means(weights, one), images=n) for one in (first, second)]


def draw_recalls(rng, weights):
    """Recall 0.6 and, of three in ten images judged anew, 0.75: on average 0.645."""
    n = weights.shape[1]
    actual = np.zeros((n, SIMULATIONS), dtype=bool)
    actual[: n // 3] = True
    first = rng.random(actual.shape) < 0.6
    second = np.where(rng.random(first.shape) < 0.3, rng.random(first.shape) < 0.75, first)
    return [summarize(recall(weights, actual, one), images=n // 3) for one in (first, second)]


def draw_scores(rng, positives):
    """Scores normal around 0 and 1.2, with more and with less noise."""
    signal = rng.normal(size=positives.shape) + 1.2 * positives
    return [signal + rng.normal(0, noise, signal.shape) for noise in (0.7, 0.5)]


def draw_rankings(measure, n_positives):
    def draw(rng, weights):
        positives = np.zeros((weights.shape[1], FEWER), dtype=bool)
        positives[:n_positives] = True
        scores = draw_scores(rng, positives)
        return [summarize(measure(weights, one, positives), images=n_positives) for one in scores]

    return draw


def draw_precisions(rng, weights):
    """Of 60 positives 0.6 are found, of 120 negatives 0.15 and 0.1: 2/3 and 3/4 are right."""
    n = weights.shape[1]
    actual = np.zeros((n, SIMULATIONS), dtype=bool)
    actual[: n // 3] = True
    chances = rng.random(actual.shape)
    found = [chances < np.where(actual, 0.6, alarms) for alarms in (0.15, 0.1)]
    return [summarize(precision(weights, actual, one), images=n // 3) for one in found]


def draw_means_over_labels(rng, weights, *rare):
    """Recall 0.5 and 0.6 of labels with 20, 30 and 60 images, and of some with few."""
    n, counts = weights.shape[1], np.array([20, 30, 60, *rare])
    actual = np.zeros((n, FEWER, len(counts)), dtype=bool)
    for label, count in enumerate(counts):
        actual[rng.choice(n, count, replace=False), :, label] = True
    chances, flat = rng.random(actual.shape), (n, -1)
    sides = []
    for rate in (0.5, 0.6):
        each = recall(weights, actual.reshape(flat), (chances < rate).reshape(flat))
        each = each.reshape(len(weights), FEWER, len(counts)).swapaxes(0, 1)
        means = [
            mean_of_defined(
                RECALL_HALF,
                PerClass(
                    one,
                    actual[:, place],
                    None,
                    drawn=images_drawn(weights, actual[:, place]),
                    collapsed=20,
                ),
            )
            for place, one in enumerate(each)
        ]
        units = np.full((1, FEWER), means[0].units)
        share_of = np.full((1, FEWER), means[0].share_units)
        values = np.hstack([one.values for one in means])[None]
        sides.append(average_repeats(values, units, interval="share", share_of=share_of))
    return sides


def mean_difference(rng):
    first = rng.beta(2, 5, 10**6)
    return (np.clip(first + rng.normal(0, 0.15, 10**6), 0, 1) - first).mean()


def precision_difference(rng, share):
    """Average precision of so many images that chance does not matter."""
    positives = np.arange(10**6) < share * 10**6
    first, second = draw_scores(rng, positives)
    before, after = (
        rank_once(weighted_average_precision, scores, positives) for scores in (first, second)
    )
    return after - before


AUROCS = stats.norm.cdf(1.2 / np.sqrt([2 * 1.49, 2 * 1.25]))
RARE = precision_difference(np.random.default_rng(0), 1 / 12)
COVERAGE = {
    # simulated sides, images, true difference; the binomial error of a coverage is 0.8 %, of
    # rankings and means over labels 1.3 %
    "mean": (draw_means, 20, mean_difference(np.random.default_rng(0)), (0.93, 0.975)),
    "mean of more": (draw_means, 90, mean_difference(np.random.default_rng(0)), (0.93, 0.97)),
    "recall": (draw_recalls, 180, 0.045, (0.92, 0.975)),
    "precision": (draw_precisions, 180, 3 / 4 - 2 / 3, (0.92, 0.975)),
    "auroc": (draw_rankings(weighted_auroc, 20), 60, AUROCS[1] - AUROCS[0], (0.93, 0.99)),
    "auroc of a rare label": (
        draw_rankings(weighted_auroc, 20),
        240,
        AUROCS[1] - AUROCS[0],
        (0.92, 0.98),
    ),
    "average precision of a rare label": (
        draw_rankings(weighted_average_precision, 20),
        240,
        RARE,
        (0.92, 0.98),
    ),
    "mean over labels": (draw_means_over_labels, 240, 0.1, (0.92, 0.98)),
    "mean over rare labels": (
        lambda *args: draw_means_over_labels(*args, 1, 3),
        240,
        0.1,
        (0.83, 0.98),
    ),
}


@pytest.mark.parametrize("case", COVERAGE)
def test_interval_covers_as_often_as_it_says(case):
    simulate, n, truth, (lowest, highest) = COVERAGE[case]
    weights = resample_images(n, n_resamples=RESAMPLES, seed=1)
    found = compare(*simulate(np.random.default_rng(7), weights))
    covered = (found.low <= truth) & (truth <= found.high)
    assert lowest <= covered.mean() <= highest
    assert found.difference.mean() == pytest.approx(truth, abs=0.01)


def draw_changes(rng, lost, gained, patients):
    """Of 7 in 10 images right, some are lost, and some gained; mostly whole patients change."""
    shape = (len(patients), SIMULATIONS)
    alone = rng.random(SIMULATIONS) < 0.1
    right, chance = (
        np.where(alone, rng.random(shape), rng.random((patients.max() + 1, SIMULATIONS))[patients])
        for _ in range(2)
    )
    first = right < 0.7
    return first, np.where(first, chance >= lost / 0.7, chance < gained / 0.3)


@pytest.mark.parametrize(("lost", "gained"), [(0.002, 0.002), (0.04, 0.0), (0.08, 0.02)])
@pytest.mark.parametrize("per_patient", [1, 3])
def test_interval_of_a_share_covers_where_few_images_change(lost, gained, per_patient):
    patients = np.repeat(np.arange(20), per_patient)
    n = len(patients)
    weights = resample_images(n, n_resamples=RESAMPLES, seed=1, patients=patients)
    rng, covered = np.random.default_rng(3), {}
    pair = draw_changes(rng, lost, gained, patients)
    for interval in ("share", "wald"):
        sides = [
            average_repeats(
                means(weights, one.astype(float))[None],
                np.full((1, SIMULATIONS), n),
                np.full((1, SIMULATIONS), 20),
                interval=interval,
                share_of=np.full((1, SIMULATIONS), np.sqrt(20 * n)),
            )
            for one in pair
        ]
        found, truth = compare(*sides), gained - lost
        covered[interval] = ((found.low <= truth) & (truth <= found.high)).mean()
        if interval == "share":
            assert (found.low < found.difference).all()
            assert (found.difference < found.high).all()
    assert covered["share"] >= 0.94
    assert covered["wald"] < 0.9


def test_interval_of_a_share_is_bonett_and_price_s():
    """Of 60 images 7 were lost and 2 gained; of others none."""
    weights = resample_images(60, n_resamples=20_000, seed=1)
    first, second = np.ones((2, 60, 2))
    first[:2, 0], second[2:9, 0] = 0, 0
    sides = [
        summarize(means(weights, one), images=60, interval="share") for one in (first, second)
    ]
    found = compare(*sides)
    lost, gained = np.array([8, 1]) / 62, np.array([3, 1]) / 62
    error = np.sqrt((lost + gained - (lost - gained) ** 2) / 62)
    reach = stats.t.isf(0.025, 59) * error
    np.testing.assert_allclose(found.low, gained - lost - reach, rtol=0.02)
    np.testing.assert_allclose(found.high, gained - lost + reach, rtol=0.02)
    assert found.difference.tolist() == pytest.approx([-5 / 60, 0])


@pytest.mark.parametrize("n", [5, 10, 20])
def test_p_of_a_share_that_only_falls_is_near_the_exact_one(n):
    """The sign test of McNemar's table: all changes are losses."""
    weights = resample_images(60, n_resamples=4000, seed=1)
    second = np.ones((60, 1))
    second[:n] = 0
    ones = np.ones((60, 1))
    sides = [summarize(means(weights, one), images=60, interval="share") for one in (ones, second)]
    found = compare(*sides)
    exact = stats.norm.isf(0.5**n)
    assert found.z[0] == pytest.approx(exact, abs=0.25)


def draw_near_one(rng, n_positives, n, aurocs):
    positives = np.arange(n)[:, None] < np.full(FEWER, n_positives)
    common = rng.normal(size=positives.shape) * np.sqrt(0.7)
    return positives, [
        np.sqrt(2) * stats.norm.ppf(auroc) * positives
        + common
        + rng.normal(0, np.sqrt(0.3), positives.shape)
        for auroc in aurocs
    ]


def test_interval_of_an_auroc_near_one_covers_with_ten_positives():
    weights = resample_images(200, n_resamples=RESAMPLES, seed=1)
    positives, scores = draw_near_one(np.random.default_rng(5), 10, 200, (0.96, 0.98))
    measured = [weighted_auroc(weights, one, positives) for one in scores]
    covered = {}
    for interval in ("logit", "wald"):
        found = compare(*(summarize(one, images=10, interval=interval) for one in measured))
        covered[interval] = ((found.low <= 0.02) & (found.high >= 0.02)).mean()
        assert found.difference.mean() == pytest.approx(0.02, abs=0.01)
    assert covered["wald"] <= 0.9
    assert covered["logit"] >= 0.92


def test_a_difference_of_shares_is_at_most_one():
    """However little is known of seeds."""
    apart = [np.full((201, 1), value) for value in (0.0, 0.1, 0.9, 1.0)]
    sides = [summarize(*of, images=30, interval="share") for of in (apart[:2], apart[2:])]
    found = compare(*sides)
    assert found.low[0] < found.difference[0] == pytest.approx(0.9)
    assert found.high[0] == 1
    back = compare(*sides[::-1])
    assert back.low[0] == -1


def test_interval_and_p_of_an_auroc_agree():
    weights = resample_images(60, n_resamples=200, seed=1)
    positives, scores = draw_near_one(np.random.default_rng(6), 20, 60, (0.8, 0.9))
    measured = [weighted_auroc(weights, one, positives) for one in scores]
    found = compare(*(summarize(one, images=20, interval="logit") for one in measured))
    excludes = (found.low > 0) | (found.high < 0)
    np.testing.assert_array_equal(excludes, found.p < 0.05)
    assert 0.1 < excludes.mean() < 0.9
    back = compare(*(summarize(one, images=20, interval="logit") for one in measured[::-1]))
    np.testing.assert_allclose([back.low, back.high], [-found.high, -found.low], atol=1e-12)


def test_two_perfect_rankings_may_still_differ_on_other_images():
    ones = np.ones((201, 1))
    found = compare(*(summarize(ones, images=10, interval="logit") for _ in range(2)))
    square = stats.t.isf(0.025, 9) ** 2
    reach = square / (10 + square)  # Wilson's of ten out of ten
    assert [found.low[0], found.high[0]] == pytest.approx([-reach, reach])
    assert found.p.tolist() == [1.0]


@pytest.mark.parametrize("n_repeats", [2, 3])
@pytest.mark.parametrize("effect", [0.0, 1.0, 3.0])
def test_interval_covers_with_repeats(n_repeats, effect):
    """Values are sums of what image, training seed, and both together contribute."""
    n, rng = 40, np.random.default_rng(2)
    weights = resample_images(n, n_resamples=RESAMPLES, seed=1)
    image = rng.normal(size=(n, SIMULATIONS))
    runs = []
    for _ in (0, 1):
        seeds = rng.normal(0, effect / np.sqrt(n), (n_repeats, 1, SIMULATIONS))
        values = image + seeds + rng.normal(0, 0.7, (n_repeats, n, SIMULATIONS))
        runs.append(summarize(*(means(weights, one) for one in values), images=n))
    found = compare(*runs)
    assert ((found.low <= 0) & (found.high >= 0)).mean() >= 0.92
    assert (found.p <= 0.05).mean() <= 0.08


@pytest.mark.parametrize("n_repeats", [(3, 1), (1, 3), (5, 1)])
@pytest.mark.parametrize("effect", [0.0, 1.0, 3.0])
def test_interval_covers_where_one_side_was_trained_once(n_repeats, effect):
    n, rng = 40, np.random.default_rng(2)
    weights = resample_images(n, n_resamples=RESAMPLES, seed=1)
    image = rng.normal(size=(n, SIMULATIONS))
    runs = []
    for repeats in n_repeats:
        seeds = rng.normal(0, effect / np.sqrt(n), (repeats, 1, SIMULATIONS))
        values = image + seeds + rng.normal(0, 0.7, (repeats, n, SIMULATIONS))
        runs.append(summarize(*(means(weights, one) for one in values), images=n))
    found = compare(*runs)
    assert ((found.low <= 0) & (found.high >= 0)).mean() >= 0.92
    assert (found.p <= 0.05).mean() <= 0.08


def test_interval_covers_where_images_are_of_few_patients():
    """Forty patients with one to seven images each, which mostly are alike."""
    rng = np.random.default_rng(11)
    patients = np.repeat(np.arange(40), 1 + np.arange(40) % 7)
    n = len(patients)
    of_patient = rng.normal(size=(40, SIMULATIONS))[patients]
    first = rng.normal(size=(n, SIMULATIONS))
    second = first + of_patient + rng.normal(0, 0.5, first.shape)
    covered = {}
    for name, drawn_with, units in (("images", None, n), ("patients", patients, 40)):
        weights = resample_images(n, n_resamples=RESAMPLES, seed=1, patients=drawn_with)
        sides = [
            average_repeats(
                means(weights, one)[None],
                np.full((1, SIMULATIONS), n),
                np.full((1, SIMULATIONS), units),
            )
            for one in (first, second)
        ]
        found = compare(*sides)
        covered[name] = ((found.low <= 0) & (found.high >= 0)).mean()
    assert covered["images"] < 0.75
    assert 0.92 <= covered["patients"] <= 0.97


def test_planted_difference_is_found_and_planted_null_is_not():
    weights = resample_images(90, n_resamples=RESAMPLES, seed=1)
    found = compare(*draw_means(np.random.default_rng(4), weights, effect=0.5))
    assert (found.p < 0.05).mean() > 0.95
    assert np.median(found.high) < 0
    rng = np.random.default_rng(4)
    first = rng.random((90, SIMULATIONS))
    runs = [summarize(means(weights, first + rng.normal(0, 0.1, first.shape)), images=90)]
    runs.append(summarize(means(weights, first + rng.normal(0, 0.1, first.shape)), images=90))
    assert 0.03 <= (compare(*runs).p < 0.05).mean() <= 0.07


@pytest.mark.parametrize("n_repeats", [1, 3])
def test_run_against_itself(n_repeats):
    rng = np.random.default_rng(0)
    weights = resample_images(30, n_resamples=50, seed=2)
    repeats = [means(weights, rng.random((30, 4))) for _ in range(n_repeats)]
    found = compare(*(summarize(*repeats, images=30) for _ in range(2)))
    assert found.difference.tolist() == [0.0] * 4
    if n_repeats == 1:
        assert np.isnan([found.low, found.high, found.p]).all(), "nothing varies"
    else:
        assert (found.low < 0).all()
        assert found.p.tolist() == [1.0] * 4


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_laws(seed):
    rng = np.random.default_rng(seed)
    weights = resample_images(15, n_resamples=40, seed=seed)
    values, order = rng.random((4, 15, 2)), rng.permutation(15)

    def sides(rows):
        measured = [means(weights[:, rows], one[rows]) for one in values]
        return summarize(*measured[:1], images=15), summarize(*measured[1:], images=15)

    first, second = sides(np.arange(15))
    found, swapped = compare(first, second), compare(second, first)
    np.testing.assert_array_equal(swapped.difference, -found.difference)
    np.testing.assert_allclose(swapped.low, -found.high, atol=1e-12)
    np.testing.assert_allclose(swapped.p, found.p, atol=1e-12)
    assert (found.low <= found.difference).all()
    assert ((found.p >= 1 / 41) & (found.p <= 1)).all()
    shuffled = compare(*sides(order))
    for name in ARRAYS:
        expected = getattr(found, name)
        np.testing.assert_allclose(getattr(shuffled, name), expected, atol=1e-9, err_msg=name)


def test_agrees_with_plain_loops():
    rng = np.random.default_rng(8)
    weights = resample_images(12, n_resamples=200, seed=5)
    values = rng.random((2, 12))
    runs = [summarize(means(weights, one[:, None]), images=12) for one in values]
    found = compare(*runs)
    differences = values[1] - values[0]
    drawn = [np.mean(np.repeat(differences, weight)) for weight in weights[1:]]
    error = np.std(drawn, ddof=1)
    assert found.difference[0] == pytest.approx(differences.mean())
    reach = stats.t.ppf(0.975, 11) * error
    assert [found.low[0], found.high[0]] == pytest.approx(
        [differences.mean() - reach, differences.mean() + reach]
    )
    assert found.p[0] == pytest.approx(2 * stats.t.sf(abs(differences.mean()) / error, 11))


def test_thin_and_undefined_sides():
    nan = np.nan
    baseline = np.array([[0.5, 0.5, nan, 0.0], [0.4, 0.5, nan, 0.0], [nan, 0.5, 1.0, 0.0]])
    other = np.array([[0.6, 0.5, 1.0, 1.0], [0.7, 0.4, 1.0, 1.0], [0.8, 0.4, 1.0, 1.0]])
    thin, thick = np.array([[20, 20, 20, 20]]), np.array([[30, 19, 30, 30]])
    sides = [
        average_repeats(one[None], images) for one, images in ((baseline, thin), (other, thick))
    ]
    found = compare(*sides, min_images=20)
    assert found.images.tolist() == [20, 19, 20, 20]
    # one replicate left; too few images; no value
    assert np.isnan(found.difference).tolist() == [True, True, True, False]
    # and of 20 images that all changed by as much, one more would have stayed as it was
    assert np.isnan([found.low[:3], found.high[:3], found.p[:3]]).all()
    reach = stats.t.isf(0.025, 19) * np.sqrt(20 / 21**3)
    assert [found.low[3], found.high[3]] == pytest.approx([20 / 21 - reach, 20 / 21 + reach])
    assert found.p[3] == pytest.approx(1 / 3)  # of two replicates
    assert (found.null_z == 0).all()


def test_chance_is_measured_from_the_mean_of_the_replicates():
    """The bias of replicates is none of chance's."""
    rng = np.random.default_rng(0)
    steady = summarize(np.zeros((1001, 1)), images=30)
    biased = np.append(0.3, 0.5 + 0.1 * rng.normal(size=1000))[:, None]
    found = compare(steady, summarize(biased, images=30))
    assert found.null_z.std() < 1
    assert (found.null_z**2).mean() == pytest.approx(1, abs=0.002)


def test_equal_values_differ_by_rounding_only():
    weights = resample_images(30, n_resamples=50, seed=2)
    first = means(weights, np.full((30, 1), 0.1))
    sides = [summarize(one, images=30, interval="share") for one in (first, first * (1 + 2e-16))]
    assert compare(*sides).p.tolist() == [1.0]
    sides = [summarize(one, images=30) for one in (first, first * (1 + 2e-16))]
    assert np.isnan(compare(*sides).p), "no certain difference"


def test_resampled_images():
    weights = resample_images(40, n_resamples=300, seed=6)
    assert weights.shape == (301, 40)
    assert (weights[0] == 1).all()
    assert (weights.sum(axis=1) == 40).all()
    assert weights[1:].var() == pytest.approx(1 - 1 / 40, abs=0.05)
    np.testing.assert_array_equal(weights, resample_images(40, n_resamples=300, seed=6))
    assert (weights != resample_images(40, n_resamples=300, seed=7)).any()


def test_images_of_a_patient_are_drawn_together():
    patients = np.array([7, 3, 7, 7, 90, 3])
    weights = resample_images(6, n_resamples=300, seed=6, patients=patients)
    assert (weights[0] == 1).all()
    np.testing.assert_array_equal(weights[:, [0, 0, 1]], weights[:, [2, 3, 5]])
    assert (weights[:, [0, 1, 4]].sum(axis=1) == 3).all()
    assert weights[1:, 4].mean() == pytest.approx(1, abs=0.15)
    alone = resample_images(6, n_resamples=300, seed=6, patients=np.arange(6) * 5)
    np.testing.assert_array_equal(alone, resample_images(6, n_resamples=300, seed=6))


def test_refuses():
    side = summarize(np.ones((3, 1)), images=5)
    with pytest.raises(ValueError, match="confidence must be between 0 and 1, found 95"):
        compare_paired(side, side, confidence=95.0, min_images=2)
    with pytest.raises(ValueError, match="min_images must be at least 2, found 1"):
        compare_paired(side, side, confidence=0.95, min_images=1)
