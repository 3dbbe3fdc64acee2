"""Labels in a file of features and predictions, and the names of their classes."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, UInt8

from imbalens.data.given_raw import Raw
from imbalens.data.label_columns import AS, Labels, read_classes, read_multi_hot
from imbalens.data.names import composed, first_names
from imbalens.errors import InputError
from imbalens.params.errors import shown
from imbalens.params.tables import UnknownAs

SCORES = ("logits", "probabilities")


def score_names(raw: Raw, classes: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the classes of the columns of scores, or else of labels, as far as names are given.

    Args:
        raw: What the file holds.
        classes: Names that the parameters give.
    """
    if classes is not None:
        return tuple(classes)
    if "class_names" in raw.arrays:
        return tuple(raw.arrays["class_names"].tolist())
    return next((raw.columns[key] for key in SCORES if key in raw.columns), None)


def order_scores(raw: Raw, key: str, names: Sequence[str] | None) -> Int[np.ndarray, " m"] | slice:
    """Return which column of scores is of each class; as they stand if names do not say it.

    Raises:
        InputError: if there are more or fewer columns than names.
    """
    n_scores = raw.arrays[key].shape[1]
    if names is not None and len(names) != n_scores:
        raise InputError(
            f"{raw.place(key)}: found {n_scores:,} columns for the {len(names):,} classes "
            f"{first_names(names)}; allowed: a column for each"
        )
    columns = raw.columns.get(key, ())
    if names is None or {*columns} != {*names}:
        return slice(None)
    return np.array([columns.index(name) for name in names])


def read_given_labels(
    raw: Raw,
    names: Sequence[str] | None,
    *,
    several: bool,
    n_scores: int | None,
    blank: UnknownAs | None,
    uncertain: UnknownAs | None,
) -> Labels:
    """Return what the images of a file are labelled with.

    Args:
        raw: What the file holds, with `labels`.
        names: Name of each class; None where nothing says them.
        several: Whether an image can have several labels.
        n_scores: Columns of scores; None without scores.
        blank: Of several labels, what one is taken for where nothing, or NaN, stands; None for an
            error.
        uncertain: The same of -1.

    Raises:
        InputError: naming the first label that is none, or what labels lack.
    """
    labels = raw.arrays["labels"]
    if raw.columns:
        return _of_table(raw, names, several=several, blank=blank, uncertain=uncertain)
    if several:
        return _of_matrix(raw, names, n_scores=n_scores, blank=blank, uncertain=uncertain)
    if labels.ndim == 2 and labels.shape[1] > 1:
        raise InputError(
            f"{raw.place('labels')} has shape {labels.shape}; allowed: [n] or [n 1], or task: "
            "multilabel"
        )
    labels = labels.reshape(-1)
    if labels.dtype.kind == "U":
        if names is None and n_scores is not None:
            raise InputError(
                f"{raw.place('labels')} are names, such as {shown(str(labels[0]))}; of which "
                "class is each column of scores? give class_names in the file, or classes"
            )
        places = [raw.row("labels", row) for row in range(len(labels))]
        return read_classes(labels.tolist(), places, classes=names)
    whole = _whole_numbers(raw, labels)
    if names is None and n_scores is None:
        found, codes = np.unique(whole, return_inverse=True)
        return Labels(tuple(map(str, found.tolist())), codes.astype(np.int64))
    named = tuple(map(str, range(n_scores or 0))) if names is None else tuple(names)
    outside = np.flatnonzero((whole < 0) | (whole >= len(named)))
    if len(outside):
        row = int(outside[0])
        raise InputError(
            f"{raw.row('labels', row)}: found label {whole[row]}; allowed: 0 to {len(named) - 1}, "
            "a class each"
        )
    return Labels(named, whole)


