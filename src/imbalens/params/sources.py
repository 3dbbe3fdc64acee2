"""Sources: where images come from.

The union is the only registry of sources: a wrong name lists the right ones.
"""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, ValidationError, WrapValidator

from imbalens.params.base import Count, Section, Seed, Share
from imbalens.params.errors import tags
from imbalens.params.given import GivenFile
from imbalens.params.paths import PathText
from imbalens.params.source import Files, SourceSection, TaskFiles
from imbalens.params.tables import (
    Column,
    ColumnSplit,
    Group,
    Joined,
    MultiHot,
    PatientSplit,
    TableBoxes,
    TableImages,
    TableLabels,
    TableSplit,
    TablesSplit,
    Window,
)


class Planted(SourceSection):
    """Generated images whose difficulties are planted and recorded (see data/planted.py)."""

    generated: ClassVar[bool] = True
    name: Literal["planted"]
    train_per_class: Annotated[int, Field(ge=1, le=10_000)]
    test_per_class: Annotated[int, Field(ge=1, le=10_000)]
    mislabelled: Share
    subconcept: Share
    seed: Seed

    @property
    def has_boxes(self) -> bool:
        """Each image has one, of its object."""
        return True


class Folder(Files):
    """Images of one's own in class folders: `root/train/<class>` and `root/test/<class>`.

    With a `split` they are in `root/<class>`. `groups` and `boxes` are CSV files (see
    data/folder_tables.py). `root` may name environment variables as $NAME; the files are within it
    if their paths are not full ones.
    """

    takes_resize: ClassVar[bool] = True
    takes_bits: ClassVar[bool] = True
    name: Literal["folder"]
    root: PathText
    split: PatientSplit | None
    groups: PathText | None
    boxes: PathText | None

    @property
    def has_boxes(self) -> bool:
        """Where a file of boxes is given."""
        return self.boxes is not None

    @property
    def may_set_aside(self) -> bool:
        """Where there may be a folder `val`."""
        return self.split is None


class Arrays(TaskFiles):
    """An .npz or HDF5 file with train_images, train_labels, test_images, test_labels."""

    takes_resize: ClassVar[bool] = True
    name: Literal["arrays"]
    path: PathText


class Lists(Files):
    """Images by lists with a path and a label a line (see data/lists.py).

    `root` may name environment variables as $NAME; paths of the lists, and of a file that names
    the labels, are within it if they are not full ones.
    """

    takes_resize: ClassVar[bool] = True
    takes_bits: ClassVar[bool] = True
    name: Literal["lists"]
    root: PathText
    train: PathText
    val: PathText | None
    test: PathText
    categories: PathText | None

    @property
    def may_set_aside(self) -> bool:
        """Where there is a list `val`."""
        return self.val is not None


def _say_once(value: object, validate: Callable[[object], Any]) -> Any:  # noqa: ANN401
    """Say in one line what is allowed, instead of in one for each of the kinds."""
    try:
        # which a list is nowhere else refused for
        return validate(tuple(value) if isinstance(value, list) else value)
    except ValidationError:
        raise ValueError("allowed: all, 1 to 365, or a list of names") from None


PlacesClasses = Annotated[
    Literal["all"]
    | Annotated[int, Field(ge=1, le=365)]
    | Annotated[tuple[str, ...], Field(min_length=1, max_length=365)],
    WrapValidator(_say_once),
]


class Places365(Files):
    """Places365-Standard (see data/places365.py).

    `classes`: all, the first of the official order, or some by name, in the order given.
    `test_per_class` images of each class are drawn from its training images, and are none of
    these; null: the test images are those of its `val`, 100 a class.
    """

    takes_resize: ClassVar[bool] = True
    takes_bits: ClassVar[bool] = True
    name: Literal["places365"]
    root: PathText
    classes: PlacesClasses
    test_per_class: Count | None
    seed: Seed


class Inaturalist(Files):
    """iNaturalist, its official validation images as test images (see data/inaturalist.py).

    `level`: what is a class, a super-category (13 in 2017), a rank of the taxonomy (2018 and
    2021) or a species (`full`). Of each class at most `max_test_per_class` test images are drawn
    (null: all). `boxes` takes those of 2017, from files of their own.
    """

    takes_resize: ClassVar[bool] = True
    takes_bits: ClassVar[bool] = True
    name: Literal["inaturalist"]
    root: PathText
    version: Literal[2017, 2018, 2021, "2021_mini"]
    level: Literal["super", "kingdom", "phylum", "class", "order", "family", "genus", "full"]
    boxes: bool
    max_test_per_class: Count | None
    seed: Seed

    @property
    def has_boxes(self) -> bool:
        """Where they are asked for: of 2017, of nine super-categories."""
        return self.boxes


