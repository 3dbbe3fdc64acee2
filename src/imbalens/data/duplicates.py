"""Images of one split that are in another one too, pixel for pixel as they are stored."""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Int, UInt8

from imbalens.classes import UNKNOWN

HASH_BYTES = 16
HASH = np.dtype([("low", "<u8"), ("high", "<u8")])
NAMED = 3  # images named in a message


@dataclass(frozen=True)
class SplitHashes:
    """What tells the images of one split from others.

    Attributes:
        hashes: `HASH_BYTES` of each image, in order.
        labels: Class of each image, or 1 where it has a label, 0 where it lacks it, or
            `UNKNOWN`.
        names: Name of each image.
    """

    hashes: bytearray
    labels: Int[np.ndarray, " n"] | UInt8[np.ndarray, "n m"]
    names: Sequence[str]


def hash_images(images: UInt8[np.ndarray, "k h w c"]) -> bytes:
    """Return `HASH_BYTES` of each image, one after another."""
    return b"".join(
        hashlib.sha256(image).digest()[:HASH_BYTES]  # processors compute this one themselves
        for image in np.ascontiguousarray(images)
    )


def count_duplicates(
    splits: dict[str, SplitHashes], place: str
) -> dict[str, dict[str, dict[str, int]]]:
    """Count the images that are in two splits, and print how many there are, with some names.

    A network is then judged by what it was trained on. They are not refused, because published
    splits hold some, and are to be used as they are.

    Args:
        splits: Hashes of each split, in the order train, val, test.
        place: Where the images came from, for messages.

    Returns:
        Per split but the first, and per split before it: how many `images` of the one are in the
        other too, and how many of these have `other_labels` there, of several equal ones there
        those of the first. A label that is not known in either split is none.
    """
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for (before, first), (split, second) in combinations(splits.items(), 2):
        there, here = _match(first.hashes, second.hashes)
        theirs, own = first.labels[there], second.labels[here]
        contradict = theirs != own
        if contradict.ndim == 2:
            known = (theirs != UNKNOWN) & (own != UNKNOWN)
            contradict = (contradict & known).any(axis=1)
        found = {"images": len(here), "other_labels": int(contradict.sum())}
        counts.setdefault(split, {})[before] = found
        if len(here):
            pairs = zip(there[:NAMED].tolist(), here[:NAMED].tolist(), strict=True)
            some = ", ".join(f"{second.names[h]} ({first.names[t]})" for t, h in pairs)
            print(
                f"{place}: {len(here)} images of {split} are in {before} too, pixel for pixel, "
                f"{found['other_labels']} of them with another label, such as {some}",
                file=sys.stderr,
            )
    return counts


def _match(
    first: bytearray, second: bytearray
) -> tuple[Int[np.ndarray, " d"], Int[np.ndarray, " d"]]:
    """Return the first image of one split that is like each of another, of those where one is."""
    known, at = np.unique(np.frombuffer(first, HASH), return_index=True)
    sought = np.frombuffer(second, HASH)
    nearest = np.minimum(np.searchsorted(known, sought), len(known) - 1)
    here = np.flatnonzero(known[nearest] == sought)
    return at[nearest[here]], here
