"""Where the pixels and boxes of an image go when it is turned upright and made a square."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from imbalens.params.datasets import Resize

# of each orientation that EXIF knows but the upright one: whether rows and columns are exchanged,
# and which axes, x and y, are reversed after that
TURNS = {
    2: (False, (True, False)),
    3: (False, (True, True)),
    4: (False, (False, True)),
    5: (True, (False, False)),
    6: (True, (True, False)),
    7: (True, (True, True)),
    8: (True, (False, True)),
}
SLACK = 1e-3  # pixels that a box may go beyond its image, as sums of rounded numbers do


@dataclass(frozen=True)
class Stored:
    """An image as its file holds it.

    Attributes:
        width: In pixels.
        height: In pixels.
        orientation: How it is turned, 1 to 8 as EXIF has it.
    """

    width: int
    height: int
    orientation: int


@dataclass(frozen=True)
class Placement:
    """Which part of an image fills which part of a square.

    Attributes:
        source: Left, top, right and bottom edge in pixels of the image.
        target: The same in whole pixels of the square.
    """

    source: tuple[float, float, float, float]
    target: tuple[int, int, int, int]


def place_image(width: int, height: int, *, resize: Resize, size: int) -> Placement:
    """Return how an image becomes a square of `size`.

    Args:
        width: Of the image in pixels.
        height: Of the image in pixels.
        resize: `squash` takes all of it, whatever its proportions; `crop` its central square;
            `pad` all of it in its proportions, centred, to the nearest pixel.
        size: Side of the square in pixels.
    """
    whole, square = (0.0, 0.0, float(width), float(height)), (0, 0, size, size)
    match resize:
        case "squash":
            return Placement(whole, square)
        case "crop":
            side = min(width, height)
            left, top = (width - side) / 2, (height - side) / 2
            return Placement((left, top, left + side, top + side), square)
        case "pad":
            longer = max(width, height)
            across, down = (max(1, round(side * size / longer)) for side in (width, height))
            left, top = (size - across) // 2, (size - down) // 2
            return Placement(whole, (left, top, left + across, top + down))


def cut_box(box: Float[np.ndarray, "4"], sides: tuple[int, int]) -> Float[np.ndarray, "4"] | None:
    """Return a box, cut where it goes beyond its image by `SLACK`; None if it does not fit.

    Args:
        box: x, y, width, height; without an area, or not finite, it does not fit.
        sides: Width and height of the image.
    """
    start, side, most = box[:2], box[2:], np.array(sides, dtype=float)
    with np.errstate(invalid="ignore"):  # of infinite numbers, which are beyond or NaN then
        stop = start + side
    if not ((side > 0) & (start >= -SLACK) & (stop <= most + SLACK)).all():  # nor does NaN
        return None
    first, last = start.clip(0, most), stop.clip(0, most)
    if not (first < last).all():
        return None
    is_cut = (first != start) | (last != stop)
    return np.concatenate([first, np.where(is_cut, last - first, side)])


def turn_boxes(boxes: Float[np.ndarray, "b 4"], stored: Stored) -> Float[np.ndarray, "b 4"]:
    """Return boxes of an image file in pixels of the upright image.

    Args:
        boxes: x, y, width, height in pixels of the image as it is stored.
        stored: The image.
    """
    exchanged, reverse = TURNS.get(stored.orientation, (False, (False, False)))
    start, side, extent = boxes[:, :2], boxes[:, 2:], np.array([stored.width, stored.height])
    if exchanged:
        start, side, extent = start[:, ::-1], side[:, ::-1], extent[::-1]
    return np.hstack([np.where(reverse, extent - start - side, start), side])


def place_boxes(
    boxes: Float[np.ndarray, "b 4"], placement: Placement
) -> tuple[Int[np.ndarray, "v 4"], Bool[np.ndarray, " b"]]:
    """Return those boxes of an image that its square shows, and which these are.

    Edges go to the nearest edge of a pixel and no further than the square's; where two meet, the
    pixel of the box's centre stays. A box of which a crop leaves less than half a pixel is not
    shown.

    Args:
        boxes: x, y, width, height in pixels of the image.
        placement: How the image became the square.
    """
    source, target = np.array(placement.source), np.array(placement.target)
    scale = (target[2:] - target[:2]) / (source[2:] - source[:2])
    start, stop = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    edges = np.stack([start, stop]) * scale
    # what a crop leaves out lies beyond the target
    edges = np.clip(edges + (target[:2] - source[:2] * scale), target[:2], target[2:])
    beyond = (start < source[:2] - SLACK) | (stop > source[2:] + SLACK)
    sliver = beyond.any(axis=1) & ((edges[1] - edges[0]).prod(axis=1) < 0.5)
    shown = (edges[0] < edges[1]).all(axis=1) & ~sliver
    edges = edges[:, shown]
    start, stop = np.floor(edges + 0.5).astype(np.int64)
    centre = np.minimum(np.floor(edges.mean(0)).astype(np.int64), target[2:] - 1)
    empty = start == stop
    start = np.where(empty, centre, start)
    stop = np.where(empty, centre + 1, stop)
    return np.hstack([start, stop - start]), shown


def square_boxes(
    boxes: Float[np.ndarray, "b 4"], stored: Stored, *, resize: Resize, size: int
) -> tuple[Int[np.ndarray, "v 4"], Bool[np.ndarray, " b"]]:
    """Return those boxes of an image file that its square shows, and which these are.

    Args:
        boxes: x, y, width, height in pixels of the image as it is stored.
        stored: The image, see `image_files.measure`.
        resize: How it becomes a square.
        size: Side of the square in pixels.
    """
    exchanged, _ = TURNS.get(stored.orientation, (False, ()))
    sides = (stored.width, stored.height)
    placement = place_image(*(sides[::-1] if exchanged else sides), resize=resize, size=size)
    return place_boxes(turn_boxes(boxes, stored), placement)
