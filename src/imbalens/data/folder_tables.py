"""What CSV files beside class folders say of the images: groups and boxes.

`file` is a path within the root folder, with `/`, as `prepare` names the image. Columns of a file
of groups are `file,group`, of boxes `file,label,x,y,w,h`: `label` is a class, the rest are pixels
of the image as it is stored.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int

from imbalens.data.csv_tables import as_known, read_box, read_rows
from imbalens.data.geometry import Stored, square_boxes
from imbalens.data.names import composed, first_names
from imbalens.errors import InputError
from imbalens.params.datasets import Resize

UNREAD = -1  # row of an image that is passed over


def read_groups(
    path: Path, names: Sequence[str], *, unread: Sequence[str] = ()
) -> Int[np.ndarray, " n"]:
    """Return the group of each image as a number; where none is given it is one by itself.

    Groups are numbered in the order of the images.

    Args:
        path: CSV file with a row for each image.
        names: Name of each image.
        unread: Names of further images, whose rows are passed over.

    Raises:
        InputError: naming the file, and the line of an image that is not there, or is there again,
            or an image without a row.
    """
    row_of = _number(path, names, unread)
    group_of: dict[int, str] = {}
    for place, (file, text) in read_rows(path, ("file", "group"), paths=("file",)):
        row = _find(row_of, file, place)
        if row == UNREAD:
            continue
        if row in group_of:
            raise InputError(f"{place}: found image {file!r} again; allowed: each image once")
        # a blank, which no group has in front, before the name of an image by itself
        group_of[row] = composed(text.strip()) or f" {names[row]}"
    without = [name for row, name in enumerate(names) if row not in group_of]
    if without:
        raise InputError(
            f"{path}: has no row of {first_names(without)}; allowed: a row for each image, with "
            "an empty group where it is one by itself"
        )
    numbers: dict[str, int] = {}
    rows = range(len(names))  # not as the file has them, which may list them in any order
    return np.array([numbers.setdefault(group_of[row], len(numbers)) for row in rows], np.int64)


def read_boxes(
    path: Path,
    names: Sequence[str],
    class_names: Sequence[str],
    *,
    unread: Sequence[str] = (),
    stored: Callable[[int], Stored],
    resize: Resize,
    size: int,
) -> Int[np.ndarray, "b 6"]:
    """Return image, class, x, y, width and height of each box, in pixels of images as prepared.

    A box that goes beyond its image by rounding is cut.

    Args:
        path: CSV file with a row for each box.
        names: Name of each image.
        class_names: Name of each class.
        unread: Names of further images, whose boxes are passed over.
        stored: Returns sides and orientation of an image as its file holds it.
        resize: How images become squares; boxes that a crop leaves out are left out.
        size: Side in pixels of the prepared images.

    Raises:
        InputError: naming file and line of a box of no image or class, or outside of its image.
    """
    row_of = _number(path, names, unread)
    label_of = {name: label for label, name in enumerate(class_names)}
    measured: dict[int, Stored] = {}
    boxes: list[Int[np.ndarray, "6"]] = []
    columns = ("file", "label", "x", "y", "w", "h")
    for place, (file, text, *numbers) in read_rows(path, columns, paths=("file",)):
        row, label = _find(row_of, file, place), as_known(composed(text), label_of)
        if row == UNREAD:
            continue
        if label not in label_of:
            raise InputError(f"{place}: found label {text!r}; allowed: {first_names(class_names)}")
        if row not in measured:
            measured[row] = stored(row)
        of = measured[row]
        box = read_box(place, numbers, (of.width, of.height))
        placed, _ = square_boxes(box[None], of, resize=resize, size=size)
        boxes += [np.array([row, label_of[label], *shown], dtype=np.int64) for shown in placed]
    return np.array(boxes, dtype=np.int64).reshape(-1, 6)


def _number(path: Path, names: Sequence[str], unread: Sequence[str]) -> dict[str, int]:
    """Return the number of each image by its name, `UNREAD` of those that are not read."""
    row_of: dict[str, int] = {}
    for row, name in enumerate(names):
        if row_of.setdefault(name, row) != row:
            raise InputError(
                f"{path}: tells images by their names, but two look like {name!r}; rename one"
            )
    return row_of | dict.fromkeys(unread, UNREAD)


def _find(row_of: Mapping[str, int], file: str, place: str) -> int:
    name = as_known(composed(file), row_of)
    row = row_of.get(name, row_of.get(name.replace("\\", "/")))
    if row is None:
        some = next(iter(row_of))
        raise InputError(
            f"{place}: found {file!r}, which is none of the images; allowed: paths within the "
            f"root folder, such as {some!r}"
        )
    return row
