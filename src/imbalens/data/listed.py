"""Image files that each have a class, by their paths within a folder: read when asked for."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int, UInt8

from imbalens.data.bit_depth import find_bits
from imbalens.data.image_files import DEEP, Format, fit, open_image, read_upright
from imbalens.data.names import escape_unseen
from imbalens.data.source import Source, SourceSplit
from imbalens.params.datasets import Resize

SUFFIXES = {".png", ".jpg", ".jpeg"}
FORMATS: tuple[Format, ...] = ("PNG", "JPEG")


def open_files(
    root: Path,
    files: Sequence[str],
    names: Sequence[str],
    labels: Int[np.ndarray, " n"],
    size: int,
    *,
    resize: Resize,
    bits: int = DEEP,
) -> SourceSplit:
    """Return a split whose images are decoded with all cores, and only those asked for.

    Args:
        root: Folder that all the files are in.
        files: Path of each image within the folder, with `/`.
        names: Name of each image, to be shown.
        labels: Class of each image.
        size: Side in pixels of the squares that images become.
        resize: How oblong images become squares.
        bits: Of 16-bit grey, how many of each value are used.
    """

    def read_row(row: int) -> UInt8[np.ndarray, "h w 3"]:
        return read_image(root / files[row], size, resize=resize, bits=bits)

    def read(positions: Int[np.ndarray, " k"]) -> UInt8[np.ndarray, "k h w 3"]:
        with ThreadPoolExecutor() as pool:
            return np.stack(list(pool.map(read_row, positions.tolist())))

    return SourceSplit(labels=labels, names=names, read=read)


def open_parts(
    root: Path,
    class_names: Sequence[str],
    parts: Sequence[tuple[Sequence[str], Int[np.ndarray, "..."]]],
    size: int,
    *,
    resize: Resize,
    bits: int | None,
    facts: Mapping[str, int] | None = None,
) -> Source:
    """Return a source of training and test images, each named by its path.

    Args:
        root: Folder that all the files are in.
        class_names: Name of each class, in label order.
        parts: Of the training, then of the test images the paths within the folder, with `/`, and
            the classes.
        size: Side in pixels of the squares that images become.
        resize: How oblong images become squares.
        bits: Of 16-bit grey, how many of each value are used; None to look.
        facts: What else `prepare` reports of the source.
    """
    used = bits or find_bits([root / file for files, _ in parts for file in files], str(root))
    train, test = (
        open_files(
            root,
            files,
            list(map(escape_unseen, files)),
            labels,
            size,
            resize=resize,
            bits=used,
        )
        for files, labels in parts
    )
    return Source(
        place=str(root),
        class_names=tuple(map(escape_unseen, class_names)),
        train=train,
        test=test,
        facts={**(facts or {}), **({"bits": used} if used < DEEP else {})},
    )


def read_image(
    path: Path, size: int, *, resize: Resize = "squash", bits: int = DEEP
) -> UInt8[np.ndarray, "s s 3"]:
    """Read one image upright, as RGB: transparency on white.

    Args:
        path: PNG or JPEG file.
        size: Side in pixels of the square that it becomes.
        resize: How it becomes a square.
        bits: Of 16-bit grey, how many of each value are used; its 8 upper ones stay.

    Raises:
        InputError: naming a file that cannot be decoded, or has larger values.
    """
    with open_image(path, formats=FORMATS) as image:
        upright = read_upright(path, image, mode="RGB", ground="white", bits=bits)
        return np.asarray(fit(upright, size, resize))


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
