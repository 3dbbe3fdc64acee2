"""Features and predictions that somebody else's network made, with a row an image.

A file holds features, or logits or probabilities, or both, and what is known of the images:
labels, split, an id, a group such as a patient, the path of the image, and the head. Which array
or column is which, see `params.given.GivenColumns`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8

from imbalens.data.csv_tables import as_whole
from imbalens.data.given_arrays import read_given_arrays
from imbalens.data.given_labels import order_scores, read_given_labels, score_names
from imbalens.data.given_raw import OF_ROWS, Raw
from imbalens.data.given_tables import read_given_table
from imbalens.data.group_splits import as_group
from imbalens.data.names import check_class_names, composed
from imbalens.data.probabilities import class_logits, label_logits
from imbalens.data.source import Task
from imbalens.data.table_rows import SUFFIXES, split_name
from imbalens.errors import InputError
from imbalens.params.errors import shown
from imbalens.params.given import GivenFile

ARRAY_SUFFIXES = (".npz", ".h5", ".hdf5")
LOGITS_OF = {"multiclass": class_logits, "multilabel": label_logits}


@dataclass(frozen=True)
class GivenOutputs:
    """What a file holds of n images, in its order.

    Attributes:
        path: The file.
        ids: What each image is called, all different.
        named: Whether the file says so; else it is the number of the row, of its split.
        task: Whether an image has one class, any of several labels, or one label or not.
        class_names: Name of each class, or label; none where nothing says them.
        labels: Class per image; of several labels, 1 where an image has one and 0 elsewhere; None
            where the file has none.
        unknown: Of several labels, which are not known, and 0 in `labels`; None if all are.
        splits: train, val or test per image; None where the file does not tell.
        features: Feature embeddings; None without any.
        logits: Logits, of probabilities see `data.probabilities`; None without either.
        groups: What the group of each image is called, blank where it is one by itself; None if
            not known.
        paths: Path of each image, as it stands there; None if not known.
        head_weight: Of the layer that makes logits of features; None if not known.
        head_bias: Of the same.
    """

    path: Path
    ids: tuple[str, ...]
    named: bool
    task: Task
    class_names: tuple[str, ...]
    labels: Int[np.ndarray, " n"] | UInt8[np.ndarray, "n m"] | None
    unknown: Bool[np.ndarray, "n m"] | None
    splits: tuple[str, ...] | None
    features: Float32[np.ndarray, "n d"] | None
    logits: Float32[np.ndarray, "n m"] | None
    groups: tuple[str, ...] | None
    paths: tuple[str, ...] | None
    head_weight: Float32[np.ndarray, "m d"] | None
    head_bias: Float32[np.ndarray, " m"] | None


def read_given(path: Path, params: GivenFile, *, optional: Collection[str] = ()) -> GivenOutputs:
    """Read and check a file of features and predictions.

    Where a file has both logits and probabilities, the logits are taken.

    Args:
        path: .npz, HDF5, CSV or parquet file.
        params: What it holds; its own `file` is not looked at.
        optional: Keys of `columns` that the file may lack although they are named.

    Raises:
        InputError: naming file and place of what is wrong first: a name that the file lacks,
            arrays of different numbers of images, numbers that are not finite, probabilities that
            are none, labels that are none, an id twice, or neither features nor scores.
    """
    several = params.task == "multilabel"
    raw = _read_raw(path, params, several=several, optional=optional)
    n_images = _require_one_size(raw)
    scores = next((key for key in ("logits", "probabilities") if key in raw.arrays), None)
    if scores is None and "features" not in raw.arrays:
        raise InputError(
            f"{path}: holds neither features nor logits nor probabilities; name them in columns"
        )
    names = score_names(raw, params.classes)
    logits = None
    if scores is not None:
        logits = _finite(raw, scores)[:, order_scores(raw, scores, names)]
        if scores == "probabilities":
            logits = LOGITS_OF[params.task](logits, place=raw.place(scores))
        elif not several and logits.shape[1] == 1:
            raise InputError(
                f"{raw.place(scores)} has one column; allowed: two, or task: multilabel"
            )
    n_scores = None if logits is None else logits.shape[1]
    found = None
    if "labels" in raw.arrays:
        found = read_given_labels(
            raw,
            names,
            several=several,
            n_scores=n_scores,
            blank=params.blank,
            uncertain=params.uncertain,
        )
        names = found.class_names
    elif names is None and n_scores is not None:
        names = tuple(map(str, range(n_scores)))
    check_class_names(str(path), names or ())
    weight, bias = _head(raw, n_scores)
    ids, named = _ids(raw, n_images)
    groups = raw.arrays.get("group")
    return GivenOutputs(
        path=path,
        ids=ids,
        named=named,
        task="binary" if several and len(names or ()) == 1 else params.task,
        class_names=tuple(names or ()),
        labels=None if found is None else found.values,
        unknown=None if found is None else found.unknown,
        splits=_splits(raw),
        features=_single(raw, "features", _finite(raw, "features"))
        if "features" in raw.arrays
        else None,
        logits=None if logits is None or scores is None else _single(raw, scores, logits),
        groups=None if groups is None else tuple(map(as_group, _texts(groups))),
        paths=tuple(raw.arrays["path"].tolist()) if "path" in raw.arrays else None,
        head_weight=weight,
        head_bias=bias,
    )


def _read_raw(path: Path, params: GivenFile, *, several: bool, optional: Collection[str]) -> Raw:
    name = path.name.lower()
    if not name.endswith((*ARRAY_SUFFIXES, *SUFFIXES)):
        allowed = ", ".join((*ARRAY_SUFFIXES, *SUFFIXES))
        raise InputError(f"{path}: found suffix {shown(path.suffix)}; allowed: {allowed}")
    if not path.is_file():
        raise InputError(f"{path}: file not found; give another path")
    if name.endswith(ARRAY_SUFFIXES):
        return read_given_arrays(path, params.columns, optional=optional)
    return read_given_table(path, params.columns, several=several, optional=optional)


def _require_one_size(raw: Raw) -> int:
    """Return the number of images, after checking that all arrays are of so many, and some."""
    sizes = {key: len(array) for key, array in raw.arrays.items() if key in OF_ROWS}
    if len({*sizes.values()}) > 1:
        found = ", ".join(f"{raw.called[key]} {n:,}" for key, n in sizes.items())
        raise InputError(
            f"{raw.path}: arrays differ in rows: {found}; allowed: a row an image in all"
        )
    n_images = next(iter(sizes.values()), 0)
    if sizes and not n_images:
        raise InputError(f"{raw.path}: has no rows; allowed: a row for each image")
    return n_images


def _finite(raw: Raw, key: str) -> np.ndarray:
    values = raw.arrays[key]
    broken = np.argwhere(~np.isfinite(values))
    if len(broken):
        place, found = broken[0].tolist(), values[tuple(broken[0])]
        where = f"{raw.places[place[0]]}: {key}" if raw.places else raw.place(key)
        raise InputError(
            f"{where}: found {found} at {place}; allowed: finite numbers; such are "
            f"{len(broken):,}: leave these images out"
        )
    return values


def _single(raw: Raw, key: str, values: np.ndarray) -> Float32[np.ndarray, "..."]:
    """Return numbers in the precision that dumps have."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    beyond = np.argwhere(~np.isfinite(single))
    if len(beyond):
        found, place = values[tuple(beyond[0])], beyond[0].tolist()
        raise InputError(
            f"{raw.place(key)}: found {found} at {place}; allowed: below 3.4e38 in size"
        )
    return single


