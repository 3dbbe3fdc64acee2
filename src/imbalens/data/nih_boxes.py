"""The boxes of NIH ChestX-ray14 in pixels of stored images."""

from typing import assert_never

import numpy as np
from jaxtyping import Float, Int

from imbalens.data.geometry import place_boxes, place_image
from imbalens.data.nih_tables import BOX_UNITS, Tables
from imbalens.params.sources import Binary, Multilabel


def boxes_of(
    tables: Tables, task: Multilabel | Binary, images: Int[np.ndarray, " k"], *, size: int
) -> Int[np.ndarray, "b 6"]:
    """Return the boxes of some images, ordered by image and then as in the list.

    Args:
        tables: Images and boxes.
        task: Decides which output a box belongs to.
        images: Distinct rows of the table.
        size: Side in pixels of the stored images.

    Returns:
        Of each box which of `images` has it (0-based), output, x, y, width, height in pixels.
    """
    position = np.full(len(tables.names), -1)
    position[images] = np.arange(len(images))
    at = position[tables.box_images]
    chosen = np.flatnonzero(at >= 0)
    chosen = chosen[np.argsort(at[chosen], kind="stable")]
    boxes = scale_boxes(tables.boxes[chosen], size=size)
    return np.column_stack([at[chosen], box_classes(tables, task)[chosen], boxes])


def box_classes(tables: Tables, task: Multilabel | Binary) -> Int[np.ndarray, " b"]:
    """Return the output that each box belongs to."""
    match task:
        case Multilabel():
            return tables.box_findings
        case Binary():
            return np.zeros_like(tables.box_findings)
        case _:
            assert_never(task)


def scale_boxes(boxes: Float[np.ndarray, "b 4"], *, size: int) -> Int[np.ndarray, "b 4"]:
    """Return boxes in pixels of an image of `size` squared instead of `BOX_UNITS` squared.

    Args:
        boxes: x, y, width, height, inside the image.
        size: Side of the image in pixels.
    """
    placement = place_image(BOX_UNITS, BOX_UNITS, resize="squash", size=size)
    placed, _ = place_boxes(boxes, placement)  # a whole image shows all of them
    return placed
