"""Arrays of one .npz or HDF5 file, and images that are read from one of them when asked for.

HDF5 is read in slices, but nothing that is in other files; an .npz file is held in memory.
"""

import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Int, UInt8

from imbalens.data.image_files import MAX_PIXELS, resize_images
from imbalens.data.source import ReadImages
from imbalens.errors import InputError
from imbalens.memory import GIB, free_memory
from imbalens.params.datasets import Resize
from imbalens.store.hdf5 import read_text
from imbalens.store.hdf5_links import find_foreign

HDF5_SUFFIXES = {".h5", ".hdf5"}
BATCH_BYTES = 2**28  # of images in memory at a time, before they are resized


def require_array_file(path: Path, key: str) -> None:
    """Refuse a path of no file of arrays.

    Args:
        path: The path.
        key: Which key of the source gives it, for the message.

    Raises:
        InputError: if there is no file, or its suffix is another.
    """
    if path.suffix.lower() not in {".npz", *HDF5_SUFFIXES}:
        raise InputError(f"{path}: found suffix {path.suffix!r}; allowed: .npz, .h5, .hdf5")
    if not path.is_file():
        raise InputError(f"{path}: file not found; give datasets.<name>.source.{key} another path")


def open_array_file(path: Path, kinds: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the arrays of a file by name, those of HDF5 to be read in slices.

    Args:
        path: .npz or HDF5 file.
        kinds: Names of the arrays, and what each is to hold; `uint8` are images. Those that the
            file lacks are left out.

    Raises:
        InputError: if an array does not fit into memory, or is not all in this file.
    """
    return (_hdf5 if path.suffix.lower() in HDF5_SUFFIXES else _npz)(path, kinds)


def array_names(path: Path) -> list[str]:
    """Return the names of the arrays of a file.

    Args:
        path: .npz or HDF5 file.
    """
    if path.suffix.lower() in HDF5_SUFFIXES:
        with h5py.File(path, "r") as file:
            return [str(name) for name in file if isinstance(file.get(name), h5py.Dataset)]
    with zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def count_images(path: Path, name: str, images: Any) -> int:  # noqa: ANN401 - of either file
    """Return how many images an array holds.

    Args:
        path: Its file, for messages.
        name: Its name there.
        images: The array.

    Raises:
        InputError: if it holds no images of 8 bits.
    """
    n, *sides = images.shape or (0,)  # a null dataspace of HDF5 has no shape
    is_image = len(sides) == 2 or (len(sides) == 3 and sides[2] == 3)
    if images.dtype != np.uint8 or not is_image or not 0 < prod(sides[:2]) <= MAX_PIXELS:
        raise InputError(
            f"{path}: {name} is {images.dtype} of shape {images.shape}; "
            "allowed: uint8 of shape [n h w 3] or [n h w], h and w at least 1, h * w at most "
            f"{MAX_PIXELS:,}"
        )
    return n


def image_reader(
    path: Path,
    images: Any,  # noqa: ANN401 - of either file
    size: int,
    *,
    resize: Resize,
) -> ReadImages:
    """Return a function that reads images by position, as squares of colours.

    Args:
        path: File that the array is in.
        images: Array of images, see `count_images`.
        size: Side in pixels of the squares.
        resize: How oblong images become squares.
    """
    n_at_once = max(1, BATCH_BYTES // prod(images.shape[1:]))

    def read(positions: Int[np.ndarray, " k"]) -> UInt8[np.ndarray, "k h w 3"]:
        parts: list[np.ndarray] = []
        for start in range(0, len(positions), n_at_once):
            with readable(path):
                batch = images[positions[start : start + n_at_once]]
            colour = batch if batch.ndim == 4 else np.repeat(batch[..., None], 3, axis=3)
            parts.append(resize_images(colour, size, resize))
        return np.concatenate(parts)

    return read


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


def _hdf5(path: Path, kinds: Mapping[str, str]) -> dict[str, _HDF5Array]:
    arrays: dict[str, _HDF5Array] = {}
    with h5py.File(path, "r") as file:
        for name in kinds:
            problem = find_foreign(file, name)
            if problem:
                raise InputError(f"{path}: {name} {problem}; write all its values into this file")
            dataset = file.get(name)
            if isinstance(dataset, h5py.Dataset):
                _require_memory(path, *_at_once(name, dataset, kinds[name]))
                arrays[name] = _HDF5Array(path, name, dataset)
    return arrays


def _at_once(name: str, dataset: h5py.Dataset, kind: str) -> tuple[str, int]:
    """Return what of a dataset comes into memory at once, and its bytes."""
    size = dataset.dtype.itemsize
    if kind == "uint8":  # of images HDF5 unpacks whole chunks
        return f"a chunk of {name}", prod(dataset.chunks or (0,)) * size
    return name, (dataset.size or 0) * size


def _npz(path: Path, kinds: Mapping[str, str]) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        members = [(each.filename.removesuffix(".npy"), each) for each in archive.infolist()]
        wanted = [(name, member) for name, member in members if name in kinds]
        for name, n in Counter(name for name, _ in wanted).items():
            if n > 1:
                raise InputError(f"{path}: holds {name} {n} times; leave one of them")
        _require_memory(path, "its arrays", sum(member.file_size for _, member in wanted))
        return {name: _load(path, archive, member, kinds[name]) for name, member in wanted}


def _load(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, kind: str) -> np.ndarray:
    try:
        with archive.open(member) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        name = member.filename.removesuffix(".npy")
        raise InputError(f"{path}: {name} holds Python objects; save it as {kind}") from error


def _require_memory(path: Path, what: str, n_bytes: int) -> None:
    """Refuse what is read at once and does not fit."""
    available = free_memory()
    if n_bytes > available:
        raise InputError(
            f"{path}: {what} would take {n_bytes / GIB:,.1f} GiB; available: "
            f"{available / GIB:,.1f} GiB of memory; save images as HDF5 in small chunks"
        )


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file raises into one message."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # zip, pickle and HDF5 errors have no common base
        raise InputError(
            f"{path}: cannot be read as {path.suffix} ({error}); write the file again"
        ) from error
