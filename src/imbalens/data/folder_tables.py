"""What CSV files beside class folders say of the images: groups and boxes.

`file` is a path within the root folder, with `/`, as `prepare` names the image. Columns of a file
of groups are `file,group`, of boxes `file,label,x,y,w,h`: `label` is a class, the rest are pixels
of the image as it is stored.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int

from imbalens.data.boxes import BOX_COLUMNS, place_listed
from imbalens.data.csv_tables import as_known, read_rows
from imbalens.data.geometry import Stored
from imbalens.data.group_splits import as_group
from imbalens.data.names import composed, first_names
from imbalens.errors import InputError
from imbalens.params.datasets import Resize

UNREAD = -1  # row of an image that is passed over


def read_groups(path: Path, names: Sequence[str], *, unread: Sequence[str] = ()) -> list[str]:
    """Return the group of each image, see `as_group`; blank where it is one by itself.

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
    for place, (file, text) in read_rows(path, ("file", "group"), long=("file",)):
        row = _find(row_of, file, place)
        if row == UNREAD:
            continue
        if row in group_of:
            raise InputError(f"{place}: found image {file!r} again; allowed: each image once")
        group_of[row] = as_group(text)
    without = [name for row, name in enumerate(names) if row not in group_of]
    if without:
        raise InputError(
            f"{path}: has no row of {first_names(without)}; allowed: a row for each image, with "
            "an empty group where it is one by itself"
        )
    return [group_of[row] for row in range(len(names))]


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

    def find_image(place: str, file: str) -> int | None:
        row = _find(row_of, file, place)
        return None if row == UNREAD else row

    return place_listed(
        read_rows(path, ("file", "label", *BOX_COLUMNS["xywh"]), long=("file",)),
        find_image=find_image,
        label_of={name: label for label, name in enumerate(class_names)},
        stated={},
        stored=stored,
        resize=resize,
        size=size,
    )


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
