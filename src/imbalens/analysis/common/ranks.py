"""Ranks of values, with ties."""

import numpy as np
from jaxtyping import Float


def rank_rows(
    values: Float[np.ndarray, "r m"],
) -> tuple[Float[np.ndarray, "r m"], Float[np.ndarray, "r m"]]:
    """Rank each row's values from 1, the smallest.

    Returns:
        First and last of the ranks that equal values share, whose mean is the average rank; NaN
        in a row with NaN.
    """
    first, last = np.full((2, *values.shape), np.nan)
    for place in np.flatnonzero(~np.isnan(values).any(axis=1)):
        ascending = np.sort(values[place])
        first[place] = np.searchsorted(ascending, values[place], side="left") + 1
        last[place] = np.searchsorted(ascending, values[place], side="right")
    return first, last
