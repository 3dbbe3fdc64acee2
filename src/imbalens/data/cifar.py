"""CIFAR-10 and CIFAR-100 as torchvision reads them, in its order.

Source: Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

from imbalens.data.image_files import resize_images
from imbalens.data.source import Source, SourceSplit
from imbalens.errors import InputError
from imbalens.params.paths import expand_path
from imbalens.params.sources import Cifar


def open_cifar(params: Cifar, image_size: int) -> Source:
    """Load the dataset from `root`, downloading it there first if wanted.

    Args:
        params: Which of the two, its folder, and whether to download.
        image_size: Side in pixels that images are resized to.

    Raises:
        InputError: if it is absent or damaged; it says which file to put where.
    """
    # imported here because it takes seconds, and the other sources do without
    from torchvision import datasets
    from torchvision.datasets.utils import check_integrity

    kind = datasets.CIFAR10 if params.name == "cifar10" else datasets.CIFAR100
    root = expand_path(params.root)
    # with the whole archive in place, torchvision's download does nothing but unpack it
    packed = check_integrity(root / kind.filename, kind.tgz_md5)
    train = _load(kind, root, train=True, download=params.download or packed)
    test = _load(kind, root, train=False, download=False)
    return Source(
        place=str(root),
        class_names=tuple(train.classes),
        train=_open_split(train, "train", image_size),
        test=_open_split(test, "test", image_size),
    )


def _load(kind: Any, root: Path, *, train: bool, download: bool) -> Any:  # noqa: ANN401
    try:
        return kind(root, train=train, download=download)
    except Exception as error:  # what a download or a damaged pickle raises is anyone's guess
        reason = "cannot be downloaded or read" if download else "is absent or damaged"
        raise InputError(
            f"{root}: {kind.__name__} {reason} ({error}); put {kind.filename} from {kind.url}, or "
            f"its unpacked folder {kind.base_folder}, into {root}, or set download: true"
        ) from error


def _open_split(dataset: Any, split: str, size: int) -> SourceSplit:  # noqa: ANN401
    def read(positions: Int[np.ndarray, " k"]) -> UInt8[np.ndarray, "k h w 3"]:
        return resize_images(dataset.data[positions], size, "squash")

    labels = np.array(dataset.targets, dtype=np.int64)
    return SourceSplit(labels, [f"{split}/{i}" for i in range(len(labels))], read)
