"""Tables between stages: each is declared once, and checked when it is written and when read.

People open them in spreadsheets, which compute what begins like a formula. Text that does is
written behind an apostrophe, which spreadsheets take for "this is text" and reading drops.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, assert_never

from imbalens.errors import InputError
from imbalens.store.files import write_csv

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["text", "integer", "number", "boolean"]
# at the start, or after what some spreadsheets take for the end of a field
FORMULA = re.compile(r"(^|[;\t])('*[=+\-@\uff1d\uff0b\uff0d\uff20])")
GUARDED = re.compile(r"(^|[;\t])'('*[=+\-@\uff1d\uff0b\uff0d\uff20])")


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its name in the file's first line.
        kind: What its fields are. A number that is not defined is an empty field, NaN once read.
        meaning: What it says, with its unit.
        words: All texts that may stand in it; none if any may.
        may_be_empty: Whether a field that is no number may be empty too: then an integer or
            boolean is <NA> once read.
    """

    name: str
    kind: Kind
    meaning: str
    words: tuple[str, ...] = ()
    may_be_empty: bool = False


@dataclass(frozen=True)
class Table:
    """A kind of table, of which there is one per run, dataset or comparison, or one alone.

    Attributes:
        stage: Stage that writes it.
        path: Where it lies, "{name}" standing for what it is about, if there are several.
        columns: Its columns in their order.
        further: Kind of the columns that may follow these, whose names depend on the data.
        drawn: Those of them that `dvc plots` draws: a table without rows has them too.
    """

    stage: str
    path: str
    columns: tuple[Column, ...]
    further: Kind | None = None
    drawn: tuple[str, ...] = ()

    def path_of(self, name: str) -> Path:
        """Return where the table about `name` lies."""
        return Path(self.path.format(name=name))

    def command(self, name: str) -> str:
        """Return what writes the table about `name`."""
        return f"dvc repro {self.stage}" + (f"@{name}" if "{name}" in self.path else "")


def write_table(table: Table, name: str, frame: "pd.DataFrame") -> None:
    """Write a table as CSV, atomically, after checking it.

    Args:
        table: Its declaration.
        name: What it is about.
        frame: Its rows, with the declared columns in their order. Its index is not written.

    Raises:
        InputError: if the frame is not what is declared; nothing is written then.
    """
    _check(table, name, frame)
    texts = [str(key) for key in frame if _column(table, str(key)).kind == "text"]
    safe = frame.assign(**{key: frame[key].map(_guard, na_action="ignore") for key in texts})
    write_csv(table.path_of(name), safe.rename(columns=_guard))


def read_table(table: Table, name: str) -> "pd.DataFrame":
    """Read a table that a stage wrote.

    Args:
        table: Its declaration.
        name: What it is about.

    Returns:
        The declared columns, then further ones: texts as they stand in the file (a class may be
        called "3" or "NA"), numbers as float64, integers as int64 (Int64 where they may be
        absent), booleans as bool (boolean).

    Raises:
        InputError: if the file is missing or is not what is declared; it says what to run.
    """
    frame = read_as_text(table, name)
    return frame.assign(
        **{str(column): _parse(frame[column], _column(table, str(column))) for column in frame}
    )


def read_as_text(table: Table, name: str) -> "pd.DataFrame":
    """Read a table that a stage wrote with every field as it stands in the file, to be shown.

    Raises:
        InputError: as `read_table`.
    """
    path = table.path_of(name)
    try:
        header, *rows = _read_rows(path)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run: {table.command(name)}") from None
    except ValueError as error:
        raise InputError(f"{path} is damaged: {error}; run: {table.command(name)}") from error
    import pandas as pd

    frame = pd.DataFrame(rows, columns=header, dtype=object)
    _check(table, name, frame)
    return frame


def require_keys(table: Table, name: str, frame: "pd.DataFrame", **wanted: Sequence[Any]) -> None:
    """Check that a table tells of what it should, in that order.

    Args:
        table: Its declaration.
        name: What it is about.
        frame: Its rows, as read.
        wanted: By column the values of its rows.

    Raises:
        InputError: if it tells of something else, or its end is missing; it says what to run.
    """
    for column, values in wanted.items():
        if frame[column].tolist() != list(values):
            raise InputError(
                f"{table.path_of(name)}: found {len(frame)} rows whose {column!r} is not that of "
                f"the {len(values)} wanted; run: {table.command(name)}"
            )


