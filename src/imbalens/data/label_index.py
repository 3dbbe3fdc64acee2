"""Names of labels as tables have them, and the order that these get."""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from imbalens.data.csv_tables import as_known, as_whole, is_blank
from imbalens.data.names import composed, first_names

NUMBER = re.compile("-?[0-9]+")


class LabelIndex:
    """Numbers of names: those given, or those found one after the other."""

    def __init__(self, names: Sequence[str] | None, *, most: int) -> None:
        """Start from the names given, or from none, which may become so many at most."""
        self._given = None if names is None else tuple(map(composed, names))
        self._most = most
        self._number_of = {as_whole(name): number for number, name in enumerate(self._given or ())}

    def find(self, text: str) -> int | None:
        """Return the number of a name, None if there is none; blanks around it do not count."""
        name = as_known(composed(text), self._number_of)
        number = self._number_of.get(name)
        if number is not None or self._given is not None or is_blank(name):
            return number
        if len(self._number_of) == self._most:
            return None
        return self._number_of.setdefault(name, len(self._number_of))

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each label; of those found, whole numbers by their value, others by name."""
        if self._given is not None:
            return self._given
        found = tuple(self._number_of)
        whole = all(map(NUMBER.fullmatch, found))
        return tuple(sorted(found, key=lambda name: (int(name) if whole else 0, name)))

    @property
    def order(self) -> Int[np.ndarray, " c"]:
        """Label of each number."""
        if self._given is not None:
            return np.arange(len(self._given))
        label_of = {name: label for label, name in enumerate(self.names)}
        return np.array([label_of[name] for name in self._number_of], dtype=np.int64)

    @property
    def allowed(self) -> str:
        """What names there may be, for messages."""
        if self._given is not None:
            return first_names(self._given)
        return f"a name for each, at most {self._most:,} in all"
