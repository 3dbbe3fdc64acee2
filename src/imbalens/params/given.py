"""Features and predictions that somebody else's network made: what a file of them holds."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, WrapValidator

from imbalens.params.base import Section
from imbalens.params.paths import PathText
from imbalens.params.tables import ClassNames, Column, UnknownAs

MAX_COLUMNS = 65_536  # of a table, with features


def _say_once(value: object, validate: Callable[[object], Any]) -> Any:  # noqa: ANN401
    """Say in one line what is allowed, instead of in one for each of the kinds."""
    try:
        # which a list is nowhere else refused for
        return validate(tuple(value) if isinstance(value, list) else value)
    except ValidationError:
        raise ValueError(
            "allowed: a name, what the names of several columns begin with, or a list of names"
        ) from None


Several = Annotated[
    Column | Annotated[tuple[Column, ...], Field(min_length=1, max_length=MAX_COLUMNS)],
    WrapValidator(_say_once),
]


class GivenColumns(Section):
    """What arrays of a file, or columns of a table, are called; null: as usual, if it is there.

    Usual names of arrays are these keys; of columns too, but that features, logits and
    probabilities begin with `feature_`, `logit_` and `prob_`, the one class of an image is
    `label`, and several labels begin with `label_`. Arrays of a split may stand under its name
    with `train_`, `val_` or `test_` before it.
    """

    features: Several | None = None
    logits: Several | None = None
    probabilities: Several | None = None
    labels: Several | None = None
    split: Column | None = None
    id: Column | None = None
    group: Column | None = None
    path: Column | None = None
    head_weight: Column | None = None
    head_bias: Column | None = None
    class_names: Column | None = None


class GivenFile(Section):
    """A file with a row an image: .npz, HDF5, CSV or parquet (see data/given_outputs.py).

    `task` says whether an image has one class or any of several labels. `classes` are their names
    in the order of scores, null: those of the file. Of several labels, `blank` and `uncertain` say
    what is taken for a label where nothing (or NaN), or -1, stands; null refuses it.
    """

    file: PathText
    task: Literal["multiclass", "multilabel"]
    columns: GivenColumns
    classes: ClassNames | None
    blank: UnknownAs | None
    uncertain: UnknownAs | None
