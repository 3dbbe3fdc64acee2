"""Distributions of classes as the tables of stages give them, turned into matrices."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float


def share_matrix(
    table: pd.DataFrame, *, column: str, classes: Sequence[str], entries: Sequence[str]
) -> Float[np.ndarray, "c m"]:
    """Read one distribution per class from a stage's table.

    Args:
        table: Columns `class`, `share` (number, or text that is empty where undefined) and the
            one that names the entry, each pair of class and entry at most once.
        column: Which column names the entry: "adversary", "group".
        classes: The rows wanted.
        entries: The columns wanted.

    Returns:
        Shares; 0 where a class has no row for an entry, NaN where none of its shares is defined.
    """
    shares = pd.to_numeric(table["share"])
    wide = table.assign(share=shares).pivot(index="class", columns=column, values="share")
    matrix = wide.reindex(index=list(classes), columns=list(entries)).to_numpy(dtype=float)
    undefined = np.isnan(matrix)
    return np.where(undefined & ~undefined.all(axis=1, keepdims=True), 0.0, matrix)
