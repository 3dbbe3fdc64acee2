"""Images of one's own by a table, CSV or parquet, with a row an image.

Columns hold the path of an image file within the root folder, what the image is labelled with
(see `label_columns`), and if wanted its split, its group, such as a patient, and its view.
Boxes stand in a table of their own or in a file as of COCO (see `table_boxes`). Instead of files,
images may be those of an array in an .npz or HDF5 file, row by row.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import numpy as np
from jaxtyping import Int

from imbalens.data.array_files import (
    count_images,
    image_reader,
    open_array_file,
    readable,
    require_array_file,
)
from imbalens.data.converting import convert_channels
from imbalens.data.csv_tables import is_blank
from imbalens.data.decoding import OWN_FORMATS
from imbalens.data.geometry import Stored
from imbalens.data.group_splits import as_group, draw_test_images, number_groups, require_apart
from imbalens.data.image_files import measure
from imbalens.data.image_table import ImageTable, Rows, open_images, open_rows
from imbalens.data.label_columns import Labels, read_labels
from imbalens.data.names import composed
from imbalens.data.source import ReadImages, Source, Task
from imbalens.data.table_boxes import read_table_boxes
from imbalens.data.table_rows import TableRows, find_file, find_images, read_tables, split_name
from imbalens.errors import InputError
from imbalens.params.datasets import Resize
from imbalens.params.errors import shown
from imbalens.params.paths import expand_path
from imbalens.params.sources import Table
from imbalens.params.tables import (
    ColumnSplit,
    GroupPattern,
    Joined,
    MultiHot,
    OneClass,
    OneHot,
    ShareSplit,
    TableArray,
    TableFiles,
    TablesSplit,
)

BOXED_ROW = "row"  # column of a table of boxes that names an image of an array, from 0


@dataclass(frozen=True)
class _Images:
    """Where the images of the rows are.

    Attributes:
        place: Folder or file that all of them are in.
        files: Path of each file within the folder, with `/`; none where they are in an array.
        names: What each is called.
        column: Column of a table of boxes that names an image.
        stored: Returns sides and orientation of an image as it is stored.
        read: Returns images of an array by row as they are prepared; None where they are files.
    """

    place: Path
    files: Sequence[str]
    names: Sequence[str]
    column: str
    stored: Callable[[int], Stored]
    read: ReadImages | None = None


def open_table(
    params: Table,
    image_size: int,
    *,
    resize: Resize = "squash",
    bits: int | None = None,
    validation: bool = True,
) -> Source:
    """Read the tables; images are decoded when they are read.

    Args:
        params: Root folder, tables, and which columns say what.
        image_size: Side in pixels of the squares that images become.
        resize: How oblong images become squares.
        bits: Of 16-bit grey, how many of each value are used; None to look.
        validation: Whether validation images are meant; if not, they are counted.

    Raises:
        InputError: naming table and row of what is wrong there, an image that is not there, or a
            group that is in two splits.
    """
    root = expand_path(params.root)
    if not root.is_dir():
        raise InputError(f"{root}: folder not found; give source.root another path")
    rows = _read_rows(root, params)
    labels = read_labels(params.labels, rows.columns, rows.places)
    images = _find_images(root, params, rows, image_size, resize)
    texts = _read_groups(params.group, rows)
    groups = None if texts is None else number_groups(texts, images.names)
    splits = _split_rows(root, params, rows, labels, groups)
    require_apart(str(root), groups, splits, images.names, shown=texts)
    table = ImageTable(
        images.place,
        images.files,
        images.names,
        labels.values,
        groups=groups,
        group_texts=texts,
        boxes=None
        if params.boxes is None
        else read_table_boxes(
            params.boxes,
            root,
            images.names,
            column=images.column,
            label_of=labels.label_of,
            stored=images.stored,
            resize=resize,
            size=image_size,
        ),
        views=None if params.view is None else [*map(str.strip, rows.columns[params.view])],
        unknown=labels.unknown,
    )
    n_unread = 0 if validation else len(splits.pop("val", ()))
    task: Task = "multiclass"
    if params.several_labels:
        task = "binary" if len(labels.class_names) == 1 else "multilabel"
    if images.read:
        return open_rows(
            table,
            splits,
            labels.class_names,
            read=images.read,
            channels=params.channels,
            task=task,
            n_unread=n_unread,
        )
    return open_images(
        table,
        splits,
        labels.class_names,
        image_size,
        resize=resize,
        bits=bits,
        channels=params.channels,
        formats=OWN_FORMATS,
        window=params.window,
        task=task,
        n_unread=n_unread,
    )


def _read_rows(root: Path, params: Table) -> TableRows:
    """Read all columns that are named, of all tables."""
    paths = {"train": find_file(root, params.table, "table")}
    long = [params.images.column] if isinstance(params.images, TableFiles) else []
    group = params.group.column if isinstance(params.group, GroupPattern) else params.group
    columns = [name for name in (group, params.view) if name is not None]
    match params.split:
        case ColumnSplit(column=column):
            columns.append(column)
        case TablesSplit(val=val, test=test):
            given = {"val": val, "test": test}
            paths |= {
                split: find_file(root, text, f"split.{split}")
                for split, text in given.items()
                if text is not None
            }
        case ShareSplit():
            pass
        case _:
            assert_never(params.split)
    match params.labels:
        case OneClass(column=column):
            columns.append(column)
        case Joined(column=column):
            long.append(column)
        case OneHot(columns=names) | MultiHot(columns=names):
            columns += names
        case _:
            assert_never(params.labels)
    return read_tables(paths, [*long, *columns], long=long)


def _read_groups(group: str | GroupPattern | None, rows: TableRows) -> list[str] | None:
    """Return what the group of each image is called, see `as_group`; None if none is asked for."""
    if group is None:
        return None
    if isinstance(group, str):
        return [*map(as_group, rows.columns[group])]
    found: list[str] = []
    for text, place in zip(rows.columns[group.column], rows.places, strict=True):
        match = re.search(group.pattern, text)
        if not match and not is_blank(text):
            raise InputError(
                f"{place}: found {shown(text)} in column {group.column!r}, in which "
                f"source.group.pattern, {shown(group.pattern)}, finds nothing; allowed: a group "
                "in each, or a blank"
            )
        found.append(as_group(match[1] or "") if match else "")
    return found


def _find_images(root: Path, params: Table, rows: TableRows, size: int, resize: Resize) -> _Images:
    match params.images:
        case TableFiles(column=column):
            files = find_images(root, rows.columns[column], rows.places)
            names = list(map(composed, files))
            return _Images(
                root,
                files,
                names,
                column,
                stored=lambda row: measure(root / files[row], formats=OWN_FORMATS),
            )
        case TableArray(array=name):
            path = find_file(root, params.images.file, "images.file")
            require_array_file(path, "images.file")
            with readable(path):
                array = open_array_file(path, {name: "uint8"}).get(name)
            if array is None:
                raise InputError(
                    f"{path}: has no array {name!r}; give source.images.array another"
                )
            n = count_images(path, name, array)
            if n != len(rows.places):
                raise InputError(
                    f"{path}: {name} has {n:,} images, the table {len(rows.places):,} rows; "
                    "allowed: a row for each image, in one order"
                )
            whole = Stored(array.shape[2], array.shape[1], 1)
            read = image_reader(path, array, size, resize=resize)
            return _Images(
                path,
                [],
                [str(row) for row in range(n)],
                BOXED_ROW,
                stored=lambda _: whole,
                read=convert_channels(read, 3, params.channels),
            )
        case _:
            assert_never(params.images)


def _split_rows(
    root: Path,
    params: Table,
    rows: TableRows,
    labels: Labels,
    groups: Int[np.ndarray, " n"] | None,
) -> dict[str, Rows]:
    """Return the rows of the images of each split that has some."""
    match params.split:
        case ColumnSplit(column=column):
            texts = zip(rows.columns[column], rows.places, strict=True)
            told = np.array([split_name(text, place) for text, place in texts])
        case TablesSplit():
            told = np.array(rows.tables)
        case ShareSplit(test_share=share, seed=seed):
            place, names = str(root), labels.class_names
            _, tested = draw_test_images(
                place, names, labels.values, groups, share=share, seed=seed
            ).values()
            told = np.full(len(rows.places), "train", dtype="U5")
            told[tested] = "test"
        case _:
            assert_never(params.split)
    found = {split: np.flatnonzero(told == split) for split in ("train", "val", "test")}
    for split in ("train", "test"):
        if not len(found[split]):
            raise InputError(
                f"{root / expand_path(params.table)}: found no {split} images among {len(told):,} "
                "rows; allowed: some of train and some of test, by another source.split"
            )
    return {split: part for split, part in found.items() if len(part)}
