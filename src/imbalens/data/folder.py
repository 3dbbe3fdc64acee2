"""Images of one's own as class folders: `root/train/<class>/*` and `root/test/<class>/*`."""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from imbalens.data.bit_depth import find_bits
from imbalens.data.image_files import DEEP, fit, open_image, read_upright
from imbalens.data.names import escape_unseen
from imbalens.data.source import Source, SourceSplit
from imbalens.errors import InputError
from imbalens.params.datasets import Folder, Resize
from imbalens.params.paths import expand_path

SUFFIXES = {".png", ".jpg", ".jpeg"}


def open_folder(
    params: Folder, image_size: int, *, resize: Resize = "squash", bits: int | None = None
) -> Source:
    """List the images; files are decoded when they are read.

    Classes and files are ordered by name; hidden ones, other suffixes, folders within a class and
    what is no regular file are left out. How many are, but for hidden ones, is printed, and which
    classes differ in nothing but case.

    Args:
        params: Root folder.
        image_size: Side in pixels of the squares that images become.
        resize: How oblong images become squares.
        bits: Of 16-bit grey, how many of each value are used; None to look.

    Raises:
        InputError: naming what is missing, be it a class in one of the splits or the image that a
            link leads to.
    """
    root = expand_path(params.root)
    classes = {split: _list_classes(root / split) for split in ("train", "test")}
    if classes["train"] != classes["test"]:
        lacking = [
            f"only {split}/ has {', '.join(map(_readable, sorted(only)))}"
            for split, other in (("train", "test"), ("test", "train"))
            if (only := set(classes[split]) - set(classes[other]))
        ]
        raise InputError(
            f"{root}: train/ and test/ need the same class folders; {'; '.join(lacking)}"
        )
    names = classes["train"]
    _report_case(root, names)
    _report_left_out(root, [root / split / name for split in classes for name in names])
    files = {split: _list_files(root, split, names) for split in classes}
    found = bits or find_bits([*chain(*files["train"], *files["test"])], str(root))
    train, test = (
        _open_split(root, files[split], image_size, resize, found) for split in ("train", "test")
    )
    return Source(
        place=str(root),
        class_names=tuple(map(_decoded, names)),
        train=train,
        test=test,
        facts={"bits": found} if found < DEEP else {},
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
    with open_image(path, formats=("PNG", "JPEG")) as image:
        upright = read_upright(path, image, mode="RGB", ground="white", bits=bits)
        return np.asarray(fit(upright, size, resize))


def _list_classes(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise InputError(
            f"{folder}: folder not found; images belong in <root>/train/<class>/ and "
            "<root>/test/<class>/"
        )
    names = sorted(entry.name for entry in _visible(folder) if entry.is_dir())
    if not names:
        raise InputError(f"{folder}: found no class folders; allowed: one folder per class")
    return names


def _visible(folder: Path) -> Sequence[Path]:
    return [entry for entry in folder.iterdir() if not entry.name.startswith(".")]


def _is_image(entry: Path) -> bool:
    return entry.suffix.lower() in SUFFIXES and entry.is_file()


def _report_case(root: Path, names: Sequence[str]) -> None:
    """Print class folders that unpack into one where file names have no case."""
    spellings = Counter(name.casefold() for name in names)
    alike = [_readable(name) for name in names if spellings[name.casefold()] > 1]
    if alike:
        print(
            f"{root}: class folders {', '.join(alike)} differ in nothing but case; on Windows "
            "and macOS they are one folder",
            file=sys.stderr,
        )


def _report_left_out(root: Path, folders: Iterable[Path]) -> None:
    """Print how many visible files, by suffix, and folders are not read as images."""
    others = [entry for folder in folders for entry in _visible(folder) if not _is_image(entry)]
    kinds = Counter(map(_kind, others))
    if kinds:
        counted = ", ".join(f"{n} {_readable(kind)}" for kind, n in sorted(kinds.items()))
        print(
            f"{root}: left out {counted}; read: {', '.join(sorted(SUFFIXES))} right in <class>/",
            file=sys.stderr,
        )


def _kind(entry: Path) -> str:
    if entry.is_dir():
        return "folder"
    if not entry.is_file():
        return "special file" if entry.exists() else "broken link"
    return entry.suffix.lower() or "without suffix"


def _decoded(name: str) -> str:
    """Write bytes of a file name that are not UTF-8 as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _readable(name: str) -> str:
    """Write as escapes whatever of a file name cannot be shown."""
    return escape_unseen(_decoded(name))


def _list_files(root: Path, split: str, class_names: Sequence[str]) -> list[list[Path]]:
    """Return the images of each class."""
    files: list[list[Path]] = []
    for name in class_names:
        folder = root / split / name
        # paths themselves are ordered on Windows as if all their letters were small
        entries = sorted(_visible(folder), key=lambda entry: entry.name)
        for entry in entries:
            if entry.suffix.lower() in SUFFIXES and not entry.exists():
                raise InputError(
                    f"{entry}: links to {entry.readlink()}, which is not there; bring that file, "
                    "or remove the link"
                )
        found = list(filter(_is_image, entries))
        if not found:
            raise InputError(f"{folder}: found no images; allowed: one or more PNG or JPEG files")
        files.append(found)
    return files


def _open_split(
    root: Path, by_class: Sequence[Sequence[Path]], size: int, resize: Resize, bits: int
) -> SourceSplit:
    files, counts = [*chain(*by_class)], [len(files) for files in by_class]

    def read_at(position: int) -> UInt8[np.ndarray, "h w 3"]:
        return read_image(files[position], size, resize=resize, bits=bits)

    def read(positions: Int[np.ndarray, " k"]) -> UInt8[np.ndarray, "k h w 3"]:
        with ThreadPoolExecutor() as pool:
            return np.stack(list(pool.map(read_at, positions.tolist())))

    return SourceSplit(
        labels=np.repeat(np.arange(len(counts), dtype=np.int64), counts),
        names=[_readable(file.relative_to(root).as_posix()) for file in files],
        read=read,
    )