def _head(
    raw: Raw, n_scores: int | None
) -> tuple[Float32[np.ndarray, "m d"] | None, Float32[np.ndarray, " m"] | None]:
    if "head_weight" not in raw.arrays:
        if "head_bias" in raw.arrays:
            raise InputError(f"{raw.place('head_bias')}: has no head_weight beside it; give both")
        return None, None
    weight = _single(raw, "head_weight", _finite(raw, "head_weight"))
    features = raw.arrays.get("features")
    wanted = (n_scores, None if features is None else features.shape[1])
    if None in wanted or weight.shape != wanted:
        raise InputError(
            f"{raw.place('head_weight')} has shape {weight.shape}; allowed: [m d], of m scores "
            "and d features, both of which are given"
        )
    if "head_bias" not in raw.arrays:
        return weight, np.zeros(len(weight), np.float32)
    bias = _single(raw, "head_bias", _finite(raw, "head_bias"))
    if bias.shape != weight.shape[:1]:
        raise InputError(
            f"{raw.place('head_bias')} has shape {bias.shape}; allowed: ({len(weight)},)"
        )
    return weight, bias


def _ids(raw: Raw, n_images: int) -> tuple[tuple[str, ...], bool]:
    """Return what each image is called: its id, its path, or its row; and whether it is named."""
    key = next((key for key in ("id", "path") if key in raw.arrays), None)
    if key is None:
        if raw.splits is None:
            return tuple(map(str, range(n_images))), False
        counted: dict[str, int] = {}
        rows = []
        for split in raw.splits:
            rows.append(f"{split}/{counted.setdefault(split, 0)}")
            counted[split] += 1
        return tuple(rows), False
    ids = [composed(as_whole(text.strip())) for text in _texts(raw.arrays[key])]
    first: dict[str, int] = {}
    for row, name in enumerate(ids):
        if not name:
            raise InputError(f"{raw.row(key, row)}: found a blank as {key}; allowed: one each")
        if (before := first.setdefault(name, row)) != row:
            earlier = f"row {before}" if raw.places is None else raw.places[before]
            raise InputError(
                f"{raw.row(key, row)}: found {key} {shown(name)} again, after {earlier}; "
                "allowed: each image once"
            )
    return tuple(ids), True


def _splits(raw: Raw) -> tuple[str, ...] | None:
    if raw.splits is not None or "split" not in raw.arrays:
        return raw.splits
    texts: list[str] = raw.arrays["split"].tolist()
    known: Mapping[str, str] = {
        text: split_name(text, raw.row("split", texts.index(text)))
        for text in dict.fromkeys(texts)
    }
    return tuple(known[text] for text in texts)


def _texts(values: np.ndarray) -> list[str]:
    """Return texts of whatever stands for names; NaN is blank, whole numbers have no decimals."""
    if values.dtype.kind == "U":
        return values.tolist()
    return ["" if value != value else as_whole(str(value)) for value in values.tolist()]
