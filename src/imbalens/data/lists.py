"""Images by lists of paths and labels, as the long-tailed literature splits its benchmarks.

Source: Liu et al. 2019, Large-Scale Long-Tailed Recognition in an Open World, whose lists of
Places-LT and ImageNet-LT others follow.
"""

import posixpath
import sys
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from imbalens.data.listed import open_parts
from imbalens.data.names import composed, first_names
from imbalens.data.path_lists import (
    PathList,
    class_name,
    read_categories,
    read_path_list,
    require_files,
)
from imbalens.data.source import Source
from imbalens.errors import InputError
from imbalens.params.datasets import Resize
from imbalens.params.paths import expand_path
from imbalens.params.sources import Lists


def open_lists(
    params: Lists,
    image_size: int,
    *,
    resize: Resize = "squash",
    bits: int | None = None,
    validation: bool = True,
) -> Source:
    """Read the lists; images are decoded when they are read.

    A class is called as the folder of its training images. A name never comes from a position in
    an order of categories: in Places-LT 116 is desert_road, in the official order desert/sand. A
    file of categories serves where folders do not tell classes; elsewhere what it calls otherwise
    is printed, and counted in the facts as `other_categories`.

    Args:
        params: Root folder of the images, lists and categories.
        image_size: Side in pixels of the squares that images become.
        resize: How oblong images become squares.
        bits: Of 16-bit grey, how many of each value are used; None to look.
        validation: Whether a list of validation images is meant; if not, its lines are counted.

    Raises:
        InputError: naming file and line of an image that is not there, in two lists, or of
            another class than its folder.
    """
    root = expand_path(params.root)
    given = {"train": params.train, "val": params.val, "test": params.test}
    lists = {
        split: read_path_list(root / expand_path(text)) for split, text in given.items() if text
    }
    n_unread = 0 if validation or "val" not in lists else len(lists.pop("val").paths)
    train = lists["train"]
    n_classes = _count_classes(train, lists.values())
    _check_apart(lists.values())
    told = _names_of_folders(train)
    facts: Mapping[str, int] = {}
    if params.categories is not None:
        given = read_categories(file := root / expand_path(params.categories))
        if len(given) < n_classes:
            raise InputError(
                f"{file}: names {len(given):,} labels, {train.file} has {n_classes:,}; bring the "
                "categories that go with the list"
            )
        names = given[:n_classes] if isinstance(told, str) else told
        facts = {"other_categories": _report_others(file, names, given[:n_classes])}
    elif isinstance(told, str):
        raise InputError(
            f"{told}, so folders do not name the classes; give source.categories, a file with a "
            "name and its label a line"
        )
    else:
        names = told
    if not isinstance(told, str):
        for images in lists.values():
            _check_folders(images, names)
    for images in lists.values():
        require_files(root, images, images.paths)
    parts = {split: (images.paths, images.labels) for split, images in lists.items()}
    return open_parts(
        root,
        names,
        parts,
        image_size,
        resize=resize,
        bits=bits,
        n_unread=n_unread,
        facts=facts,
    )


def _count_classes(train: PathList, lists: Collection[PathList]) -> int:
    """Return the number of classes, refusing labels without a training image."""
    known = set(train.labels.tolist())
    n_classes = len(known)
    outside = [
        (images, row)
        for images in lists
        for row, label in enumerate(images.labels.tolist())
        if label not in known or label >= n_classes
    ]
    if outside:
        images, row = outside[0]
        lacking = next(label for label in range(n_classes + 1) if label not in known)
        raise InputError(
            f"{images.at(row)}: found label {images.labels[row]}, but no image of label {lacking} "
            f"in {train.file}; allowed: labels 0 to C-1 of C classes, each with training images"
        )
    return n_classes


def _check_apart(lists: Collection[PathList]) -> None:
    """Refuse an image that is in two lists."""
    for first, second in combinations(lists, 2):
        rows = {composed(path): row for row, path in enumerate(first.paths)}
        for row, path in enumerate(map(composed, second.paths)):
            if path in rows:
                raise InputError(
                    f"{second.at(row)}: found {path!r}, which is in {first.at(rows[path])} too; "
                    "allowed: each image in one list"
                )


def _names_of_folders(images: PathList) -> tuple[str, ...] | str:
    """Return the name of each class, or what keeps the folders from naming them."""
    first_of: dict[int, int] = {}
    label_of: dict[str, int] = {}
    for row, (path, label) in enumerate(zip(images.paths, images.labels.tolist(), strict=True)):
        folder = _folder(path)
        first = first_of.setdefault(label, row)
        if (other := _folder(images.paths[first])) != folder:
            return f"{images.at(row)}: label {label} is in {folder!r}, before it in {other!r}"
        if (known := label_of.setdefault(folder, label)) != label:
            return f"{images.at(row)}: label {label} is in {folder!r}, as is label {known}"
    several = len(label_of) > 1
    shared = posixpath.commonpath(label_of) if several else posixpath.dirname(min(label_of))
    if shared in label_of:
        label = label_of[shared]
        return f"{images.at(first_of[label])}: label {label} is right in {shared or '.'!r}"
    return tuple(
        class_name(posixpath.relpath(folder, shared or ".").split("/"))
        for folder in sorted(label_of, key=label_of.__getitem__)
    )


def _folder(path: str) -> str:
    """Return the folder of an image, in one spelling."""
    return composed(path.rpartition("/")[0])


def _check_folders(images: PathList, names: Sequence[str]) -> None:
    """Refuse an image in a folder of another class, where there is more than one folder."""
    folders = [_folder(path) for path in images.paths]
    if len(set(folders)) == 1:
        return  # as the official validation images of Places365 are
    for row, (folder, label) in enumerate(zip(folders, images.labels.tolist(), strict=True)):
        if not f"-{folder.replace('/', '-')}".endswith(f"-{names[label]}"):
            raise InputError(
                f"{images.at(row)}: found label {label}, which is {names[label]!r} among the "
                f"training images, and an image in {folder!r}; bring lists that go together"
            )


def _report_others(file: Path, names: Sequence[str], given: Sequence[str]) -> int:
    """Print and count the classes that a file of categories calls otherwise."""
    others = [
        f"{label} {name!r} (there {other!r})"
        for label, (name, other) in enumerate(zip(names, given, strict=True))
        if name != other
    ]
    if others:
        print(
            f"{file}: calls {len(others)} classes otherwise than the folders of their images, "
            f"whose names are taken: {first_names(others)}",
            file=sys.stderr,
        )
    return len(others)
