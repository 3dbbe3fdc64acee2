"""Random images on a device, in the shapes of real ones, and how many of them."""

from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.generated import CLASS_NAMES, N_CLASSES
from imbalens.dumps.trained import Trained
from imbalens.models.network import Network
from imbalens.store.prepared import Prepared
from imbalens.training.batches import ImageTensors

N_FINDINGS = 14
FINDING_SHARE = 0.05


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        small: Pixels a side of small images, and how many of them.
        large: Pixels a side of large images, and how many are trained on.
        explained: How many large images are dumped and explained.
        resident: Batches of the baseline, which it takes again and again.
        small_batch: Batch size of small images.
        large_batch: Batch size of large images in training; None for the profile's.
        dump_batch: Batch size of large images in dumps.
        rounds: Timed rounds, but for training on large images, which has one.
        epochs: Epochs of the published recipe; None for all.
    """

    small: tuple[int, int]
    large: tuple[int, int]
    explained: int
    resident: int
    small_batch: int
    large_batch: int | None
    dump_batch: int
    rounds: int
    epochs: int | None


FULL = Size(
    small=(32, 12_406),
    large=(224, 40_960),
    explained=2048,
    resident=16,
    small_batch=128,
    large_batch=None,
    dump_batch=64,
    rounds=4,
    epochs=None,
)
TINY = Size(
    small=(8, 12),
    large=(32, 4),
    explained=3,
    resident=2,
    small_batch=4,
    large_batch=2,
    dump_batch=2,
    rounds=1,
    epochs=2,
)


def random_images(n: int, pixels: int, device: torch.device, *, findings: bool) -> ImageTensors:
    """Draw images: grey ones with several labels if `findings`, else RGB ones of ten classes."""
    generator = torch.Generator(device).manual_seed(0)
    channels = 1 if findings else 3
    images = torch.randint(
        256, (n, pixels, pixels, channels), dtype=torch.uint8, device=device, generator=generator
    )
    if findings:
        draws = torch.rand(n, N_FINDINGS, device=device, generator=generator)
        labels = (draws < FINDING_SHARE).to(torch.uint8)
    else:
        labels = torch.arange(n, device=device) % N_CLASSES
    half = torch.full((3,), 0.5, device=device)
    return ImageTensors(images, labels, half, half / 2)


def as_trained(model: Network, images: ImageTensors) -> Trained:
    """Take a network for trained on images of ten classes."""
    device, n = images.images.device, len(images.labels)
    counts = np.bincount(images.labels.cpu().numpy(), minlength=N_CLASSES)
    return Trained(
        model.to(device).to(memory_format=torch.channels_last).eval(),
        scale=1.0,
        offset=torch.zeros(N_CLASSES, device=device),
        prepared=Prepared(
            class_names=CLASS_NAMES,
            task="multiclass",
            mean=np.full(3, 0.5),
            std=np.full(3, 0.25),
            counts=counts,
            negatives=n - counts,
            n_train=n,
            splits=("train",),
            source="generated",
            digest="",
        ),
        images={"train": images},
        index={"train": np.arange(n)},
    )