class Cifar(SourceSection):
    """CIFAR-10 or CIFAR-100 through torchvision."""

    name: Literal["cifar10", "cifar100"]
    root: PathText
    download: bool


class Multilabel(Section):
    """One output per finding; `include_no_finding` adds the label "No Finding" as a 15th."""

    name: Literal["multilabel"]
    include_no_finding: bool


class Binary(Section):
    """One output: unhealthy, that is any finding."""

    name: Literal["binary"]


ChestTask = Annotated[Multilabel | Binary, Field(discriminator="name")]


class Nih(Files):
    """NIH ChestX-ray14 as it is shipped, or a part of it (see data/nih.py).

    `root` may name environment variables as $NAME. Images that the tables or lists name and that
    are absent are counted; with `require_complete` they are an error. `split` serves where `root`
    lacks the official lists.
    """

    takes_bits: ClassVar[bool] = True
    name: Literal["nih"]
    root: PathText
    task: ChestTask
    require_complete: bool
    split: PatientSplit

    @property
    def several_labels(self) -> bool:
        """Each finding is one."""
        return True

    @property
    def has_boxes(self) -> bool:
        """Some images have, as the box list says."""
        return True


class PhantomCxr(SourceSection):
    """Generated chest images with labels, patients and boxes of a sample of the real NIH table.

    Half of the test images, as far as there are any, have boxes.
    """

    generated: ClassVar[bool] = True
    name: Literal["phantom_cxr"]
    task: ChestTask
    train_images: Annotated[int, Field(ge=1, le=200_000)]
    test_images: Annotated[int, Field(ge=1, le=200_000)]
    seed: Seed

    @property
    def several_labels(self) -> bool:
        """Each finding is one."""
        return True

    @property
    def has_boxes(self) -> bool:
        """Half of the test images have, as far as there are any."""
        return True


class Table(Files):
    """Images of one's own by a table, CSV or parquet (see data/table.py).

    `root` may name environment variables as $NAME; other files are within it if their paths are
    not full ones. `group` and `view` are columns, or `group` what a pattern finds in one.
    `channels: 1` makes images grey. `window` says which values of DICOM files become 0 to 255: all
    that their bits can hold, or those of the window that each stores.
    """

    takes_resize: ClassVar[bool] = True
    takes_bits: ClassVar[bool] = True
    name: Literal["table"]
    root: PathText
    table: PathText
    images: TableImages
    labels: TableLabels
    split: TableSplit
    group: Group | None
    view: Column | None
    boxes: TableBoxes | None
    channels: Literal[1, 3]
    window: Window

    @property
    def several_labels(self) -> bool:
        """Where a value, or a row, can hold several."""
        return isinstance(self.labels, Joined | MultiHot)

    @property
    def has_boxes(self) -> bool:
        """Where a file of boxes is given."""
        return self.boxes is not None

    @property
    def may_set_aside(self) -> bool:
        """Where the table may say so, or there is one of validation images."""
        split = self.split
        return isinstance(split, ColumnSplit) or (
            isinstance(split, TablesSplit) and split.val is not None
        )


class Features(GivenFile, TaskFiles):
    """Features and predictions made elsewhere (see params/given.py), of images or without them.

    Rows are training, validation and test images as the file tells; where it does not, all are
    test images, or those that `split` draws. `images` is the folder that the paths are in of the
    column `path`; null: no images.
    """

    takes_resize: ClassVar[bool] = True
    takes_bits: ClassVar[bool] = True
    name: Literal["features"]
    split: PatientSplit | None
    images: PathText | None
    channels: Literal[1, 3]

    @property
    def has_images(self) -> bool:
        """Where their folder is given."""
        return self.images is not None


AnySource = (
    Planted
    | Folder
    | Arrays
    | Lists
    | Table
    | Features
    | Places365
    | Inaturalist
    | Cifar
    | Nih
    | PhantomCxr
)

Source = Annotated[AnySource, Field(discriminator="name")]


def sources() -> dict[str, type[SourceSection]]:
    """Return every source by its name in params.yaml."""
    return {name: source for source in get_args(AnySource) for name in tags(source)}
