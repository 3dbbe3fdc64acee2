"""Setting images aside in whole groups, such as the images of a patient or frames of a track."""

import sys
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Int, UInt8

from imbalens.data.csv_tables import as_whole, is_blank
from imbalens.data.imbalance import split_validation
from imbalens.data.names import composed, first_names
from imbalens.errors import InputError


def as_group(text: str) -> str:
    """Return what a group is called, blank for an image by itself.

    As programs write a column of whole numbers with a gap, 12.0 is 12.
    """
    return "" if is_blank(text) else as_whole(composed(text.strip()))


def number_groups(texts: Sequence[str], names: Sequence[str]) -> Int[np.ndarray, " n"]:
    """Return the group of each image as a number, in the order in which they appear.

    Args:
        texts: Group of each image, such as a patient, see `as_group`.
        names: Name of each image.
    """
    numbers: dict[str, int] = {}
    # a blank, which no group has in front, before the name of an image by itself
    groups = (as_group(text) or f" {name}" for text, name in zip(texts, names, strict=True))
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)


def require_apart(
    place: str,
    groups: Int[np.ndarray, " n"] | None,
    rows: Mapping[str, Int[np.ndarray, "..."]],
    names: Sequence[str],
    *,
    shown: Sequence[str] | None = None,
) -> None:
    """Refuse a group that is in two splits.

    Args:
        place: Where the images come from, for the message.
        groups: Group of each image; None if not known.
        rows: Images of each split.
        names: Name of each image.
        shown: What the group of each image is called; None where that is not known.

    Raises:
        InputError: naming the first, and an image of it in either split.
    """
    if groups is None:
        return
    for first, second in combinations(rows, 2):
        shared = np.intersect1d(groups[rows[first]], groups[rows[second]])
        if len(shared):
            members = np.flatnonzero(groups == shared[0])
            one, other = (
                names[int(np.intersect1d(members, rows[split])[0])] for split in (first, second)
            )
            called = f" {shown[members[0]]!r}" if shown is not None else ""
            raise InputError(
                f"{place}: {one} ({first}) and {other} ({second}) are of one group{called}; "
                f"groups in both: {len(shared):,}; allowed: none"
            )


def draw_test_images(
    place: str,
    class_names: Sequence[str],
    labels: Int[np.ndarray, " n"] | UInt8[np.ndarray, "n m"],
    groups: Int[np.ndarray, " n"] | None,
    *,
    share: float,
    seed: int,
) -> dict[str, Int[np.ndarray, "..."]]:
    """Split images by share, in whole groups where these are known; of classes, of every class.

    Args:
        place: Where the images come from, for what is printed.
        class_names: Name of each class.
        labels: Class per image; of several labels, 1 where an image has one and 0 elsewhere.
        groups: Group per image; None if not known.
        share: Share of images that are test images.
        seed: Seed of the draw.
    """
    if groups is None:
        print(
            f"{place}: split by image: no group is given; images of one patient, or other group, "
            "may be training and test images",
            file=sys.stderr,
        )
    if labels.ndim == 2:
        tested = draw_groups(
            np.arange(len(labels)) if groups is None else groups, share=share, seed=seed
        )
        return {"train": np.flatnonzero(~tested), "test": np.flatnonzero(tested)}
    if groups is None:
        train, test = split_validation(labels, share=share, seed=seed)
    else:
        train, test = split_by_group(labels, groups, share=share, seed=seed)
        report_shares(place, class_names, labels, test, share=share)
    return {"train": train, "test": test}


def draw_groups(
    groups: Int[np.ndarray, " n"],
    *,
    share: float,
    seed: int,
    first: Bool[np.ndarray, " n"] | None = None,
) -> Bool[np.ndarray, " n"]:
    """Return which rows are set aside, all of a group or none, whatever they are labelled with.

    Groups are drawn until their rows are at least `share` of all.

    Args:
        groups: Group per row, such as a patient.
        share: Share of rows to set aside at least, below 1.
        seed: Seed of the draw.
        first: Rows whose groups are set aside in any case, before any is drawn.
    """
    distinct, group_of, counts = np.unique(groups, return_inverse=True, return_counts=True)
    is_aside = np.zeros(len(distinct), dtype=bool)
    if first is not None:
        np.logical_or.at(is_aside, group_of, first)
    others = np.random.default_rng(seed).permutation(np.flatnonzero(~is_aside))
    before = counts[is_aside].sum() + np.cumsum(counts[others]) - counts[others]
    is_aside[others[before < share * len(groups)]] = True
    return is_aside[group_of]


