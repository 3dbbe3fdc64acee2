"""Places365-Standard, however it was unpacked.

As torchvision leaves it: `data_256_standard/` and `val_256/`, or the same with `large`, beside the
lists and `categories_places365.txt`. As its archives unpack: `data_256/` instead. As the
"easyformat" archive unpacks: `train/<class>/` and `val/<class>/`, without lists.

Source: Zhou et al. 2018, Places: A 10 Million Image Database for Scene Recognition.
"""

import difflib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int

from imbalens.data.listed import draw_per_class, list_images, open_parts
from imbalens.data.names import first_names
from imbalens.data.path_lists import (
    class_name,
    read_categories,
    read_path_list,
    require_files,
)
from imbalens.data.source import Source, count_labels
from imbalens.errors import InputError
from imbalens.params.datasets import Resize
from imbalens.params.paths import expand_path
from imbalens.params.sources import Places365

CATEGORIES = "categories_places365.txt"
LISTS = {"train": "places365_train_standard.txt", "val": "places365_val.txt"}
FOLDERS = {
    "train": ("data_256_standard", "data_256", "data_large_standard", "data_large"),
    "val": ("val_256", "val_large"),
}

Files = tuple[list[str], Int[np.ndarray, " n"]]


def open_places365(
    params: Places365,
    image_size: int,
    *,
    resize: Resize = "squash",
    bits: int | None = None,
) -> Source:
    """List the images of the classes wanted; they are decoded when they are read.

    Nested classes are called as in the easyformat, in all layouts: `desert-sand`.

    Args:
        params: Root folder, classes, and which images are test images.
        image_size: Side in pixels of the squares that images become.
        resize: How oblong images become squares.
        bits: Of 16-bit grey, how many of each value are used; None to look.

    Raises:
        InputError: naming what is missing, a class that is none, or one with too few images.
    """
    root = expand_path(params.root)
    easy = (root / "train").is_dir()
    known = _list_classes(root / "train") if easy else read_categories(root / CATEGORIES)
    wanted = _choose_classes(root, known, params.classes)
    names = tuple(known[label] for label in wanted)

    def list_split(split: str) -> Files:
        if easy:
            return _list_folders(root, split, names)
        return _list_archives(root, split, known, wanted)

    files, labels = list_split("train")
    if params.test_per_class is None:
        parts = {"train": (files, labels), "test": list_split("val")}
    else:
        _check_enough(root, names, labels, params.test_per_class)
        tested = draw_per_class(labels, params.test_per_class, seed=params.seed)
        parts = {
            split: ([files[row] for row in np.flatnonzero(chosen).tolist()], labels[chosen])
            for split, chosen in (("train", ~tested), ("test", tested))
        }
    return open_parts(root, names, parts, image_size, resize=resize, bits=bits)


def _list_classes(folder: Path) -> tuple[str, ...]:
    """Return the classes of the easyformat: sorted, they are in the official order."""
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    names = [name for name in names if not name.startswith(".")]
    if not names:
        raise InputError(f"{folder}: found no class folders; allowed: one folder per class")
    return tuple(names)


def _choose_classes(
    root: Path, known: Sequence[str], wanted: str | int | Sequence[str]
) -> list[int]:
    """Return the labels of the classes wanted, in the order given."""
    if isinstance(wanted, int):
        if wanted > len(known):
            raise InputError(
                f"source.classes: found {wanted}; allowed: up to {len(known)}, the classes of "
                f"{root}"
            )
        return list(range(wanted))
    if isinstance(wanted, str):
        return list(range(len(known)))
    label_of = {name: label for label, name in enumerate(known)}
    names = [class_name(name.strip("/").split("/")) for name in wanted]
    for position, name in enumerate(names):
        if name not in label_of:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            some = first_names(known)
            raise InputError(
                f"source.classes: found {wanted[position]!r}; {hint}allowed: the {len(known)} "
                f"classes of {root}: {some}"
            )
        if name in names[:position]:
            raise InputError(f"source.classes: found {name!r} twice; name each class once")
    return [label_of[name] for name in names]


def _list_folders(root: Path, split: str, names: Sequence[str]) -> Files:
    """List the images of the easyformat, by class and name."""
    found = [list_images(root / split / name) for name in names]
    for name, images in zip(names, found, strict=True):
        if not images:
            raise InputError(
                f"{root / split / name}: found no images; bring the folder as it was unpacked"
            )
    files = [
        f"{split}/{name}/{image}"
        for name, images in zip(names, found, strict=True)
        for image in images
    ]
    return files, np.repeat(np.arange(len(names)), list(map(len, found)))


def _list_archives(root: Path, split: str, known: Sequence[str], wanted: Sequence[int]) -> Files:
    """List the images of the archives as their list has them."""
    listed = read_path_list(root / LISTS[split])
    right: set[tuple[str, int]] = set()
    for row, (path, label) in enumerate(zip(listed.paths, listed.labels.tolist(), strict=True)):
        folder = path.rpartition("/")[0]
        if (folder, label) in right:
            continue
        if label >= len(known) or (folder and class_name(folder.split("/")) != known[label]):
            said = repr(known[label]) if label < len(known) else "none"
            raise InputError(
                f"{listed.at(row)}: found {path!r} with label {label}, which is {said} in "
                f"{CATEGORIES}; bring both as they were shipped"
            )
        right.add((folder, label))
    folder = next((name for name in FOLDERS[split] if (root / name).is_dir()), None)
    if folder is None:
        raise InputError(
            f"{root}: found no folder of {split} images; allowed: {', '.join(FOLDERS[split])}, or "
            f"{split}/<class>/"
        )
    label_of = np.full(len(known), -1)
    label_of[list(wanted)] = np.arange(len(wanted))
    chosen = listed.select(np.flatnonzero(label_of[listed.labels] >= 0))
    files = [f"{folder}/{path}" for path in chosen.paths]
    require_files(root, chosen, files)
    return files, label_of[chosen.labels]


def _check_enough(
    root: Path, names: Sequence[str], labels: Int[np.ndarray, " n"], per_class: int
) -> None:
    """Refuse to take all images of a class for test images."""
    for name, n in zip(names, count_labels(labels, len(names)).tolist(), strict=True):
        if n <= per_class:
            raise InputError(
                f"{root}: class {name!r} has {n} training images, and source.test_per_class is "
                f"{per_class}; lower it"
            )
