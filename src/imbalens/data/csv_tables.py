"""Tables and other text of one's own: CSV files row by row."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

from imbalens.data.names import MAX_LENGTH, escape_unseen
from imbalens.errors import InputError
from imbalens.params.errors import shown

MAX_BYTES = 2**28  # of a file, unpacked; NIH's table of labels has 10 million
WHOLE = re.compile(r"(0|-?[1-9][0-9]*)\.0")
MAX_LONG = 4096  # characters of a path, as on most systems, or of labels in one value


def read_text(path: Path, *, max_bytes: int | None = None) -> str:
    """Read a text file whole, unpacked where its name ends in .gz.

    Args:
        path: The file.
        max_bytes: That it may have, unpacked; None for `MAX_BYTES`.

    Raises:
        InputError: if it cannot be read, is larger or is not UTF-8 text; naming
            the line where that is known.
    """
    if not path.is_file():
        raise InputError(f"{path}: is no regular file; replace it or remove it")
    max_bytes = MAX_BYTES if max_bytes is None else max_bytes
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error}); bring the file again") from error
    if len(content) > max_bytes:
        raise InputError(
            f"{path}: is larger than the {max_bytes:,} bytes that are read; bring a file as it "
            "was shipped, or a table of your own as parquet"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: is not UTF-8 text ({error}); save it as UTF-8"
        ) from error


def read_header(path: Path, *, max_bytes: int | None = None) -> list[str]:
    """Return the names of the columns of a CSV file, without blanks around them.

    Args:
        path: CSV file, see `read_rows`.
        max_bytes: That the file may have, see `read_text`.

    Raises:
        InputError: if the file cannot be read.
    """
    text = io.StringIO(read_text(path, max_bytes=max_bytes), newline="")
    try:
        return [name.strip() for name in next(_open_rows(path, text), [])]
    except csv.Error as error:
        raise InputError(
            f"{path}, line 1: cannot be read as a row of a table ({error})"
        ) from error


def _open_rows(path: Path, text: io.StringIO):  # noqa: ANN202 - csv does not name it
    separator = "\t" if path.name.lower().endswith((".tsv", ".tsv.gz")) else ","
    return csv.reader(text, delimiter=separator, strict=True)


def read_rows(
    path: Path,
    columns: Sequence[str],
    *,
    long: Container[str] = (),
    max_bytes: int | None = None,
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the place of each row of a CSV file, for messages, and its values of some columns.

    Values are separated by commas, in a file whose name ends in .tsv or .tsv.gz by tabs.

    Args:
        path: CSV file.
        columns: Names of the columns; blanks around those of the file do not count.
        long: Which of the columns hold paths, or several labels, which may be longer than others.
        max_bytes: That the file may have, see `read_text`.

    Raises:
        InputError: naming the line, if the file cannot be read, lacks a column, or a value is too
            long or cannot be shown.
    """
    text = io.StringIO(read_text(path, max_bytes=max_bytes), newline="")
    rows = _open_rows(path, text)
    first = 1  # line that a row begins on: quoted values may go over several
    try:
        header = [name.strip() for name in next(rows, [])]
        at = find_columns(path, header, columns)
        first = rows.line_num + 1
        for row in rows:
            if not any(map(str.strip, row)):  # blank, as last lines may be
                first = rows.line_num + 1
                continue
            place = f"{path}, line {first}"
            if len(row) <= max(at):
                raise InputError(
                    f"{place}: found {len(row)} fields; allowed: at least {max(at) + 1}"
                )
            values = tuple(row[i] for i in at)
            check_values(place, columns, values, long=long)
            yield place, values
            first = rows.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{path}, line {first}: cannot be read as a row of a table ({error}); is a quotation "
            "mark never closed?"
        ) from error


def find_columns(path: Path, header: Sequence[str], columns: Sequence[str]) -> list[int]:
    """Return the positions of some columns.

    Args:
        path: The table, for messages.
        header: Names of all columns.
        columns: Names of those wanted.

    Raises:
        InputError: if the table lacks one, or has several of one name.
    """
    for name in columns:
        if header.count(name) != 1:
            found = ", ".join(map(escape_unseen, filter(None, header)))[:MAX_LENGTH]
            state = "has several columns" if name in header else "has no column"
            raise InputError(f"{path}: {state} {name!r}; found: {found or 'nothing'}")
    return [header.index(name) for name in columns]


def check_values(
    place: str, columns: Sequence[str], values: Sequence[str], *, long: Container[str]
) -> None:
    """Refuse a value that is too long or cannot be shown.

    Args:
        place: Where the values stand, for messages.
        columns: Name of the column of each value.
        values: Values of a row.
        long: Which of the columns may hold longer values, see `read_rows`.

    Raises:
        InputError: naming the first.
    """
    for name, value in zip(columns, values, strict=True):
        limit = MAX_LONG if name in long else MAX_LENGTH
        if len(value) > limit or not value.isprintable():
            raise InputError(
                f"{place}: found {shown(value)} ({len(value):,} characters); "
                f"allowed: at most {limit:,} printable characters"
            )


def is_blank(text: str) -> bool:
    """Tell whether a text stands for a missing value, as NaN does where some programs write it."""
    return text.strip().lower() in ("", "nan")


def as_whole(text: str) -> str:
    """Return a whole number without decimals, as 12.0 where a program took a column for floats."""
    return text[:-2] if WHOLE.fullmatch(text) else text


def as_known(text: str, known: Container[str]) -> str:
    """Return a text as it stands, or if only that is known, without blanks or as a whole number.

    What is not known in any way is returned in the last one.
    """
    bare = text.strip()
    return next((each for each in (text, bare) if each in known), as_whole(bare))
