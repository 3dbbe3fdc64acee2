"""Decoding many image files once, with all cores, so that an interruption costs little."""

import hashlib
import os
import shutil
import struct
import sys
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from io import BufferedRandom
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import PIL
from jaxtyping import Int, UInt8

from imbalens.data import decoding, dicom, geometry, image_files
from imbalens.errors import InputError

PIXELS, RECORDS = "pixels", "records"  # files of the work folder, in the order of decoding
KEY_BYTES = 16
RECORD = struct.Struct(f"<{KEY_BYTES}sI")  # key and checksum of an image
PROGRAM = (
    __file__,
    decoding.__file__,
    dicom.__file__,
    geometry.__file__,
    image_files.__file__,
)


class Stored(NamedTuple):
    """Where an image is in the work folder, and the CRC-32 of its pixels."""

    slot: int
    checksum: int


class DecodedImages:
    """Images of a list of files, kept in a work folder until `finish`.

    What was decoded before an interruption is read from there. The folder's name holds a hash of
    the root folder, of how files are decoded and of this program. Images are appended to one of
    its files, and to another a record of each: a key, which is a hash of path within the root,
    size in bytes and time of change, and a checksum. So files that were replaced are decoded
    anew, and only those, and so are images that a crash kept from the disk: nothing has to wait
    until they are there.
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
        self._stored: dict[bytes, Stored] = {}  # by key, of the first `_n_known` images
        self._n_known = 0

    def read(self, positions: Int[np.ndarray, " k"]) -> UInt8[np.ndarray, "k s s c"]:
        """Return images by position in the list of files, decoding those not yet there.

        Raises:
            InputError: naming a file that cannot be decoded, or if the disk is full.
        """
        folder = self._folder
        images = np.empty((len(positions), *self._shape), dtype=np.uint8)
        first: dict[int, int] = {}  # row of each distinct position
        for row, position in enumerate(positions.tolist()):
            first.setdefault(position, row)
        keys = {row: self._key(position) for position, row in first.items()}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (
                (folder / RECORDS).open("a+b") as records,  # locked until pixels is closed
                (folder / PIXELS).open("a+b") as pixels,
            ):
                _lock(records)
                self._recover(pixels, records)
                missing = {
                    row: position
                    for position, row in first.items()
                    if not self._take(keys[row], pixels, images[row])
                }
                for row, image in self._decode_all(missing):
                    images[row] = image
                    pixels.write(image.data)
                    self._stored[keys[row]] = Stored(self._n_known, zlib.crc32(image.data))
                    records.write(RECORD.pack(keys[row], self._stored[keys[row]].checksum))
                    self._n_known += 1
        except OSError as error:
            raise InputError(
                f"{folder}: cannot be used ({error.strerror or error}); make it writable or free "
                "some space, then run the stage again"
            ) from error
        for row, position in enumerate(positions.tolist()):
            if first[position] < row:
                images[row] = images[first[position]]
        return images

    def finish(self) -> None:
        """Remove the work folder: what it held is kept elsewhere now."""
        if self._folder.exists():
            shutil.rmtree(self._folder)

    def _recover(self, pixels: BinaryIO, records: BinaryIO) -> None:
        """Cut off what an interruption left incomplete; learn the records not known yet.

        Another process may have removed the folder, and begun it anew: what is known is then of
        other images, whose checksums differ.
        """
        image_bytes = int(np.prod(self._shape))
        n = min(_length(records) // RECORD.size, _length(pixels) // image_bytes)
        pixels.truncate(n * image_bytes)
        records.truncate(n * RECORD.size)
        if n < self._n_known:
            self._stored, self._n_known = {}, 0
        records.seek(self._n_known * RECORD.size)
        found = RECORD.iter_unpack(records.read())
        for slot, (key, checksum) in enumerate(found, start=self._n_known):
            self._stored[key] = Stored(slot, checksum)
        self._n_known = n

    def _take(self, key: bytes, pixels: BufferedRandom, image: UInt8[np.ndarray, "s s c"]) -> bool:
        """Read one image, if it is there as it was written."""
        stored = self._stored.get(key)
        if stored is None:
            return False
        pixels.seek(stored.slot * image.nbytes)
        n_read = pixels.readinto(image.data)
        return n_read == image.nbytes and zlib.crc32(image.data) == stored.checksum

    def _decode_all(
        self, positions: dict[int, int]
    ) -> Iterator[tuple[int, UInt8[np.ndarray, "s s c"]]]:
        """Decode images with all cores, yielding each with the row that it is for."""
        if positions:
            # Pillow decodes and resizes without holding the interpreter's lock
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                decoded = pool.map(self._decode, positions.values())
                yield from zip(positions, decoded, strict=True)

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


def _length(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)
