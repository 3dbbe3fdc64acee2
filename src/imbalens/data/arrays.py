"""Images of one's own in one .npz or HDF5 file.

It holds train_images and test_images, uint8 [n h w 3] or grey [n h w], train_labels and
test_labels, integers from 0, and optionally class_names. HDF5 is read in slices; an .npz file is
held in memory.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Int, Integer, UInt8

from imbalens.data.image_files import resize_images
from imbalens.data.source import Source, SourceSplit
from imbalens.errors import InputError
from imbalens.params.datasets import Arrays
from imbalens.params.paths import expand_path
from imbalens.store.hdf5 import read_text

HDF5_SUFFIXES = {".h5", ".hdf5"}
SPLITS = ("train", "test")
KINDS = {
    "train_images": "uint8",
    "train_labels": "integers",
    "test_images": "uint8",
    "test_labels": "integers",
    "class_names": "text",
}


def open_arrays(params: Arrays, image_size: int) -> Source:
    """Check the file; images are read on demand.

    Args:
        params: Path of the file.
        image_size: Side in pixels that images are resized to.

    Raises:
        InputError: naming the file, the array, what was found and what is allowed.
    """
    path = expand_path(params.path)
    if path.suffix.lower() not in {".npz", *HDF5_SUFFIXES}:
        raise InputError(f"{path}: found suffix {path.suffix!r}; allowed: .npz, .h5, .hdf5")
    if not path.is_file():
        raise InputError(f"{path}: file not found; give datasets.<name>.source.path another path")
    with _readable(path):
        arrays = _hdf5(path) if path.suffix.lower() in HDF5_SUFFIXES else _npz(path)
        found = {split: _check_split(path, arrays, split) for split in SPLITS}
        class_names = _class_names(path, arrays, found["train"])
    labels = {
        split: _check_labels(path, split, found[split], len(class_names)) for split in SPLITS
    }
    train, test = (_open_split(path, arrays, s, labels[s], image_size) for s in SPLITS)
    return Source(str(path), class_names, train, test)


class _HDF5Array:
    """An array of an HDF5 file, opened for each access: nothing stays open or in memory."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name
        with h5py.File(path, "r") as file:
            dataset: Any = file[name]
            self.shape: tuple[int, ...] = dataset.shape
            self.dtype: np.dtype = dataset.dtype

    def __getitem__(self, positions: slice | Int[np.ndarray, " k"]) -> np.ndarray:
        with h5py.File(self._path, "r") as file:
            dataset: Any = file[self._name]
            if h5py.check_string_dtype(dataset.dtype) is not None:
                return np.array(read_text(dataset))
            if isinstance(positions, slice):
                return dataset[positions]
            return np.stack([dataset[position] for position in positions])


def _hdf5(path: Path) -> dict[str, _HDF5Array]:
    with h5py.File(path, "r") as file:
        names = [str(name) for name in file if isinstance(file[name], h5py.Dataset)]
    return {name: _HDF5Array(path, name) for name in names}


def _npz(path: Path) -> dict[str, np.ndarray]:
    # numpy leaves a damaged file open that it has opened itself
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return {name: _load(path, archive, name) for name in KINDS if name in archive.files}


def _load(path: Path, archive: Any, name: str) -> np.ndarray:  # noqa: ANN401
    try:
        return archive[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise InputError(
            f"{path}: {name} holds Python objects; save it as {KINDS[name]}"
        ) from error


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file raises into one message."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # zip, pickle and HDF5 errors have no common base
        raise InputError(
            f"{path}: cannot be read as {path.suffix} ({error}); write the file again"
        ) from error


def _check_split(path: Path, arrays: Any, split: str) -> Integer[np.ndarray, " n"]:  # noqa: ANN401
    """Return one split's labels, as they are, after checking that they and the images fit."""
    for name in (f"{split}_images", f"{split}_labels"):
        if name not in arrays:
            needed = ", ".join(needed for needed in KINDS if needed != "class_names")
            raise InputError(f"{path}: has no array {name!r}; needs {needed}")
    images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    is_grey, is_rgb = len(images.shape) == 3, len(images.shape) == 4 and images.shape[3] == 3
    if images.dtype != np.uint8 or not (is_grey or is_rgb) or 0 in images.shape[1:]:
        raise InputError(
            f"{path}: {split}_images is {images.dtype} of shape {images.shape}; "
            "allowed: uint8 of shape [n h w 3] or [n h w], h and w at least 1"
        )
    if not np.issubdtype(labels.dtype, np.integer) or len(labels.shape) != 1:
        raise InputError(
            f"{path}: {split}_labels is {labels.dtype} of shape {labels.shape}; "
            "allowed: integers of shape [n]"
        )
    if len(labels[:]) != images.shape[0] or images.shape[0] == 0:
        raise InputError(
            f"{path}: found {images.shape[0]} {split}_images and {labels.shape[0]} "
            f"{split}_labels; allowed: as many, at least one"
        )
    return labels[:]


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


def _class_names(
    path: Path,
    arrays: Any,  # noqa: ANN401
    labels: Integer[np.ndarray, " n"],
) -> tuple[str, ...]:
    """Return the names given, or the numbers of the classes that training labels have."""
    if "class_names" not in arrays:
        # no more classes than images, before a stray label makes billions of names
        checked = _check_labels(path, "train", labels, len(labels))
        return tuple(str(label) for label in range(int(checked.max()) + 1))
    names = arrays["class_names"][:]
    if names.dtype.kind not in "US" or names.ndim != 1:
        raise InputError(
            f"{path}: class_names is {names.dtype} of shape {names.shape}; "
            "allowed: different texts of shape [classes]"
        )
    return tuple(name.decode() if isinstance(name, bytes) else str(name) for name in names)


def _open_split(
    path: Path,
    arrays: Any,  # noqa: ANN401
    split: str,
    labels: Int[np.ndarray, " n"],
    size: int,
) -> SourceSplit:
    images = arrays[f"{split}_images"]

    def read(positions: Int[np.ndarray, " k"]) -> UInt8[np.ndarray, "k h w 3"]:
        with _readable(path):
            batch = images[positions]
        colour = batch if batch.ndim == 4 else np.repeat(batch[..., None], 3, axis=3)
        return resize_images(colour, size)

    names: Sequence[str] = [f"{split}/{position}" for position in range(len(labels))]
    return SourceSplit(labels, names, read)
