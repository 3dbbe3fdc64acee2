"""What dumps of maps hold, and reading them; needs no network and no torch."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from imbalens.dumps.checking import read_finite, repeat_command, require, require_outputs
from imbalens.errors import InputError
from imbalens.params.runs import Family
from imbalens.store.hdf5 import Kind, Variable, open_checked

MAPS = "maps"
MAPS_VERSION = 1
MAP_ATTRIBUTES: Mapping[str, Kind] = {
    "run": "text",
    "split": "text",
    "network": "text",
    "class_names": "texts",
    "image_size": "integer",
}
MAP_VARIABLES = (
    Variable("maps", "float32", ("n", "k", "h", "w"), "last convolutional layer, after ReLU"),
    Variable("layer_maps", "float32", ("n", "k_layer", "h_layer", "w_layer"), "a layer", True),
    Variable("pairs", "int64", ("p", "2"), "row and class of each that has a box, sorted"),
    Variable("untrained_cams", "float32", ("p", "h", "w"), "of random weights, as they are", True),
    Variable("cams", "float32", ("p", "h", "w"), "where head . mean(maps) is no logit", True),
    Variable("head/weight", "float32", ("m", "d"), "as in the feature dump; d = k without cams"),
    Variable("head/bias", "float32", ("m",), "as in the feature dump"),
    Variable("boxes", "int64", ("b", "6"), "row, class, x, y, w, h in pixels of the image"),
    Variable("row", "int64", ("n",), "row of the image in the prepared split"),
    Variable("index", "int64", ("n",), "position in the source's split"),
)
# Where the head is applied to something else than the maps' means, the attribute `cam` is
# "grad_cam", and `cams` holds Grad-CAM of each pair; else it is not there.
CAM, GRAD_CAM = "cam", "grad_cam"
MAP_BUDGET = 2**28  # bytes of maps in memory at a time


@dataclass(frozen=True)
class MapsAbout:
    """What a dump of maps holds besides the maps.

    Attributes:
        class_names: Name of each class, or label, in order.
        network: Family of the network, in the words of analyses.yaml.
        split: Split of the prepared dataset that the images are of.
        image_size: Side of the images in pixels.
        shape: Images, channels, height and width of the maps.
        layer_shape: The same of the further layer's maps; None if there are none.
        head: Class weights of the head.
        cams: Grad-CAM of each pair of an image and a class that has a box, where logits are not
            `head` times the maps' means; None where class activation maps follow from these.
        untrained_cams: The same, or class activation maps, of the network with random weights;
            None if there are none.
        boxes: Row of the image in this dump, class, x, y, width, height in pixels.
        row: Row of each image in the prepared split.
    """

    class_names: tuple[str, ...]
    network: Family
    split: str
    image_size: int
    shape: tuple[int, ...]
    layer_shape: tuple[int, ...] | None
    head: Float[np.ndarray, "m d"]
    cams: Float[np.ndarray, "p h w"] | None
    untrained_cams: Float[np.ndarray, "p h w"] | None
    boxes: Int[np.ndarray, "b 6"]
    row: Int[np.ndarray, " n"]


def open_maps(path: Path) -> AbstractContextManager[Any]:
    """Open a dump of maps.

    Raises:
        InputError: if the file is absent or damaged; it says what to run.
    """
    return open_checked(
        path,
        MAPS,
        MAPS_VERSION,
        MAP_VARIABLES,
        command=f"dvc repro dump_maps@{path.stem}",
        attributes=MAP_ATTRIBUTES,
    )


def read_maps_about(path: Path) -> MapsAbout:
    """Read everything but the maps.

    Raises:
        InputError: if the file is absent or damaged, a number is not finite, a box is of no image
            or class or has pixels outside its image, or pairs are not those of the boxes; it says
            what to run.
    """
    with open_maps(path) as file:
        attributes = file.attrs
        further, untrained = file.get("layer_maps"), file.get("untrained_cams")
        require_outputs(file, ("class_names",))
        cams, head = file.get("cams"), read_finite(file, "head/weight")
        if (cams is None) != (attributes.get(CAM) is None) or (
            cams is None and head.shape[1] != file["maps"].shape[1]
        ):
            raise InputError(
                f"{path} has a head of {head.shape[1]} features for {file['maps'].shape[1]} maps, "
                f"{'no ' if cams is None else ''}'cams' and {attributes.get(CAM)!r} as attribute "
                f"{CAM!r}, which do not go together; run: {repeat_command(MAPS, path)}"
            )
        boxes = _read_boxes(file, path)
        return MapsAbout(
            class_names=tuple(str(name) for name in attributes["class_names"]),
            network=str(attributes["network"]),
            split=str(attributes["split"]),
            image_size=int(attributes["image_size"]),
            shape=file["maps"].shape,
            layer_shape=None if further is None else further.shape,
            head=head,
            cams=None if cams is None else read_finite(file, "cams"),
            untrained_cams=None if untrained is None else read_finite(file, "untrained_cams"),
            boxes=boxes,
            row=_read_rows(file),
        )


def _read_boxes(file: Any, path: Path) -> Int[np.ndarray, "b 6"]:  # noqa: ANN401 - an h5py file
    boxes, side = file["boxes"][:], int(file.attrs["image_size"])
    n_images, n_classes = len(file["row"]), len(file["head/weight"])
    # of the corner and the size: at least one pixel, and none outside of the image
    most = np.column_stack([np.full((len(boxes), 2), side - 1), side - boxes[:, 2:4]])
    limits = np.column_stack(
        [np.full(len(boxes), n_images - 1), np.full(len(boxes), n_classes - 1)]
    )
    least = np.array([0, 0, 0, 0, 1, 1])
    rule = f"row and class of {n_images} and {n_classes}, pixels of {side} x {side}"
    require((boxes >= least) & (boxes <= np.hstack([limits, most])), file, "boxes", rule)
    if not np.array_equal(file["pairs"][:], np.unique(boxes[:, :2], axis=0)):
        raise InputError(
            f"{path} has other 'pairs' than rows and classes in 'boxes'; "
            f"run: {repeat_command(MAPS, path)}"
        )
    return boxes


def _read_rows(file: Any) -> Int[np.ndarray, " n"]:  # noqa: ANN401 - an h5py file
    rows = file["row"][:]
    require(np.diff(rows, prepend=-1) > 0, file, "row", "rising from 0 on")
    return rows


def read_maps_by_image(path: Path) -> Iterator[tuple[slice, Float[np.ndarray, "b k h w"]]]:
    """Yield rows and all channels of as many images at a time as fit the budget.

    Raises:
        InputError: if the file is absent or damaged, or a map is not finite; it says what to run.
    """
    with open_maps(path) as file:
        maps = file["maps"]
        step = _aligned(maps, axis=0)
        for start in range(0, len(maps), step):
            block = maps[start : start + step]
            require(np.isfinite(block), file, "maps", "finite numbers", start=(start, 0))
            yield slice(start, start + len(block)), block


def read_maps_by_channel(
    path: Path, name: str
) -> Iterator[tuple[int, Float[np.ndarray, "n b h w"]]]:
    """Yield the first channel and the maps of some channels, of all images, within the budget.

    Args:
        path: Dump of maps.
        name: `maps` or `layer_maps`.

    Raises:
        InputError: if the file is absent or damaged, or a map is not finite; it says what to run.
    """
    with open_maps(path) as file:
        maps = file[name]
        step = _aligned(maps, axis=1)
        for start in range(0, maps.shape[1], step):
            block = maps[:, start : start + step]
            require(np.isfinite(block), file, name, "finite numbers", start=(0, start))
            yield start, block


def _aligned(maps: Any, *, axis: int) -> int:  # noqa: ANN401 - an h5py dataset
    """Return how many images or channels fit the budget, in whole chunks where one fits."""
    size = maps.shape[axis]
    fitting = max(1, MAP_BUDGET * size // max(1, maps.size * maps.dtype.itemsize))
    chunk = maps.chunks[axis] if maps.chunks else 1
    return min(size, max(fitting // chunk * chunk, 1) if fitting >= chunk else fitting)
