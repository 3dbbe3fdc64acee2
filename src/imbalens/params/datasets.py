"""Datasets: where images come from, what imbalance they get, how they are split.

The unions are the only registries of sources and imbalances: a wrong name lists the right ones.
"""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, ValidationError, WrapValidator

from imbalens.params.base import Count, Section, Seed, Share
from imbalens.params.errors import tags
from imbalens.params.given import GivenFile
from imbalens.params.normalization import AnyNormalization
from imbalens.params.paths import PathText
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


class SourceSection(Section):
    """Where images come from, and what is known of them before any is read.

    Attributes:
        generated: Whether the images are drawn by this package.
        takes_resize: Whether `resize` says how images become squares.
        takes_bits: Whether `bits` says how many bits of deep grey are used.
    """

    generated: ClassVar[bool] = False
    takes_resize: ClassVar[bool] = False
    takes_bits: ClassVar[bool] = False

    @property
    def several_labels(self) -> bool:
        """Whether an image can have several labels, or none."""
        return False

    @property
    def has_boxes(self) -> bool:
        """Whether images can have boxes."""
        return False

    @property
    def may_set_aside(self) -> bool:
        """Whether the source may have validation images of its own."""
        return False

    @property
    def has_images(self) -> bool:
        """Whether there are images, and not only what a network made of them."""
        return True

    @property
    def expected_digest(self) -> str | None:
        """The digest that the prepared images must have; None if any will do."""
        return None


class Files(SourceSection):
    """Files of one's own, which may change unseen.

    `digest` is what `prepare` reports: it covers the images as selected, split and resized. When
    given, another one is an error, be it due to other files or to another image_size, resize,
    bits, imbalance or validation.
    """

    digest: str | None

    @property
    def expected_digest(self) -> str | None:
        """The digest that was given."""
        return self.digest


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


class Arrays(Files):
    """An .npz or HDF5 file with train_images, train_labels, test_images, test_labels.

    `task` says whether an image has one class or any of several labels, which the file holds as
    numbers and as columns of 0 and 1.
    """

    takes_resize: ClassVar[bool] = True
    name: Literal["arrays"]
    path: PathText
    task: Literal["multiclass", "multilabel"]

    @property
    def several_labels(self) -> bool:
        """Where the task says so."""
        return self.task == "multilabel"

    @property
    def may_set_aside(self) -> bool:
        """Where the file has `val_images`."""
        return True


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


class Features(GivenFile, Files):
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
    def several_labels(self) -> bool:
        """Where the task says so."""
        return self.task == "multilabel"

    @property
    def may_set_aside(self) -> bool:
        """Where the file tells."""
        return True

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

Ratio = Annotated[float, Field(ge=1, le=1e6)]

Resize = Literal["squash", "crop", "pad"]


class Selection(Section):
    """Which images of a class stay: the field's published choice, or a numpy Generator's."""

    name: Literal["published", "seeded"]
    seed: Seed


# Which class comes first: that of label 0, as in the literature, or the one with the most images.
ClassOrder = Literal["label", "size"]


class Exp(Section):
    """Class sizes fall exponentially from `n_max` (null: all of the first class) by `ratio`."""

    kind: Literal["exp"]
    ratio: Ratio
    n_max: Count | None
    order: ClassOrder
    selection: Selection


class Step(Section):
    """The first half of the classes keeps `n_max` images, the rest `n_max / ratio`."""

    kind: Literal["step"]
    ratio: Ratio
    n_max: Count | None
    order: ClassOrder
    selection: Selection


class Natural(Section):
    """Whatever the source holds, at most `n_max` images per class (null: all)."""

    kind: Literal["natural"]
    n_max: Count | None
    selection: Selection


class CapNegatives(Section):
    """Of labels: images without any finding go until no label has more than `n_max` negatives."""

    kind: Literal["cap_negatives"]
    n_max: Count
    seed: Seed


class ThinPositives(Section):
    """Of labels: positives go until each label has `ratio` negatives per positive."""

    kind: Literal["thin_positives"]
    ratio: Ratio
    seed: Seed


ClassImbalance = Exp | Step | Natural

LabelImbalance = Natural | CapNegatives | ThinPositives

Imbalance = Annotated[ClassImbalance | LabelImbalance, Field(discriminator="kind")]


class Validation(Section):
    """A share of every class's training images set aside, for model selection.

    `share: null` takes the images that the source itself sets aside.
    """

    share: Share | None
    seed: Seed


class Dataset(Section):
    """One dataset; `normalization: null` computes it from the training images.

    `image_size` is a side in pixels, null where the source has no images. Oblong images become
    squares by `resize`, see `data.geometry.place_image`. `bits` are those that grey PNGs of 16
    bits use of each value; null looks for the largest value of all of them, see `data.bit_depth`.
    The test images are those of `evaluate_on`, where it is another source of the same classes. It
    is a source, not the name of a dataset: what `prepare` depends on stands in the dataset itself.
    """

    source: Source
    evaluate_on: Source | None
    image_size: Annotated[int, Field(ge=8, le=1024)] | None
    resize: Resize
    bits: Annotated[int, Field(ge=8, le=16)] | None
    imbalance: Imbalance
    validation: Validation
    normalization: AnyNormalization | None

    @property
    def sources(self) -> dict[str, AnySource]:
        """Every source of the dataset's images by its key."""
        other = {} if self.evaluate_on is None else {"evaluate_on": self.evaluate_on}
        return {"source": self.source, **other}

    def source_of(self, split: str) -> AnySource:
        """Return the source of the images of a split."""
        return self.evaluate_on if self.evaluate_on and split == "test" else self.source

    @property
    def expected_digest(self) -> tuple[str, str] | None:
        """Key and value of the digest that the prepared images must have; None if any will do."""
        for key, source in self.sources.items():
            if source.expected_digest is not None:
                return f"{key}.digest", source.expected_digest
        return None


def sources() -> dict[str, type[SourceSection]]:
    """Return every source by its name in params.yaml."""
    return {name: source for source in get_args(AnySource) for name in tags(source)}
