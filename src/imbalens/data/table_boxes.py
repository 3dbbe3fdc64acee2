"""Boxes of images that a table names, from a table of their own or a file as of COCO.

A table of boxes names the image in the column that the table of images has for that, or, where
images are those of an array, in the column `row`, from 0.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import assert_never

import numpy as np
from jaxtyping import Int

from imbalens.data.boxes import BOX_COLUMNS, Sides, collect_boxes, place_listed
from imbalens.data.coco import read_coco
from imbalens.data.geometry import Stored
from imbalens.data.names import MAX_LENGTH, composed
from imbalens.data.table_rows import find_file, read_table, within
from imbalens.errors import InputError
from imbalens.params.datasets import Resize
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
        InputError: naming file and place of a box of no image or class, or outside of its image.
    """
    path = find_file(root, params.file, "boxes.file")
    row_of = {name: row for row, name in enumerate(names)}
    held = cache(stored)

    def find_image(place: str, text: str) -> int:
        row = row_of.get(composed(within(text, place)))
        if row is None:
            raise InputError(
                f"{place}: found a box of {text[:MAX_LENGTH]!r}, which is none of the images of "
                f"source.table, such as {names[0]!r}"
            )
        return row

    match params:
        case BoxTable(kind=form):
            columns = (column, params.label, *BOX_COLUMNS[form])
            rows = read_table(path, columns, long=(column,))
            sides = dict.fromkeys(names, params.sides) if params.sides else {}
        case CocoBoxes():
            form, file = "xywh", read_coco(path)
            rows, sides = file.rows, file.sides
        case _:
            assert_never(params)

    def sides_of(row: int) -> Sides:
        return sides.get(names[row]) or (held(row).width, held(row).height)

    boxes = collect_boxes(
        rows, find_image=find_image, label_of=label_of, sides_of=sides_of, form=form
    )
    return place_listed(boxes, held, resize=resize, size=size)
