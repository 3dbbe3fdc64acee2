"""Tables of one's own in parquet files, row by row as those in CSV files are."""

import re
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

from imbalens.data.csv_tables import check_values, find_columns
from imbalens.errors import InputError
from imbalens.store.parquet import import_parquet

BATCH_ROWS = 2**16  # in memory at a time
NESTED = re.compile("(large_|fixed_size_)?(list|binary|struct|map)|.*_view<")
MAX_KIND = 40  # characters of a type


def read_parquet_rows(
    path: Path, columns: Sequence[str], *, long: Container[str] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the place of each row, for messages, and its values of some columns as texts.

    Whole numbers have no decimals, true is 1 and false 0, a value that is missing is blank.

    Args:
        path: Parquet file.
        columns: Names of the columns.
        long: Which of them may hold longer values, see `csv_tables.read_rows`.

    Raises:
        InputError: naming the row, if the file is no parquet file, lacks a column, holds lists or
            bytes in one, or a value is too long or cannot be shown; or if the extra `parquet` is
            not installed.
    """
    parquet = import_parquet(path, "reads")
    row = 0
    try:
        with parquet.ParquetFile(path) as file:
            find_columns(path, file.schema_arrow.names, columns)
            wanted = list(dict.fromkeys(columns))
            for name in wanted:
                kind = str(file.schema_arrow.field(name).type)
                if NESTED.match(kind):
                    raise InputError(
                        f"{path}: column {name!r} holds values of {kind[:MAX_KIND]}; allowed: "
                        "texts, numbers, true and false; write it as text, several labels joined "
                        "by a separator"
                    )
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=wanted):
                held = [batch.column(name).to_pylist() for name in columns]
                for found in zip(*held, strict=True):
                    row += 1
                    place, values = f"{path}, row {row}", tuple(map(_as_text, found))
                    check_values(place, columns, values, long=long)
                    yield place, values
    except InputError:
        raise
    except Exception as error:  # pyarrow's errors have no common base
        raise _unreadable(path, error) from error


def parquet_column_names(path: Path) -> list[str]:
    """Return the names of the columns of a parquet file.

    Raises:
        InputError: as `read_parquet_rows`.
    """
    parquet = import_parquet(path, "reads")
    try:
        with parquet.ParquetFile(path) as file:
            return list(file.schema_arrow.names)
    except Exception as error:  # pyarrow's errors have no common base
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    problem = str(error)[:100]
    return InputError(
        f"{path}: cannot be read as parquet ({problem!r}); write the file again, or as CSV"
    )


def _as_text(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
