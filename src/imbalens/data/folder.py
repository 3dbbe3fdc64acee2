"""Images of one's own as class folders: `root/train/<class>/*` and `root/test/<class>/*`."""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from imbalens.data.listed import SUFFIXES, open_files
from imbalens.data.names import escape_unseen
from imbalens.data.source import Source, SourceSplit
from imbalens.errors import InputError
from imbalens.params.datasets import Folder
from imbalens.params.paths import expand_path


def open_folder(params: Folder, image_size: int) -> Source:
    """List the images; files are decoded when they are read.

    Classes and files are ordered by name; hidden ones, other suffixes, folders within a class and
    what is no regular file are left out. How many are, but for hidden ones, is printed, and which
    classes differ in nothing but case.

    Args:
        params: Root folder.
        image_size: Side in pixels that every image is resized to, whatever its proportions.

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
    return Source(
        place=str(root),
        class_names=tuple(map(_decoded, names)),
        train=_open_split(root, "train", names, image_size),
        test=_open_split(root, "test", names, image_size),
    )


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


def _open_split(root: Path, split: str, class_names: Sequence[str], size: int) -> SourceSplit:
    files: list[Path] = []
    counts: list[int] = []
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
        files += found
        counts.append(len(found))

    within = [file.relative_to(root).as_posix() for file in files]
    labels = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    return open_files(root, within, list(map(_readable, within)), labels, size)
