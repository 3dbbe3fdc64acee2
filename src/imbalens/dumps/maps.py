"""Writing the maps of a trained network's last convolutional layer for annotated images."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from imbalens.attribution.grad_cam import grad_cams
from imbalens.dumps.map_files import CAM, GRAD_CAM, MAPS, MAPS_VERSION
from imbalens.dumps.trained import Trained, finite_array
from imbalens.errors import InputError
from imbalens.models.network import Network
from imbalens.store.hdf5 import create
from imbalens.training.fitting import in_batches

CHUNK_BYTES = 2**20
CHUNK_ROWS = 16
TOLERANCE = 1e-4  # of the largest feature, by which it may differ from the mean of its map


def dump_maps(
    trained: Trained,
    untrained: Network | None,
    boxes: Int[np.ndarray, "b 6"],
    path: Path,
    *,
    run: str,
    split: str,
    layer: str | None,
    batch_size: int,
) -> None:
    """Write maps, boxes and head, batch by batch.

    Where the head is applied to something else than the maps' means, class activation maps do not
    follow from these, and Grad-CAM of each pair of an image and a class is written too.

    Args:
        trained: Network in evaluation mode, and the images of the split.
        untrained: The same network with random weights, or None. Of it, class activation maps,
            or Grad-CAM, are kept.
        boxes: Row in the split, class, x, y, width, height in pixels; images without are left out.
        path: HDF5 file to write, see `dumps.map_files`.
        run: Name of the run.
        split: Name of the split.
        layer: Name of a further layer whose maps are wanted, as in `named_modules`, or None.
        batch_size: Images per forward pass, at most, see `in_batches`, but at least a chunk of the
            file where so many fit; does not change the result beyond rounding.

    Raises:
        InputError: if there is no such layer, the network or the layer does not give maps, a map
            is not finite, or there is too little memory.
    """
    write = partial(
        _write,
        *(trained, untrained, boxes, path),
        run=run,
        split=split,
        layer=layer,
        batch_size=batch_size,
    )
    try:
        write(grad_cam=False)
    except _NotPooled:  # found with the first images, as a rule, before anything is written
        write(grad_cam=True)


class _NotPooled(Exception):
    """A head is applied to something else than the means of maps."""


def _write(
    trained: Trained,
    untrained: Network | None,
    boxes: Int[np.ndarray, "b 6"],
    path: Path,
    *,
    run: str,
    split: str,
    layer: str | None,
    batch_size: int,
    grad_cam: bool,
) -> None:
    images = trained.images[split]
    rows, place = np.unique(boxes[:, 0], return_inverse=True)
    pairs = np.unique(np.column_stack([place, boxes[:, 1]]), axis=0)
    with create(path, MAPS, MAPS_VERSION) as file:
        file.attrs["run"], file.attrs["split"] = run, split
        file.attrs["network"] = trained.model.family
        file.attrs["class_names"] = list(trained.prepared.class_names)
        file.attrs["image_size"] = images.images.shape[1]
        file.attrs["digest"] = trained.prepared.digest
        if grad_cam:
            file.attrs[CAM] = GRAD_CAM
        arrays = {
            "boxes": np.column_stack([place, boxes[:, 1:]]),
            "row": rows,
            "index": trained.index[split][rows],
            "pairs": pairs,
            "head/weight": _array(trained.model.head_matrix()[0]),
            "head/bias": _array(trained.model.head_matrix()[1]),
        }
        if untrained:
            untrained.to(trained.offset.device).to(memory_format=torch.channels_last).eval()
        for name, array in arrays.items():
            file.create_dataset(name, data=array, track_times=False)
        with torch.inference_mode(), _watch(trained.model, layer) as seen:

            def compute(chosen: slice) -> dict[str, Float[np.ndarray, "..."]]:
                finite = partial(finite_array, run=run, split=split, rows=rows[chosen].tolist())
                pixels = images.images[torch.from_numpy(rows[chosen]).to(images.images.device)]
                batch = images.normalized(pixels)
                seen.clear()
                of_batch = pairs[_pairs_of(pairs, chosen)] - [chosen.start, 0]
                wanted = torch.from_numpy(of_batch).to(batch.device)
                if grad_cam:
                    maps, cams = grad_cams(trained.model, batch, wanted)
                    found = {"maps": finite(maps, "maps"), "cams": _array(cams)}
                else:
                    maps, features = trained.model.forward_with_maps(batch)
                    found = {"maps": finite(maps, "maps")}
                    if not _are_means(features, maps):
                        raise _NotPooled
                if layer is not None:
                    if layer not in seen:
                        raise InputError(
                            f"analyses.yaml: dump_maps.layer: found {layer!r}, which gives no "
                            "maps; name a convolutional layer or block"
                        )
                    found["layer_maps"] = finite(seen.pop(layer), f"maps of {layer}")
                if untrained and grad_cam:
                    found["untrained_cams"] = _array(grad_cams(untrained, batch, wanted)[1])
                elif untrained:
                    found["untrained_cams"] = _array(_class_activation(untrained, batch, wanted))
                return found

            for chosen, found in in_batches(
                compute,
                len(rows),
                batch_size=batch_size,
                multiple=CHUNK_ROWS,  # whole chunks
                device=images.images.device,
                what=f"{run} {split} maps",
            ):
                for name, array in found.items():
                    if name in ("cams", "untrained_cams"):
                        _store(file, name, array, _pairs_of(pairs, chosen), len(pairs))
                    else:
                        chunks = _chunks(array.shape[1:], len(rows))
                        _store(file, name, array, chosen, len(rows), chunks=chunks)


@contextmanager
def _watch(model: nn.Module, layer: str | None) -> Iterator[dict[str, Tensor]]:
    """Yield the maps that a layer gave last, if any, by its name, as long as the block runs."""
    seen: dict[str, Tensor] = {}
    if layer is None:
        yield seen
        return
    modules = {name: module for name, module in model.named_modules() if name}
    if layer not in modules:
        raise InputError(
            f"analyses.yaml: dump_maps.layer: found {layer!r}; allowed: {', '.join(modules)}"
        )

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        if output.ndim == 4:
            seen[layer] = output.detach().clone()  # what follows may work in place

    handle = modules[layer].register_forward_hook(keep)
    try:
        yield seen
    finally:
        handle.remove()


def _chunks(shape: tuple[int, ...], n: int) -> tuple[int, ...]:
    """Return the shape of a file's chunks of maps [k h w] of n images."""
    k, height, width = shape
    channels = max(1, min(k, CHUNK_BYTES // (CHUNK_ROWS * height * width * 4)))
    return min(n, CHUNK_ROWS), channels, height, width


def _store(
    file: h5py.File,
    name: str,
    array: Float[np.ndarray, "b ..."],
    rows: slice,
    n: int,
    *,
    chunks: tuple[int, ...] | None = None,
) -> None:
    """Write some of a dataset's n rows, creating it with the first."""
    if rows.start == 0:
        shape = (n, *array.shape[1:])
        file.create_dataset(name, shape, "float32", chunks=chunks, track_times=False)
    stored = file[name]
    assert isinstance(stored, h5py.Dataset)
    stored[rows] = array


def _pairs_of(pairs: Int[np.ndarray, "p 2"], rows: slice) -> slice:
    first, last = np.searchsorted(pairs[:, 0], [rows.start, rows.stop]).tolist()
    return slice(first, last)


def _class_activation(
    model: Network, batch: Float[Tensor, "b 3 h w"], pairs: Int[Tensor, "p 2"]
) -> Float[Tensor, "p h_maps w_maps"]:
    """Return the class activation maps of a batch's pairs of row and class."""
    maps, head = model.forward_maps(batch), model.head_matrix()[0]
    rows, classes = pairs.T
    return torch.einsum("pkhw,pk->phw", maps[rows], head[classes])


def _are_means(features: Float[Tensor, "b d"], maps: Float[Tensor, "b k h w"]) -> bool:
    """Whether the head is applied to the means of maps, up to rounding."""
    if features.shape[1] != maps.shape[1]:
        return False
    off = (features - maps.mean(dim=(2, 3))).abs().max()
    return bool(off <= TOLERANCE * features.abs().max())


def _array(tensor: Tensor) -> Float[np.ndarray, "..."]:
    return tensor.float().cpu().contiguous().numpy()
