import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from imbalens.analysis.common.ranks import rank_rows


@given(seed=st.integers(0, 2**32 - 1), m=st.integers(0, 8))
@settings(deadline=None, max_examples=30)
def test_agrees_with_scipy(seed, m):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 4, (5, m)).astype(np.float64)
    values[rng.random((5, m)) < 0.05] = np.nan
    first, last = rank_rows(values)
    if m:
        np.testing.assert_array_equal(first, rankdata(values, method="min", axis=1))
        np.testing.assert_array_equal(last, rankdata(values, method="max", axis=1))
        np.testing.assert_array_equal((first + last) / 2, rankdata(values, axis=1))
    assert first.shape == last.shape == (5, m)
