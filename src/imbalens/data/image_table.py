"""Image files with all that is known of them, a row each: where every source of files ends."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Int, UInt8

from imbalens.data.bit_depth import check_dicom, find_bits
from imbalens.data.decoded_images import DecodedImages
from imbalens.data.decoding import FORMATS, Decoding
from imbalens.data.image_files import DEEP, Format
from imbalens.data.names import escape_unseen
from imbalens.data.source import ReadImages, Source, SourceSplit, Task
from imbalens.params.datasets import Resize
from imbalens.params.tables import Window

WORK = Path("work")

Rows = Int[np.ndarray, "..."]


@dataclass(frozen=True)
class ImageTable:
    """Image files, a row each.

    Attributes:
        root: Folder that all of them are in.
        files: Path of each within the root, with `/`.
        names: Name of each, to be shown.
        labels: Class of each; of several labels, 1 where an image has one and 0 elsewhere.
        groups: Group of each, such as a patient, whose images stay in one split; None if not
            known.
        group_texts: What the group of each is called, blank where it is one by itself; None if not
            known.
        boxes: Row, class, x, y, width, height in pixels of images as prepared; None if there are
            none.
        views: View of each, such as "PA"; None if not known.
        unknown: Of several labels, which are not known of an image, and 0 in `labels`; None if
            all are.
    """

    root: Path
    files: Sequence[str]
    names: Sequence[str]
    labels: Int[np.ndarray, " n"] | UInt8[np.ndarray, "n m"]
    groups: Int[np.ndarray, " n"] | None = None
    group_texts: Sequence[str] | None = None
    boxes: Int[np.ndarray, "b 6"] | None = None
    views: Sequence[str] | None = None
    unknown: Bool[np.ndarray, "n m"] | None = None


def open_images(
    table: ImageTable,
    rows: Mapping[str, Rows],
    class_names: Sequence[str],
    size: int,
    *,
    resize: Resize,
    bits: int | None,
    channels: Literal[1, 3] = 3,
    formats: tuple[Format, ...] = FORMATS,
    square: bool = False,
    window: Window = "full",
    task: Task = "multiclass",
    n_unread: int = 0,
    facts: Mapping[str, Any] | None = None,
) -> Source:
    """Return a source whose images are decoded when they are read, with all cores.

    Args:
        table: The images.
        rows: Rows of the images of `train`, `test`, and `val` where there are some.
        class_names: Name of each class, in label order.
        size: Side in pixels of the squares that images become.
        resize: How oblong images become squares.
        bits: Of 16-bit grey, how many of each value are used; None to look.
        channels: Of the images as read.
        formats: Those that files may have.
        square: Whether only square images are allowed.
        window: Of DICOM, which values become 0 to 255, see `dicom.to_bytes`.
        task: Whether an image has one class, or any of several labels, or of one.
        n_unread: Validation images that are there and not read.
        facts: What else `prepare` reports of the source.
    """
    every: list[int] = np.concatenate([*rows.values()]).tolist()
    files = [table.files[row] for row in every]
    if "DICOM" in formats:
        check_dicom(table.root, files, bits=bits, window=window)
    used = bits or find_bits(table.root, files)
    how = Decoding(size, resize, used, channels, formats, square, window)
    decoded = DecodedImages(WORK, table.root, table.files, how)
    return open_rows(
        table,
        rows,
        class_names,
        read=decoded.read,
        channels=channels,
        task=task,
        n_unread=n_unread,
        facts={**(facts or {}), **({"bits": used} if used < DEEP else {})},
        finish=decoded.finish,
    )


def open_rows(
    table: ImageTable,
    rows: Mapping[str, Rows],
    class_names: Sequence[str],
    *,
    read: ReadImages,
    channels: Literal[1, 3],
    task: Task,
    n_unread: int,
    facts: Mapping[str, Any] | None = None,
    finish: Callable[[], None] = lambda: None,
) -> Source:
    """Return a source of the images of some rows.

    Args:
        table: The images, be they in files or not.
        rows: Rows of the images of `train`, `test`, and `val` where there are some.
        class_names: Name of each class, in label order.
        read: Returns the images of some rows as they are prepared.
        channels: Of the images as read.
        task: Whether an image has one class, or any of several labels, or of one.
        n_unread: Validation images that are there and not read.
        facts: What else `prepare` reports of the source.
        finish: Called when everything is written.
    """
    splits = {split: _open_split(table, part, read) for split, part in rows.items()}
    return Source(
        place=str(table.root),
        class_names=tuple(map(escape_unseen, class_names)),
        train=splits["train"],
        test=splits["test"],
        validation=splits.get("val"),
        n_unread=n_unread,
        task=task,
        channels=channels,
        facts=facts or {},
        finish=finish,
    )


def _open_split(table: ImageTable, rows: Rows, read_rows: ReadImages) -> SourceSplit:
    def read(positions: Int[np.ndarray, " k"]) -> UInt8[np.ndarray, "k s s c"]:
        return read_rows(rows[positions])

    boxes, groups, views = table.boxes, table.groups, table.views
    chosen: list[int] = rows.tolist()
    texts = table.group_texts

    def list_files() -> list[str]:
        root, files = table.root.resolve().as_posix(), table.files or table.names
        return [f"{root}/{files[row]}" for row in chosen]

    return SourceSplit(
        labels=table.labels[rows],
        names=[table.names[row] for row in chosen],
        read=read,
        boxes=None if boxes is None else lambda positions: boxes_at(boxes, rows[positions]),
        patients=None if groups is None else groups[rows],
        views=None if views is None else [views[row] for row in chosen],
        unknown=None if table.unknown is None else table.unknown[rows],
        files=list_files,
        groups=None if texts is None else [texts[row] for row in chosen],
    )


def boxes_at(boxes: Int[np.ndarray, "b 6"], rows: Int[np.ndarray, " k"]) -> Int[np.ndarray, "v 6"]:
    """Return the boxes of some images, ordered by image and then as given.

    Args:
        boxes: Image, class, x, y, width, height.
        rows: Distinct images.

    Returns:
        The same of the images chosen, the first column of which says which of `rows` has it.
    """
    order = np.argsort(rows)
    near = np.searchsorted(rows, boxes[:, 0], sorter=order).clip(max=len(rows) - 1)
    at = order[near]
    chosen = np.flatnonzero(rows[at] == boxes[:, 0])
    chosen = chosen[np.argsort(at[chosen], kind="stable")]
    return np.column_stack([at[chosen], boxes[chosen, 1:]])
