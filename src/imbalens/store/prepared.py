"""Prepared datasets: one HDF5 file with all images of a dataset and what is known of them.

Needs neither torch nor the source that the images came from.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8

from imbalens.classes import Targets, mark_unknown
from imbalens.errors import InputError, NotApplicable
from imbalens.params.given import GivenFile
from imbalens.params.sources import sources
from imbalens.store.examples import Example
from imbalens.store.hdf5 import Kind, Variable, open_checked, read_text

PREPARED = "prepared"
PREPARED_VERSION = 2
PREPARED_ATTRIBUTES: Mapping[str, Kind] = {
    "class_names": "texts",
    "task": "text",
    "mean": "numbers",
    "std": "numbers",
    "counts": "integers",
    "n_train": "integer",
    "splits": "texts",
    "source": "text",
    "digest": "text",
}
PREPARED_VARIABLES = (
    Variable(
        "{split}/images", "uint8", ("n", "h", "w", "channels"), "RGB or grey, 0 to 255", True
    ),
    Variable("{split}/features", "float32", ("n", "d"), "as the source has them", True),
    Variable("{split}/logits", "float32", ("n", "m"), "as the source has them", True),
    Variable("{split}/labels", "int64", ("n",), "class, as the source gives it"),
    Variable("{split}/labels", "uint8", ("n", "m"), "1 where an image has a label"),
    Variable("{split}/unknown", "bool", ("n", "m"), "label is not known, and 0", True),
    Variable("{split}/index", "int64", ("n",), "position in the source's split"),
    Variable("{split}/names", "str", ("n",), "file, or other name, within the source"),
    Variable("{split}/boxes", "int64", ("b", "6"), "row, class, x, y, w, h in pixels", True),
    Variable("{split}/patients", "int64", ("n",), "patient of the image", True),
    Variable("{split}/views", "str", ("n",), "view, such as PA", True),
    Variable("{split}/truth/labels", "int64", ("n",), "class before mislabelling", True),
    Variable("{split}/truth/mislabelled", "bool", ("n",), "label planted wrong", True),
    Variable("{split}/truth/subconcept", "bool", ("n",), "rare variant of its class", True),
    Variable("head/weight", "float32", ("m", "d"), "as the source has it", True),
    Variable("head/bias", "float32", ("m",), "as the source has it", True),
    Variable("truth/pairs", "int64", ("p", "2"), "classes that share features", True),
    Variable("truth/colours", "str", ("c",), "defining colour group of each class", True),
)


@dataclass(frozen=True)
class Prepared:
    """What holds for a whole dataset.

    Attributes:
        class_names: Name of each class, or label, in order.
        task: "multiclass" (one class per image), "multilabel" (any) or "binary" (one label).
        mean: Mean of each channel of images scaled to [0, 1]; nothing without images.
        std: Standard deviation of each channel of images scaled to [0, 1]; nothing likewise.
        counts: Training images per class, or with each label.
        n_train: Training images.
        negatives: Training images that are known not to be of each class, or to lack each label.
        splits: Splits that there are, of train, val and test.
        source: Name of the source.
        digest: SHA-256 over all arrays of all splits, but for `index`.
    """

    class_names: tuple[str, ...]
    task: str
    mean: Float[np.ndarray, " channels"]
    std: Float[np.ndarray, " channels"]
    counts: Int[np.ndarray, " c"]
    n_train: int
    negatives: Int[np.ndarray, " c"]
    splits: tuple[str, ...]
    source: str
    digest: str

    @property
    def head_first(self) -> list[str]:
        """Class names by falling number of training images, ties in label order."""
        return [self.class_names[label] for label in np.argsort(-self.counts, kind="stable")]

    @property
    def generated(self) -> bool:
        """Whether the images are drawn by this package."""
        return sources()[self.source].generated

    @property
    def normalization(self) -> str:
        """Means and standard deviations as text, for comparing."""
        return repr((self.mean.tolist(), self.std.tolist()))


@dataclass(frozen=True)
class SplitArrays:
    """One split: images with their labels, positions in the source's split, and names.

    Of several labels those that are not known are `classes.UNKNOWN`.
    """

    images: UInt8[np.ndarray, "n h w channels"]
    labels: Targets
    index: Int[np.ndarray, " n"]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Truth:
    """What was planted in the images of one split of a generated dataset.

    Attributes:
        labels: Class before mislabelling.
        mislabelled: Whether the label is planted wrong.
        subconcept: Whether the image shows the rare variant of its class.
        pairs: Pairs of classes that share all features but one.
        colours: Name of the colour group that each class is drawn in.
    """

    labels: Int[np.ndarray, " n"]
    mislabelled: Bool[np.ndarray, " n"]
    subconcept: Bool[np.ndarray, " n"]
    pairs: Int[np.ndarray, "p 2"]
    colours: tuple[str, ...]


@dataclass(frozen=True)
class GivenSplit:
    """One split of features and predictions that somebody else's network made.

    Attributes:
        targets: Labels, those that are not known as `classes.UNKNOWN`.
        index: Position of each image in the source's split.
        names: Id of each image, or its place.
        features: Feature embeddings; None without any.
        logits: Logits; None without any.
    """

    targets: Targets
    index: Int[np.ndarray, " n"]
    names: tuple[str, ...]
    features: Float32[np.ndarray, "n d"] | None
    logits: Float32[np.ndarray, "n m"] | None


@dataclass(frozen=True)
class GivenData:
    """Features and predictions that a dataset's source has.

    Attributes:
        form: How other files of them are read.
        named: Whether names are ids by which other files may be matched.
        splits: The splits there are, by name.
        head_weight: Of the layer that makes logits of features; None if not known.
        head_bias: Of the same.
    """

    form: GivenFile
    named: bool
    splits: dict[str, GivenSplit]
    head_weight: Float32[np.ndarray, "m d"] | None
    head_bias: Float32[np.ndarray, " m"] | None


def open_prepared(path: Path, *splits: str) -> AbstractContextManager[Any]:
    """Open a prepared dataset, for reading images in slices.

    Args:
        path: Prepared file.
        splits: Splits that it must have.

    Raises:
        InputError: if it is absent, damaged or lacks a split; it says what to run.
    """
    return open_checked(
        path,
        PREPARED,
        PREPARED_VERSION,
        PREPARED_VARIABLES,
        command=f"dvc repro prepare@{path.stem}",
        needs=splits,
        attributes=PREPARED_ATTRIBUTES,
    )


def read_metadata(path: Path) -> Prepared:
    """Read what holds for a whole dataset.

    Raises:
        InputError: if the file is absent or damaged; it says what to run.
    """
    with open_prepared(path) as file:
        attributes, counts = file.attrs, np.asarray(file.attrs["counts"])
        unknown = file.get("train/unknown")
        n_known = int(attributes["n_train"]) - (0 if unknown is None else unknown[:].sum(axis=0))
        return Prepared(
            class_names=_texts(attributes["class_names"]),
            task=str(attributes["task"]),
            mean=np.asarray(attributes["mean"]),
            std=np.asarray(attributes["std"]),
            counts=counts,
            n_train=int(attributes["n_train"]),
            negatives=n_known - counts,
            splits=_texts(attributes["splits"]),
            source=str(attributes["source"]),
            digest=str(attributes["digest"]),
        )


def read_image_size(path: Path) -> int:
    """Read how many pixels the images of a dataset have a side.

    Raises:
        InputError: if the file is absent or damaged; it says what to run.
    """
    with open_prepared(path, "train") as file:
        return int(file["train/images"].shape[1])


def read_split(path: Path, split: str, *, first: int | None = None) -> SplitArrays:
    """Read one split.

    Args:
        path: Prepared file.
        split: The split.
        first: How many images to read; None for all.

    Raises:
        InputError: if the file is absent, damaged or lacks the split; it says what to run.
    """
    with open_prepared(path, split) as file:
        group = file[split]
        return SplitArrays(
            images=group["images"][:first],
            labels=read_targets(file, split, first=first),
            index=group["index"][:first],
            names=read_text(group["names"])[:first],
        )


def read_targets(file: Any, split: str, *, first: int | None = None) -> Targets:  # noqa: ANN401
    """Read the labels of one split, those that are not known as `classes.UNKNOWN`.

    Args:
        file: The dataset, see `open_prepared`.
        split: A split of it.
        first: Of how many images to read them; None for all.
    """
    labels, unknown = file[f"{split}/labels"][:first], file.get(f"{split}/unknown")
    return mark_unknown(labels, None if unknown is None else unknown[:first])


def read_names(path: Path, split: str) -> tuple[str, ...]:
    """Read the name of each image of a split.

    Raises:
        InputError: if the file is absent, damaged or lacks the split; it says what to run.
    """
    with open_prepared(path, split) as file:
        return read_text(file[f"{split}/names"])


def read_given_data(path: Path) -> GivenData:
    """Read the features and predictions of a dataset whose source is of these.

    Raises:
        InputError: if the file is absent, damaged or of another source; it says what to run.
    """
    with open_prepared(path) as file:
        if "given" not in file.attrs:
            raise InputError(
                f"{path} is of images, without features or predictions; run: dvc repro "
                f"prepare@{path.stem}"
            )

        def read(name: str) -> Any:  # noqa: ANN401 - an array of any shape
            stored = file.get(name)
            return None if stored is None else stored[:]

        return GivenData(
            form=GivenFile.model_validate_json(file.attrs["given"]),
            named=bool(file.attrs["named"]),
            splits={
                split: GivenSplit(
                    targets=read_targets(file, split),
                    index=file[f"{split}/index"][:],
                    names=read_text(file[f"{split}/names"]),
                    features=read(f"{split}/features"),
                    logits=read(f"{split}/logits"),
                )
                for split in _texts(file.attrs["splits"])
            },
            head_weight=read("head/weight"),
            head_bias=read("head/bias"),
        )


def require_rows(file: Any, split: str, rows: Int[np.ndarray, "..."]) -> None:  # noqa: ANN401
    """Check that a prepared dataset has the images that something else tells of.

    Args:
        file: The dataset, see `open_prepared`.
        split: A split of it.
        rows: Rows of images in the split.

    Raises:
        InputError: if there is no such row.
    """
    n, last = len(file[f"{split}/labels"]), int(rows.max(initial=-1))
    if last >= n:
        raise InputError(
            f"{file.filename} has {n} images in {split!r}, but its runs' dumps tell of row "
            f"{last}: they are of other images; run: dvc repro"
        )


def read_images(
    path: Path, split: str, rows: Int[np.ndarray, "..."]
) -> dict[int, UInt8[np.ndarray, "h w channels"]]:
    """Read some images of a split, by their row; rows below 0 stand for none.

    Returns:
        By row; none of a dataset that has no images.

    Raises:
        InputError: if the file is absent, damaged or lacks the split or a row; it says what to
            run.
    """
    with open_prepared(path, split) as file:
        require_rows(file, split, rows)
        images = file.get(f"{split}/images")
        if images is None:
            return {}
        return {row: images[row] for row in np.unique(rows).tolist() if row >= 0}


def read_pairs(path: Path, split: str) -> Int[np.ndarray, "p 2"]:
    """Read which pairs of an image and a class have a box; all pairs where there is no box.

    Returns:
        Row and class of each pair, sorted.

    Raises:
        InputError: if the file is absent, damaged or lacks the split; it says what to run.
    """
    with open_prepared(path, split) as file:
        labels, boxes = file[f"{split}/labels"][:], file.get(f"{split}/boxes")
        if boxes is not None and len(boxes):
            return np.unique(boxes[:, :2], axis=0)
    if labels.ndim == 2:
        return np.argwhere(labels)
    return np.column_stack([np.arange(len(labels)), labels])


def read_examples(path: Path, split: str, pairs: Int[np.ndarray, "p 2"]) -> list[Example]:
    """Read images, each with the boxes of one class.

    Args:
        path: Prepared file.
        split: Split of the images.
        pairs: Row and class of each example.

    Raises:
        InputError: if the file is absent, damaged or lacks the split or a row; it says what to
            run.
        NotApplicable: if the dataset has no images.
    """
    with open_prepared(path, split) as file:
        require_rows(file, split, pairs[:, 0])
        if f"{split}/images" not in file:
            raise NotApplicable(f"{path.stem} has no images")
        names, images = _texts(file.attrs["class_names"]), file[f"{split}/images"]
        stored = file.get(f"{split}/boxes")
        boxes = np.empty((0, 6), np.int64) if stored is None else stored[:]
        return [
            Example(
                label=names[label],
                image=images[row],
                boxes=boxes[(boxes[:, :2] == (row, label)).all(axis=1), 2:],
            )
            for row, label in pairs.tolist()
        ]


def read_truth(path: Path, split: str) -> Truth | None:
    """Read what was planted in one split, None if nothing was.

    Raises:
        InputError: if the file is absent, damaged or lacks the split; it says what to run.
    """
    with open_prepared(path, split) as file:
        if f"{split}/truth" not in file:
            return None
        planted = file[f"{split}/truth"]
        return Truth(
            labels=planted["labels"][:],
            mislabelled=planted["mislabelled"][:],
            subconcept=planted["subconcept"][:],
            pairs=file["truth/pairs"][:],
            colours=read_text(file["truth/colours"]),
        )


def read_boxes(path: Path, split: str) -> Int[np.ndarray, "b 6"]:
    """Read the boxes of one split: row of the image, class, and x, y, width, height in pixels.

    Raises:
        InputError: if the file is absent, damaged, or has no boxes in that split.
    """
    with open_prepared(path, split) as file:
        stored = file.get(f"{split}/boxes")
        if stored is None or not len(stored):
            raise InputError(
                f"{path} has no boxes in {split!r}; take its runs out of dumps.maps.runs, set "
                "dump_maps.split in analyses.yaml to a split that has boxes, or add annotated "
                "images"
            )
        return stored[:]


def _texts(values: np.ndarray) -> tuple[str, ...]:
    return tuple(str(value) for value in values)
