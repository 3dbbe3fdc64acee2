"""Decoding many image files once, with all cores, so that an interruption costs little."""

import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
import PIL
from jaxtyping import Int, UInt8

from imbalens.data import decoding, dicom, geometry, image_files
from imbalens.errors import InputError

PIXELS, KEYS = "pixels", "keys"  # files of the work folder, both in the order of decoding
KEY_BYTES = 16
PROGRAM = (
    __file__,
    decoding.__file__,
    dicom.__file__,
    geometry.__file__,
    image_files.__file__,
)


class DecodedImages:
    """Images of a list of files, kept in a work folder until `finish`.

    What was decoded before an interruption is read from there. The folder's name holds a hash of
    the root folder, of how files are decoded and of this program. Images are appended to one of
    its files, and to another a key of each: a hash of path within the root, size in bytes and time
    of change. So files that were replaced are decoded anew, and only those.
    """

    def __init__(
        self, work: Path, root: Path, files: Sequence[str], how: decoding.Decoding
    ) -> None:
        """Only name the files; the folder appears when something is read.

        Args:
            work: Folder for all work in progress.
            root: Folder that all the files are in.
            files: Path of each image file within the root, with `/`.
            how: How they are decoded.
        """
        self._work, self._root, self._files, self._how = work, root, files, how
        self._shape = (how.size, how.size, how.channels)
        self._slots: dict[bytes, int] = {}  # by key, of the first `_n_known` images
        self._n_known = 0

    def read(self, positions: Int[np.ndarray, " k"]) -> UInt8[np.ndarray, "k s s c"]:
        """Return images by position in the list of files, decoding those not yet there.

        Raises:
            InputError: naming a file that cannot be decoded, or if the disk is full.
        """
        folder = self._folder
        images = np.empty((len(positions), *self._shape), dtype=np.uint8)
        keys_of = {position: self._key(position) for position in positions.tolist()}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / PIXELS).open("a+b") as pixels, (folder / KEYS).open("a+b") as keys:
                _lock(keys)
                self._recover(pixels, keys, [*keys_of.values()])
                missing = {i: key for i, key in keys_of.items() if key not in self._slots}
                decoded = self._append(missing, pixels, keys)
                for image, position in zip(images, positions.tolist(), strict=True):
                    if position in decoded:
                        image[:] = decoded[position]
                        continue
                    pixels.seek(self._slots[keys_of[position]] * image.size)
                    if pixels.readinto(image.data) < image.size:
                        raise OSError(f"{PIXELS} was cut off meanwhile")
        except OSError as error:
            raise InputError(
                f"{folder}: cannot be used ({error.strerror or error}); make it writable or free "
                "some space, then run the stage again"
            ) from error
        return images

    def finish(self) -> None:
        """Remove the work folder: what it held is kept elsewhere now."""
        if self._folder.exists():
            shutil.rmtree(self._folder)

    def _recover(self, pixels: BinaryIO, keys: BinaryIO, wanted: Sequence[bytes]) -> None:
        """Cut off what an interruption left incomplete; learn the slots not known yet.

        Another process may have removed the folder, and begun it anew: what is known is then of
        images that are no longer there.
        """
        image_bytes = int(np.prod(self._shape))
        n = min(_length(keys) // KEY_BYTES, _length(pixels) // image_bytes)
        pixels.truncate(n * image_bytes)
        keys.truncate(n * KEY_BYTES)
        _flush(keys)  # before other images come into the slots cut off
        known = [key for key in wanted if key in self._slots]
        if n < self._n_known or any(_key_at(keys, self._slots[key]) != key for key in known):
            self._slots, self._n_known = {}, 0
        keys.seek(self._n_known * KEY_BYTES)
        self._slots |= {keys.read(KEY_BYTES): slot for slot in range(self._n_known, n)}
        self._n_known = n

    def _append(
        self, missing: dict[int, bytes], pixels: BinaryIO, keys: BinaryIO
    ) -> dict[int, UInt8[np.ndarray, "s s c"]]:
        """Decode images and write them, and only when they are on the disk their keys."""
        images: dict[int, UInt8[np.ndarray, "s s c"]] = {}
        if not missing:
            return images
        # Pillow decodes and resizes without holding the interpreter's lock
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            decoded = pool.map(self._decode, missing)
            try:
                for position, image in zip(missing, decoded, strict=True):
                    pixels.write(image.data)
                    images[position] = image
            finally:
                written = [missing[position] for position in images]
                _flush(pixels)
                keys.write(b"".join(written))
                _flush(keys)
        self._slots |= {key: self._n_known + i for i, key in enumerate(written)}
        self._n_known += len(written)
        return images

    def _decode(self, position: int) -> UInt8[np.ndarray, "s s c"]:
        return self._how.read(self._root / self._files[position])

    def _key(self, position: int) -> bytes:
        path = self._files[position]
        try:
            state = (self._root / path).stat()
        except OSError as error:
            raise InputError(
                f"{self._root / path}: cannot be read ({error.strerror}); make it readable, or "
                "run the stage again if it was removed"
            ) from error
        text = f"{path}/{state.st_size}/{state.st_mtime_ns}"
        return hashlib.blake2b(os.fsencode(text), digest_size=KEY_BYTES).digest()

    @cached_property
    def _folder(self) -> Path:
        digest = hashlib.sha256(
            f"{self._how} {PIL.__version__} {dicom.decoder_version()} ".encode()
        )
        for module in PROGRAM:
            digest.update(Path(module).read_bytes())
        digest.update(os.fsencode(self._root.resolve()))
        return self._work / f"images-{digest.hexdigest()[:16]}"


def _lock(file: BinaryIO) -> None:
    """Wait until no other process appends: two datasets may have the same images."""
    if sys.platform != "win32":
        import fcntl

        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(file, fcntl.LOCK_EX)


def _key_at(keys: BinaryIO, slot: int) -> bytes:
    keys.seek(slot * KEY_BYTES)
    return keys.read(KEY_BYTES)


def _length(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