def split_by_group(
    labels: Int[np.ndarray, " n"], groups: Int[np.ndarray, " n"], *, share: float, seed: int
) -> tuple[Int[np.ndarray, " t"], Int[np.ndarray, " v"]]:
    """Set aside a share of every class, all rows of a group or none.

    A group counts for the class of most of its rows, the first of several. Of each class, groups
    are drawn until they hold the share of all its groups' rows: those that hold no more than what
    is still wanted, then the smallest. A class that has no rows aside after that gives its
    smallest group. One with all that is left of some class stays.

    Args:
        labels: Class per row.
        groups: Group per row.
        share: Share to set aside at least, below 1; 0 sets nothing aside.
        seed: Seed of the draw.

    Returns:
        Rows that stay and rows set aside, both ascending.
    """
    c = int(labels.max()) + 1
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    pairs, held = np.unique(group_of * c + labels, return_counts=True)
    group, label = np.divmod(pairs, c)
    bounds = np.searchsorted(group, np.arange(len(sizes) + 1))
    class_of = label[np.lexsort((label, -held, group))[bounds[:-1]]]
    left = np.bincount(labels, minlength=c)
    all_rows = left.copy()
    is_aside = np.zeros(len(sizes), dtype=bool)

    def set_aside(one: int) -> int:
        """Set a group aside if some of every class is left; return how many rows that are."""
        part = slice(bounds[one], bounds[one + 1])
        if is_aside[one] or not (left[label[part]] > held[part]).all():
            return 0
        left[label[part]] -= held[part]
        is_aside[one] = True
        return int(sizes[one])

    rng = np.random.default_rng(seed)
    for each in range(c) if share > 0 else ():
        drawn = rng.permutation(np.flatnonzero(class_of == each))
        wanted = share * sizes[drawn].sum()
        for one in drawn.tolist():
            if sizes[one] <= wanted:
                wanted -= set_aside(one)
        for one in _smallest_first(drawn, sizes):
            if wanted > 0:
                wanted -= set_aside(one)
    for each in np.flatnonzero(left == all_rows).tolist() if share > 0 else ():
        for one in _smallest_first(rng.permutation(group[label == each]), sizes):
            if left[each] == all_rows[each]:
                set_aside(one)
    aside = is_aside[group_of]
    return np.flatnonzero(~aside), np.flatnonzero(aside)


def report_shares(
    place: str,
    class_names: Sequence[str],
    labels: Int[np.ndarray, " n"],
    aside: Int[np.ndarray, " v"],
    *,
    share: float,
) -> None:
    """Print the classes of which whole groups hold less than half or more than twice the share.

    Args:
        place: Where the images come from.
        class_names: Name of each class.
        labels: Class per row.
        aside: Rows set aside.
        share: Share that was to be set aside; of a class that it gives less than a row, one.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    found = np.bincount(labels[aside], minlength=len(class_names))
    wanted = np.maximum(share * counts, 1)
    off = np.flatnonzero((share > 0) & ((found < wanted / 2) | (found > 2 * wanted))).tolist()
    if off:
        some = [f"{class_names[each]} ({found[each]:,} of {counts[each]:,})" for each in off]
        print(
            f"{place}: a share of {share} is to be set aside; whole groups are far from it in "
            f"{first_names(some)}: their groups are few, or large",
            file=sys.stderr,
        )


def _smallest_first(drawn: Int[np.ndarray, " g"], sizes: Int[np.ndarray, " s"]) -> list[int]:
    return drawn[np.argsort(sizes[drawn], kind="stable")].tolist()
