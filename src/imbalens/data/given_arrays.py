"""Features and predictions in an .npz or HDF5 file."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imbalens.data.array_files import array_names, open_array_file, readable, require_array_file
from imbalens.data.given_raw import NUMBERS, OF_ROWS, SPLITS, Raw, refuse_absent
from imbalens.errors import InputError
from imbalens.params.errors import shown
from imbalens.params.given import GivenColumns

TOLD_BY = ("features", "logits", "probabilities", "labels")  # whether arrays are those of splits


def read_given_arrays(path: Path, columns: GivenColumns, *, optional: Collection[str] = ()) -> Raw:
    """Return the arrays of a file by what they are; those of splits one after the other.

    Args:
        path: .npz or HDF5 file.
        columns: What the arrays are called.
        optional: Keys of those that the file may lack although they are named.

    Raises:
        InputError: if the file cannot be read, lacks an array that is named, or one is neither
            numbers nor texts as it must be.
    """
    require_array_file(path, "file")
    with readable(path):
        there = array_names(path)
        splits, plan = _plan(path, columns, there, optional)
        wanted = dict.fromkeys((name for names in plan.values() for name in names), "numbers")
        held = open_array_file(path, wanted)
        parts = {
            key: [_checked(path, name, _whole(path, name, held[name]), key) for name in names]
            for key, names in plan.items()
        }
    if not splits:
        return Raw(
            path, {key: one for key, (one,) in parts.items()}, {k: n for k, (n,) in plan.items()}
        )
    rows = {key: each for key, each in parts.items() if key in OF_ROWS}
    for at, split in enumerate(splits):
        _require_one_size(
            path, split, {plan[key][at]: len(each[at]) for key, each in rows.items()}
        )
    for key, each in rows.items():
        if len({part.shape[1:] for part in each}) > 1:
            shapes = ", ".join(str(part.shape) for part in each)
            raise InputError(
                f"{path}: {', '.join(plan[key])} have shapes {shapes}; allowed: as many columns"
            )
    first = next(iter(rows.values()))
    told = [split for split, part in zip(splits, first, strict=True) for _ in part]
    arrays = {key: np.concatenate(each) for key, each in parts.items()}
    return Raw(
        path, arrays, {key: ", ".join(names) for key, names in plan.items()}, splits=tuple(told)
    )


def _plan(
    path: Path, columns: GivenColumns, there: Sequence[str], optional: Collection[str]
) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Return the splits that arrays stand under, and by key the arrays to read."""
    named: dict[str, str] = {}
    for key in GivenColumns.model_fields:
        name = getattr(columns, key)
        if isinstance(name, tuple):
            raise InputError(
                f"{path}: columns.{key}: found a list of names; allowed: the name of an array"
            )
        named[key] = _bare(name, there) if name is not None else key
    whole = any(named[key] in there for key in TOLD_BY)
    splits = tuple(
        split
        for split in SPLITS
        if not whole and any(f"{split}_{named[key]}" in there for key in TOLD_BY)
    )
    plan: dict[str, tuple[str, ...]] = {}
    for key, name in named.items():
        names = (name,)
        if splits and key in OF_ROWS:
            names = tuple(f"{split}_{name}" for split in splits)
        absent = [each for each in names if each not in there]
        if not absent:
            plan[key] = names
        elif len(absent) < len(names) or (
            getattr(columns, key) is not None and key not in optional
        ):
            raise refuse_absent(path, "array", absent[0], key, there)
    return splits, plan


def _bare(name: str, there: Sequence[str]) -> str:
    """Return a name without the split that it may begin with, where arrays are those of splits."""
    for split in SPLITS:
        bare = name.removeprefix(f"{split}_")
        if bare != name and name in there:
            return bare
    return name


def _whole(path: Path, name: str, held: Any) -> np.ndarray:  # noqa: ANN401 - of either file
    if not held.shape:  # which cannot be sliced; of HDF5, nothing may stand there
        raise InputError(f"{path}: {name} has no axis; allowed: an array with a row an image")
    return held[:]


def _checked(path: Path, name: str, array: np.ndarray, key: str) -> np.ndarray:
    """Return an array as numbers or texts, whatever may stand under a key."""
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    kinds = {"numbers": "biuf"} if key in NUMBERS else {"numbers": "biuf", "texts": "UO"}
    if key in ("split", "path", "class_names"):
        kinds = {"texts": "UO"}
    if array.dtype.kind not in "".join(kinds.values()):
        found = shown(array.ravel()[0].item()) if array.size else array.dtype
        raise InputError(f"{path}: {name} holds {found}; allowed: {' or '.join(kinds)}")
    if array.dtype.kind == "O":  # texts, as HDF5 gives them
        array = array.astype(str)
    allowed = {"features": (2,), "head_weight": (2,), "labels": (1, 2)}.get(key, (1,))
    if key in ("logits", "probabilities"):
        allowed = (1, 2)
    if array.ndim not in allowed or 0 in array.shape[1:]:
        wanted = " or ".join({1: "[n]", 2: "[n m]"}[each] for each in allowed)
        raise InputError(f"{path}: {name} has shape {array.shape}; allowed: {wanted}")
    if key in ("logits", "probabilities") and array.ndim == 1:  # of a single label
        array = array[:, None]
    return array


def _require_one_size(path: Path, split: str, sizes: dict[str, int]) -> None:
    """Refuse arrays of one split that are of different numbers of images."""
    if len({*sizes.values()}) > 1:
        found = ", ".join(f"{name} {n:,}" for name, n in sizes.items())
        raise InputError(
            f"{path}: {split} arrays differ in rows: {found}; allowed: as many of all"
        )
