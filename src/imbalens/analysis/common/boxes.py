"""Boxes of annotated images: which pairs have one, their pixels, and moving them elsewhere."""

import numpy as np
from jaxtyping import Bool, Int


def require_inside(boxes: Int[np.ndarray, "b 6"], *, image_size: int) -> None:
    """Refuse boxes that have no pixel or reach out of their image.

    Args:
        boxes: Image row, class, x, y, width, height (pixels) of each box.
        image_size: Side of the images in pixels.

    Raises:
        ValueError: naming the first such box.
    """
    corner, size = boxes[:, 2:4], boxes[:, 4:]
    wrong = ((corner < 0) | (size < 1) | (corner + size > image_size)).any(axis=1)
    if wrong.any():
        position = np.argmax(wrong)
        raise ValueError(
            f"box {position} has x, y, width, height {boxes[position, 2:].tolist()}; it must have "
            f"at least one pixel and lie inside the {image_size} x {image_size} image"
        )


def find_pairs(boxes: Int[np.ndarray, "b 6"]) -> Int[np.ndarray, "p 2"]:
    """Find the distinct (image, class) pairs that have a box.

    Args:
        boxes: Image row, class, x, y, width, height of each box.

    Returns:
        Image row and class of each pair, sorted.
    """
    return np.unique(boxes[:, :2], axis=0)


def box_masks(
    boxes: Int[np.ndarray, "b 6"], pairs: Int[np.ndarray, "p 2"], *, image_size: int
) -> Bool[np.ndarray, "p s s"]:
    """Mark the pixels inside any box of each pair.

    Args:
        boxes: Image row, class, x, y, width, height (pixels) of each box; those of other pairs
            are ignored.
        pairs: Image row and class of each pair.
        image_size: Side of the images, s pixels.

    Returns:
        True inside the union of the boxes of the pair.

    Raises:
        ValueError: if a box is empty or reaches out of the image, or a pair has no box.
    """
    require_inside(boxes, image_size=image_size)
    masks = np.zeros((len(pairs), image_size, image_size), dtype=bool)
    places = {(row, label): place for place, (row, label) in enumerate(pairs.tolist())}
    for row, label, x, y, width, height in boxes.tolist():
        if (row, label) in places:
            masks[places[row, label], y : y + height, x : x + width] = True
    bare = np.flatnonzero(~masks.any(axis=(1, 2)))
    if len(bare):
        row, label = pairs[bare[0]].tolist()
        raise ValueError(f"image {row} has no box of class {label}; find pairs in these boxes")
    return masks


def shift_boxes(
    boxes: Int[np.ndarray, "b 6"], *, image_size: int, rng: np.random.Generator
) -> Int[np.ndarray, "b 6"]:
    """Move each box to a place chosen at random, to see what alignment chance alone gives.

    Args:
        boxes: Image row, class, x, y, width, height (pixels) of each box.
        image_size: Side of the images in pixels.
        rng: Chooses the places, all that lie inside the image being equally likely.

    Returns:
        Boxes of the same images, classes and sizes, elsewhere.

    Raises:
        ValueError: if a box is empty or reaches out of the image.
    """
    require_inside(boxes, image_size=image_size)
    shifted = boxes.copy()
    shifted[:, 2:4] = rng.integers(0, image_size - boxes[:, 4:] + 1)
    return shifted
