"""What repeats say of other seeds."""

import numpy as np
import pytest
from scipy import stats

from imbalens.analysis.differences.bootstrap import compare_paired
from imbalens.analysis.differences.repeats import average_repeats, spread_over_seeds


def summarize(*repeats, images, name):
    counts = np.full((len(repeats), repeats[0].shape[1]), images)
    return average_repeats(np.stack(repeats), counts, seed=3, name=name)


def compare(baseline, other):
    return compare_paired(baseline, other, confidence=0.95, min_images=2)


def test_spread_over_repeats_is_not_underestimated():
    """Without any over images, the variance is s^2 / repeats, and s^2 of a single training."""
    measured = [np.full((20_001, 1), value) for value in (0.2, 0.5)]
    found = summarize(*measured, images=9, name="twice")
    assert found.values.tolist() == pytest.approx([0.35])
    assert found.seed_variance.tolist() == pytest.approx([0.045])
    assert found.noise.std() == pytest.approx(1, rel=0.02)
    alone = summarize(measured[0], images=9, name="once")
    assert np.isnan(alone.seed_variance).all()
    for sides in ((alone, found), (found, alone)):
        both = compare(*sides)
        # one degree of freedom: Student's t is 12.7
        half_width = stats.t.isf(0.025, 1) * np.sqrt(0.045 + 0.045 / 2)
        assert (both.high - both.low).tolist() == pytest.approx([2 * half_width], rel=0.03)
    twice = compare(found, summarize(*measured, images=9, name="twice as well"))
    half_width = stats.t.isf(0.025, 2) * np.sqrt(0.045)
    assert (twice.high - twice.low).tolist() == pytest.approx([2 * half_width], rel=0.03)


def test_a_single_training_varies_as_the_repeats_it_is_compared_with():
    repeated = summarize(*np.array([[[1.0]] * 2, [[2.0]] * 2, [[6.0]] * 2]), images=9, name="a")
    single, other = (summarize(np.ones((2, 1)), images=9, name=name) for name in "bc")
    variance = repeated.seed_variance[0]
    assert variance == pytest.approx(7.0)
    spread, unsteady = spread_over_seeds(single, repeated)
    assert np.concatenate(spread).tolist() == pytest.approx([7.0, 7 / 3])
    assert unsteady.tolist() == pytest.approx([(7 + 7 / 3) ** 2 / 2])
    spread, unsteady = spread_over_seeds(repeated, repeated)
    assert np.concatenate(spread).tolist() == pytest.approx([7 / 3, 7 / 3])
    assert unsteady.tolist() == pytest.approx([2 * (7 / 3) ** 2 / 2])
    spread, unsteady = spread_over_seeds(single, other)
    assert [*np.concatenate(spread), *unsteady] == [0, 0, 0]


def test_means_and_what_is_behind_them_by_hand():
    measured = np.array([[[0.5, 1.0], [0.25, 1.0]], [[1.0, 0.0], [0.75, np.nan]]])
    images, patients = np.array([[9, 7], [8, 30]]), np.array([[5, 6], [6, 20]])
    found = average_repeats(measured, images, patients, seed=0, name="a")
    assert found.values.tolist() == [0.75, 0.5]
    np.testing.assert_array_equal(found.replicates, [[0.5, np.nan]])
    assert found.images.tolist() == [8, 7]
    assert found.units.tolist() == [5, 6]
    assert average_repeats(measured, images, seed=0, name="a").units.tolist() == [8, 7]


def test_runs_and_measures_have_random_numbers_of_their_own():
    measured = np.zeros((1, 2001, 1))
    images = np.array([[9]])
    noise = [
        average_repeats(measured, images, seed=seed, name=name).noise[:, 0]
        for seed, name in ((3, "a"), (3, "b"), (4, "a"))
    ]
    assert (np.abs(np.corrcoef(noise) - np.eye(3)) < 0.1).all()
    again = average_repeats(measured, images, seed=3, name="a").noise[:, 0]
    np.testing.assert_array_equal(again, noise[0])
