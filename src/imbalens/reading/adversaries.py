"""Reads how errors, or what is to foretell them, spread over the classes around each class."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float

from imbalens.errors import InputError
from imbalens.store.tables import read_table
from imbalens.tables.adversaries import ADVERSARIES
from imbalens.tables.matrices import pair_matrix


def read_shares(
    run: str,
    kinds: Sequence[str],
    names: Sequence[str] | None = None,
    *,
    column: Literal["share", "smoothed"] = "share",
    may_be_empty: bool = False,
) -> list[Float[np.ndarray, "c c"]]:
    """Read distributions of some kinds, a row per class.

    Args:
        run: The run.
        kinds: As the table calls them.
        names: Classes in the order wanted; None for that of the table.
        column: As they are, or with a chance for each class.
        may_be_empty: Whether the table may say nothing at all, as of a run without features or
            logits.

    Returns:
        One matrix per kind, undefined where the table says nothing at all.

    Raises:
        InputError: if the table is absent, damaged or about other classes; it says what to run.
    """
    pairs = read_table(ADVERSARIES, run)
    if pairs.empty and may_be_empty:
        n = len(names or ())
        return [np.full((n, n), np.nan) for _ in kinds]
    there = list(dict.fromkeys([*pairs["class"], *pairs["adversary"]]))
    wanted = there if names is None else names
    if others := [name for name in there if name not in set(wanted)]:
        raise InputError(
            f"{ADVERSARIES.path_of(run)}: found class {others[0]!r}; allowed: "
            f"{', '.join(wanted)}; run: {ADVERSARIES.command(run)}"
        )
    sides = {"rows": ("class", wanted), "columns": ("adversary", wanted)}
    return [
        pair_matrix(ADVERSARIES, run, pairs[pairs["kind"] == kind], column, **sides)
        for kind in kinds
    ]
