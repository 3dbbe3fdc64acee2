"""What a table of one's own says of images: which columns hold what."""

import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, WrapValidator

from imbalens.params.base import Section, Seed
from imbalens.params.paths import PathText

MAX_LABELS = 1000  # that an image can have several of

Column = Annotated[str, Field(min_length=1, max_length=255)]
Columns = Annotated[tuple[Column, ...], Field(min_length=1, max_length=MAX_LABELS)]


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a name that is there twice, however Unicode spells it."""
    first: dict[str, int] = {}
    for position, name in enumerate(names):
        before = first.setdefault(unicodedata.normalize("NFC", name), position)
        if before != position:
            raise ValueError(f"allowed: each name once; names {before} and {position} are one")
    return names


ClassNames = Annotated[
    tuple[Column, ...], Field(min_length=1, max_length=32_768), AfterValidator(_each_once)
]

# What a label is taken for that a table leaves open; `ignore`: no loss and no measure counts it.
UnknownAs = Literal["negative", "positive", "ignore"]


class OneClass(Section):
    """A column with the one class of each image; `classes: null`: those found, in order."""

    kind: Literal["class"]
    column: Column
    classes: ClassNames | None


class OneHot(Section):
    """A column of 0 and 1 for each class, of which an image has exactly one."""

    kind: Literal["one_hot"]
    columns: Columns


class Joined(Section):
    """A column with all labels of an image, joined by `separator`; `none` where it has none.

    `merged_as` makes one label of them: that an image has any.
    """

    kind: Literal["joined"]
    column: Column
    separator: Annotated[str, Field(min_length=1, max_length=10)]
    none: Annotated[str, Field(max_length=255)]
    classes: Annotated[ClassNames, Field(max_length=MAX_LABELS)] | None
    merged_as: Column | None


class MultiHot(Section):
    """A column of 0 and 1 for each label, of which an image has any.

    `blank` and `uncertain` say what a label is taken for where nothing, or -1, stands there; null
    refuses it.
    """

    kind: Literal["multi_hot"]
    columns: Columns
    blank: UnknownAs | None
    uncertain: UnknownAs | None
    merged_as: Column | None


TableLabels = Annotated[OneClass | OneHot | Joined | MultiHot, Field(discriminator="kind")]


class TableFiles(Section):
    """Each row names an image file by its path within the root folder."""

    kind: Literal["files"]
    column: Column


class TableArray(Section):
    """Row i, from 0, is of image i of an array in an .npz or HDF5 file."""

    kind: Literal["array"]
    file: PathText
    array: Column


TableImages = Annotated[TableFiles | TableArray, Field(discriminator="kind")]


class GroupPattern(Section):
    """What a regular expression finds in a column is the group, such as the folder of a path."""

    column: Column
    pattern: Annotated[str, Field(min_length=1, max_length=255)]


def _check_group(value: object, validate: Callable[[object], Any]) -> Any:  # noqa: ANN401
    """Say in one line what is allowed, instead of in one for each of the kinds."""
    group, n = None, 0
    try:
        group = validate(value)
        n = re.compile(group.pattern).groups if isinstance(group, GroupPattern) else 1
    except (ValidationError, re.error):
        pass
    if n != 1:
        raise ValueError(
            "allowed: a column, or a column and a pattern with one pair of round brackets, as in "
            "{column: path, pattern: (patient[0-9]+)}"
        )
    return group


Group = Annotated[Column | GroupPattern, WrapValidator(_check_group)]


class PatientSplit(Section):
    """Share of images that are test images where nothing else says which.

    They are whole patients, or other groups, where these are known.
    """

    test_share: Annotated[float, Field(gt=0, lt=1)]
    seed: Seed


class ColumnSplit(Section):
    """A column says of each image train, val (valid, validation) or test."""

    kind: Literal["column"]
    column: Column


class TablesSplit(Section):
    """The table is of the training images; others are of the rest."""

    kind: Literal["tables"]
    val: PathText | None
    test: PathText


class ShareSplit(PatientSplit):
    """Test images are drawn, in whole groups where there are some."""

    kind: Literal["share"]


TableSplit = Annotated[ColumnSplit | TablesSplit | ShareSplit, Field(discriminator="kind")]

# Which values of a DICOM file become 0 to 255.
Window = Literal["full", "stored"]

BoxForm = Literal["xywh", "corners"]
Side = Annotated[int, Field(ge=1, le=2**17)]


class BoxTable(Section):
    """A table with a row per box: its image, its class in the column `label`, and four numbers.

    They are x, y, w, h, or x_min, y_min, x_max, y_max, in columns of these names or of those in
    `columns`, in pixels of the image as it is stored, or of a copy with other `sides`, width and
    height.
    """

    kind: BoxForm
    file: PathText
    label: Column
    columns: tuple[Column, Column, Column, Column] | None
    sides: tuple[Side, Side] | None


class CocoBoxes(Section):
    """A file of annotations as of COCO: `images`, `annotations` and `categories`."""

    kind: Literal["coco"]
    file: PathText


TableBoxes = Annotated[BoxTable | CocoBoxes, Field(discriminator="kind")]
