"""Parquet files; they need the extra `parquet`, which is imported where one is met."""

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from imbalens.errors import InputError
from imbalens.store.files import atomic_path, jsonable
from imbalens.store.tables import Column, Kind

TYPES: Mapping[Kind, str] = {
    "text": "string",
    "integer": "int64",
    "number": "float",
    "boolean": "bool",
}


def import_parquet(path: Path, does: str) -> Any:  # noqa: ANN401 - it need not be there
    """Return the module `pyarrow.parquet`.

    Args:
        path: The file that is met.
        does: What is to be done with it, "reads" or "writes".

    Raises:
        InputError: if it is not installed.
    """
    try:
        return import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        instead = ", or save the table as CSV" if does == "reads" else ""
        raise InputError(
            f"{path}: {error.name} is not installed, which {does} parquet files; run: "
            f"pip install 'imbalens[parquet]'{instead}"
        ) from error


def write_parquet(
    path: Path,
    columns: Sequence[Column],
    groups: Iterable[Mapping[str, np.ndarray]],
    about: Mapping[str, Any],
) -> int:
    """Write a table, a group of rows at a time, atomically.

    Args:
        path: Final path.
        columns: The columns in their order.
        groups: By name the values of columns, of some rows. None, a number that is NaN, and all
            values of a column that is not there, are missing.
        about: What the file says of itself, as JSON under the key `imbalens` of its metadata.

    Returns:
        How many rows there are.

    Raises:
        InputError: if it cannot be written, or the extra `parquet` is not installed.
    """
    parquet, arrow = import_parquet(path, "writes"), import_module("pyarrow")
    types = {name: arrow.type_for_alias(alias) for name, alias in TYPES.items()}
    text = json.dumps(jsonable(about), ensure_ascii=False)
    schema = arrow.schema(
        [(column.name, types[column.kind]) for column in columns], metadata={"imbalens": text}
    )
    # of numbers, which hardly repeat, a dictionary takes more time and space than it saves
    texts = [column.name for column in columns if column.kind == "text"]
    n_rows = 0
    with (
        atomic_path(path) as temporary,
        parquet.ParquetWriter(temporary, schema, use_dictionary=texts) as writer,
    ):
        for group in groups:
            size = len(next(iter(group.values())))
            arrays = [
                arrow.nulls(size, types[column.kind])
                if column.name not in group
                else arrow.array(group[column.name], types[column.kind], from_pandas=True)
                for column in columns
            ]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
            n_rows += size
    return n_rows
