"""Decoding many image files to grey once, with all cores, so that an interruption costs little."""

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

from imbalens.data import geometry, image_files
from imbalens.errors import InputError

PIXELS, KEYS = "pixels", "keys"  # files of the work folder, both in the order of decoding
KEY_BYTES = 16


def decode_grey(
    path: Path, size: int, *, bits: int = image_files.DEEP
) -> UInt8[np.ndarray, "s s"]:
    """Read one square image upright, as grey: colours by luminance.

    Transparency is composited on black, the ground of an X-ray; opaque alpha changes nothing.

    Args:
        path: PNG file.
        size: Side in pixels to resize to.
        bits: Of 16-bit grey, how many of each value are used; its 8 upper ones stay.

    Raises:
        InputError: naming a file that is no PNG, cannot be decoded, has larger values or whose
            image is not square.
    """
    with image_files.open_image(path, formats=("PNG",)) as image:
        width, height = image.size
        if width == height:
            grey = image_files.read_upright(path, image, mode="L", ground="black", bits=bits)
            return np.asarray(image_files.fit(grey, size, "squash"))
    raise InputError(
        f"{path}: found an image of {width} x {height} pixels; NIH images are square, and boxes "
        "are in pixels of a 1024 x 1024 image; pad it to a square first"
    )


class DecodedImages:
    """Grey images of a list of files, kept in a work folder until `finish`.

    What was decoded before an interruption is read from there. The folder's name holds a hash of
    the root folder, of size and bits of the images and of this program. Images are appended to
    one of its files, and to another a key of each: a hash of path within the root, size in bytes
    and time of change. So files that were replaced are decoded anew, and only those.
    """

    def __init__(
        self,
        work: Path,
        name: str,
        root: Path,
        files: Sequence[Path],
        size: int,
        *,
        bits: int = image_files.DEEP,
    ) -> None:
        """Only name the files; the folder appears when something is read.

        Args:
            work: Folder for all work in progress.
            name: Start of the folder's name.
            root: Folder that all the files are in.
            files: Image files.
            size: Side in pixels to resize to.
            bits: Of 16-bit grey, see `decode_grey`.
        """
        self._work, self._name, self._root = work, name, root
        self._files, self._size, self._bits = files, size, bits

    def read(self, positions: Int[np.ndarray, " k"]) -> UInt8[np.ndarray, "k s s 1"]:
        """Return images by position in the list of files, decoding those not yet there.

        Raises:
            InputError: naming a file that cannot be decoded, or if the disk is full.
        """
        folder = self._folder
        wanted = {position: self._key(position) for position in positions.tolist()}
        images = np.empty((len(positions), self._size, self._size, 1), dtype=np.uint8)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / PIXELS).open("a+b") as pixels, (folder / KEYS).open("a+b") as keys:
                _lock(keys)
                slots = self._recover(pixels, keys)
                missing = {i: key for i, key in wanted.items() if key not in slots}
                first = _length(pixels) // self._size**2
                self._append(missing, pixels, keys)
                slots |= {key: first + i for i, key in enumerate(missing.values())}
                for image, position in zip(images, positions.tolist(), strict=True):
                    pixels.seek(slots[wanted[position]] * image.size)
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

    def _recover(self, pixels: BinaryIO, keys: BinaryIO) -> dict[bytes, int]:
        """Cut off what an interruption left incomplete; return the slot of each key."""
        image_bytes = self._size**2
        n = min(_length(keys) // KEY_BYTES, _length(pixels) // image_bytes)
        pixels.truncate(n * image_bytes)
        keys.truncate(n * KEY_BYTES)
        _flush(keys)  # before other images come into the slots cut off
        keys.seek(0)
        return {keys.read(KEY_BYTES): slot for slot in range(n)}

    def _append(self, missing: dict[int, bytes], pixels: BinaryIO, keys: BinaryIO) -> None:
        """Write images by position, and only when they are on the disk their keys."""
        written: list[bytes] = []
        # Pillow decodes and resizes without holding the interpreter's lock
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            decoded = pool.map(self._decode, missing)
            try:
                for key, image in zip(missing.values(), decoded, strict=True):
                    pixels.write(image.tobytes())
                    written.append(key)
            finally:
                _flush(pixels)
                keys.write(b"".join(written))
                _flush(keys)

    def _decode(self, position: int) -> UInt8[np.ndarray, "s s"]:
        return decode_grey(self._files[position], self._size, bits=self._bits)

    def _key(self, position: int) -> bytes:
        file = self._files[position]
        try:
            state = file.stat()
        except OSError as error:
            raise InputError(
                f"{file}: cannot be read ({error.strerror}); make it readable, or run the stage "
                "again if it was removed"
            ) from error
        path = file.relative_to(self._root).as_posix()
        text = f"{path}/{state.st_size}/{state.st_mtime_ns}"
        return hashlib.blake2b(os.fsencode(text), digest_size=KEY_BYTES).digest()

    @cached_property
    def _folder(self) -> Path:
        digest = hashlib.sha256(f"{self._size} {self._bits} {PIL.__version__} ".encode())
        for module in (__file__, image_files.__file__, geometry.__file__):
            digest.update(Path(module).read_bytes())
        digest.update(os.fsencode(self._root.resolve()))
        return self._work / f"{self._name}-{digest.hexdigest()[:16]}"


def _lock(file: BinaryIO) -> None:
    """Wait until no other process appends: two datasets may have the same images."""
    if sys.platform != "win32":
        import fcntl

        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(file, fcntl.LOCK_EX)


def _length(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
