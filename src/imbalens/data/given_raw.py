"""Arrays by what they are, as they stand in a file of features and predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from imbalens.data.names import first_names
from imbalens.errors import InputError

NUMBERS = ("features", "logits", "probabilities", "head_weight", "head_bias")
OF_ROWS = ("features", "logits", "probabilities", "labels", "split", "id", "group", "path")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Raw:
    """What a file holds, before it is checked.

    Attributes:
        path: The file.
        arrays: Numbers or texts by key of `params.given.GivenColumns`, those of rows of all rows.
        called: What each is called in the file.
        columns: Names of the columns of those that are columns of a table.
        places: Where each row stands, for messages; None where its number says it.
        splits: Split of each row, where arrays stand under splits; None where not.
    """

    path: Path
    arrays: Mapping[str, np.ndarray]
    called: Mapping[str, str]
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    places: Sequence[str] | None = None
    splits: tuple[str, ...] | None = None

    def place(self, key: str) -> str:
        """Name the file and an array of it, for messages."""
        return f"{self.path}: {self.called[key]}"

    def row(self, key: str, row: int) -> str:
        """Name a row of an array, for messages."""
        if self.places is not None:
            return self.places[row]
        return f"{self.place(key)}, row {row}"


def refuse_absent(path: Path, what: str, name: str, key: str, found: Sequence[str]) -> InputError:
    """Return the error of a name that a file lacks; it lists those there are.

    Args:
        path: The file.
        what: What it lacks, such as "array".
        name: The name.
        key: Its key in `columns`.
        found: Names there are.
    """
    return InputError(
        f"{path}: has no {what} {name!r} (columns.{key}); found: {first_names(found) or 'nothing'}"
    )
