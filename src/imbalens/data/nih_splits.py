"""Which images of NIH ChestX-ray14 are training and test images, by whole patients."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from imbalens.data.csv_tables import read_text
from imbalens.data.group_splits import require_apart
from imbalens.data.names import MAX_LENGTH
from imbalens.data.nih_tables import Tables
from imbalens.errors import InputError

LISTS = ("train_val_list.txt", "test_list.txt")


def boxed_patients(tables: Tables) -> Bool[np.ndarray, " n"]:
    """Return whether the patient of each image has a box in any image."""
    return np.isin(tables.patients, tables.patients[tables.box_images])


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
    names = [str(patient) for patient in tables.patients]
    require_apart(
        str(folder), tables.patients, {"train": train, "test": test}, tables.names, shown=names
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
