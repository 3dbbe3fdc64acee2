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

from imbalens.data.image_files import DEEP, deep_values, open_image

HEADER = slice(12, 16), slice(24, 26)  # bytes of a PNG: name of its first chunk, depth and kind
DEEP_GREY = b"IHDR", bytes([16, 0])
AT_ONCE = 256  # images asked for at a time


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
