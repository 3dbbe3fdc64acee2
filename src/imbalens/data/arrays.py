"""Images of one's own in one .npz or HDF5 file.

It holds train_images and test_images, uint8 [n h w 3] or grey [n h w], train_labels and
test_labels, optionally val_images and val_labels, and class_names, as files of MedMNIST do. Labels
are integers from 0, [n] or [n 1], or of several labels 0 and 1, [n m].
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, Integer, UInt8

from imbalens.data.array_files import (
    count_images,
    image_reader,
    open_array_file,
    readable,
    require_array_file,
)
from imbalens.data.names import MAX_CLASSES
from imbalens.data.source import Source, SourceSplit
from imbalens.errors import InputError
from imbalens.params.datasets import Resize
from imbalens.params.paths import expand_path
from imbalens.params.sources import Arrays

NEEDED = {
    "train_images": "uint8",
    "train_labels": "integers",
    "test_images": "uint8",
    "test_labels": "integers",
}
VALIDATION = {"val_images": "uint8", "val_labels": "integers"}
MAX_IMAGES = 2**24  # of a split; of each there is a name in memory
KINDS = NEEDED | VALIDATION | {"class_names": "text"}


def open_arrays(params: Arrays, image_size: int, *, resize: Resize = "squash") -> Source:
    """Check the file; images are read on demand.

    Args:
        params: Path of the file, and whether it holds several labels.
        image_size: Side in pixels of the squares that images become.
        resize: How oblong images become squares.

    Raises:
        InputError: naming the file, the array, what was found and what is allowed.
    """
    path = expand_path(params.path)
    require_array_file(path, "path")
    with readable(path):
        arrays = open_array_file(path, KINDS)
        splits = ("train", "val", "test") if VALIDATION.keys() & arrays else ("train", "test")
        several = params.several_labels
        found = {split: _check_split(path, arrays, split, several=several) for split in splits}
        class_names = _class_names(path, arrays, found["train"])
    check = _check_matrix if several else _check_labels
    opened = {
        split: _open_split(
            path, arrays, split, check(path, split, labels, len(class_names)), image_size, resize
        )
        for split, labels in found.items()
    }
    return Source(
        place=str(path),
        class_names=class_names,
        train=opened["train"],
        test=opened["test"],
        validation=opened.get("val"),
        task=params.task,
    )


def _check_split(
    path: Path,
    arrays: Any,  # noqa: ANN401
    split: str,
    *,
    several: bool,
) -> Integer[np.ndarray, " n"] | Integer[np.ndarray, "n m"]:
    """Return one split's labels, as they are, after checking that they and the images fit.

    One label an image is returned without the second axis that it may have.
    """
    for name in (f"{split}_images", f"{split}_labels"):
        if name not in arrays:
            needed = ", ".join(NEEDED if name in NEEDED else VALIDATION)
            raise InputError(f"{path}: has no array {name!r}; needs {needed}")
    images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    n = count_images(path, f"{split}_images", images)
    _check_shape(path, split, labels, several=several)
    if labels.shape[0] != n or not 0 < n <= MAX_IMAGES:
        raise InputError(
            f"{path}: found {n:,} {split}_images and {labels.shape[0]:,} {split}_labels; "
            f"allowed: as many, at least one, at most {MAX_IMAGES:,}"
        )
    return labels[:] if several else labels[:].reshape(-1)


def _check_shape(path: Path, split: str, labels: Any, *, several: bool) -> None:  # noqa: ANN401
    """Refuse labels that are no integers, or not as many per image as the task says."""
    shape = labels.shape or ()  # a null dataspace of HDF5 has no shape
    is_one = len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)
    is_many = len(shape) == 2 and shape[1] > 1
    is_integer = labels.dtype.kind in "iu"
    if is_integer and (is_many if several else is_one):
        return
    allowed = "[n m], m at least 2" if several else "[n] or [n 1]"
    other = "multiclass" if several else "multilabel"
    remedy = f", or source.task: {other}" if is_integer and (is_one or is_many) else ""
    raise InputError(
        f"{path}: {split}_labels is {labels.dtype} of shape {labels.shape}; "
        f"allowed: integers of shape {allowed}{remedy}"
    )


def _check_labels(
    path: Path, split: str, labels: Integer[np.ndarray, " n"], n_classes: int
) -> Int[np.ndarray, " n"]:
    """Return labels as int64 after checking that they are 0 to `n_classes - 1`."""
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= n_classes:
        raise InputError(
            f"{path}: {split}_labels has label {low if low < 0 else high}; "
            f"allowed: 0 to {n_classes - 1}, every class with training images"
        )
    return labels.astype(np.int64)


def _check_matrix(
    path: Path, split: str, labels: Integer[np.ndarray, "n m"], n_classes: int
) -> UInt8[np.ndarray, "n m"]:
    """Return labels as uint8 after checking that they are `n_classes` columns of 0 and 1."""
    if labels.shape[1] != n_classes:
        raise InputError(
            f"{path}: {split}_labels has {labels.shape[1]:,} columns; allowed: {n_classes:,}, one "
            "for each label"
        )
    wrong = np.argwhere((labels != 0) & (labels != 1))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise InputError(
            f"{path}: {split}_labels has {labels[row, column]} at [{row}, {column}]; allowed: 0 "
            "and 1, where an image has a label"
        )
    return labels.astype(np.uint8)


def _class_names(
    path: Path,
    arrays: Any,  # noqa: ANN401
    labels: Integer[np.ndarray, " n"] | Integer[np.ndarray, "n m"],
) -> tuple[str, ...]:
    """Return the names given, or the numbers of the classes that training labels have."""
    if "class_names" not in arrays and labels.ndim == 2:
        return tuple(map(str, range(labels.shape[1])))
    if "class_names" not in arrays:
        # no more classes than images, before a stray label makes billions of names
        checked = _check_labels(path, "train", labels, len(labels))
        return tuple(str(label) for label in range(int(checked.max()) + 1))
    names = arrays["class_names"]
    shape = names.shape or ()
    if names.dtype.kind not in "US" or len(shape) != 1 or shape[0] > MAX_CLASSES:
        raise InputError(
            f"{path}: class_names is {names.dtype} of shape {names.shape}; allowed: different "
            f"texts of shape [classes], at most {MAX_CLASSES:,}"
        )
    return tuple(
        name.decode() if isinstance(name, bytes) else str(name) for name in names[:].tolist()
    )


def _open_split(
    path: Path,
    arrays: Any,  # noqa: ANN401
    split: str,
    labels: Int[np.ndarray, " n"] | UInt8[np.ndarray, "n m"],
    size: int,
    resize: Resize,
) -> SourceSplit:
    read = image_reader(path, arrays[f"{split}_images"], size, resize=resize)
    names: Sequence[str] = [f"{split}/{position}" for position in range(len(labels))]
    return SourceSplit(labels, names, read)
