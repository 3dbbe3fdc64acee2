"""Images resident on the device, augmented and normalised batch by batch without workers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from imbalens.data.prepared import Prepared, read_split
from imbalens.params import Augmentation


@dataclass(frozen=True)
class ImageTensors:
    """One split of a prepared dataset on a device.

    Attributes:
        images: Pixels 0..255, channels last.
        labels: Class of each image.
        mean: Channel means of images scaled to [0, 1].
        std: Channel standard deviations of images scaled to [0, 1].
    """

    images: UInt8[Tensor, "n h w c"]
    labels: Int[Tensor, " n"]
    mean: Float[Tensor, " c"]
    std: Float[Tensor, " c"]

    def normalized(self, pixels: UInt8[Tensor, "b h w c"]) -> Float[Tensor, "b c h w"]:
        """Scale pixels to [0, 1] and standardise each channel; the result is channels_last."""
        scale = 1 / (255 * self.std)
        return torch.addcmul(-self.mean / self.std, pixels, scale).permute(0, 3, 1, 2)


def load_images(
    data: Path, prepared: Prepared, split: str, device: torch.device
) -> tuple[ImageTensors, Int[np.ndarray, " n"]]:
    """Return one split's images on `device`, and their positions in the source.

    Raises:
        InputError: if the file is absent or damaged; it says what to run.
    """
    arrays = read_split(data, split)
    tensors = ImageTensors(
        images=torch.from_numpy(arrays.images).to(device),
        labels=torch.from_numpy(arrays.labels).to(device),
        mean=torch.as_tensor(prepared.mean, dtype=torch.float32, device=device),
        std=torch.as_tensor(prepared.std, dtype=torch.float32, device=device),
    )
    return tensors, arrays.index


def crop_and_flip(
    pixels: UInt8[Tensor, "b h w c"],
    offsets: Int[Tensor, "b 2"],
    flips: Bool[Tensor, " b"],
    *,
    padding: int,
) -> UInt8[Tensor, "b h w c"]:
    """Crop each image at its own offset out of its zero-padded self, then mirror some.

    Args:
        pixels: Images.
        offsets: Row and column, 0..2*padding, of each crop's corner in the padded image.
        flips: Which crops to mirror left to right.
        padding: Black border in pixels.
    """
    n, height, width, _ = pixels.shape
    padded = torch.nn.functional.pad(pixels, (0, 0, padding, padding, padding, padding))
    rows = offsets[:, :1] + torch.arange(height, device=pixels.device)
    columns = torch.arange(width, device=pixels.device).expand(n, width)
    columns = offsets[:, 1:] + torch.where(flips[:, None], columns.flip(1), columns)
    which = torch.arange(n, device=pixels.device)
    return padded[which[:, None, None], rows[:, :, None], columns[:, None, :]]


def training_batches(
    split: ImageTensors, *, batch_size: int, augmentation: Augmentation, seed: int
) -> Iterator[tuple[Float[Tensor, "b c h w"], Int[Tensor, " b"]]]:
    """Yield one epoch in a random order, each image augmented.

    All random numbers are drawn on the CPU from `seed` alone, so an epoch is the same on every
    device and whether or not training was interrupted before it.
    """
    device = split.images.device
    n, padding = len(split.labels), augmentation.crop_padding
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(n, generator=generator).to(device)
    offsets = torch.randint(2 * padding + 1, (n, 2), generator=generator).to(device)
    flips = (torch.rand(n, generator=generator) < 0.5).to(device) & augmentation.flip
    for start in range(0, n, batch_size):
        rows = order[start : start + batch_size]
        chosen = slice(start, start + batch_size)
        pixels = crop_and_flip(split.images[rows], offsets[chosen], flips[chosen], padding=padding)
        yield split.normalized(pixels), split.labels[rows]


def plain_batches(
    split: ImageTensors, *, batch_size: int
) -> Iterator[tuple[Float[Tensor, "b c h w"], Int[Tensor, " b"]]]:
    """Yield a split in its own order, without augmentation."""
    for start in range(0, len(split.labels), batch_size):
        chosen = slice(start, start + batch_size)
        yield split.normalized(split.images[chosen]), split.labels[chosen]
