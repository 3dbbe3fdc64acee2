"""Class folders and the image files in them.

A class is a folder `root/train/<class>`, `root/val/<class>` and `root/test/<class>`, or
`root/<class>` where one tree holds all images. Its images are those right in there and in folders
within it. In tiny-imagenet as it is shipped, test/ has no classes, and those of the images in val/
stand in a file.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from imbalens.data.csv_tables import read_text
from imbalens.data.listed import SUFFIXES, list_images
from imbalens.data.names import check_class_names, composed, escape_unseen, first_names
from imbalens.errors import InputError
from imbalens.params.errors import shown

SPLITS = ("train", "val", "test")
ANNOTATED, ANNOTATIONS = "val/images", "val/val_annotations.txt"  # of tiny-imagenet


@dataclass(frozen=True)
class ClassFolders:
    """What there is in class folders.

    Attributes:
        class_names: Name of each class, in order.
        files: By tree, which is a split or "" where one tree holds all images, the image files of
            each class in order.
        unread: Validation images that were not asked for, in whatever folders of val/.
    """

    class_names: tuple[str, ...]
    files: Mapping[str, Sequence[Sequence[Path]]]
    unread: Sequence[Path]


def list_class_folders(root: Path, *, one_tree: bool, validation: bool) -> ClassFolders:
    """List the images of every class.

    Classes and files are ordered by name, which is the same however Unicode spells it; hidden
    ones, other suffixes and what is no regular file are left out. How many are, but for hidden
    ones, is printed, and which classes differ in nothing but case. Images of val/ that a file
    gives the classes of are the test images where test/ has none of the class folders.

    Args:
        root: Root folder.
        one_tree: Whether class folders are in the root itself, not in train/, val/ and test/.
        validation: Whether val/, if there is one, is meant.

    Raises:
        InputError: naming what is missing, be it a class in one of the trees or the image that a
            link leads to, or folders that are not meant so; or a wrong line of annotations.
    """
    annotated = not one_tree and _is_annotated(root)
    there = ("train",) if annotated else _find_trees(root, one_tree=one_tree)
    wanted = [tree for tree in there if validation or tree != "val"]
    trees = {tree: _list_classes(root, tree) for tree in wanted}
    class_names = _require_same(root, trees)
    _report_case(root, class_names)
    images: dict[str, list[list[Path]]] = {}
    others: list[Path] = []
    for tree, folders in trees.items():
        images[tree] = []
        for name in class_names:
            found, rest = _list_images(folders[name])
            images[tree].append(found)
            others += rest
    _report_left_out(root, others)
    if annotated:
        images["test"] = _list_annotated(root, class_names)
    unread = _walk(root / "val") if "val" in there and not validation else ()
    return ClassFolders(class_names, images, [*filter(_is_image, unread)])


def readable(name: str) -> str:
    """Write a file name in one spelling, and whatever of it cannot be shown as escapes."""
    return escape_unseen(composed(_decoded(name)))


def _find_trees(root: Path, *, one_tree: bool) -> Sequence[str]:
    """Return the folders within the root that hold class folders; "" is the root itself."""
    if not one_tree:
        return SPLITS if (root / "val").is_dir() else ("train", "test")
    names = {entry.name for entry in _visible(root) if entry.is_dir()} if root.is_dir() else set()
    there = [f"{name}/" for name in SPLITS if name in names]
    if {"train/", "test/"} <= set(there) or 0 < len(there) == len(names):
        raise InputError(
            f"{root}: has {' and '.join(there)}, but source.split is given; set it to null, or "
            "root to the folder whose images are to be split"
        )
    return ("",)


def _list_classes(root: Path, tree: str) -> dict[str, Path]:
    """Return the class folders by name, in its order."""
    folder = root / tree
    if not folder.is_dir():
        hint = ", or in <root>/<class>/ with a source.split" if tree else ""
        meant = "<root>/train/<class>/ and <root>/test/<class>/" if tree else "<root>/<class>/"
        raise InputError(f"{folder}: folder not found; images belong in {meant}{hint}")
    folders = [(_decoded(entry.name), entry) for entry in _visible(folder) if entry.is_dir()]
    if not folders:
        raise InputError(f"{folder}: found no class folders; allowed: one folder per class")
    folders.sort(key=lambda each: composed(each[0]))
    check_class_names(str(folder), [name for name, _ in folders])
    return {composed(name): entry for name, entry in folders}


def _is_annotated(root: Path) -> bool:
    """Whether images of val/ have their classes in a file and test/ has no class folders."""
    if not ((root / ANNOTATIONS).is_file() and (root / ANNOTATED).is_dir()):
        return False
    return not any((root / "test" / name).is_dir() for name in _list_classes(root, "train"))


def _list_annotated(root: Path, class_names: Sequence[str]) -> list[list[Path]]:
    """Return the annotated images of each class in the order of their names."""
    file, folder = root / ANNOTATIONS, root / ANNOTATED
    there = set(list_images(folder))
    class_of: dict[str, str] = {}
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if not line.strip():
            continue
        name, _, rest = line.partition("\t")
        label = composed(rest.partition("\t")[0].strip())
        if name in class_of:
            raise InputError(
                f"{file}, line {number}: found image {shown(name)} again; allowed: each once"
            )
        if name not in there:
            raise InputError(
                f"{file}, line {number}: found image {shown(name)}, which is not in {folder}; "
                "bring it"
            )
        if label not in class_names:
            raise InputError(
                f"{file}, line {number}: found class {shown(label)}; allowed: "
                f"{first_names([*map(readable, class_names)])}"
            )
        class_of[name] = label
    if without := sorted(there - class_of.keys()):
        raise InputError(
            f"{file}: has no line of {first_names([*map(readable, without)])}; allowed: a line "
            f"for each image in {folder}"
        )
    unlabelled = sum(map(_is_image, _walk(root / "test"))) if (root / "test").is_dir() else 0
    print(
        f"{root}: test images are those of val/, by {file.name}; left out {unlabelled:,} images "
        "of test/, which have no class",
        file=sys.stderr,
    )
    images: dict[str, list[Path]] = {label: [] for label in class_names}
    for name in sorted(class_of):
        images[class_of[name]].append(folder / name)
    return [*images.values()]


def _require_same(root: Path, trees: Mapping[str, Mapping[str, Path]]) -> tuple[str, ...]:
    """Return the names of the classes, which are those of every tree."""
    for first, second in combinations(trees, 2):
        lacking = [
            f"only {tree}/ has {first_names([*map(readable, only)])}"
            for tree, other in ((first, second), (second, first))
            if (only := sorted(trees[tree].keys() - trees[other].keys()))
        ]
        if lacking:
            raise InputError(
                f"{root}: {first}/ and {second}/ need the same class folders; {'; '.join(lacking)}"
            )
    return tuple(next(iter(trees.values())))


def _visible(folder: Path) -> Sequence[Path]:
    return [entry for entry in folder.iterdir() if not entry.name.startswith(".")]


def _walk(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Yield all that is visible in a folder and in those within it, but for folders."""
    real = folder.resolve()
    if real in above:
        raise InputError(f"{folder}: links to a folder that it is in; remove the link")
    for entry in _visible(folder):
        if entry.is_dir():
            yield from _walk(entry, (*above, real))
        else:
            yield entry


