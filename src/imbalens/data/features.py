"""Features and predictions of others as a dataset: labels, splits, groups, and images if any."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Int

from imbalens.data.decoding import OWN_FORMATS
from imbalens.data.given_outputs import GivenOutputs, read_given
from imbalens.data.group_splits import draw_test_images, number_groups, require_apart
from imbalens.data.image_table import ImageTable, Rows, open_images, open_rows
from imbalens.data.source import GivenHead, Source, SourceSplit
from imbalens.data.table_rows import find_images
from imbalens.errors import InputError
from imbalens.params.datasets import Resize
from imbalens.params.paths import expand_path
from imbalens.params.sources import Features

SPLITS = ("train", "val", "test")


def open_features(
    params: Features,
    image_size: int | None,
    *,
    resize: Resize = "squash",
    bits: int | None = None,
    validation: bool = True,
) -> Source:
    """Read the file; images, where there are some, are decoded when they are read.

    Args:
        params: The file, and what it holds.
        image_size: Side in pixels of the squares that images become; None where there are none.
        resize: How oblong images become squares.
        bits: Of 16-bit grey, how many of each value are used; None to look.
        validation: Whether validation images are meant; if not, they are counted.

    Raises:
        InputError: as `read_given`, or if there are no labels, no test images, no image of a path,
            or a group is in two splits.
    """
    given = read_given(expand_path(params.file), params)
    if given.labels is None:
        raise InputError(f"{given.path}: has no labels; name them in source.columns.labels")
    groups = None if given.groups is None else number_groups(given.groups, given.ids)
    rows = _split_rows(given, params, groups)
    require_apart(
        str(given.path),
        groups,
        {split: part for split, part in rows.items() if len(part)},
        given.ids,
        shown=given.groups,
    )
    n_unread = 0 if validation else len(rows.pop("val", ()))
    table = ImageTable(
        given.path,
        [],
        given.ids,
        given.labels,
        groups=groups,
        group_texts=given.groups,
        unknown=given.unknown,
    )
    return _with_outputs(
        _open(table, rows, given, params, image_size, n_unread, resize=resize, bits=bits),
        rows,
        given,
        params,
    )


def _open(
    table: ImageTable,
    rows: Mapping[str, Rows],
    given: GivenOutputs,
    params: Features,
    image_size: int | None,
    n_unread: int,
    *,
    resize: Resize,
    bits: int | None,
) -> Source:
    if params.images is None or image_size is None:
        return replace(
            open_rows(
                table,
                rows,
                given.class_names,
                read=_read_nothing,
                channels=params.channels,
                task=given.task,
                n_unread=n_unread,
            ),
            has_images=False,
        )
    root = expand_path(params.images)
    if not root.is_dir():
        raise InputError(f"{root}: folder not found; give source.images another path")
    if given.paths is None:
        raise InputError(
            f"{given.path}: has no paths of images, but source.images is {params.images}; name "
            "them in source.columns.path, or set source.images to null"
        )
    places = [f"{given.path}, row {row}" for row in range(len(given.ids))]
    files = find_images(root, given.paths, places)
    return open_images(
        replace(table, root=root, files=files),
        rows,
        given.class_names,
        image_size,
        resize=resize,
        bits=bits,
        channels=params.channels,
        formats=OWN_FORMATS,
        task=given.task,
        n_unread=n_unread,
    )


def _split_rows(
    given: GivenOutputs, params: Features, groups: Int[np.ndarray, " n"] | None
) -> dict[str, Rows]:
    """Return the rows of each split, those of training perhaps none."""
    n, labels = len(given.ids), given.labels
    if given.splits is not None:
        told = np.array(given.splits)
    elif params.split is None or labels is None:
        told = np.full(n, "test")
    else:
        told = np.full(n, "train", dtype="U5")
        parts = draw_test_images(
            str(given.path),
            given.class_names,
            labels,
            groups,
            share=params.split.test_share,
            seed=params.split.seed,
        )
        told[parts["test"]] = "test"
    found = {split: np.flatnonzero(told == split) for split in SPLITS}
    if not len(found["test"]):
        raise InputError(
            f"{given.path}: found no test images among {n:,} rows; allowed: some, for they are "
            "what networks are compared on; give them a split, or source.split a test_share"
        )
    return {split: rows for split, rows in found.items() if len(rows) or split == "train"}


def _with_outputs(
    source: Source, rows: Mapping[str, Rows], given: GivenOutputs, params: Features
) -> Source:
    """Return a source with what the file says of its images beside the labels."""

    def complete(split: SourceSplit, name: str) -> SourceSplit:
        chosen = rows[name]
        return replace(
            split,
            features=None if given.features is None else given.features[chosen],
            logits=None if given.logits is None else given.logits[chosen],
        )

    head = None
    if given.head_weight is not None and given.head_bias is not None:
        head = GivenHead(given.head_weight, given.head_bias)
    return replace(
        source,
        train=complete(source.train, "train"),
        test=complete(source.test, "test"),
        validation=source.validation and complete(source.validation, "val"),
        head=head,
        given=params,
        named=given.named,
    )


def _read_nothing(positions: Int[np.ndarray, " k"]) -> np.ndarray:
    raise ValueError(f"there are no images, {len(positions)} were asked for")