def _of_table(
    raw: Raw,
    names: Sequence[str] | None,
    *,
    several: bool,
    blank: UnknownAs | None,
    uncertain: UnknownAs | None,
) -> Labels:
    texts, places = raw.arrays["labels"], raw.places or ()
    if not several:
        return read_classes(texts.tolist(), places, classes=names)
    columns = [*map(composed, raw.columns["labels"])]
    wanted = columns if names is None else [*map(composed, names)]
    if {*columns} != {*wanted}:
        if len(columns) != len(wanted) or len(columns) > 1:
            raise InputError(
                f"{raw.path}: labels are of {first_names(columns)}, scores of "
                f"{first_names(wanted)}; allowed: the same names"
            )
        columns = wanted  # of a single label, whatever it is called
    ordered = [texts[:, columns.index(name)].tolist() for name in wanted]
    return read_multi_hot(
        ordered, places, names=wanted, blank=blank, uncertain=uncertain, section="source"
    )


def _of_matrix(
    raw: Raw,
    names: Sequence[str] | None,
    *,
    n_scores: int | None,
    blank: UnknownAs | None,
    uncertain: UnknownAs | None,
) -> Labels:
    labels, place = raw.arrays["labels"], raw.place("labels")
    if labels.dtype.kind == "U":
        raise InputError(
            f"{place} holds {shown(str(labels.ravel()[0]))}; allowed: 0 and 1 for each label, or "
            "task: multiclass"
        )
    labels = labels if labels.ndim == 2 else labels[:, None]
    width = n_scores if names is None else len(names)
    if width not in (None, labels.shape[1]):
        raise InputError(
            f"{place} has shape {labels.shape}; allowed: [n {width}], a column for each label"
        )
    values = np.zeros(labels.shape, dtype=np.uint8)
    unknown = np.zeros(labels.shape, dtype=bool)
    states = {"blank": (np.isnan(labels), blank), "uncertain": (labels == -1, uncertain)}
    for key, (where, taken_as) in states.items():
        if not where.any():
            continue
        if taken_as is None:
            raise _wrong_state(raw, labels, where, f"; for it set source.{key}")
        values[where] = AS.get(taken_as, 0)
        unknown |= where & (taken_as == "ignore")
    wrong = ~np.isin(labels, (0, 1)) & ~states["blank"][0] & ~states["uncertain"][0]
    if wrong.any():
        raise _wrong_state(raw, labels, wrong, "")
    values[labels == 1] = 1
    named = tuple(map(str, range(labels.shape[1]))) if names is None else tuple(names)
    return Labels(named, values, unknown if unknown.any() else None)


def _wrong_state(raw: Raw, labels: np.ndarray, wrong: np.ndarray, hint: str) -> InputError:
    row, column = np.argwhere(wrong)[0].tolist()
    return InputError(
        f"{raw.place('labels')}: found {labels[row, column]} at [{row}, {column}]; allowed: 0 and "
        f"1, where an image has a label{hint}"
    )


def _whole_numbers(raw: Raw, labels: np.ndarray) -> Int[np.ndarray, " n"]:
    wrong = np.flatnonzero(~np.isfinite(labels) | (labels != np.floor(labels)))
    if len(wrong):
        row = int(wrong[0])
        raise InputError(
            f"{raw.row('labels', row)}: found {labels[row]}; allowed: whole numbers, a class "
            "each, or names"
        )
    large = np.flatnonzero((labels >= 2.0**63) | (labels < -(2.0**63)))
    if len(large):  # which, as int64, would be one number
        row = int(large[0])
        raise InputError(
            f"{raw.row('labels', row)}: found {labels[row]}; allowed: below 2 ** 63 in size"
        )
    return labels.astype(np.int64)


def differing_rows(
    one: Int[np.ndarray, " n"] | UInt8[np.ndarray, "n m"],
    other: Int[np.ndarray, " n"] | UInt8[np.ndarray, "n m"],
) -> Int[np.ndarray, " k"]:
    """Return the rows whose labels differ."""
    differ = one != other
    return np.flatnonzero(differ if differ.ndim == 1 else differ.any(axis=1))
