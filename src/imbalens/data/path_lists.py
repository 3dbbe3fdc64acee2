"""Text files with a path and a label a line, and those that name the labels."""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from imbalens.data.csv_tables import read_text
from imbalens.data.listed import find_absent
from imbalens.data.names import MAX_CLASSES, MAX_LENGTH, composed
from imbalens.errors import InputError


@dataclass(frozen=True)
class PathList:
    """What a list says, a row per image.

    Attributes:
        file: The list itself.
        paths: Path of each image, without a `/` in front.
        labels: Label of each image, from 0.
        lines: Line of each image, from 1.
    """

    file: Path
    paths: list[str]
    labels: Int[np.ndarray, " n"]
    lines: Int[np.ndarray, " n"]

    def at(self, row: int) -> str:
        """Return where a row stands, for messages."""
        return f"{self.file}, line {self.lines[row]}"

    def select(self, rows: Int[np.ndarray, " k"]) -> "PathList":
        """Return some rows."""
        paths = [self.paths[row] for row in rows.tolist()]
        return PathList(self.file, paths, self.labels[rows], self.lines[rows])


def read_path_list(file: Path) -> PathList:
    """Read a list of images, a path and a label from 0 a line; blank lines are skipped.

    Raises:
        InputError: naming file and line of a path without a label, a label that is none, or a
            path that stands there twice; or the file if it is absent or names no image.
    """
    lines: dict[str, int] = {}
    labels: list[int] = []
    for number, path, text in _rows(file):
        if path in lines:
            raise InputError(
                f"{file}, line {number}: found {path[:MAX_LENGTH]!r} again, after line "
                f"{lines[path]}; allowed: each image once"
            )
        lines[path] = number
        labels.append(_label(file, number, text))
    if not lines:
        raise InputError(f"{file}: found no images; allowed: a path and a label a line")
    return PathList(file, list(lines), np.array(labels), np.array(list(lines.values())))


def read_categories(file: Path) -> tuple[str, ...]:
    """Read the name of each label, a name and its label a line, such as `/b/bakery/shop 31`.

    Returns:
        Names as of `class_name`, in label order.

    Raises:
        InputError: naming file and line of a label that is none or stands there twice, or the
            first label that is lacking.
    """
    names: dict[int, str] = {}
    for number, path, text in _rows(file):
        label = _label(file, number, text)
        if label in names:
            raise InputError(
                f"{file}, line {number}: found label {label} again, of {names[label]!r}; allowed: "
                "each label once"
            )
        names[label] = class_name(path.split("/"))
    if not names or max(names) >= len(names):
        lacking = next(label for label in range(len(names) + 1) if label not in names)
        raise InputError(f"{file}: found no name of label {lacking}; allowed: labels from 0 on")
    return tuple(names[label] for label in range(len(names)))


def class_name(parts: Sequence[str]) -> str:
    """Name a class by the folders that its images are in.

    Nested folders are joined by "-", and the initials by which Places365 sorts its classes are
    left out: `d/desert/sand` is the `desert-sand` of its other layout. However Unicode spells a
    name, it is one.
    """
    if len(parts) > 1 and len(parts[0]) == 1 and parts[1].startswith(parts[0]):
        parts = parts[1:]
    return composed("-".join(parts))


def require_files(root: Path, images: PathList, within: Sequence[str]) -> None:
    """Refuse a list of which some images are not there.

    Args:
        root: Folder that all the images should be in.
        images: The list.
        within: Path of each image of the list in that folder.

    Raises:
        InputError: naming the first that is not there.
    """
    absent = find_absent(root, within)
    if absent:
        first = absent[0]
        raise InputError(
            f"{images.at(first)}: found no file {within[first][:MAX_LENGTH]!r} in {root}; absent "
            f"are {len(absent):,} of {len(within):,} listed: bring them, or a list without them"
        )


def _rows(file: Path) -> Iterator[tuple[int, str, str]]:
    """Yield number, path and label of each line."""
    if not file.exists():
        raise InputError(f"{file}: file not found; bring it there, or name another")
    for number, line in enumerate(read_text(file).split("\n"), 1):
        parts = line.rsplit(maxsplit=1)
        if not parts:
            continue
        path = parts[0].strip().lstrip("/")
        if "//" in path or "./" in path:
            path = posixpath.normpath(path)
        if len(parts) < 2 or not path or path.startswith("../"):
            raise InputError(
                f"{file}, line {number}: found {line.strip()[:MAX_LENGTH]!r}; allowed: a path "
                "within the folder of images, and a label"
            )
        yield number, path, parts[1]


def _label(file: Path, line: int, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) >= MAX_CLASSES:
        raise InputError(
            f"{file}, line {line}: found label {text[:MAX_LENGTH]!r}; allowed: 0 to "
            f"{MAX_CLASSES - 1}"
        )
    return int(text)
