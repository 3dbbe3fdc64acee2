"""How many bits the 16-bit grey images of a source use of each value.

One number for all images of a source, so that brightness can be compared between them. It is
found, not declared: sBIT of PNG says how exact values are that fill all 16 bits, not how large.
"""

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from imbalens.data.dicom import DicomImageFile
from imbalens.data.image_files import DEEP, deep_values, open_image
from imbalens.errors import InputError
from imbalens.params.tables import Window

HEADER = slice(12, 16), slice(24, 26)  # bytes of a PNG: name of its first chunk, depth and kind
DEEP_GREY = b"IHDR", bytes([16, 0])
AT_ONCE = 256  # images asked for at a time
ENOUGH = 16  # DICOM files of these that are decoded
NARROW = 0.25  # of the range


def find_bits(root: Path, files: Sequence[str]) -> int:
    """Return the bits of the largest value of all 16-bit grey PNGs, at least 8; 16 without any.

    That decodes them, until one shows that there are 16. Fewer are printed.

    Args:
        root: Folder that all the files are in.
        files: Path of each image file of a source within the root.

    Raises:
        InputError: naming a file that cannot be decoded.
    """
    largest = -1
    progress = tqdm(desc="16-bit range", total=len(files), unit="image", delay=1, disable=None)
    with ThreadPoolExecutor(os.cpu_count()) as pool, progress:
        for start in range(0, len(files), AT_ONCE):
            asked = [root / file for file in files[start : start + AT_ONCE]]
            largest = max(largest, *pool.map(_largest_value, asked))
            progress.update(len(asked))
            if largest >= 2 ** (DEEP - 1):
                break
    if largest < 0:
        return DEEP
    bits = max(8, largest.bit_length())
    if bits < DEEP:
        print(
            f"{root}: no value of the 16-bit images is above {largest}: read as {bits} bits; "
            f"set bits: {bits} of the dataset to spare the search",
            file=sys.stderr,
        )
    return bits


def check_dicom(root: Path, files: Sequence[str], *, bits: int | None, window: Window) -> None:
    """Refuse `bits` where there are DICOM files; print that these use little of their range.

    Many files say that they store 16 bits and use 12. To find that, some are decoded, until they
    show a quarter of the range; nothing is printed where each has a window of its own.

    Args:
        root: Folder that all the files are in.
        files: Path of each image file of a source within the root.
        bits: Of 16-bit grey, how many of each value are said to be used; None if not said.
        window: Which values of a DICOM file become 0 to 255, see `dicom.to_bytes`.

    Raises:
        InputError: naming a DICOM file where `bits` are given, or one that cannot be decoded.
    """
    if bits is None and window != "full":
        return
    low, high = 1.0, 0.0
    progress = tqdm(desc="DICOM range", total=len(files), unit="image", delay=1, disable=None)
    with ThreadPoolExecutor(os.cpu_count()) as pool, progress:
        for start in range(0, len(files), AT_ONCE):
            asked = [root / file for file in files[start : start + AT_ONCE]]
            are_dicom = pool.map(_is_dicom, asked)
            found = [path for path, is_one in zip(asked, are_dicom, strict=True) if is_one]
            if bits is not None and found:
                raise InputError(
                    f"{found[0]}: is DICOM, which says itself how many bits it has, but bits of "
                    f"the dataset is {bits}; set it to null"
                )
            for least, largest in pool.map(_extent, found[:ENOUGH]):
                low, high = min(low, least), max(high, largest)
            progress.update(len(asked))
            if high - low >= NARROW:
                return
    if high >= low:
        print(
            f"{root}: the values of its DICOM files fill {high - low:.2%} of the range that their "
            "bits can hold, less than a quarter: images will be dark, or of one grey; set "
            "source.window to stored if each file has a window",
            file=sys.stderr,
        )


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False  # who reads the image says what is wrong


def _extent(path: Path) -> tuple[float, float]:
    with open_image(path, formats=("DICOM",)) as image:
        assert isinstance(image, DicomImageFile)
        return image.extent()


def _largest_value(path: Path) -> int:
    """Return the largest value of a 16-bit grey PNG, -1 of any other file."""
    try:
        with path.open("rb") as file:
            head = file.read(HEADER[-1].stop)
    except OSError:
        return -1  # who reads the image says what is wrong
    if tuple(head[part] for part in HEADER) != DEEP_GREY:
        return -1
    with open_image(path, formats=("PNG",)) as image:
        return int(deep_values(image).max(initial=0))
