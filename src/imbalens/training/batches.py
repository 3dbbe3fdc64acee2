"""Images resident on the device, augmented and normalised batch by batch without workers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Real, UInt8
from torch import Tensor

from imbalens.params.recipes import Augmentation
from imbalens.store.prepared import Prepared, read_split


@dataclass(frozen=True)
class ImageTensors:
    """One split of a prepared dataset on a device.

    Attributes:
        images: Pixels 0..255, channels last: RGB, or one grey channel.
        labels: Class of each image; of several labels, 1 where an image has one, 0 where it
            lacks it, or `UNKNOWN`.
        mean: Channel means of images scaled to [0, 1].
        std: Channel standard deviations of images scaled to [0, 1].
    """

    images: UInt8[Tensor, "n h w c"]
    labels: Int[Tensor, " n"] | UInt8[Tensor, "n m"]
    mean: Float[Tensor, "3"]
    std: Float[Tensor, "3"]

    def normalized(self, pixels: Real[Tensor, "b h w c"]) -> Float[Tensor, "b 3 h w"]:
        """Scale pixels to [0, 1] and standardise each channel; the result is channels_last.

        A grey channel is repeated three times.
        """
        scale = 1 / (255 * self.std)
        return torch.addcmul(-self.mean / self.std, pixels, scale).permute(0, 3, 1, 2)


def load_images(
    data: Path,
    prepared: Prepared,
    split: str,
    device: torch.device,
    *,
    first: int | None = None,
) -> tuple[ImageTensors, Int[np.ndarray, " n"]]:
    """Return one split's images on `device`, all or the first, and their positions in the source.

    Raises:
        InputError: if the file is absent or damaged; it says what to run.
    """
    arrays = read_split(data, split, first=first)
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


def jitter(
    pixels: UInt8[Tensor, "b h w c"],
    brightness: Float[Tensor, " b"],
    contrast: Float[Tensor, " b"],
) -> Float[Tensor, "b h w c"]:
    """Multiply each image's brightness, then its distance from its mean, within 0..255.

    Args:
        pixels: Images.
        brightness: Factor per image.
        contrast: Factor per image.
    """
    bright = (pixels * brightness[:, None, None, None]).clamp(0, 255)
    mean = bright.mean(dim=(1, 2, 3), keepdim=True)
    return torch.lerp(mean, bright, contrast[:, None, None, None]).clamp(0, 255)


Batches = Iterator[
    tuple[Float[Tensor, "b 3 h w"], Int[Tensor, " b"]]
    | tuple[Float[Tensor, "b 3 h w"], UInt8[Tensor, "b m"]]
]


def training_batches(
    split: ImageTensors, *, batch_size: int, augmentation: Augmentation, seed: int
) -> Batches:
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
    width = torch.tensor([[augmentation.brightness], [augmentation.contrast]])
    factors = (1 + width * (2 * torch.rand(2, n, generator=generator) - 1)).to(device)
    for start in range(0, n, batch_size):
        rows = order[start : start + batch_size]
        chosen = slice(start, start + batch_size)
        pixels = crop_and_flip(split.images[rows], offsets[chosen], flips[chosen], padding=padding)
        if augmentation.brightness or augmentation.contrast:
            pixels = jitter(pixels, factors[0, chosen], factors[1, chosen])
        yield split.normalized(pixels), split.labels[rows]


def plain_batches(split: ImageTensors, *, batch_size: int) -> Batches:
    """Yield a split in its own order, without augmentation."""
    for start in range(0, len(split.labels), batch_size):
        chosen = slice(start, start + batch_size)
        yield split.normalized(split.images[chosen]), split.labels[chosen]
