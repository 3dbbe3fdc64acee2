"""Images of one's own in class folders, which may have groups and boxes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations
from pathlib import Path

import numpy as np
from jaxtyping import Int

from imbalens.data.bit_depth import find_bits
from imbalens.data.class_folders import list_class_folders, readable
from imbalens.data.folder_tables import boxes_at, read_boxes, read_groups
from imbalens.data.group_splits import report_shares, split_by_group
from imbalens.data.image_files import DEEP, measure
from imbalens.data.imbalance import split_validation
from imbalens.data.listed import FORMATS, open_files
from imbalens.data.source import Source, SourceSplit
from imbalens.errors import InputError
from imbalens.params.datasets import Folder, PatientSplit, Resize
from imbalens.params.paths import expand_path

Rows = Int[np.ndarray, "..."]


@dataclass(frozen=True)
class _Images:
    """All images, split by split and class by class.

    Attributes:
        files: Path of each within the root folder, with `/`.
        names: The same as it is shown.
        labels: Class of each.
        groups: Group of each, such as a patient; None if not known.
        boxes: Image, class, x, y, width, height in pixels as prepared; None if not known.
        unread: Names of images that tables may speak of besides.
    """

    files: Sequence[str]
    names: Sequence[str]
    labels: Int[np.ndarray, " n"]
    groups: Int[np.ndarray, " n"] | None = None
    boxes: Int[np.ndarray, "b 6"] | None = None
    unread: Sequence[str] = ()


def open_folder(
    params: Folder,
    image_size: int,
    *,
    resize: Resize = "squash",
    bits: int | None = None,
    validation: bool = True,
) -> Source:
    """List the images; files are decoded when they are read.

    Args:
        params: Root folder, how its images are split, and files of groups and boxes.
        image_size: Side in pixels of the squares that images become.
        resize: How oblong images become squares.
        bits: Of 16-bit grey, how many of each value are used; None to look.
        validation: Whether val/ is meant; if not, its images are counted, in whatever folders.

    Raises:
        InputError: naming what is missing in the class folders, see `list_class_folders`, a wrong
            line of groups or boxes, or a group that is in two splits.
    """
    root = expand_path(params.root)
    found = list_class_folders(root, one_tree=params.split is not None, validation=validation)
    files = [*chain(*chain(*found.files.values()))]
    within, unread = (
        [file.relative_to(root).as_posix() for file in each] for each in (files, found.unread)
    )
    counts = np.array([[len(each) for each in tree] for tree in found.files.values()])
    labels = np.repeat(
        np.tile(np.arange(counts.shape[1], dtype=np.int64), len(counts)), counts.ravel()
    )
    images = _Images(within, [*map(readable, within)], labels, unread=[*map(readable, unread)])
    images = _add_tables(images, root, params, found.class_names, image_size, resize)
    if params.split:
        rows = _split_rows(images, params.split, str(root), found.class_names)
    else:
        parts = np.split(np.arange(len(files)), np.cumsum(counts.sum(1))[:-1])
        rows = dict(zip(found.files, parts, strict=True))
        _check_apart(root, images, rows)
    used = bits or find_bits(files, str(root))
    opened = {
        split: _open_split(root, images, part, image_size, resize, used)
        for split, part in rows.items()
    }
    return Source(
        place=str(root),
        class_names=found.class_names,
        train=opened["train"],
        test=opened["test"],
        validation=opened.get("val"),
        n_unread=len(unread),
        facts={"bits": used} if used < DEEP else {},
    )


def _add_tables(
    images: _Images,
    root: Path,
    params: Folder,
    class_names: Sequence[str],
    size: int,
    resize: Resize,
) -> _Images:
    """Return the images with what files of groups and boxes say of them."""
    if params.groups is not None:
        path = _find_table(root, params.groups, "groups")
        images = replace(images, groups=read_groups(path, images.names, unread=images.unread))
    if params.boxes is not None:
        path = _find_table(root, params.boxes, "boxes")
        boxes = read_boxes(
            path,
            images.names,
            class_names,
            unread=images.unread,
            stored=lambda row: measure(root / images.files[row], formats=FORMATS),
            resize=resize,
            size=size,
        )
        images = replace(images, boxes=boxes)
    return images


def _find_table(root: Path, text: str, key: str) -> Path:
    path = root / expand_path(text)
    if not path.is_file():
        raise InputError(f"{path}: file not found; give source.{key} another path, or null")
    return path


def _split_rows(
    images: _Images, split: PatientSplit, place: str, class_names: Sequence[str]
) -> dict[str, Rows]:
    """Split the images by share, of every class and in whole groups where these are known."""
    share, seed = split.test_share, split.seed
    if images.groups is None:
        train, test = split_validation(images.labels, share=share, seed=seed)
    else:
        train, test = split_by_group(images.labels, images.groups, share=share, seed=seed)
        report_shares(place, class_names, images.labels, test, share=share)
    return {"train": train, "test": test}


def _check_apart(root: Path, images: _Images, rows: Mapping[str, Rows]) -> None:
    """Refuse a group that is in two splits."""
    groups = images.groups
    if groups is None:
        return
    for first, second in combinations(rows, 2):
        shared = np.intersect1d(groups[rows[first]], groups[rows[second]])
        if len(shared):
            members = np.flatnonzero(groups == shared[0])
            some = [
                images.names[int(np.intersect1d(members, rows[s])[0])] for s in (first, second)
            ]
            raise InputError(
                f"{root}: {' and '.join(some)} are of one group; groups in both {first}/ and "
                f"{second}/: {len(shared):,}; allowed: none"
            )


def _open_split(
    root: Path, images: _Images, rows: Rows, size: int, resize: Resize, bits: int
) -> SourceSplit:
    chosen: list[int] = rows.tolist()
    files, names = [images.files[row] for row in chosen], [images.names[row] for row in chosen]
    split = open_files(root, files, names, images.labels[rows], size, resize=resize, bits=bits)
    groups, boxes = images.groups, images.boxes
    return replace(
        split,
        boxes=None if boxes is None else lambda positions: boxes_at(boxes, rows[positions]),
        patients=None if groups is None else groups[rows],
    )
