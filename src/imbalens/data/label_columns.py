"""Labels that tables hold as texts: a class, several labels in one value, or columns of 0 and 1.

A text that is blank, or NaN as some programs write it, is no label.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from jaxtyping import Bool, Int, UInt8

from imbalens.classes import NO_FINDING
from imbalens.data.csv_tables import as_whole, is_blank
from imbalens.data.label_index import LabelIndex
from imbalens.data.names import MAX_CLASSES, composed, first_names
from imbalens.errors import InputError
from imbalens.params.errors import shown
from imbalens.params.tables import (
    MAX_LABELS,
    Joined,
    MultiHot,
    OneClass,
    OneHot,
    TableLabels,
    UnknownAs,
)

STATES = {"1": 1, "1.0": 1, "true": 1, "0": 0, "0.0": 0, "false": 0}
UNCERTAIN = ("-1", "-1.0")
AS = {"negative": 0, "positive": 1}


@dataclass(frozen=True)
class Labels:
    """What images are labelled with.

    Attributes:
        class_names: Name of each class, in label order.
        values: Class of each image; of several labels, 1 where an image has one and 0 elsewhere.
        unknown: Whether a label of an image is not known, and 0 therefore; None if all are.
        merged: Names of labels that were made one.
    """

    class_names: tuple[str, ...]
    values: Int[np.ndarray, " n"] | UInt8[np.ndarray, "n m"]
    unknown: Bool[np.ndarray, "n m"] | None = None
    merged: Sequence[str] = ()

    @property
    def label_of(self) -> Mapping[str, int]:
        """Class by each name that a box may have."""
        own = {composed(name): label for label, name in enumerate(self.class_names)}
        own |= {as_whole(name): label for name, label in own.items()}
        return dict.fromkeys(map(composed, self.merged), 0) | own


def read_labels(
    params: TableLabels, columns: Mapping[str, Sequence[str]], places: Sequence[str]
) -> Labels:
    """Return what the images of some rows are labelled with.

    Args:
        params: Which columns hold it, and how.
        columns: Values of each column, by its name.
        places: Where each row stands, for messages.

    Raises:
        InputError: naming the first row that is labelled with what is no label, or if what is
            merged includes that there is no finding.
    """
    match params:
        case OneClass():
            return read_classes(columns[params.column], places, classes=params.classes)
        case OneHot(columns=names):
            return read_one_hot([columns[name] for name in names], places, names=names)
        case Joined():
            found = read_joined(
                columns[params.column],
                places,
                separator=params.separator,
                none=params.none,
                classes=params.classes,
            )
        case MultiHot(columns=names):
            found = read_multi_hot(
                [columns[name] for name in names],
                places,
                names=names,
                blank=params.blank,
                uncertain=params.uncertain,
            )
        case _:
            assert_never(params)
    if params.merged_as is None:
        return found
    if NO_FINDING in found.class_names:
        raise InputError(
            f"source.labels.merged_as: {NO_FINDING!r} is among the labels that would become "
            f"{params.merged_as!r}; leave it out of source.labels"
        )
    return merge(found, params.merged_as)


def read_classes(
    texts: Sequence[str], places: Sequence[str], *, classes: Sequence[str] | None
) -> Labels:
    """Return the one class of each image.

    Args:
        texts: Class of each image; blanks around it do not count.
        places: Where each stands, for messages.
        classes: Name of each class, in label order; None for those found, whole numbers by their
            value, others by their name.

    Raises:
        InputError: naming the first text that is blank or none of the classes.
    """
    index = LabelIndex(classes, most=MAX_CLASSES)
    values = np.empty(len(texts), dtype=np.int64)
    for row, (text, place) in enumerate(zip(texts, places, strict=True)):
        label = index.find(text)
        if label is None:
            raise InputError(f"{place}: found class {shown(text)}; allowed: {index.allowed}")
        values[row] = label
    return Labels(index.names, index.order[values])


def read_joined(
    texts: Sequence[str],
    places: Sequence[str],
    *,
    separator: str,
    none: str,
    classes: Sequence[str] | None,
) -> Labels:
    """Return which labels each image has, where these stand in one value.

    Args:
        texts: Labels of each image, joined; blanks around each do not count.
        places: Where each text stands, for messages.
        separator: What joins them.
        none: What stands there, alone, where an image has none. It is a label itself only if
            `classes` has it, and is called `NO_FINDING` then, as it is everywhere else.
        classes: Name of each label, in order; None for those found, as of `read_classes`.

    Raises:
        InputError: naming the first text of which a part is no label, or if there is no label.
    """
    index = LabelIndex(classes, most=MAX_LABELS)
    own = index.find(none) if classes is not None else None
    pairs: list[tuple[int, int]] = []
    for row, (text, place) in enumerate(zip(texts, places, strict=True)):
        if text.strip() == none or (not none and is_blank(text)):
            pairs += [] if own is None else [(row, own)]
            continue
        for part in text.split(separator):
            label = None if part.strip() == none else index.find(part)
            if label is None:
                raise InputError(
                    f"{place}: found label {shown(part)} in {shown(text)}; allowed: "
                    f"{none or 'nothing'} alone, or {index.allowed}, joined by {separator!r}"
                )
            pairs.append((row, label))
    if not index.names:
        raise InputError(
            f"{places[0]}: found no label in any of {len(texts):,} rows, but {none!r} or nothing; "
            "allowed: some; set source.labels.column or none to what the table has"
        )
    values = np.zeros((len(texts), len(index.names)), dtype=np.uint8)
    rows, labels = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    values[rows, index.order[labels]] = 1
    return Labels(tuple(NO_FINDING if name == none else name for name in index.names), values)


def read_multi_hot(
    columns: Sequence[Sequence[str]],
    places: Sequence[str],
    *,
    names: Sequence[str],
    blank: UnknownAs | None,
    uncertain: UnknownAs | None,
    section: str = "source.labels",
) -> Labels:
    """Return which labels each image has, from a column of 0 and 1 for each.

    Args:
        columns: Of each label, whether each image has it: 0 or 1, also 0.0 or 1.0, false or true.
        places: Where each row stands, for messages.
        names: Name of each column, which is its label's; "no finding" is `NO_FINDING`.
        blank: What a label is taken for of which nothing stands there; None for an error.
        uncertain: The same of -1.
        section: Where the parameters have `blank` and `uncertain`, for messages.

    Raises:
        InputError: naming the first value that is none of these.
    """
    rules = dict.fromkeys(UNCERTAIN, uncertain) | dict.fromkeys(("", "nan"), blank)
    state_of = STATES | {text: AS.get(rule, -1) for text, rule in rules.items() if rule}
    keys = {key: f"{section}.{key}" for key in ("blank", "uncertain")}
    states = _read_states(columns, places, names, state_of, keys=keys)
    unknown = states < 0
    called = (NO_FINDING if _is_no_finding(name) else name for name in names)
    return Labels(
        tuple(called), (states == 1).astype(np.uint8), unknown if unknown.any() else None
    )


def _read_states(
    columns: Sequence[Sequence[str]],
    places: Sequence[str],
    names: Sequence[str],
    state_of: Mapping[str, int],
    *,
    keys: Mapping[str, str] | None = None,
) -> Int[np.ndarray, "n m"]:
    """Return the state of each label, from texts; `keys` say what other texts are taken for."""
    states = np.empty((len(places), len(columns)), dtype=np.int8)
    for column, (name, texts) in enumerate(zip(names, columns, strict=True)):
        for row, text in enumerate(texts):
            state = state_of.get(text, state_of.get(text.strip().lower()))
            if state is None:
                key = next((full for key, full in (keys or {}).items() if _is_of(text, key)), None)
                hint = f"; for {text.strip() or 'blanks'} set {key}" if key else ""
                raise InputError(
                    f"{places[row]}: found {shown(text)} in column {name!r}; allowed: 0 and 1"
                    f"{hint}"
                )
            states[row, column] = state
    return states


def read_one_hot(
    columns: Sequence[Sequence[str]], places: Sequence[str], *, names: Sequence[str]
) -> Labels:
    """Return the one class of each image, from a column of 0 and 1 for each class.

    Args:
        columns: Of each class, 1 for the images that have it and 0 for others.
        places: Where each row stands, for messages.
        names: Name of each column.

    Raises:
        InputError: naming the first row that has not exactly one 1.
    """
    states = _read_states(columns, places, names, STATES)
    wrong = np.flatnonzero(states.sum(1) != 1).tolist()
    if wrong:
        found = [name for name, state in zip(names, states[wrong[0]], strict=True) if state]
        raise InputError(
            f"{places[wrong[0]]}: found 1 in {len(found)} columns"
            f"{f' ({first_names(found)})' if found else ''}; allowed: in one of source.labels."
            f"columns, or labels of kind multi_hot; such rows are {len(wrong):,}"
        )
    return Labels(tuple(names), states.argmax(1))


def merge(labels: Labels, name: str) -> Labels:
    """Return one label: whether an image has any of several; not known if none that is known.

    Args:
        labels: Several labels.
        name: Of the one that is returned.
    """
    values, unknown = labels.values.max(1, keepdims=True), labels.unknown
    if unknown is not None:
        unknown = unknown.any(1, keepdims=True) & (values == 0)
    unknown = unknown if unknown is not None and unknown.any() else None
    return Labels((name,), values, unknown, labels.class_names)


def _is_no_finding(name: str) -> bool:
    """Tell whether a column says that there is no finding, as tables spell it."""
    return name.casefold().replace("_", " ") == NO_FINDING.casefold()


def _is_of(text: str, key: str) -> bool:
    return is_blank(text) if key == "blank" else text.strip() in UNCERTAIN
