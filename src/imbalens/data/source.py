"""What every source of images offers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8

from imbalens.classes import Targets, mark_unknown
from imbalens.data.names import check_class_names
from imbalens.params.given import GivenFile
from imbalens.store.prepared import Truth

ReadImages = Callable[[Int[np.ndarray, " k"]], UInt8[np.ndarray, "k h w c"]]
ReadTruth = Callable[[Int[np.ndarray, " k"]], Truth]
ReadBoxes = Callable[[Int[np.ndarray, " k"]], Int[np.ndarray, "b 6"]]
Task = Literal["multiclass", "multilabel", "binary"]


@dataclass(frozen=True)
class SourceSplit:
    """Images of one split, read on demand.

    Attributes:
        labels: Class per position; of several labels, 1 where a position has one and 0 elsewhere.
        names: Name per position, within the source.
        read: Returns the images at some positions at the dataset's size: RGB, or one grey channel.
        truth: Returns what was planted at some positions; None if nothing was.
        boxes: Returns the boxes at some positions: which of these positions (0-based), class, and
            x, y, width, height in pixels of the image as read; None if there are none.
        patients: Patient, or other group, per position, whose images stay in one split; None if
            not known.
        views: View per position, such as "PA"; None if not known.
        unknown: Of several labels, which are not known of a position, and 0 in `labels`; None if
            all are known.
        files: Returns the full path per position, of an array in a file with the row after it;
            None where images are in no files.
        groups: What the group of a position is called, blank where it is one by itself; None if
            not known.
        features: Feature embeddings that the source itself has; None without any.
        logits: Logits that the source itself has; None without any.
    """

    labels: Int[np.ndarray, " n"] | UInt8[np.ndarray, "n m"]
    names: Sequence[str]
    read: ReadImages
    truth: ReadTruth | None = None
    boxes: ReadBoxes | None = None
    patients: Int[np.ndarray, " n"] | None = None
    views: Sequence[str] | None = None
    unknown: Bool[np.ndarray, "n m"] | None = None
    files: Callable[[], Sequence[str]] | None = None
    groups: Sequence[str] | None = None
    features: Float32[np.ndarray, "n d"] | None = None
    logits: Float32[np.ndarray, "n m"] | None = None

    @property
    def targets(self) -> Targets:
        """The labels, those that are not known as `classes.UNKNOWN`."""
        return mark_unknown(self.labels, self.unknown)


@dataclass(frozen=True)
class GivenHead:
    """The layer that makes logits of features, as a source has it.

    Attributes:
        weight: Of each logit and feature.
        bias: Of each logit.
    """

    weight: Float32[np.ndarray, "m d"]
    bias: Float32[np.ndarray, " m"]


@dataclass(frozen=True)
class Source:
    """All that a source has, in its own order.

    Class names that cannot be shown or told from each other are refused, see `data.names`.

    Attributes:
        place: Where it came from, for messages.
        class_names: Name of each class, in label order.
        train: Training images before any imbalance; none where the source has only predictions.
        test: Test images.
        validation: Images that the source itself sets aside; None if there are none, or if they
            are not read.
        n_unread: Validation images that are there and not read.
        task: Whether an image has exactly one class, or any of several labels, or of one.
        channels: Of the images as read: 3, or 1 for grey.
        facts: What `prepare` reports of the source, such as how many images were absent.
        finish: Called when everything is written, to remove what was kept for resuming.
        has_images: Whether there are images, and not only what a network made of them.
        head: That of the source's own features; None if not known.
        given: How files of features and predictions are read; None where images alone are.
        named: Whether `names` are ids by which other files may be matched.
    """

    place: str
    class_names: tuple[str, ...]
    train: SourceSplit
    test: SourceSplit
    validation: SourceSplit | None = None
    n_unread: int = 0
    task: Task = "multiclass"
    channels: Literal[1, 3] = 3
    facts: Mapping[str, Any] = field(default_factory=dict)
    finish: Callable[[], None] = lambda: None
    has_images: bool = True
    head: GivenHead | None = None
    given: GivenFile | None = None
    named: bool = True

    def __post_init__(self) -> None:
        """Check the class names."""
        check_class_names(self.place, self.class_names)


def count_labels(labels: Int[np.ndarray, " n"], n_classes: int) -> Int[np.ndarray, " c"]:
    """Return the number of instances of each class."""
    return np.bincount(labels, minlength=n_classes).astype(np.int64)


def count_positives(
    labels: Int[np.ndarray, " n"] | UInt8[np.ndarray, "n m"], n_classes: int
) -> Int[np.ndarray, " c"]:
    """Return the number of instances of each class, or with each label."""
    if labels.ndim == 2:
        return labels.sum(0, dtype=np.int64)
    return count_labels(labels, n_classes)
