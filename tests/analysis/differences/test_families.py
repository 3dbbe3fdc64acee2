"""Correction for many comparisons that are looked at together."""

import numpy as np
import pytest
from scipy import stats

from imbalens.analysis.common.weighted import mean_where
from imbalens.analysis.differences import families
from imbalens.analysis.differences.bootstrap import (
    PairedComparison,
    compare_paired,
    resample_images,
)
from imbalens.analysis.differences.repeats import average_repeats

IMAGES, MEASURES, SIMULATIONS = 60, 12, 300
WEIGHTS = resample_images(IMAGES, n_resamples=200, seed=1)


def adjust_for_family(comparisons):
    return families.adjust_for_family(comparisons, seed=0, n_draws=500)


def compare(values, min_images=2):
    """Compare two runs, given as repeats x images x measures."""
    runs = []
    for repeats in values:
        measured = [mean_where(WEIGHTS, one, np.ones(one.shape, bool)) for one in repeats]
        images = np.full((len(repeats), repeats.shape[2]), IMAGES)
        runs.append(average_repeats(np.stack(measured), images))
    return compare_paired(*runs, confidence=0.95, min_images=min_images)


def draw(rng, correlation, n_repeats=1, effect=0.0):
    """Measures of two runs that share images and, to a degree, their noise."""
    shape = (2, n_repeats, IMAGES)
    common = rng.normal(size=(*shape, 1)) * np.sqrt(correlation)
    values = common + rng.normal(size=(*shape, MEASURES)) * np.sqrt(1 - correlation)
    values[1, :, :, 0] += effect
    return values + rng.normal(size=(IMAGES, MEASURES))


# the binomial error of an error rate of 5 % is 1.1 %
@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_family_wise_error_is_nominal(correlation):
    rng = np.random.default_rng(3)
    found = [compare(draw(rng, correlation)) for _ in range(SIMULATIONS)]
    smallest = [adjust_for_family([one])[0].min() for one in found]
    assert 0.02 <= np.mean(np.array(smallest) <= 0.05) <= 0.08


def test_family_wise_error_holds_with_repeats():
    rng = np.random.default_rng(5)
    smallest = [
        adjust_for_family([compare(draw(rng, 0.5, n_repeats=2))])[0].min()
        for _ in range(SIMULATIONS // 2)
    ]
    assert np.mean(np.array(smallest) <= 0.05) <= 0.07


def test_more_comparisons_are_found_than_by_single_steps():
    """What is found already no longer counts against the rest."""
    rng = np.random.default_rng(7)
    found = [compare(draw(rng, 0.3, effect=3.0)) for _ in range(60)]
    for one in found:
        adjusted = adjust_for_family([one])[0]
        rest = [1 - (1 - p) ** MEASURES for p in one.p]  # independent, in a single step
        order = np.argsort(one.p)
        assert adjusted[order[0]] <= 0.01
        assert (np.diff(adjusted[order]) >= 0).all()
        assert adjusted[order[1:]].mean() < np.mean([rest[place] for place in order[1:]])


def heavy(z, n_replicates=2000):
    """Comparisons whose replicates have tails unlike a normal distribution's."""
    rng = np.random.default_rng(4)
    null_z = rng.standard_t(3, (n_replicates, len(z)))
    null_z /= null_z.std(axis=0)
    z = np.asarray(z, dtype=float)
    nothing = np.zeros(len(z))
    counts = np.full(len(z), 9)
    return PairedComparison(
        baseline=nothing,
        value=z,
        difference=z,
        low=z - 2,
        high=z + 2,
        p=2 * stats.norm.sf(z),
        images=counts,
        z=z,
        null_z=null_z,
        over_seeds=nothing,
        freedom=np.full(len(z), np.inf),
    )


def test_heavy_tails_of_replicates_cost_no_more_than_bonferroni():
    z = np.zeros(200)
    z[0] = stats.norm.isf(0.025 / 200)
    (adjusted,) = adjust_for_family([heavy(z)])
    assert 0.02 <= adjusted[0] <= 0.08
    assert (adjusted[1:] == 1).all()


def test_uncorrected_would_find_too_much_and_bonferroni_too_little():
    """Where measures move together, max-t costs less than the number of comparisons."""
    rng = np.random.default_rng(6)
    found = [compare(draw(rng, 0.9, effect=0.35)) for _ in range(100)]
    p = np.array([one.p for one in found])
    adjusted = np.array([adjust_for_family([one])[0] for one in found])
    assert (adjusted >= p).all()
    assert adjusted[:, 0].mean() < np.minimum(p[:, 0] * MEASURES, 1).mean()
    assert (adjusted[:, 1:] <= 0.05).any(axis=1).mean() < (p[:, 1:] <= 0.05).any(axis=1).mean()


def test_planted_difference_is_found_among_nulls():
    one = compare(draw(np.random.default_rng(8), 0.5, effect=1.5))
    adjusted = adjust_for_family([one])[0]
    assert adjusted[0] <= 0.01
    assert (adjusted[1:] > 0.05).all()


def test_family_over_several_comparisons_is_one_family():
    rng = np.random.default_rng(2)
    values = draw(rng, 0.3, effect=1.0)
    whole = adjust_for_family([compare(values)])[0]
    halves = adjust_for_family([compare(values[..., :5]), compare(values[..., 5:])])
    assert [len(half) for half in halves] == [5, MEASURES - 5]
    np.testing.assert_array_equal(np.concatenate(halves), whole)
    alone = adjust_for_family([compare(values[..., :5])])[0]
    assert (halves[0] >= alone - 0.02).all()
    assert halves[0].sum() > alone.sum()


def test_undefined_and_unchanged_comparisons_cost_nothing():
    values = draw(np.random.default_rng(1), 0.0, effect=0.6)
    values[1, ..., 3] = values[0, ..., 3]  # where nothing varies nothing is known
    values[0, ..., 4] = np.nan
    adjusted = adjust_for_family([compare(values)])[0]
    assert np.isnan(adjusted[[3, 4]]).all()
    rest = np.delete(np.arange(MEASURES), [3, 4])
    np.testing.assert_array_equal(
        adjust_for_family([compare(values[..., rest])])[0], adjusted[rest]
    )
    thin = compare(values, min_images=IMAGES + 1)
    assert np.isnan(adjust_for_family([thin])[0]).all()
    assert adjust_for_family([]) == []