def _read_rows(path: Path) -> list[list[str]]:
    """Return the fields of a CSV file, the names of its columns first.

    Raises:
        ValueError: if it is not what `write_csv` writes, such as cut, with the line.
    """
    text = path.read_bytes().decode("utf-8")
    if not text.endswith("\n"):
        raise ValueError("its end is cut off" if text else "it is empty")
    reader, rows = csv.reader(io.StringIO(text, newline=""), strict=True), []
    try:
        for row in reader:
            if rows and len(row) != len(rows[0]):
                raise ValueError(
                    f"line {reader.line_num} has {len(row)} fields, wanted {len(rows[0])}"
                )
            rows.append([_unguard(field) if "'" in field else field for field in row])
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from error
    if len(set(rows[0])) < len(rows[0]):
        raise ValueError("two columns have one name")
    return rows


def _guard(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula."""
    return FORMULA.sub(r"\1'\2", text)


def _unguard(text: str) -> str:
    """Take away the apostrophes that `_guard` put there."""
    return GUARDED.sub(r"\1\2", text)


def _check(table: Table, name: str, frame: "pd.DataFrame") -> None:
    """Refuse a frame that is not what is declared, be its fields values or text."""
    path, found = table.path_of(name), [str(column) for column in frame]
    wanted = [column.name for column in table.columns]
    absent = [column for column in wanted if column not in found]
    if absent:
        raise InputError(
            f"{path} has no column {absent[0]!r} (found: {', '.join(found) or 'none'}); "
            f"run: {table.command(name)}"
        )
    extra = [column for column in found if column not in wanted]
    if found[: len(wanted)] != wanted or (extra and table.further is None):
        raise InputError(
            f"{path}: columns must be {', '.join(wanted)}, found {', '.join(found)}; "
            f"run: {table.command(name)}"
        )
    for column in (_column(table, key) for key in found):
        try:
            values = _parse(frame[column.name], column)
        except ValueError as error:
            raise InputError(
                f"{path}: column {column.name!r}: {error}; run: {table.command(name)}"
            ) from error
        strange = sorted(set(values) - set(column.words)) if column.words else []
        if strange:
            raise InputError(
                f"{path}: column {column.name!r} holds {strange[0]!r}; allowed: "
                f"{', '.join(map(repr, column.words))}; run: {table.command(name)}"
            )


def _column(table: Table, name: str) -> Column:
    for column in table.columns:
        if column.name == name:
            return column
    assert table.further is not None
    return Column(name, table.further, "")


def _parse(values: "pd.Series", column: Column) -> "pd.Series":
    """Turn fields, as text or as values, into those of the column's kind.

    Raises:
        ValueError: naming the first field that is no such value.
    """
    import pandas as pd

    blank = values.isna() | (values.astype(object) == "")
    if blank.any() and column.kind != "number" and not column.may_be_empty:
        raise ValueError(f"row {int(blank.to_numpy().argmax())} is empty")
    match column.kind:
        case "text":
            texts = values.astype(object).where(~blank, "")
            other = [value for value in texts if not isinstance(value, str)]
            if other:
                raise ValueError(f"found {other[0]!r}, wanted text")
            broken = [value for value in texts if "\r" in value]
            if broken:  # which would end a line
                raise ValueError(f"found {broken[0]!r}, wanted no carriage return")
            return texts
        case "number":
            return pd.to_numeric(values.astype(object).where(~blank)).astype("float64")
        case "integer":
            numbers = pd.to_numeric(values.astype(object).where(~blank))
            broken = numbers.notna() & (numbers % 1 != 0)
            if broken.any():
                raise ValueError(f"found {values[broken].iloc[0]}, wanted an integer")
            return numbers.astype("Int64" if column.may_be_empty else "int64")
        case "boolean":
            known = {True: True, False: False, "True": True, "False": False}
            flags = values.astype(object).where(~blank).map(known)
            broken = flags.isna() & ~blank
            if broken.any():
                raise ValueError(f"found {values[broken].iloc[0]}, wanted True or False")
            return flags.astype("boolean" if column.may_be_empty else "bool")
        case _:
            assert_never(column.kind)
