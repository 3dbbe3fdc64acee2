"""Boxes of iNaturalist 2017, in files as of COCO: `{train,val}_2017_bboxes.json`.

Nine of its super-categories have some.

Source: Van Horn et al. 2018, The iNaturalist Species Classification and Detection Dataset.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int

from imbalens.data.boxes import place_listed
from imbalens.data.coco import read_coco
from imbalens.data.geometry import Stored
from imbalens.data.names import composed
from imbalens.errors import InputError
from imbalens.params.datasets import Resize

FILES = ("train_2017_bboxes.json", "val_2017_bboxes.json")


def read_inaturalist_boxes(
    root: Path,
    files: Sequence[str],
    label_of: Mapping[str, int],
    *,
    stored: Callable[[int], Stored],
    resize: Resize,
    size: int,
) -> Int[np.ndarray, "b 6"]:
    """Return image, class, x, y, width and height of each box, in pixels of images as prepared.

    Boxes of images that are not used are passed over and counted.

    Args:
        root: Folder of the files.
        files: Path of each image within the root, the tree first, whatever it is called.
        label_of: Class by the name of a category.
        stored: Returns sides and orientation of an image as its file holds it.
        resize: How images become squares; boxes that a crop leaves out are left out.
        size: Side in pixels of the prepared images.

    Raises:
        InputError: if a file is absent or no box is of an image; or naming the entry of a box of
            no class, or outside of its image.
    """
    row_of = {composed(_in_tree(file)): row for row, file in enumerate(files)}
    boxes: list[Int[np.ndarray, "b 6"]] = []
    passed = 0

    def find_image(_: str, name: str) -> int | None:
        return row_of.get(composed(_in_tree(name)))

    for path in (root / name for name in FILES):
        if not path.is_file():
            raise InputError(
                f"{path}: file not found; bring it from the page of the competition, or set "
                "source.boxes to false"
            )
        said = read_coco(path)
        used = [row for row in said.rows if find_image(row[0], row[1][0]) is not None]
        if said.rows and not used:
            raise InputError(
                f"{path}: none of its {len(said.rows):,} boxes is of an image that is used; bring "
                "the file that goes with the images, or set source.boxes to false"
            )
        passed += len(said.rows) - len(used)
        sides = {find_image("", name): each for name, each in said.sides.items()}
        boxes.append(
            place_listed(
                used,
                find_image=find_image,
                label_of=label_of,
                stated={row: each for row, each in sides.items() if row is not None},
                stored=stored,
                resize=resize,
                size=size,
            )
        )
    if passed:
        print(f"{root}: left out {passed:,} boxes of images that are not used", file=sys.stderr)
    return np.concatenate(boxes)


def _in_tree(file: str) -> str:
    """Return a path without the folder that holds all images."""
    return file.partition("/")[2]
