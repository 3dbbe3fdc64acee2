"""Features and predictions that somebody else's network made, in place of a network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from imbalens.data.given_labels import differing_rows
from imbalens.data.given_outputs import GivenOutputs, read_given
from imbalens.data.names import first_names
from imbalens.errors import InputError
from imbalens.params import runs
from imbalens.params.errors import shown
from imbalens.params.paths import expand_path
from imbalens.store.prepared import GivenData, GivenSplit, read_given_data

Kind = Literal["features", "logits"]
KINDS: tuple[Kind, ...] = ("features", "logits")
UNNEEDED = ("labels", "group", "path", "head_weight", "head_bias", "class_names")
NAMED = 3  # ids in a message


class GivenTensors(nn.Module):
    """Tensors by name, `split/features`, `split/logits`, `head/weight`, to be saved as weights."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        """Keep them."""
        super().__init__()
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)


def take_given(model: runs.Model, data: Path, class_names: tuple[str, ...]) -> GivenTensors | None:
    """Return what somebody else's network made of a dataset's images; None of a network.

    Args:
        model: The network, or the file in its place; null for the dataset's own.
        data: Prepared dataset, of a source of features.
        class_names: Name of each class.

    Raises:
        InputError: as `read_given`, or if the file is not of the dataset's images.
    """
    match model:
        case runs.Given():
            return GivenTensors(_read_tensors(model.file, read_given_data(data), class_names))
        case _:
            return None


def _read_tensors(
    file: str | None, own: GivenData, class_names: tuple[str, ...]
) -> dict[str, Tensor]:
    if file is None:
        return _own_tensors(own)
    form = own.form.model_copy(update={"file": file, "classes": class_names})
    return _matched_tensors(own, read_given(expand_path(file), form, optional=UNNEEDED))


def _own_tensors(data: GivenData) -> dict[str, Tensor]:
    arrays = {
        f"{split}/{kind}": getattr(part, kind)
        for split, part in data.splits.items()
        for kind in KINDS
    }
    arrays |= {"head/weight": data.head_weight, "head/bias": data.head_bias}
    return _as_tensors(arrays)


def _as_tensors(arrays: Mapping[str, np.ndarray | None]) -> dict[str, Tensor]:
    return {
        name: torch.from_numpy(np.ascontiguousarray(array))
        for name, array in arrays.items()
        if array is not None
    }


def _matched_tensors(data: GivenData, other: GivenOutputs) -> dict[str, Tensor]:
    """Return what another file has of each image, by id where both have some, else by place."""
    arrays: dict[str, np.ndarray | None] = {}
    for split, part in data.splits.items():
        rows = (
            _rows_by_id(split, part, other)
            if data.named and other.named
            else _rows_by_place(split, part, other)
        )
        _require_same_labels(split, part, other, rows)
        for kind in KINDS:
            values = getattr(other, kind)
            arrays[f"{split}/{kind}"] = None if values is None else values[rows]
    arrays |= {"head/weight": other.head_weight, "head/bias": other.head_bias}
    return _as_tensors(arrays)


def _rows_by_id(split: str, part: GivenSplit, other: GivenOutputs) -> Int[np.ndarray, " n"]:
    row_of = {name: row for row, name in enumerate(other.ids)}
    absent = [name for name in part.names if name not in row_of]
    if absent:
        raise InputError(
            f"{other.path}: lacks {len(absent):,} of the {len(part.names):,} {split} images, such "
            f"as {shown(first_names(absent[:NAMED]))}; allowed: each id of the dataset once"
        )
    return np.array([row_of[name] for name in part.names], dtype=np.int64)


def _rows_by_place(split: str, part: GivenSplit, other: GivenOutputs) -> Int[np.ndarray, " n"]:
    n_images = len(part.index)
    rows = np.arange(len(other.ids))
    if other.splits is not None:
        rows = rows[np.array(other.splits) == split]
    if len(rows) != n_images or set(part.index.tolist()) != set(range(n_images)):
        raise InputError(
            f"{other.path}: has {len(rows):,} rows without ids for the {n_images:,} {split} "
            "images of the dataset; allowed: as many, in one order, all of them used; or an id of "
            "each image in both files"
        )
    return rows[part.index]


def _require_same_labels(
    split: str, part: GivenSplit, other: GivenOutputs, rows: Int[np.ndarray, " n"]
) -> None:
    """Refuse a file whose labels, if it has any, are others: its rows are of other images."""
    if other.labels is None:
        return
    theirs, ours = other.labels[rows], part.targets
    if theirs.shape == ours.shape:
        unknown = np.zeros(ours.shape, dtype=bool)
        if ours.ndim == 2:
            unknown = ours > 1
            if other.unknown is not None:
                unknown |= other.unknown[rows]
        differ = differing_rows(np.where(unknown, 0, theirs), np.where(unknown, 0, ours))
        if not len(differ):
            return
        first = f", the first in row {rows[differ[0]]}"
    else:
        differ, first = rows, ""
    raise InputError(
        f"{other.path}: labels of {len(differ):,} of the {len(rows):,} {split} images are not the "
        f"dataset's{first}; allowed: the same, or none"
    )
