"""Tables and other text of one's own: CSV files row by row, their boxes."""

import csv
import gzip
import io
import zlib
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from imbalens.data.geometry import cut_box
from imbalens.data.names import MAX_LENGTH, escape_unseen
from imbalens.errors import InputError

MAX_BYTES = 2**28  # of a file, unpacked; NIH's table of labels has 10 million
MAX_PATH = 4096  # characters of a path, as on most systems


def read_text(path: Path) -> str:
    """Read a text file whole, unpacked where its name ends in .gz.

    Raises:
        InputError: if it cannot be read, is larger than `MAX_BYTES` or is not UTF-8 text; naming
            the line where that is known.
    """
    if not path.is_file():
        raise InputError(f"{path}: is no regular file; replace it or remove it")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error}); bring the file again") from error
    if len(content) > MAX_BYTES:
        raise InputError(
            f"{path}: is larger than the {MAX_BYTES:,} bytes that are read; bring the file as it "
            "was shipped"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: is not UTF-8 text ({error}); save it as UTF-8"
        ) from error


def read_rows(
    path: Path, columns: Sequence[str], *, paths: Container[str] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the place of each row of a CSV file, for messages, and its values of some columns.

    Args:
        path: CSV file.
        columns: Names of the columns; blanks around those of the file do not count.
        paths: Which of the columns hold paths, whose values may be longer than others.

    Raises:
        InputError: naming the line, if the file cannot be read, lacks a column, or a value is too
            long or cannot be shown.
    """
    rows = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    first = 1  # line that a row begins on: quoted values may go over several
    try:
        header = [name.strip() for name in next(rows, [])]
        for name in columns:
            if header.count(name) != 1:
                found = ", ".join(map(escape_unseen, filter(None, header)))[:MAX_LENGTH]
                state = "has several columns" if name in header else "has no column"
                raise InputError(f"{path}: {state} {name!r}; found: {found or 'nothing'}")
        at = [header.index(name) for name in columns]
        limits = [MAX_PATH if name in paths else MAX_LENGTH for name in columns]
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
            for value, limit in zip(values, limits, strict=True):
                if len(value) > limit or not value.isprintable():
                    raise InputError(
                        f"{place}: found {value[:MAX_LENGTH]!r} ({len(value):,} characters); "
                        f"allowed: at most {limit:,} printable characters"
                    )
            yield place, values
            first = rows.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{path}, line {first}: cannot be read as a row of a table ({error}); is a quotation "
            "mark never closed?"
        ) from error


def as_known(text: str, known: Container[str]) -> str:
    """Return a text as it stands, or without the blanks around it where only that is known."""
    return text if text in known else text.strip()


def read_box(place: str, texts: Sequence[str], sides: tuple[int, int]) -> Float[np.ndarray, "4"]:
    """Return x, y, width and height of a box, cut where it goes beyond its image by rounding.

    Args:
        place: Where it stands, for messages.
        texts: The four numbers, as they stand there.
        sides: Width and height of the image in the same pixels.

    Raises:
        InputError: if these are no numbers, or no box with an area inside the image.
    """
    try:
        box = np.array([float(text) for text in texts])
    except ValueError as error:
        raise InputError(f"{place}: found box {', '.join(texts)}; allowed: 4 numbers") from error
    cut = cut_box(box, sides)
    if cut is None:  # shown as it stands there: rounded, it may obey the rule
        shown = ", ".join(f"{name} {text}" for name, text in zip("xywh", texts, strict=True))
        raise InputError(
            f"{place}: found box {shown}; allowed: boxes with an area, inside the "
            f"{sides[0]} x {sides[1]} pixels of their image"
        )
    return cut
