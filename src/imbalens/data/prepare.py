"""From a source to one prepared file: imbalance, validation part, one stream of images."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, assert_never

import h5py
import numpy as np
from jaxtyping import Float, Int, UInt8
from tqdm import tqdm

from imbalens.data.arrays import open_arrays
from imbalens.data.cifar import open_cifar
from imbalens.data.folder import open_folder
from imbalens.data.imbalance import class_sizes, select, split_validation
from imbalens.data.planted import open_planted
from imbalens.data.prepared import PREPARED, PREPARED_VERSION, Truth
from imbalens.data.source import Source, SourceSplit, count_labels
from imbalens.files import InputError
from imbalens.hdf5 import create
from imbalens.params import Arrays, Cifar, Dataset, Folder, Normalization, Planted

BATCH = 256  # images in memory at a time


def prepare(dataset: Dataset, path: Path) -> dict[str, Any]:
    """Write a dataset's prepared file.

    Args:
        dataset: The dataset's parameters.
        path: Prepared file to write, see `data.prepared`.

    Returns:
        What was prepared: counts, imbalance ratio, digest, and what was planted.

    Raises:
        InputError: if the source is not as it must be or the file cannot be written.
    """
    source = open_source(dataset)
    splits = choose_images(source, dataset)
    expected = dataset.source.digest if isinstance(dataset.source, Folder | Arrays) else None
    c = len(source.class_names)
    counts = {
        split: count_labels(images.labels[positions], c)
        for split, (images, positions) in splits.items()
    }
    with create(path, PREPARED, PREPARED_VERSION) as file:
        sha = hashlib.sha256()
        channels = ChannelMoments()
        planted: dict[str, dict[str, int]] = {}
        for split, (images, positions) in splits.items():
            planted |= _write_about(file, split, images, positions)
            sha.update(_description(split, images, positions))
            for batch in _write_images(file, split, images, positions, dataset.image_size):
                sha.update(batch.tobytes())
                if split == "train":
                    channels.add(batch)
        digest = sha.hexdigest()
        if expected not in (None, digest):
            raise InputError(
                f"{source.place}: found images of digest {digest}, source.digest is {expected}; "
                "the files, image_size, imbalance or validation changed: bring back what was "
                "meant, or set digest to what was found"
            )
        mean, std = _normalization(dataset.normalization, channels, source.place)
        attributes = {
            "class_names": list(source.class_names),
            "task": "multiclass",
            "mean": mean,
            "std": std,
            "source": dataset.source.name,
            "seed": dataset.imbalance.selection.seed,
            "counts": counts["train"],
            "splits": list(splits),
            "digest": digest,
        }
        for name, value in attributes.items():
            file.attrs[name] = value
    summary = {
        "classes": c,
        "image_size": dataset.image_size,
        "imbalance_ratio": float(counts["train"].max() / counts["train"].min()),
        "digest": digest,
        "images": {split: int(n.sum()) for split, n in counts.items()},
        "counts": {
            split: dict(zip(source.class_names, n.tolist(), strict=True))
            for split, n in counts.items()
        },
    }
    return summary | ({"planted": planted} if planted else {})


def open_source(dataset: Dataset) -> Source:
    """Open the source that the parameters name.

    Raises:
        InputError: if it is absent or not as it must be.
    """
    match dataset.source:
        case Planted():
            return open_planted(dataset.source, dataset.image_size)
        case Folder():
            return open_folder(dataset.source, dataset.image_size)
        case Arrays():
            return open_arrays(dataset.source, dataset.image_size)
        case Cifar():
            return open_cifar(dataset.source, dataset.image_size)
        case _:
            assert_never(dataset.source)


def choose_images(
    source: Source, dataset: Dataset
) -> dict[str, tuple[SourceSplit, Int[np.ndarray, " k"]]]:
    """Return the images of each split: a split of the source and positions in it.

    The training images are chosen by the imbalance, then a validation part is set aside. The test
    images are all of the source's, in its order.

    Raises:
        InputError: naming a class with too few images.
    """
    labels, names = source.train.labels, source.class_names
    sizes = class_sizes(count_labels(labels, len(names)), dataset.imbalance, class_names=names)
    chosen = select(labels, sizes, dataset.imbalance.selection)
    validation = dataset.validation
    kept, aside = split_validation(labels[chosen], share=validation.share, seed=validation.seed)
    tested = count_labels(source.test.labels, len(names))
    if not tested.all():
        raise InputError(
            f"{source.place}: found no test images of class {names[int(tested.argmin())]!r}; "
            "every class needs at least one"
        )
    splits = {"train": (source.train, chosen[kept])}
    if len(aside):
        splits["val"] = (source.train, chosen[aside])
    splits["test"] = (source.test, np.arange(len(source.test.labels)))
    return splits


class ChannelMoments:
    """Mean and standard deviation of each channel, exact, batch by batch."""

    def __init__(self) -> None:
        """Start from no images."""
        self._n = 0
        self._sum = np.zeros(3, dtype=np.int64)
        self._squares = np.zeros(3, dtype=np.int64)

    def add(self, images: UInt8[np.ndarray, "k h w 3"]) -> None:
        """Take in a batch of images."""
        values = images.reshape(-1, 3)
        self._n += len(values)
        self._sum += values.sum(0, dtype=np.int64)
        self._squares += (values.astype(np.uint16) ** 2).sum(0, dtype=np.int64)

    def mean(self) -> Float[np.ndarray, "3"]:
        """Mean of values scaled to [0, 1]."""
        return self._sum / self._n / 255

    def std(self) -> Float[np.ndarray, "3"]:
        """Standard deviation of values scaled to [0, 1]."""
        # in Python's integers: the products do not fit into 64 bits
        pairs = zip(self._squares.tolist(), self._sum.tolist(), strict=True)
        variance = [(self._n * squares - total**2) / self._n**2 for squares, total in pairs]
        return np.sqrt(variance) / 255


def _normalization(
    given: Normalization | None, channels: ChannelMoments, place: str
) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    if given:
        return np.array(given.mean), np.array(given.std)
    mean, std = channels.mean(), channels.std()
    if not std.all():
        raise InputError(
            f"{place}: all pixels of the training images are alike in some channel; "
            "give normalization a mean and a std"
        )
    return mean, std


def _names(images: SourceSplit, positions: Int[np.ndarray, " k"]) -> list[str]:
    rows: list[int] = positions.tolist()
    return [images.names[row] for row in rows]


def _description(split: str, images: SourceSplit, positions: Int[np.ndarray, " k"]) -> bytes:
    """Return a split's names and labels, for the digest."""
    names = "\n".join([split, *_names(images, positions)])
    return names.encode() + images.labels[positions].tobytes()


