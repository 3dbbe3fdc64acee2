"""Boxes that tables list, from their rows to pixels of images as they are prepared."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from imbalens.data.csv_tables import as_known
from imbalens.data.geometry import TURNS, Stored, cut_box, square_boxes
from imbalens.data.names import composed, first_names
from imbalens.errors import InputError
from imbalens.params.datasets import Resize
from imbalens.params.errors import shown, shown_text
from imbalens.params.tables import BoxForm

BOX_COLUMNS: Mapping[BoxForm, tuple[str, str, str, str]] = {
    "xywh": ("x", "y", "w", "h"),
    "corners": ("x_min", "y_min", "x_max", "y_max"),
}
Sides = tuple[int, int]  # width and height in pixels


@dataclass(frozen=True)
class Boxes:
    """Boxes in the order in which they are listed.

    Attributes:
        images: Image of each box.
        labels: Class of each box.
        xywh: x, y, width, height in pixels of an image of `sides`.
        sides: Width and height of the image that the box is in pixels of.
    """

    images: Int[np.ndarray, " b"]
    labels: Int[np.ndarray, " b"]
    xywh: Float[np.ndarray, "b 4"]
    sides: Int[np.ndarray, "b 2"]


def collect_boxes(
    rows: Iterable[tuple[str, tuple[str, ...]]],
    *,
    find_image: Callable[[str, str], int | None],
    label_of: Mapping[str, int],
    sides_of: Callable[[str, int], Sides],
    form: BoxForm = "xywh",
) -> Boxes:
    """Return the boxes that rows of a table tell of.

    Args:
        rows: Place of each row, for messages; image, label and four numbers, as they stand there.
        find_image: Returns the image that a text means at some place, None to pass the row over.
        label_of: Class by its name; blanks around it do not count.
        sides_of: Returns width and height of the image that boxes of an image, at some place, are
            in pixels of.
        form: What the numbers are: x, y, width, height, or smallest and largest x and y.

    Raises:
        InputError: naming the first row of no image or class, or of no box within its image.
    """
    found: list[tuple[int, int, Float[np.ndarray, "4"], Sides]] = []
    for place, (image, label, *numbers) in rows:
        row, name = find_image(place, image), as_known(composed(label), label_of)
        if row is None:
            continue
        if name not in label_of:
            raise InputError(
                f"{place}: found label {shown(label)}; allowed: {first_names([*label_of])}"
            )
        sides = sides_of(place, row)
        found.append((row, label_of[name], read_box(place, numbers, sides, form=form), sides))
    return Boxes(
        images=np.array([image for image, *_ in found], dtype=np.int64),
        labels=np.array([label for _, label, *_ in found], dtype=np.int64),
        xywh=np.array([box for *_, box, _ in found], dtype=np.float64).reshape(-1, 4),
        sides=np.array([sides for *_, sides in found], dtype=np.int64).reshape(-1, 2),
    )


def read_box(
    place: str, texts: Sequence[str], sides: Sides, *, form: BoxForm = "xywh"
) -> Float[np.ndarray, "4"]:
    """Return x, y, width and height of a box, cut where it goes beyond its image by rounding.

    Args:
        place: Where it stands, for messages.
        texts: The four numbers, as they stand there.
        sides: Width and height of the image in the same pixels.
        form: What the numbers are, see `collect_boxes`.

    Raises:
        InputError: if these are no numbers, or no box with an area inside the image.
    """
    try:
        box = np.array([float(text) for text in texts])
    except ValueError as error:
        found = shown_text(", ".join(texts))
        raise InputError(f"{place}: found box {found}; allowed: 4 numbers") from error
    if form == "corners":
        box[2:] -= box[:2]
    cut = cut_box(box, sides)
    if cut is None:  # shown as it stands there: rounded, it may obey the rule
        found = ", ".join(
            f"{name} {text}" for name, text in zip(BOX_COLUMNS[form], texts, strict=True)
        )
        raise InputError(
            f"{place}: found box {shown_text(found)}; allowed: boxes with an area, inside the "
            f"{sides[0]} x {sides[1]} pixels of their image"
        )
    return cut


def place_listed(
    rows: Iterable[tuple[str, tuple[str, ...]]],
    *,
    find_image: Callable[[str, str], int | None],
    label_of: Mapping[str, int],
    stated: Mapping[int, Sides],
    stored: Callable[[int], Stored],
    resize: Resize,
    size: int,
    form: BoxForm = "xywh",
) -> Int[np.ndarray, "b 6"]:
    """Return image, class, x, y, width and height of each box, in pixels of images as prepared.

    Args:
        rows: Rows of a table, see `collect_boxes`.
        find_image: Returns the image that a text means at some place, None to pass the row over.
        label_of: Class by its name.
        stated: Width and height that boxes of an image are in pixels of, where these are said to
            be others than those of its file.
        stored: Returns sides and orientation of an image as its file holds it.
        resize: How images become squares; boxes that a crop leaves out are left out.
        size: Side in pixels of the prepared images.
        form: What the numbers are, see `collect_boxes`.

    Raises:
        InputError: as `collect_boxes`, or naming the first row of an image whose stated sides have
            other proportions than its file.
    """
    frames: dict[int, Stored] = {}

    def sides_of(place: str, row: int) -> Sides:
        if row not in frames:
            held = stored(row)
            frame = find_frame(stated[row], held) if row in stated else held
            if frame is None:
                raise InputError(
                    f"{place}: found a box in pixels of an image of {stated[row][0]} x "
                    f"{stated[row][1]}, but the file has {held.width} x {held.height}; allowed: "
                    "sides of its proportions; give those of the file, or boxes in pixels of it"
                )
            frames[row] = frame
        return stated.get(row) or (frames[row].width, frames[row].height)

    boxes = collect_boxes(
        rows, find_image=find_image, label_of=label_of, sides_of=sides_of, form=form
    )
    placed: list[Int[np.ndarray, "6"]] = []
    for image, label, xywh, sides in zip(
        boxes.images.tolist(), boxes.labels.tolist(), boxes.xywh, boxes.sides, strict=True
    ):
        frame = frames[image]
        scaled = xywh * np.tile((frame.width, frame.height) / sides, 2)
        seen, _ = square_boxes(scaled[None], frame, resize=resize, size=size)
        placed += [np.array([image, label, *each], dtype=np.int64) for each in seen]
    return np.array(placed, dtype=np.int64).reshape(-1, 6)


def find_frame(sides: Sides, stored: Stored) -> Stored | None:
    """Return the image that boxes are in pixels of: as it is stored, or as it is shown, upright.

    Tools that show an image upright also say so of its sides.

    Args:
        sides: Width and height that are stated, perhaps of a smaller or larger copy.
        stored: The image.

    Returns:
        None if neither has these proportions, but for rounding the sides of a copy.
    """
    exchanged, _ = TURNS.get(stored.orientation, (False, ()))
    upright = [Stored(stored.height, stored.width, 1)] if exchanged else []
    fitting = [
        each
        for each in (stored, *upright)
        if _is_copy(sides, (each.width, each.height)) or _is_copy((each.width, each.height), sides)
    ]
    same = [each for each in fitting if (each.width, each.height) == sides]
    return next(iter([*same, *fitting]), None)


def _is_copy(copy: Sides, of: Sides) -> bool:
    """Tell whether one factor gives both sides of a copy, each within a pixel."""
    least, most = (
        [(side + each) / o for side, o in zip(copy, of, strict=True)] for each in (-1, 1)
    )
    return max(least) <= min(most)
