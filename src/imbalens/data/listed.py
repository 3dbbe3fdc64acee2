"""Image files that each have a class, by their paths within a folder."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from imbalens.data.image_table import ImageTable, open_images
from imbalens.data.names import escape_unseen
from imbalens.data.source import Source
from imbalens.params.datasets import Resize

SUFFIXES = {".png", ".jpg", ".jpeg"}


def open_parts(
    root: Path,
    class_names: Sequence[str],
    parts: Mapping[str, tuple[Sequence[str], Int[np.ndarray, "..."]]],
    size: int,
    *,
    resize: Resize,
    bits: int | None,
    boxes: Int[np.ndarray, "b 6"] | None = None,
    n_unread: int = 0,
    facts: Mapping[str, int] | None = None,
) -> Source:
    """Return a source of images that each have a class, each named by its path.

    Args:
        root: Folder that all the files are in.
        class_names: Name of each class, in label order.
        parts: By split, `train`, `test` and perhaps `val`, the paths of its images within the
            folder, with `/`, and their classes.
        size: Side in pixels of the squares that images become.
        resize: How oblong images become squares.
        bits: Of 16-bit grey, how many of each value are used; None to look.
        boxes: Which image of all parts, one after the other, class, x, y, width, height in pixels
            as prepared; None if there are none.
        n_unread: Validation images that are there and not read.
        facts: What else `prepare` reports of the source.
    """
    files = [*chain(*(files for files, _ in parts.values()))]
    labels = np.concatenate([labels for _, labels in parts.values()])
    ends = np.cumsum([len(files) for files, _ in parts.values()])
    rows = dict(zip(parts, np.split(np.arange(len(files)), ends[:-1]), strict=True))
    table = ImageTable(root, files, [*map(escape_unseen, files)], labels, boxes=boxes)
    return open_images(
        table,
        rows,
        class_names,
        size,
        resize=resize,
        bits=bits,
        n_unread=n_unread,
        facts=facts,
    )


def find_absent(root: Path, files: Sequence[str]) -> list[int]:
    """Return the positions of files that are not there; every folder is listed once.

    Args:
        root: Folder that all the files should be in.
        files: Path of each file within the folder, with `/`.
    """
    held: dict[str, set[str]] = {}
    absent: list[int] = []
    for position, file in enumerate(files):
        folder, _, name = file.rpartition("/")
        if folder not in held:
            there = root / folder
            held[folder] = {entry.name for entry in there.iterdir()} if there.is_dir() else set()
        if name not in held[folder]:
            absent.append(position)
    return absent


def list_images(folder: Path) -> list[str]:
    """Return the names of the visible PNG and JPEG files of a folder, sorted; none if absent."""
    if not folder.is_dir():
        return []
    names = (entry.name for entry in folder.iterdir())
    return sorted(
        name
        for name in names
        if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
    )


def draw_per_class(
    labels: Int[np.ndarray, " n"], per_class: int, *, seed: int
) -> Bool[np.ndarray, " n"]:
    """Draw so many images of each class, or all where it has fewer; return which.

    Args:
        labels: Class of each image.
        per_class: Images of a class to draw.
        seed: Seed of the draw.
    """
    rng = np.random.default_rng(seed)
    drawn = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        drawn[rng.permutation(np.flatnonzero(labels == label))[:per_class]] = True
    return drawn
