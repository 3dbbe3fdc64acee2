"""What every source of images offers, and what several of them need."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image

from imbalens.errors import InputError
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
        patients: Patient per position, whose images stay in one split; None if not known.
        views: View per position, such as "PA"; None if not known.
    """

    labels: Int[np.ndarray, " n"] | UInt8[np.ndarray, "n m"]
    names: Sequence[str]
    read: ReadImages
    truth: ReadTruth | None = None
    boxes: ReadBoxes | None = None
    patients: Int[np.ndarray, " n"] | None = None
    views: Sequence[str] | None = None


@dataclass(frozen=True)
class Source:
    """All that a source has, in its own order.

    Attributes:
        place: Where it came from, for messages.
        class_names: Name of each class, in label order.
        train: Training images before any imbalance.
        test: Test images.
        task: Whether an image has exactly one class, or any of several labels, or of one.
        channels: Of the images as read: 3, or 1 for grey.
        facts: What `prepare` reports of the source, such as how many images were absent.
        finish: Called when everything is written, to remove what was kept for resuming.
    """

    place: str
    class_names: tuple[str, ...]
    train: SourceSplit
    test: SourceSplit
    task: Task = "multiclass"
    channels: Literal[1, 3] = 3
    facts: Mapping[str, Any] = field(default_factory=dict)
    finish: Callable[[], None] = lambda: None


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


def resize_images(images: UInt8[np.ndarray, "k h w 3"], size: int) -> UInt8[np.ndarray, "k s s 3"]:
    """Resize whole images to squares, antialiased; images of that size stay as they are."""
    if images.shape[1:3] == (size, size):
        return images
    return np.stack([np.asarray(fit(Image.fromarray(image), size)) for image in images])


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """Open an image file, to be decoded inside the block.

    Raises:
        InputError: naming a file that cannot be decoded.
    """
    try:
        with Image.open(path) as image:
            yield image
    except Exception as error:  # Pillow's decoders raise a dozen kinds
        state = "is empty" if path.is_file() and not path.stat().st_size else "cannot be decoded"
        raise InputError(f"{path}: {state} ({error}); replace the file or remove it") from error


def flatten(image: Image.Image, *, mode: Literal["L", "RGB"], ground: str) -> Image.Image:
    """Convert an image to grey or RGB: transparency on `ground`, 16-bit grey by its upper byte."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        paper = Image.new("RGBA", image.size, ground)
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    return image.convert(mode)


def fit(image: Image.Image, size: int) -> Image.Image:
    """Resize a whole image to a square, bilinear and antialiased."""
    if image.size == (size, size):
        return image
    return image.resize((size, size), Image.Resampling.BILINEAR)
