"""How many images each class keeps, and which ones.

Source: Cao et al. 2019, Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss,
whose published split the field compares on.
"""

from collections.abc import Sequence
from typing import assert_never

import numpy as np
from jaxtyping import Float, Int

from imbalens.data.names import first_names
from imbalens.errors import InputError
from imbalens.params.datasets import ClassImbalance, ClassOrder, Exp, Natural, Selection, Step

ROUNDING = 1e-12  # relative: a quotient that is whole but for rounding error counts as whole


def class_sizes(
    available: Int[np.ndarray, " c"],
    imbalance: ClassImbalance,
    *,
    class_names: Sequence[str],
) -> Int[np.ndarray, " c"]:
    """Return how many images each class keeps.

    `exp`: class i of C keeps floor(n_max * ratio ** (-i / (C - 1))). `step`: the first C // 2
    classes keep n_max, the others floor(n_max / ratio). `natural`: all, at most n_max. Classes
    are in label order, or by `order: size` those with the most images first, and of one size
    those of lower labels.

    Args:
        available: Images of each class in the source, in label order.
        imbalance: Kind of imbalance; n_max null means all images of the first class, and no
            limit for `natural`.
        class_names: For messages.

    Raises:
        InputError: naming a class without images, with fewer than asked for, or asked for none.
    """
    empty = [name for name, n in zip(class_names, available, strict=True) if n == 0]
    if empty:
        raise InputError(
            f"training images: found none of class {first_names([*map(repr, empty)])}; "
            "every class needs at least one"
        )
    c = len(available)
    match imbalance:
        case Exp():
            divisors = imbalance.ratio ** (np.arange(c) / max(c - 1, 1))
        case Step():
            divisors = np.where(np.arange(c) < c // 2, 1.0, imbalance.ratio)
        case Natural():
            n_max = imbalance.n_max
            return available if n_max is None else np.minimum(available, n_max)
        case _:
            assert_never(imbalance)
    head_first = (
        np.argsort(-available, kind="stable") if imbalance.order == "size" else np.arange(c)
    )
    n_max = int(available[head_first[0]]) if imbalance.n_max is None else imbalance.n_max
    sizes = np.empty(c, dtype=np.int64)
    sizes[head_first] = _floor(n_max / divisors)
    why = (
        f"as n_max is null and class {class_names[head_first[0]]!r} has {n_max}"
        if imbalance.n_max is None
        else f"as n_max is {n_max}"
    )
    for name, found, asked in zip(class_names, available, sizes, strict=True):
        if asked == 0:
            raise InputError(
                f"imbalance.ratio: found {imbalance.ratio}, which leaves class {name!r} no image, "
                f"{why}; allowed: up to {n_max}"
            )
        if found < asked:
            remedy = _remedy(available, divisors, n_max=imbalance.n_max, order=imbalance.order)
            raise InputError(
                f"imbalance: class {name!r} has {found} training images, {asked} asked for, "
                f"{why}; {remedy}"
            )
    return sizes


def _remedy(
    available: Int[np.ndarray, " c"],
    divisors: Float[np.ndarray, " c"],
    *,
    n_max: int | None,
    order: ClassOrder,
) -> str:
    """Say what would leave every class enough images; `divisors` are those of the head first."""
    by_size = np.sort(available)[::-1]
    largest = _largest_n_max(by_size if order == "size" else available, divisors)
    settings = [f"n_max to at most {largest}"] if largest >= divisors[-1] else []
    wanted = int(by_size[0]) if n_max is None else n_max
    if order == "label" and wanted <= _largest_n_max(by_size, divisors):
        settings.append("order to 'size'")
    return f"set {', or '.join(settings)}" if settings else "lower ratio"


def _largest_n_max(available: Int[np.ndarray, " c"], divisors: Float[np.ndarray, " c"]) -> int:
    """Return the largest n_max of which every class, head first, has enough images."""
    largest = int(np.ceil((available + 1) * divisors).min())
    while (_floor(largest / divisors) > available).any():
        largest -= 1
    return largest


def select(
    labels: Int[np.ndarray, " n"], sizes: Int[np.ndarray, " c"], selection: Selection
) -> Int[np.ndarray, " k"]:
    """Choose positions of each class; they stay grouped by class, in label order.

    `published` draws as the field's reference program does: for each class its positions in
    source order, shuffled by numpy's global generator of the given seed, the first ones taken.
    `seeded` does the same with a numpy Generator.

    Args:
        labels: Class per position of the source.
        sizes: Images to keep of each class; no more than there are.
        selection: Which choice.
    """
    shuffle = (
        np.random.RandomState(selection.seed).shuffle
        if selection.name == "published"
        else np.random.default_rng(selection.seed).shuffle
    )
    chosen = []
    for label, size in enumerate(sizes):
        positions = np.flatnonzero(labels == label)
        shuffle(positions)
        chosen.append(positions[:size])
    return np.concatenate(chosen)


def split_validation(
    labels: Int[np.ndarray, " n"], *, share: float, seed: int
) -> tuple[Int[np.ndarray, " t"], Int[np.ndarray, " v"]]:
    """Set aside a share of every class.

    Of a class with two images or more, at least one is set aside and at least one stays.

    Args:
        labels: Class per row.
        share: Share to set aside, below 1; 0 sets nothing aside.
        seed: Seed of the choice.

    Returns:
        Rows that stay and rows set aside, both ascending.
    """
    rng = np.random.default_rng(seed)
    aside = np.zeros(len(labels), dtype=bool)
    classes, counts = np.unique(labels, return_counts=True)
    sizes = np.minimum(np.maximum(_floor(share * counts), 1), counts - 1)
    for label, size in zip(classes, sizes, strict=True) if share > 0 else ():
        rows = rng.permutation(np.flatnonzero(labels == label))
        aside[rows[:size]] = True
    return np.flatnonzero(~aside), np.flatnonzero(aside)


def _floor(sizes: Float[np.ndarray, " c"]) -> Int[np.ndarray, " c"]:
    return np.floor(sizes * (1 + ROUNDING)).astype(np.int64)
