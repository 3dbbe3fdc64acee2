import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.common.thresholds import channel_thresholds, exceed


@given(
    seed=st.integers(0, 10_000),
    q=st.sampled_from([0.01, 0.04, 0.2, 0.5, 0.95]),
    cut=st.sampled_from([-9.0, 0.5, 2.0, 9.0]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
@settings(deadline=None, max_examples=50)
def test_equals_the_quantile_of_each_channel_to_the_last_bit(seed, q, cut, dtype):
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 40)), 3, 5, int(rng.integers(1, 6)))
    maps = np.maximum(rng.standard_normal(shape) - cut, 0).astype(dtype)
    maps[:, 1] = np.round(maps[:, 1])  # ties
    expected = np.quantile(maps.astype(np.float64), 1 - q, axis=(0, 2, 3))
    np.testing.assert_array_equal(channel_thresholds(maps, q=q), expected)


def test_a_trend_that_misleads_the_sample_changes_nothing():
    values = np.zeros(61 * 50)
    values[::61] = np.arange(1, 51)  # the sample sees nothing else
    maps = values[:, None, None, None]
    for q in (0.3, 0.01, 0.5 / len(values)):
        expected = np.quantile(values, 1 - q)
        assert channel_thresholds(maps, q=q) == [expected]
        assert channel_thresholds(-maps, q=q) == [np.quantile(-values, 1 - q)]


def test_by_hand():
    maps = np.arange(8.0).reshape(2, 2, 1, 2)  # channels 0 1 4 5 and 2 3 6 7
    np.testing.assert_array_equal(channel_thresholds(maps, q=0.5), [2.5, 4.5])
    np.testing.assert_array_equal(channel_thresholds(maps, q=0.25), [4.25, 6.25])


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_single_precision_exceeds_as_if_it_were_double(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 4, (6, 7)).astype(np.float32) / 3
    one = float(rng.choice(values.ravel()))
    for threshold in (one, math.nextafter(one, -1), math.nextafter(one, 2), 0.1, -1.0):
        out = np.ones(values.shape, bool)
        exceed(values, threshold, out)
        np.testing.assert_array_equal(out, values.astype(np.float64) > threshold)


@pytest.mark.parametrize("q", [0.0, 1.0, -0.1, float("nan")])
def test_q_must_be_a_share(q):
    with pytest.raises(ValueError, match=f"q is {q}; it must be > 0 and < 1"):
        channel_thresholds(np.ones((1, 1, 2, 2)), q=q)


def test_activations_must_be_there_and_finite():
    with pytest.raises(ValueError, match="channel 0 has no activation"):
        channel_thresholds(np.ones((0, 1, 2, 2)), q=0.5)
    for wrong in (np.nan, np.inf, -np.inf):
        maps = np.ones((2, 2, 2, 2))
        maps[1, 1, 0, 0] = wrong
        with pytest.raises(ValueError, match="channel 1 must be finite; 1 of 8 are not"):
            channel_thresholds(maps, q=0.5)