def _is_image(entry: Path) -> bool:
    return entry.suffix.lower() in SUFFIXES and entry.is_file()


def _list_images(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the images of a class in the order of their names, and what else is there."""
    images: list[Path] = []
    others: list[Path] = []
    for entry in _walk(folder):
        if entry.suffix.lower() in SUFFIXES and not entry.exists():
            raise InputError(
                f"{entry}: links to {entry.readlink()}, which is not there; bring that file, "
                "or remove the link"
            )
        (images if _is_image(entry) else others).append(entry)
    if not images:
        raise InputError(f"{folder}: found no images; allowed: one or more PNG or JPEG files")
    # paths themselves are ordered on Windows as if all their letters were small
    within = {image: image.relative_to(folder).as_posix() for image in images}
    return sorted(images, key=lambda image: (composed(within[image]), within[image])), others


def _report_case(root: Path, names: Sequence[str]) -> None:
    """Print class folders that unpack into one where file names have no case."""
    spellings = Counter(name.casefold() for name in names)
    alike = [readable(name) for name in names if spellings[name.casefold()] > 1]
    if alike:
        print(
            f"{root}: class folders {first_names(alike)} differ in nothing but case; on Windows "
            "and macOS they are one folder",
            file=sys.stderr,
        )


def _report_left_out(root: Path, others: Sequence[Path]) -> None:
    """Print how many visible files, by suffix, are not read as images."""
    kinds = Counter(map(_kind, others))
    if kinds:
        counted = ", ".join(f"{n} {readable(kind)}" for kind, n in sorted(kinds.items()))
        print(
            f"{root}: left out {counted}; read: {', '.join(sorted(SUFFIXES))} in class folders",
            file=sys.stderr,
        )


def _kind(entry: Path) -> str:
    if not entry.is_file():
        return "special file" if entry.exists() else "broken link"
    return entry.suffix.lower() or "without suffix"


def _decoded(name: str) -> str:
    """Write bytes of a file name that are not UTF-8 as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
