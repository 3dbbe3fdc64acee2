"""Features and predictions in a table, CSV or parquet, with several columns of each."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from imbalens.data.csv_tables import is_blank
from imbalens.data.given_raw import Raw, refuse_absent
from imbalens.data.names import first_names
from imbalens.data.table_rows import column_names, read_table
from imbalens.errors import InputError
from imbalens.params.errors import shown
from imbalens.params.given import GivenColumns

NUMBERS = ("features", "logits", "probabilities")
PREFIXES = {"features": "feature_", "logits": "logit_", "probabilities": "prob_"}
OF_ARRAYS = ("head_weight", "head_bias", "class_names")  # which no column can hold


def read_given_table(
    path: Path, columns: GivenColumns, *, several: bool, optional: Collection[str] = ()
) -> Raw:
    """Return the columns of a table by what they are; labels as texts.

    Args:
        path: CSV or parquet file.
        columns: What the columns are called, or begin with.
        several: Whether an image can have several labels, which are columns then.
        optional: Keys of those that the table may lack although they are named.

    Raises:
        InputError: if the table cannot be read, lacks a column that is named, or where numbers are
            wanted a row has none.
    """
    there = column_names(path)
    usual = PREFIXES | {"labels": "label_" if several else "label"}
    plan: dict[str, tuple[str, ...]] = {}
    for key in GivenColumns.model_fields:
        name = getattr(columns, key)
        if name is not None and key in OF_ARRAYS:
            raise InputError(
                f"{path}: columns.{key}: found {shown(name)}; allowed: null, for no table holds it"
            )
        many = key in NUMBERS or (key == "labels" and several)
        found = _find(path, key, usual.get(key, key) if name is None else name, there, many=many)
        if found:
            plan[key] = found
        elif name is not None and key not in optional:
            what = "column that is, or begins with," if many else "column"
            raise refuse_absent(path, what, str(name), key, there)
    wanted = [name for names in plan.values() for name in names]
    rows = list(read_table(path, wanted, long=plan.get("path", ())))
    if not rows:
        raise InputError(f"{path}: has no rows; allowed: a row for each image")
    places = [place for place, _ in rows]
    arrays: dict[str, np.ndarray] = {}
    start = 0
    for key, names in plan.items():
        held = [values[start : start + len(names)] for _, values in rows]
        start += len(names)
        if key in NUMBERS:
            arrays[key] = np.stack(
                [_numbers(*each, names) for each in zip(held, places, strict=True)]
            )
        else:
            texts = np.array(held, dtype=str)
            arrays[key] = texts if key == "labels" and several else texts[:, 0]
    return Raw(
        path,
        arrays,
        {key: first_names(names) for key, names in plan.items()},
        columns={key: _without_prefix(columns, key, usual, plan[key]) for key in plan},
        places=places,
    )


def _find(
    path: Path, key: str, name: str | tuple[str, ...], there: Sequence[str], *, many: bool
) -> tuple[str, ...]:
    """Return the columns that a name means."""
    if isinstance(name, tuple):
        for each in name:
            if each not in there:
                raise refuse_absent(path, "column", each, key, there)
        return name
    if name in there:
        return (name,)
    return tuple(each for each in there if each.startswith(name)) if many else ()


def _without_prefix(
    columns: GivenColumns, key: str, usual: dict[str, str], found: tuple[str, ...]
) -> tuple[str, ...]:
    """Return names of columns without what they all begin with, as the parameters say."""
    name = getattr(columns, key) or usual.get(key, key)
    if isinstance(name, tuple) or found == (name,):
        return found
    return tuple(each.removeprefix(name) for each in found)


def _numbers(values: Sequence[str], place: str, names: Sequence[str]) -> np.ndarray:
    try:
        return np.array(values, dtype=np.float64)
    except ValueError:
        for name, value in zip(names, values, strict=True):
            if not _is_number(value):
                found = "nothing" if is_blank(value) else shown(value)
                raise InputError(
                    f"{place}: found {found} in column {name!r}; allowed: numbers"
                ) from None
        raise


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
