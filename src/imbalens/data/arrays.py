"""Images of one's own in one .npz or HDF5 file.

It holds train_images and test_images, uint8 [n h w 3] or grey [n h w], train_labels and
test_labels, optionally val_images and val_labels, and class_names, as files of MedMNIST do. Labels
are integers from 0, [n] or [n 1], or of several labels 0 and 1, [n m]. HDF5 is read in slices, but
nothing that is in other files; an .npz file is held in memory.
"""

import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import psutil
from jaxtyping import Int, Integer, UInt8

from imbalens.data.image_files import MAX_PIXELS, resize_images
from imbalens.data.names import MAX_CLASSES
from imbalens.data.source import Source, SourceSplit
from imbalens.errors import InputError
from imbalens.params.datasets import Arrays, Resize
from imbalens.params.paths import expand_path
from imbalens.store.hdf5 import read_text
from imbalens.store.hdf5_links import find_foreign

HDF5_SUFFIXES = {".h5", ".hdf5"}
NEEDED = {
    "train_images": "uint8",
    "train_labels": "integers",
    "test_images": "uint8",
    "test_labels": "integers",
}
VALIDATION = {"val_images": "uint8", "val_labels": "integers"}
KINDS = NEEDED | VALIDATION | {"class_names": "text"}
MAX_IMAGES = 2**24  # of a split; of each there is a name in memory
BATCH_BYTES = 2**28  # of images in memory at a time, before they are resized


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
    if path.suffix.lower() not in {".npz", *HDF5_SUFFIXES}:
        raise InputError(f"{path}: found suffix {path.suffix!r}; allowed: .npz, .h5, .hdf5")
    if not path.is_file():
        raise InputError(f"{path}: file not found; give datasets.<name>.source.path another path")
    with _readable(path):
        arrays = _hdf5(path) if path.suffix.lower() in HDF5_SUFFIXES else _npz(path)
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


class _HDF5Array:
    """An array of an HDF5 file, opened for each access: nothing stays open or in memory."""

    def __init__(self, path: Path, name: str, dataset: h5py.Dataset) -> None:
        self._path, self._name = path, name
        self.shape: tuple[int, ...] | None = dataset.shape
        is_text = h5py.check_string_dtype(dataset.dtype) is not None
        self.dtype: np.dtype = np.dtype(str) if is_text else dataset.dtype

    def __getitem__(self, positions: slice | Int[np.ndarray, " k"]) -> np.ndarray:
        with h5py.File(self._path, "r") as file:
            dataset: Any = file[self._name]
            if self.dtype.kind == "U":
                texts = read_text(dataset)
                if h5py.check_string_dtype(dataset.dtype).length is not None:
                    texts = [text.rstrip(" ") for text in texts]  # which fills the fixed length
                return np.array(texts, dtype=object)
            if isinstance(positions, slice):
                return dataset[positions]
            return np.stack([dataset[position] for position in positions])


def _hdf5(path: Path) -> dict[str, _HDF5Array]:
    arrays: dict[str, _HDF5Array] = {}
    with h5py.File(path, "r") as file:
        for name in KINDS:
            problem = find_foreign(file, name)
            if problem:
                raise InputError(f"{path}: {name} {problem}; write all its values into this file")
            dataset = file.get(name)
            if isinstance(dataset, h5py.Dataset):
                _require_memory(path, *_at_once(name, dataset))
                arrays[name] = _HDF5Array(path, name, dataset)
    return arrays


def _at_once(name: str, dataset: h5py.Dataset) -> tuple[str, int]:
    """Return what of a dataset comes into memory at once, and its bytes."""
    size = dataset.dtype.itemsize
    if name.endswith("_images"):  # HDF5 unpacks whole chunks
        return f"a chunk of {name}", prod(dataset.chunks or (0,)) * size
    return name, (dataset.size or 0) * size


def _npz(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        members = [(each.filename.removesuffix(".npy"), each) for each in archive.infolist()]
        wanted = [(name, member) for name, member in members if name in KINDS]
        for name, n in Counter(name for name, _ in wanted).items():
            if n > 1:
                raise InputError(f"{path}: holds {name} {n} times; leave one of them")
        _require_memory(path, "its arrays", sum(member.file_size for _, member in wanted))
        return {name: _load(path, archive, name, member) for name, member in wanted}


def _load(path: Path, archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo) -> np.ndarray:
    try:
        with archive.open(member) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise InputError(
            f"{path}: {name} holds Python objects; save it as {KINDS[name]}"
        ) from error


def _require_memory(path: Path, what: str, n_bytes: int) -> None:
    """Refuse what is read at once and does not fit."""
    available = psutil.virtual_memory().available
    if n_bytes > available:
        raise InputError(
            f"{path}: {what} would take {n_bytes / 2**30:,.1f} GiB; available: "
            f"{available / 2**30:,.1f} GiB of memory; save images as HDF5 in small chunks"
        )


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
    n, *sides = images.shape or (0,)  # a null dataspace of HDF5 has no shape
    is_image = len(sides) == 2 or (len(sides) == 3 and sides[2] == 3)
    if images.dtype != np.uint8 or not is_image or not 0 < prod(sides[:2]) <= MAX_PIXELS:
        raise InputError(
            f"{path}: {split}_images is {images.dtype} of shape {images.shape}; "
            "allowed: uint8 of shape [n h w 3] or [n h w], h and w at least 1, h * w at most "
            f"{MAX_PIXELS:,}"
        )
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
    images = arrays[f"{split}_images"]
    n_at_once = max(1, BATCH_BYTES // prod(images.shape[1:]))

    def read(positions: Int[np.ndarray, " k"]) -> UInt8[np.ndarray, "k h w 3"]:
        parts: list[np.ndarray] = []
        for start in range(0, len(positions), n_at_once):
            with _readable(path):
                batch = images[positions[start : start + n_at_once]]
            colour = batch if batch.ndim == 4 else np.repeat(batch[..., None], 3, axis=3)
            parts.append(resize_images(colour, size, resize))
        return np.concatenate(parts)

    names: Sequence[str] = [f"{split}/{position}" for position in range(len(labels))]
    return SourceSplit(labels, names, read)
