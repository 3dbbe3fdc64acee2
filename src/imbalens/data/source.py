"""What every source of images offers, and what several of them need."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image

from imbalens.data.prepared import Truth
from imbalens.files import InputError

ReadImages = Callable[[Int[np.ndarray, " k"]], UInt8[np.ndarray, "k h w 3"]]
ReadTruth = Callable[[Int[np.ndarray, " k"]], Truth]


@dataclass(frozen=True)
class SourceSplit:
    """Images of one split, read on demand.

    Attributes:
        labels: Class per position.
        names: Name per position, within the source.
        read: Returns the images at some positions, RGB at the dataset's size.
        truth: Returns what was planted at some positions; None if nothing was.
    """

    labels: Int[np.ndarray, " n"]
    names: Sequence[str]
    read: ReadImages
    truth: ReadTruth | None = None


@dataclass(frozen=True)
class Source:
    """All that a source has, in its own order.

    Attributes:
        place: Where it came from, for messages.
        class_names: Name of each class, in label order.
        train: Training images before any imbalance.
        test: Test images.
    """

    place: str
    class_names: tuple[str, ...]
    train: SourceSplit
    test: SourceSplit


def expand_path(text: str) -> Path:
    """Return a path with environment variables ($NAME) and ~ filled in.

    Raises:
        InputError: naming a variable that is not set.
    """
    try:
        return Path(Template(text).substitute(os.environ)).expanduser()
    except KeyError as error:
        name = error.args[0]
        raise InputError(
            f"{text}: environment variable {name} is not set; run: export {name}=<folder>"
        ) from error
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"{text}: is not a path ({error}); allowed: a path, with variables as $NAME"
        ) from error


def count_labels(labels: Int[np.ndarray, " n"], n_classes: int) -> Int[np.ndarray, " c"]:
    """Return the number of instances of each class."""
    return np.bincount(labels, minlength=n_classes).astype(np.int64)


def resize_images(images: UInt8[np.ndarray, "k h w 3"], size: int) -> UInt8[np.ndarray, "k s s 3"]:
    """Resize whole images to squares, antialiased; images of that size stay as they are."""
    if images.shape[1:3] == (size, size):
        return images
    return np.stack([np.asarray(fit(Image.fromarray(image), size)) for image in images])


def fit(image: Image.Image, size: int) -> Image.Image:
    """Resize a whole image to a square, bilinear and antialiased."""
    if image.size == (size, size):
        return image
    return image.resize((size, size), Image.Resampling.BILINEAR)
