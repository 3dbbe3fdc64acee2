"""Replaying a small network's kernels from CUDA graphs: launching them takes longer than they do.

A step of ResNet-32 on 128 images of 32 x 32 pixels is hundreds of kernels of some microseconds.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from imbalens.models.network import Network
from imbalens.training.batches import ImageTensors
from imbalens.training.devices import precision_context

# Pixels of a batch up to which kernels are recorded: in larger ones they outlast their launch, and
# a recording keeps memory of its own.
MAX_PIXELS = 2**20

Forward = Callable[[Float[Tensor, "b 3 h w"]], Float[Tensor, "b c"]]


def training_forward(
    model: Network, split: ImageTensors, *, batch_size: int, precision: str
) -> Forward:
    """Return the forward pass to train with, the network itself where nothing is recorded.

    On a CUDA device forward and backward pass of a full batch are recorded, if it is small, and
    then replayed: the same kernels on the same numbers. Other batches take the network itself, and
    so do all where recording fails, as it may for a network that waits for the device. Networks of
    others are not tried: what they choose or count in Python would happen once, while recording.

    Args:
        model: Network on the images' device; left in training mode, otherwise as it was.
        split: Training images.
        batch_size: Images of a full batch.
        precision: As in a recipe, see `precision_context`.
    """
    n, height, width, _ = split.images.shape
    if split.images.device.type != "cuda" or batch_size > n or not model.recordable:
        return model
    if batch_size * height * width > MAX_PIXELS:
        return model
    model.train()
    images = split.normalized(split.images[:batch_size])
    try:
        replay = _record(model, images, precision)
    except (RuntimeError, AssertionError) as error:
        tqdm.write(f"training goes on without CUDA graphs: {str(error)[:240]!r}")
        return model
    return lambda batch: replay(batch) if len(batch) == batch_size else model(batch)


def _record(model: Network, images: Float[Tensor, "b 3 h w"], precision: str) -> Forward:
    # recording warms up, which moves the running statistics of batch normalisation
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    cached = torch.is_autocast_cache_enabled()
    try:
        with precision_context(images.device, precision):
            torch.set_autocast_cache_enabled(False)  # of a recording, copies would go stale
            torch.cuda.make_graphed_callables(model, (images,), allow_unused_input=True)
            return model.forward
    finally:
        torch.set_autocast_cache_enabled(cached)
        # what was recorded is for training alone: the network stays as it was
        vars(model).pop("forward", None)
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)
