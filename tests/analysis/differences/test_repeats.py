"""What repeats say of other seeds."""

import numpy as np
import pytest
from scipy import stats

from imbalens.analysis.differences.bootstrap import compare_paired
from imbalens.analysis.differences.repeats import average_repeats, pool_seed_variance


def summarize(*repeats, images=90_000):
    counts = np.full((len(repeats), repeats[0].shape[1]), images)
    return average_repeats(np.stack(repeats), counts)


def compare(baseline, other):
    return compare_paired(baseline, other, confidence=0.95, min_images=2)


def test_spread_over_repeats_is_not_underestimated():
    """Without any over images, the variance is s^2 / repeats, and s^2 of a single training."""
    measured = [np.full((20, 1), value) for value in (0.2, 0.5)]
    found = summarize(*measured)
    assert found.values.tolist() == pytest.approx([0.35])
    assert found.seed_variance.tolist() == pytest.approx([0.045])
    alone = summarize(measured[0])
    assert np.isnan(alone.seed_variance).all()
    for sides in ((alone, found), (found, alone)):
        both = compare(*sides)
        # one degree of freedom: Student's t is 12.7
        half_width = stats.t.isf(0.025, 1) * np.sqrt(0.045 + 0.045 / 2)
        assert (both.high - both.low).tolist() == pytest.approx([2 * half_width], rel=0.001)
    twice = compare(found, summarize(*measured))
    half_width = stats.t.isf(0.025, 2) * np.sqrt(0.045)
    assert (twice.high - twice.low).tolist() == pytest.approx([2 * half_width], rel=0.001)


def test_the_variance_over_seeds_is_pooled_over_both_sides():
    single, twice, thrice = (
        summarize(*(np.full((3, 1), float(value)) for value in of))
        for of in ((5,), (1, 3), (1, 2, 6))
    )
    variances = {1: 0.0, 2: 2.0, 3: 7.0}
    for first in (single, twice, thrice):
        for second in (single, twice, thrice):
            n = first.n_repeats, second.n_repeats
            variance, freedom = pool_seed_variance(first, second)
            squares = sum((k - 1) * variances[k] for k in n)
            assert freedom == sum(n) - 2
            assert variance.tolist() == pytest.approx([squares / freedom if freedom else 0])


def test_means_and_what_is_behind_them_by_hand():
    measured = np.array([[[0.5, 1.0], [0.25, 1.0]], [[1.0, 0.0], [0.75, np.nan]]])
    images, patients = np.array([[9, 7], [8, 30]]), np.array([[5, 6], [6, 20]])
    found = average_repeats(measured, images, patients)
    assert found.values.tolist() == [0.75, 0.5]
    np.testing.assert_array_equal(found.replicates, [[0.5, np.nan]])
    assert found.images.tolist() == [8, 7]
    assert found.units.tolist() == [5, 6]
    assert average_repeats(measured, images).units.tolist() == [8, 7]
