"""Contingency counts of paired codes: classes against predictions, classes against archetypes."""

import numpy as np
from jaxtyping import Float, Int

from imbalens.classes import require_codes

Quantity = np.ndarray | np.number | float | int


def count_pairs(
    rows: Int[np.ndarray, " n"],
    columns: Int[np.ndarray, " n"],
    *,
    n_rows: int,
    n_columns: int,
    names: tuple[str, str],
) -> Int[np.ndarray, "r c"]:
    """Count how often each (row code, column code) pair occurs.

    Args:
        rows: Row code per instance.
        columns: Column code per instance.
        n_rows: Number of row codes.
        n_columns: Number of column codes.
        names: What rows and columns are called in an error message.

    Returns:
        Counts; they sum to the number of instances.

    Raises:
        ValueError: if a code is out of range.
    """
    require_codes(rows, n_codes=n_rows, name=names[0])
    require_codes(columns, n_codes=n_columns, name=names[1])
    flat = rows.astype(np.int64) * n_columns + columns
    return np.bincount(flat, minlength=n_rows * n_columns).reshape(n_rows, n_columns)


def divide(numerator: Quantity, denominator: Quantity) -> np.ndarray:
    """Divide element by element, NaN where the denominator is zero.

    Args:
        numerator: Counts or sums.
        denominator: Counts or sums, of a shape that broadcasts with the numerator.

    Returns:
        Float64 quotients.
    """
    top, bottom = np.broadcast_arrays(
        np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    )
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom != 0)


def mean_defined(values: Float[np.ndarray, " n"]) -> float:
    """Mean of the values that are not NaN, NaN if there are none."""
    defined = values[~np.isnan(values)]
    return float(divide(defined.sum(), len(defined)))
