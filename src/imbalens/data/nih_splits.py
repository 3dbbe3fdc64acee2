"""Which images of NIH ChestX-ray14 are training and test images, by whole patients."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from imbalens.data.csv_tables import read_text
from imbalens.data.names import MAX_LENGTH
from imbalens.data.nih_tables import Tables
from imbalens.errors import InputError

LISTS = ("train_val_list.txt", "test_list.txt")


def boxed_patients(tables: Tables) -> Bool[np.ndarray, " n"]:
    """Return whether the patient of each image has a box in any image."""
    return np.isin(tables.patients, tables.patients[tables.box_images])


def split_patients(
    patients: Int[np.ndarray, " n"],
    boxed: Bool[np.ndarray, " n"],
    *,
    test_share: float,
    seed: int,
) -> Bool[np.ndarray, " n"]:
    """Return which images are test images, all of a patient's or none.

    Every patient with a box is a test patient. Further ones are drawn until the test images are
    at least `test_share` of all.

    Args:
        patients: Patient per image.
        boxed: Whether an image, or another one of its patient, has a box.
        test_share: Share of images that are test images.
        seed: Seed of the draw.
    """
    distinct, image_patient, counts = np.unique(patients, return_inverse=True, return_counts=True)
    has_box = np.zeros(len(distinct), dtype=bool)
    np.logical_or.at(has_box, image_patient, boxed)
    others = np.random.default_rng(seed).permutation(np.flatnonzero(~has_box))
    before = counts[has_box].sum() + np.cumsum(counts[others]) - counts[others]
    tested = has_box.copy()
    tested[others[before < test_share * len(patients)]] = True
    return tested[image_patient]


def read_lists(
    folder: Path, tables: Tables
) -> tuple[Int[np.ndarray, " t"], Int[np.ndarray, " e"]] | None:
    """Return the images that the official lists name, as rows of the table, ascending.

    Args:
        folder: Folder that may hold `train_val_list.txt` and `test_list.txt`.
        tables: The tables that the lists go with.

    Returns:
        Training and test images, or None where there are no lists.

    Raises:
        InputError: if one of the lists is missing, is not UTF-8 text, names an image that the
            table lacks or names one twice, or if a patient or image is in both.
    """
    paths = [folder / name for name in LISTS]
    there = [path.is_file() for path in paths]
    if not any(there):
        return None
    if not all(there):
        missing = paths[there.index(False)].name
        raise InputError(f"{folder}: found one official list but no {missing}; bring both or none")
    row_of = {name: row for row, name in enumerate(tables.names)}
    train, test = (_read_list(path, row_of, tables.origin) for path in paths)
    shared = np.intersect1d(tables.patients[train], tables.patients[test])
    if len(shared):
        images = [
            tables.names[rows[np.flatnonzero(tables.patients[rows] == shared[0])[0]]]
            for rows in (train, test)
        ]
        raise InputError(
            f"{folder}: {len(shared)} patients are in both {LISTS[0]} and {LISTS[1]}, such as "
            f"{shared[0]} ({images[0]} and {images[1]}); allowed: each in one, as in the "
            "official lists"
        )
    return train, test


def _read_list(path: Path, row_of: Mapping[str, int], origin: str) -> Int[np.ndarray, " k"]:
    lines: dict[str, int] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        name = line.strip()
        if not name:
            continue
        if name not in row_of:
            raise InputError(
                f"{path}, line {number}: found {name[:MAX_LENGTH]!r}, which the table of "
                f"{origin} lacks; allowed: images of the table"
            )
        if name in lines:
            raise InputError(
                f"{path}, line {number}: found {name!r} again, after line {lines[name]}; "
                "allowed: each image once"
            )
        lines[name] = number
    return np.array(sorted(row_of[name] for name in lines), dtype=np.int64)
