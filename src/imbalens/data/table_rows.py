"""What the rows of one's own tables say of images, before any image is looked at."""

import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imbalens.data.csv_tables import read_header, read_rows
from imbalens.data.listed import find_absent
from imbalens.data.names import composed
from imbalens.data.parquet_tables import parquet_column_names, read_parquet_rows
from imbalens.errors import InputError
from imbalens.params.errors import shown
from imbalens.params.paths import expand_path

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
SPLITS = {name: name for name in ("train", "val", "test")} | dict.fromkeys(
    ("valid", "validation"), "val"
)
MAX_BYTES = 2**30  # of a table as text, unpacked: some ten million rows


@dataclass(frozen=True)
class TableRows:
    """Rows of one table, or of one for each split.

    Attributes:
        places: Where each row stands, for messages.
        columns: Values of each column, by its name.
        tables: Which of the tables each row is of.
    """

    places: Sequence[str]
    columns: Mapping[str, Sequence[str]]
    tables: Sequence[str]


def find_file(root: Path, text: str, key: str, *, optional: bool = False) -> Path:
    """Return the path of a file that the source names.

    Args:
        root: Folder that the file is in if its path is not a full one.
        text: Its path, as the parameters have it.
        key: Their key, for the message.
        optional: Whether there need not be one.

    Raises:
        InputError: if it is not there.
    """
    path = root / expand_path(text)
    if not path.is_file():
        hint = ", or null" if optional else ""
        raise InputError(f"{path}: file not found; give source.{key} another path{hint}")
    return path


def split_name(text: str, place: str) -> str:
    """Return the split that a table calls by one of its names.

    Args:
        text: As it stands there; blanks around it and capitals do not count.
        place: Where that is, for the message.

    Raises:
        InputError: if it is none.
    """
    name = SPLITS.get(text.strip().lower())
    if name is None:
        raise InputError(f"{place}: found split {text!r}; allowed: {', '.join(SPLITS)}")
    return name


def read_table(
    path: Path, columns: Sequence[str], *, long: Sequence[str] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the place of each row of a table, for messages, and its values of some columns.

    Args:
        path: A table, CSV or parquet by its suffix.
        columns: Names of the columns.
        long: Which of them may hold longer values, see `csv_tables.read_rows`.

    Raises:
        InputError: as `csv_tables.read_rows`, or if the suffix is another.
    """
    if not path.name.lower().endswith(SUFFIXES):
        raise InputError(f"{path}: found suffix {path.suffix!r}; allowed: {', '.join(SUFFIXES)}")
    if path.suffix.lower() == ".parquet":
        yield from read_parquet_rows(path, columns, long=long)
    else:
        yield from read_rows(path, columns, long=long, max_bytes=MAX_BYTES)


def column_names(path: Path) -> list[str]:
    """Return the names of the columns of a table, CSV or parquet by its suffix.

    Raises:
        InputError: if it cannot be read, or the suffix is another.
    """
    if not path.name.lower().endswith(SUFFIXES):
        raise InputError(f"{path}: found suffix {path.suffix!r}; allowed: {', '.join(SUFFIXES)}")
    if path.suffix.lower() == ".parquet":
        return parquet_column_names(path)
    return read_header(path, max_bytes=MAX_BYTES)


def read_tables(
    paths: Mapping[str, Path], columns: Sequence[str], *, long: Sequence[str]
) -> TableRows:
    """Return all rows of some tables.

    Args:
        paths: The tables.
        columns: Names of the columns wanted.
        long: Which of them may hold longer values, see `csv_tables.read_rows`.

    Raises:
        InputError: as `read_table`, or naming a table without rows.
    """
    wanted = list(dict.fromkeys(columns))
    places: list[str] = []
    tables: list[str] = []
    held: list[tuple[str, ...]] = []
    for name, path in paths.items():
        before = len(places)
        for place, values in read_table(path, wanted, long=long):
            places.append(place)
            held.append(values)
        if len(places) == before:
            raise InputError(f"{path}: has no rows; allowed: a row for each image")
        tables += [name] * (len(places) - before)
    texts = map(list, zip(*held, strict=True)) if wanted else ()
    return TableRows(places, dict(zip(wanted, texts, strict=True)), tables)


def find_images(root: Path, texts: Sequence[str], places: Sequence[str]) -> list[str]:
    """Return the path of each image within the root folder, with `/`, as files are called there.

    However Unicode spells a name, it is one.

    Args:
        root: Folder that all of them are in.
        texts: Paths as a table has them.
        places: Where each stands, for messages.

    Raises:
        InputError: naming a path that leads elsewhere, stands there twice, or of which there is
            no file.
    """
    files = [within(text, place, root=root) for text, place in zip(texts, places, strict=True)]
    first: dict[str, int] = {}
    for row, file in enumerate(files):
        if (before := first.setdefault(composed(file), row)) != row:
            raise InputError(
                f"{places[row]}: found {shown(file)} again, after {places[before]}; allowed: each "
                "image once, for several rows of an image are not merged"
            )
    absent = find_absent(root, files)
    if absent:
        spelled = {composed(path): path for path in _walk(root)}
        for row in absent:
            files[row] = spelled.get(composed(files[row]), files[row])
        absent = [row for row in absent if composed(files[row]) not in spelled]
    if absent:
        row = absent[0]
        raise InputError(
            f"{places[row]}: found no file {shown(files[row])} in {root}; absent are "
            f"{len(absent):,} of {len(files):,}: bring them, or a table without them"
        )
    return files


def within(text: str, place: str, *, root: Path) -> str:
    """Return a path within the root folder, with `/`.

    Args:
        text: The path as it stands there, a full one or within the folder; blanks around it do
            not count.
        place: Where that is, for the message.
        root: The folder.

    Raises:
        InputError: if it leads elsewhere.
    """
    path = text.strip().replace("\\", "/")
    if "//" in path or "./" in path:
        path = posixpath.normpath(path)
    path = path.removeprefix(f"{root.absolute().as_posix()}/")
    if not path or path.startswith(("/", "../")) or path in (".", ".."):
        raise InputError(f"{place}: found path {shown(text)}; allowed: paths within {root}")
    return path


def _walk(root: Path) -> Iterator[str]:
    for folder, _, names in os.walk(root):
        inner = Path(folder).relative_to(root)
        yield from ((inner / name).as_posix() for name in names)
