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

from imbalens.dumps.files import MAPS, MAPS_VERSION
from imbalens.dumps.trained import Trained, finite_array
from imbalens.errors import InputError
from imbalens.models.network import Network
from imbalens.store.hdf5 import create
from imbalens.training.fitting import in_batches

CHUNK_BYTES = 2**20
CHUNK_ROWS = 16


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

    Args:
        trained: Network in evaluation mode, and the images of the split.
        untrained: The same network with random weights, or None. Of it, class activation maps
            are kept.
        boxes: Row in the split, class, x, y, width, height in pixels; images without are left out.
        path: HDF5 file to write, see `dumps.files`.
        run: Name of the run.
        split: Name of the split.
        layer: Name of a further layer whose maps are wanted, as in `named_modules`, or None.
        batch_size: Images per forward pass, at most, see `in_batches`, but at least a chunk of the
            file where so many fit; does not change the result beyond rounding.

    Raises:
        InputError: if there is no such layer, it does not give maps, a map is not finite, or
            there is too little memory.
    """
    images = trained.images[split]
    rows, place = np.unique(boxes[:, 0], return_inverse=True)
    pairs = np.unique(np.column_stack([place, boxes[:, 1]]), axis=0)
    with create(path, MAPS, MAPS_VERSION) as file:
        file.attrs["run"], file.attrs["split"] = run, split
        file.attrs["network"] = trained.model.family
        file.attrs["class_names"] = list(trained.prepared.class_names)
        file.attrs["image_size"] = images.images.shape[1]
        file.attrs["digest"] = trained.prepared.digest
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
                found = {"maps": finite(trained.model.forward_maps(batch), "maps")}
                if layer is not None:
                    if layer not in seen:
                        raise InputError(
                            f"analyses.yaml: dump_maps.layer: found {layer!r}, which gives no "
                            "maps; name a convolutional layer or block"
                        )
                    found["layer_maps"] = finite(seen.pop(layer), f"maps of {layer}")
                if untrained:
                    found["untrained_cams"] = _class_activation(untrained, batch, pairs, chosen)
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
                    if name == "untrained_cams":
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
            seen[layer] = output.clone()  # what follows may work in place

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
    model: Network,
    batch: Float[Tensor, "b 3 h w"],
    pairs: Int[np.ndarray, "p 2"],
    rows: slice,
) -> Float[np.ndarray, "q h_maps w_maps"]:
    """Return the class activation maps of a batch's pairs of row and class."""
    maps, head = model.forward_maps(batch), model.head_matrix()[0]
    images, classes = torch.from_numpy(pairs[_pairs_of(pairs, rows)].T).to(maps.device)
    return _array(torch.einsum("pkhw,pk->phw", maps[images - rows.start], head[classes]))


def _array(tensor: Tensor) -> Float[np.ndarray, "..."]:
    return tensor.float().cpu().contiguous().numpy()
