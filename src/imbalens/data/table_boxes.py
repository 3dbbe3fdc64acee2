"""Boxes of images that a table names, from a table of their own or a file as of COCO.

A table of boxes names the image in the column that the table of images has for that, or, where
images are those of an array, in the column `row`, from 0.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import assert_never

import numpy as np
from jaxtyping import Int

from imbalens.data.boxes import BOX_COLUMNS, Sides, place_listed
from imbalens.data.coco import read_coco
from imbalens.data.csv_tables import is_blank
from imbalens.data.geometry import Stored
from imbalens.data.names import composed
from imbalens.data.table_rows import find_file, read_table, within
from imbalens.errors import InputError
from imbalens.params.datasets import Resize
from imbalens.params.errors import shown
from imbalens.params.tables import BoxTable, CocoBoxes, TableBoxes


def read_table_boxes(
    params: TableBoxes,
    root: Path,
    names: Sequence[str],
    *,
    column: str,
    label_of: Mapping[str, int],
    stored: Callable[[int], Stored],
    resize: Resize,
    size: int,
) -> Int[np.ndarray, "b 6"]:
    """Return image, class, x, y, width and height of each box, in pixels of images as prepared.

    Args:
        params: File of the boxes, and how it says where they are.
        root: Folder that the file is in if its path is not a full one.
        names: What each image is called.
        column: Column of a table of boxes that names the image.
        label_of: Class by each name that a box may have.
        stored: Returns sides and orientation of an image as its file holds it.
        resize: How images become squares; boxes that a crop leaves out are left out.
        size: Side in pixels of the prepared images.

    Raises:
        InputError: naming file and place of a box of no image or class, or outside of its image,
            or of an image that has other proportions than is said.
    """
    path = find_file(root, params.file, "boxes.file")
    row_of = {name: row for row, name in enumerate(names)}

    def find_image(place: str, text: str) -> int:
        row = row_of.get(composed(within(text, place, root=root)))
        if row is None:
            raise InputError(
                f"{place}: found a box of {shown(text)}, which is none of the images of "
                f"source.table, such as {shown(names[0])}"
            )
        return row

    stated: dict[int, Sides] = {}
    match params:
        case BoxTable(kind=form):
            columns = (column, params.label, *(params.columns or BOX_COLUMNS[form]))
            rows = _with_numbers(path, read_table(path, columns, long=(column,)))
            stated = dict.fromkeys(row_of.values(), params.sides) if params.sides else {}
        case CocoBoxes():
            form, file = "xywh", read_coco(path)
            rows = file.rows
            stated = {
                find_image(place, name): file.sides[name]
                for place, (name, *_) in rows
                if name in file.sides
            }
        case _:
            assert_never(params)
    return place_listed(
        rows,
        find_image=find_image,
        label_of=label_of,
        stated=stated,
        stored=stored,
        resize=resize,
        size=size,
        form=form,
    )


def _with_numbers(
    path: Path, rows: Iterator[tuple[str, tuple[str, ...]]]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the rows that have any of the four numbers; print how many have none.

    So tables say of an image that it has no box.
    """
    passed = 0
    for place, values in rows:
        if all(map(is_blank, values[-4:])):
            passed += 1
        else:
            yield place, values
    if passed:
        print(f"{path}: passed over {passed:,} rows without a box", file=sys.stderr)
