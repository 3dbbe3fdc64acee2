"""Tables of pairs as matrices."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from imbalens.errors import InputError
from imbalens.store.tables import Table

if TYPE_CHECKING:
    import pandas as pd


def pair_matrix(
    table: Table,
    name: str,
    pairs: "pd.DataFrame",
    value: str,
    *,
    rows: tuple[str, Sequence[str]],
    columns: tuple[str, Sequence[str]],
) -> Float[np.ndarray, "r c"]:
    """Arrange one column of a table of pairs, such as of a class and another, as a matrix.

    Args:
        table: Declaration of the table.
        name: What the table is about.
        pairs: Rows of the table, as read.
        value: Column of numbers that the matrix is made of.
        rows: Column that names the matrix's rows, and those wanted in their order.
        columns: The same of the matrix's columns.

    Returns:
        The numbers; NaN where a field is empty, for what is undefined is not 0. A table of
        classes and other classes says nothing of a class and itself: there it is 0, or NaN where
        nothing of the class is defined, such as the errors of a class without any.

    Raises:
        InputError: if another pair is absent or a pair stands twice; it says what to run.
    """
    i, j, own = _place_pairs(table, name, pairs, rows, columns, itself=False)
    wanted = (i >= 0) & (j >= 0)
    matrix = np.full(own.shape, np.nan)
    matrix[i[wanted], j[wanted]] = pairs[value].to_numpy(dtype=np.float64)[wanted]
    nothing = np.isnan(matrix).all(axis=1, keepdims=True)
    return np.where(own & ~nothing, 0.0, matrix)


def require_pairs(
    table: Table,
    name: str,
    pairs: "pd.DataFrame",
    *,
    rows: tuple[str, Sequence[str]],
    columns: tuple[str, Sequence[str]],
) -> None:
    """Check that a table has each pair once, a class and itself too.

    Args:
        table: Declaration of the table.
        name: What the table is about.
        pairs: Rows of the table, as read.
        rows: Column that names one side of the pairs, and all that stand there.
        columns: The same of the other side.

    Raises:
        InputError: if a pair is absent or stands twice; it says what to run.
    """
    _place_pairs(table, name, pairs, rows, columns, itself=True)


def _place_pairs(
    table: Table,
    name: str,
    pairs: "pd.DataFrame",
    rows: tuple[str, Sequence[str]],
    columns: tuple[str, Sequence[str]],
    *,
    itself: bool,
) -> tuple[Int[np.ndarray, " p"], Int[np.ndarray, " p"], Bool[np.ndarray, "r c"]]:
    """Return the row and column of each pair, -1 where unknown, and what of a class and itself."""
    import pandas as pd

    (row, row_names), (column, column_names) = rows, columns
    i = pd.Index(list(row_names)).get_indexer(pd.Index(pairs[row]))
    j = pd.Index(list(column_names)).get_indexer(pd.Index(pairs[column]))
    wanted = (i >= 0) & (j >= 0)
    found = np.zeros((len(row_names), len(column_names)), dtype=int)
    np.add.at(found, (i[wanted], j[wanted]), 1)
    same = np.asarray(row_names, dtype=object)[:, None] == np.asarray(column_names, dtype=object)
    own = same & (found == 0) & (not itself)
    wrong = np.argwhere((found != 1) & ~own)
    if len(wrong):
        r, c = wrong[0]
        raise InputError(
            f"{table.path_of(name)}: found {found[r, c]} rows of {row} {row_names[r]!r} and "
            f"{column} {column_names[c]!r}, wanted 1; run: {table.command(name)}"
        )
    return i, j, own
