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
from tqdm import tqdm

from imbalens.dumps.files import MAPS, MAPS_VERSION
from imbalens.dumps.trained import Trained, finite_array
from imbalens.errors import InputError
from imbalens.models.network import Network
from imbalens.store.hdf5 import create

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
        batch_size: Images per forward pass; does not change the result beyond rounding.

    Raises:
        InputError: if there is no such layer, it does not give maps, or a map is not finite.
    """
    images = trained.images[split]
    rows, place = np.unique(boxes[:, 0], return_inverse=True)
    batch_size = max(CHUNK_ROWS, batch_size // CHUNK_ROWS * CHUNK_ROWS)  # whole chunks
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
            "pairs": np.unique(np.column_stack([place, boxes[:, 1]]), axis=0),
            "head/weight": _array(trained.model.head_matrix()[0]),
            "head/bias": _array(trained.model.head_matrix()[1]),
        }
        if untrained:
            untrained.to(trained.offset.device).to(memory_format=torch.channels_last).eval()
        for name, array in arrays.items():
            file.create_dataset(name, data=array, track_times=False)
        with torch.inference_mode(), _watch(trained.model, layer) as seen:
            for start in tqdm(
                range(0, len(rows), batch_size), desc=f"{run} {split} maps", disable=None
            ):
                chosen = rows[start : start + batch_size]
                finite = partial(finite_array, run=run, split=split, rows=chosen.tolist())
                pixels = images.images[torch.from_numpy(chosen).to(images.images.device)]
                batch = images.normalized(pixels)
                last = finite(trained.model.forward_maps(batch), "maps")
                _append(file, "maps", last, start, len(rows))
                if layer is not None:
                    if layer not in seen:
                        raise InputError(
                            f"analyses.yaml: dump_maps.layer: found {layer!r}, which gives no "
                            "maps; name a convolutional layer or block"
                        )
                    further = finite(seen[layer], f"maps of {layer}")
                    _append(file, "layer_maps", further, start, len(rows))
                if untrained:
                    _append_cams(file, untrained, batch, arrays["pairs"], start)


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


def _append(
    file: h5py.File, name: str, array: Float[np.ndarray, "b k h w"], start: int, n: int
) -> None:
    """Write a batch of maps, creating the dataset with the first."""
    if start == 0:
        _, k, height, width = array.shape
        channels = max(1, min(k, CHUNK_BYTES // (CHUNK_ROWS * height * width * 4)))
        chunks = (min(n, CHUNK_ROWS), channels, height, width)
        shape = (n, k, height, width)
        file.create_dataset(name, shape, "float32", chunks=chunks, track_times=False)
    stored = file[name]
    assert isinstance(stored, h5py.Dataset)
    stored[start : start + len(array)] = array


def _append_cams(
    file: h5py.File,
    model: Network,
    batch: Float[Tensor, "b 3 h w"],
    pairs: Int[np.ndarray, "p 2"],
    start: int,
) -> None:
    """Write a batch's class activation maps, creating the dataset with the first."""
    maps, head = model.forward_maps(batch), model.head_matrix()[0]
    first, last = np.searchsorted(pairs[:, 0], [start, start + len(batch)]).tolist()
    rows, classes = torch.from_numpy(pairs[first:last].T).to(maps.device)
    cams = _array(torch.einsum("pkhw,pk->phw", maps[rows - start], head[classes]))
    if start == 0:
        shape = (len(pairs), *cams.shape[1:])
        file.create_dataset("untrained_cams", shape, "float32", track_times=False)
    stored = file["untrained_cams"]
    assert isinstance(stored, h5py.Dataset)
    stored[first:last] = cams


def _array(tensor: Tensor) -> Float[np.ndarray, "..."]:
    return tensor.float().cpu().contiguous().numpy()
