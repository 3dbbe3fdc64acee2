"""What the tables of several stages share: classes stand head first."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int


def head_first(counts: Int[np.ndarray, " c"]) -> list[int]:
    """Return the classes by falling number of training images, ties in label order."""
    return np.argsort(-counts, kind="stable").tolist()


def order_by(order: Sequence[str]) -> Callable[[pd.Series], pd.Series]:
    """Return the key by which a column of class names is sorted as in `order`."""
    places = {name: place for place, name in enumerate(order)}
    return lambda names: names.map(places)


def matrix_table(
    matrices: Mapping[str, np.ndarray],
    names: Sequence[str],
    counts: Int[np.ndarray, " c"],
    *,
    rows: str,
    columns: str,
) -> pd.DataFrame:
    """One row per pair of classes: their names, then the entry of each matrix.

    Args:
        matrices: Column name to a matrix of classes x classes.
        names: Class names, in label order.
        counts: Training images per class.
        rows: Column that names the matrices' row.
        columns: Column that names the matrices' column.
    """
    order = head_first(counts)
    first, second = (axis.ravel() for axis in np.meshgrid(order, order, indexing="ij"))
    labels = np.asarray(names, dtype=object)
    entries = {name: matrix[first, second] for name, matrix in matrices.items()}
    return pd.DataFrame({rows: labels[first], columns: labels[second], **entries})
