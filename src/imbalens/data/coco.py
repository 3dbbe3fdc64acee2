"""Boxes in files of annotations as of COCO: `images`, `annotations` and `categories`.

Segmentations are not read, and annotations of crowds are passed over.

Source: Lin et al. 2014, Microsoft COCO: Common Objects in Context.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imbalens.data.boxes import Sides
from imbalens.data.csv_tables import check_values, read_text
from imbalens.errors import InputError
from imbalens.params.errors import shown

VALUES = ("file_name", "name", "x", "y", "width", "height")
MAX_SIDE = 2**17  # pixels
MAX_BYTES = 2**30  # of a file; that of iNaturalist 2017 holds half a million images and boxes


@dataclass(frozen=True)
class CocoFile:
    """What a file says.

    Attributes:
        rows: Of each box its place, for messages; name of its image, name of its category, x, y,
            width and height as they stand there.
        sides: Width and height of each image that states them, by its name as it stands there.
    """

    rows: Sequence[tuple[str, tuple[str, ...]]]
    sides: Mapping[str, Sides]


def read_coco(path: Path) -> CocoFile:
    """Read a file of annotations.

    Raises:
        InputError: naming the file, and the entry that lacks what it must have, or tells of an
            image or category that the file does not have; or a value that is too long.
    """
    try:
        content = json.loads(read_text(path, max_bytes=MAX_BYTES))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: cannot be read as JSON ({error}); write it again") from error
    images = _by_id(path, content, "images", "file_name")
    categories = _by_id(path, content, "categories", "name")
    rows: list[tuple[str, tuple[str, ...]]] = []
    for number, each in enumerate(_entries(path, content, "annotations")):
        place = f"{path}, annotations[{number}]"
        if each.get("iscrowd"):
            continue
        image = _find(place, each, "image_id", images)
        category = _find(place, each, "category_id", categories)
        box = each.get("bbox")
        if not isinstance(box, list) or len(box) != 4:
            raise InputError(f"{place}: found bbox {shown(box)}; allowed: x, y, width, height")
        values = (image["file_name"], category["name"], *map(str, box))
        check_values(place, VALUES, values, long=VALUES[:1])
        rows.append((place, values))
    sides = {
        image["file_name"]: found
        for number, image in enumerate(images.values())
        if (found := _read_sides(f"{path}, images[{number}]", image))
    }
    return CocoFile(rows, sides)


def _read_sides(place: str, image: Mapping[str, Any]) -> Sides | None:
    """Return width and height of an image, None if it does not state both."""
    sides: list[int] = []
    for key in ("width", "height"):
        found = image.get(key)
        if found is None:
            return None
        # whole numbers are floats too where a program went by way of a table
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        if not (is_number and 1 <= found <= MAX_SIDE and found == int(found)):
            raise InputError(
                f"{place}: found {key} {shown(found)}; allowed: whole numbers from 1 to "
                f"{MAX_SIDE:,}, or none"
            )
        sides.append(int(found))
    return sides[0], sides[1]


def _entries(path: Path, content: Any, key: str) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    found = content.get(key) if isinstance(content, dict) else None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise InputError(
            f"{path}: has no list {key!r} of entries; allowed: a file as of COCO, with images, "
            "annotations and categories"
        )
    return found


def _by_id(path: Path, content: Any, key: str, name: str) -> dict[Any, dict[str, Any]]:  # noqa: ANN401
    """Return entries by their id, each of which has a name."""
    found: dict[Any, dict[str, Any]] = {}
    for number, each in enumerate(_entries(path, content, key)):
        place, own = f"{path}, {key}[{number}]", each.get("id")
        if not isinstance(each.get(name), str) or not isinstance(own, int | str):
            raise InputError(f"{place}: found {shown(each)}; allowed: an id and a text {name!r}")
        if found.setdefault(own, each) is not each:
            raise InputError(f"{place}: found id {shown(own)} again; allowed: each once")
    return found


def _find(
    place: str, entry: dict[str, Any], key: str, among: Mapping[Any, dict[str, Any]]
) -> dict[str, Any]:
    wanted = entry.get(key)
    if not isinstance(wanted, int | str) or wanted not in among:
        raise InputError(f"{place}: found {key} {shown(wanted)}, which the file does not have")
    return among[wanted]