def _write_about(
    file: h5py.File, split: str, images: SourceSplit, positions: Int[np.ndarray, " k"]
) -> dict[str, dict[str, int]]:
    """Write all of a split but its images; return how much was planted in it, if anything was."""
    arrays: dict[str, np.ndarray | Sequence[str]] = {
        f"{split}/labels": images.labels[positions],
        f"{split}/index": positions,
        f"{split}/names": _names(images, positions),
    }
    planted = {}
    if images.truth:
        truth = images.truth(positions)
        arrays |= _truth_arrays(split, truth)
        kinds = {"mislabelled": truth.mislabelled, "subconcept": truth.subconcept}
        planted[split] = {kind: int(rows.sum()) for kind, rows in kinds.items()}
    _write_arrays(file, arrays)
    return planted


def _truth_arrays(split: str, truth: Truth) -> dict[str, np.ndarray | Sequence[str]]:
    return {
        f"{split}/boxes": truth.boxes,
        f"{split}/truth/labels": truth.labels,
        f"{split}/truth/mislabelled": truth.mislabelled,
        f"{split}/truth/subconcept": truth.subconcept,
        "truth/pairs": truth.pairs,
        "truth/colours": truth.colours,
    }


def _write_arrays(file: h5py.File, arrays: Mapping[str, np.ndarray | Sequence[str]]) -> None:
    for name, array in arrays.items():
        if name not in file:  # what holds for all splits comes with each
            dtype = None if isinstance(array, np.ndarray) else h5py.string_dtype()
            file.create_dataset(name, data=array, dtype=dtype, track_times=False)


def _write_images(
    file: h5py.File, split: str, images: SourceSplit, positions: Int[np.ndarray, " k"], size: int
) -> Iterator[UInt8[np.ndarray, "k h w 3"]]:
    """Write a split's images batch by batch, yielding each."""
    n = len(positions)
    stored = file.create_dataset(f"{split}/images", (n, size, size, 3), "uint8", track_times=False)
    with tqdm(total=n, desc=f"{split} images", unit="image", disable=None) as progress:
        for start in range(0, n, BATCH):
            batch = images.read(positions[start : start + BATCH])
            stored[start : start + len(batch)] = batch
            progress.update(len(batch))
            yield batch
