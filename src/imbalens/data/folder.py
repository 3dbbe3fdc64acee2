"""Images of one's own in class folders, which may have groups and boxes."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from imbalens.data.class_folders import list_class_folders, readable
from imbalens.data.decoding import FORMATS
from imbalens.data.folder_tables import read_boxes, read_groups
from imbalens.data.group_splits import draw_test_images, number_groups, require_apart
from imbalens.data.image_files import measure
from imbalens.data.image_table import ImageTable, open_images
from imbalens.data.source import Source
from imbalens.data.table_rows import find_file
from imbalens.params.datasets import Resize
from imbalens.params.paths import expand_path
from imbalens.params.sources import Folder


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
    names, others = [*map(readable, within)], [*map(readable, unread)]
    images = ImageTable(root, within, names, labels)
    images = _add_tables(images, params, found.class_names, others, image_size, resize)
    if params.split:
        rows = draw_test_images(
            str(root),
            found.class_names,
            labels,
            images.groups,
            share=params.split.test_share,
            seed=params.split.seed,
        )
    else:
        parts = np.split(np.arange(len(files)), np.cumsum(counts.sum(1))[:-1])
        rows = dict(zip(found.files, parts, strict=True))
        require_apart(str(root), images.groups, rows, names, shown=images.group_texts)
    return open_images(
        images,
        rows,
        found.class_names,
        image_size,
        resize=resize,
        bits=bits,
        n_unread=len(unread),
    )


def _add_tables(
    images: ImageTable,
    params: Folder,
    class_names: Sequence[str],
    unread: Sequence[str],
    size: int,
    resize: Resize,
) -> ImageTable:
    """Return the images with what files of groups and boxes say of them.

    Args:
        images: The images.
        params: Names the files.
        class_names: Name of each class.
        unread: Names of images that the files may speak of besides.
        size: Side in pixels of the squares that images become.
        resize: How oblong images become squares.
    """
    root = images.root
    if params.groups is not None:
        path = find_file(root, params.groups, "groups", optional=True)
        texts = read_groups(path, images.names, unread=unread)
        # in the order of the images, not as the file has them, which may list them in any
        groups = number_groups(texts, images.names)
        images = replace(images, groups=groups, group_texts=texts)
    if params.boxes is not None:
        path = find_file(root, params.boxes, "boxes", optional=True)
        boxes = read_boxes(
            path,
            images.names,
            class_names,
            unread=unread,
            stored=lambda row: measure(root / images.files[row], formats=FORMATS),
            resize=resize,
            size=size,
        )
        images = replace(images, boxes=boxes)
    return images
