"""Which training images stay where an image has any of several labels, or none."""

from collections.abc import Sequence
from typing import assert_never

import numpy as np
from jaxtyping import Int, UInt8

from imbalens.data.imbalance import ROUNDING
from imbalens.errors import InputError
from imbalens.params.datasets import CapNegatives, LabelImbalance, Natural, ThinPositives


def choose_label_images(
    labels: UInt8[np.ndarray, "n m"],
    imbalance: LabelImbalance,
    *,
    class_names: Sequence[str],
) -> Int[np.ndarray, " k"]:
    """Return the positions of the training images that stay, ascending.

    Args:
        labels: 1 where an image has a finding; without the label of images that have none. 0
            where it lacks it, `UNKNOWN` where that is not known: then it is no negative either.
        imbalance: What to change; `natural` keeps all.
        class_names: For messages.

    Raises:
        InputError: if it cannot be had of these images.
    """
    match imbalance:
        case Natural():
            return np.arange(len(labels))
        case CapNegatives(n_max=n_max, seed=seed):
            return cap_negatives(labels, class_names=class_names, n_max=n_max, seed=seed)
        case ThinPositives(ratio=ratio, seed=seed):
            return thin_positives(labels, class_names=class_names, ratio=ratio, seed=seed)
        case _:
            assert_never(imbalance)


def cap_negatives(
    labels: UInt8[np.ndarray, "n m"], *, class_names: Sequence[str], n_max: int, seed: int
) -> Int[np.ndarray, " k"]:
    """Drop images without any finding until no label has more than `n_max` negatives.

    No more than needed are dropped, drawn at random. All images with a finding stay, and those
    that may have one.

    Args:
        labels: 1 where an image has a finding, 0 where it lacks it, or `UNKNOWN`.
        class_names: For messages.
        n_max: Largest number of negatives of a label.
        seed: Seed of the draw.

    Returns:
        Positions that stay, ascending.

    Raises:
        InputError: if images with other findings alone are more negatives; names the smallest
            `n_max` that can be had.
    """
    without = np.flatnonzero((labels == 0).all(axis=1))
    negatives = (labels == 0).sum(axis=0)
    excess = max(0, int(negatives.max()) - n_max)
    if excess > len(without):
        name = class_names[int(negatives.argmax())]
        smallest = int(negatives.max()) - len(without)
        raise InputError(
            f"imbalance.n_max: found {n_max}; {smallest} training images without label {name!r} "
            f"have another finding, or may have, and stay; allowed: at least {smallest}"
        )
    dropped = np.random.default_rng(seed).permutation(without)[:excess]
    return np.delete(np.arange(len(labels)), dropped)


def thin_positives(
    labels: UInt8[np.ndarray, "n m"], *, class_names: Sequence[str], ratio: float, seed: int
) -> Int[np.ndarray, " k"]:
    """Drop positives until every label has at least `ratio` negatives per positive.

    Labels are visited from the most frequent on. Of one that has too many positives, as many
    images with it as needed are dropped, drawn at random, and with them what other findings they
    have. These are then negatives less of the other labels, so that all are visited again until
    none has too many. A label that is rare enough is not thinned itself.

    Args:
        labels: 1 where an image has a finding, 0 where it lacks it, or `UNKNOWN`.
        class_names: For messages.
        ratio: Smallest number of negatives per positive.
        seed: Seed of the draw.

    Returns:
        Positions that stay, ascending.

    Raises:
        InputError: naming a label that loses all of its positives.
    """
    rng = np.random.default_rng(seed)
    stays = np.ones(len(labels), dtype=bool)
    positives = (labels == 1).sum(axis=0)
    by_frequency = np.argsort(-positives, kind="stable").tolist()
    changed = True
    while changed:
        changed = False
        for label in by_frequency:
            found = np.flatnonzero(stays & (labels[:, label] == 1))
            negatives = np.count_nonzero(stays & (labels[:, label] == 0))
            excess = len(found) - int(negatives / ratio * (1 + ROUNDING))
            if excess > 0:
                stays[rng.permutation(found)[:excess]] = False
                changed = True
    left = (labels[stays] == 1).sum(axis=0)
    for name, before, after in zip(class_names, positives, left, strict=True):
        if before and not after:
            raise InputError(
                f"imbalance.ratio: found {ratio}, which leaves none of the {before} training "
                f"images with label {name!r}; lower it"
            )
    return np.flatnonzero(stays)


def split_validation_by_patient(
    patients: Int[np.ndarray, " n"], *, share: float, seed: int
) -> tuple[Int[np.ndarray, " t"], Int[np.ndarray, " v"]]:
    """Set aside all images of randomly drawn patients until they are `share` of all images.

    Args:
        patients: Patient per row.
        share: Share of rows to set aside at least, below 1; 0 sets nothing aside.
        seed: Seed of the draw.

    Returns:
        Rows that stay and rows set aside, both ascending.

    Raises:
        InputError: if no row stays.
    """
    if share == 0:
        return np.arange(len(patients)), np.empty(0, dtype=np.int64)
    distinct, patient_of, counts = np.unique(patients, return_inverse=True, return_counts=True)
    drawn = np.random.default_rng(seed).permutation(len(distinct))
    before = np.cumsum(counts[drawn]) - counts[drawn]
    is_aside = np.zeros(len(distinct), dtype=bool)
    is_aside[drawn[before < share * len(patients)]] = True
    aside = is_aside[patient_of]
    if aside.all():
        raise InputError(
            f"validation.share: found {share}, which sets aside all {len(patients)} training "
            f"images of {len(distinct)} patients; lower it or set it to 0"
        )
    return np.flatnonzero(~aside), np.flatnonzero(aside)
