"""The plain programs that ours are compared with, written by us from the papers' descriptions.

They are no one's published code: each does what the description says in the way that suggests
itself, one image or one pixel at a time where that is the description.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image, ImageOps
from scipy import ndimage
from sklearn.neighbors import NearestNeighbors
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import functional as transforms

from imbalens.training.batches import ImageTensors


def train_bare(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Sequence[tuple[Float[Tensor, "b c h w"], Int[Tensor, " b"]]],
) -> float:
    """Take one step of cross-entropy per batch and nothing else; return the mean loss."""
    model.train()
    losses = []
    for images, labels in batches:
        loss = nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return float(torch.stack(losses).mean())


class PillowImages(Dataset[tuple[Tensor, Tensor]]):
    """Images augmented one at a time by Pillow, by given crops and flips, then normalised."""

    def __init__(
        self,
        split: ImageTensors,
        offsets: Int[Tensor, "n 2"],
        flips: Bool[Tensor, " n"],
        *,
        padding: int,
    ) -> None:
        """Keep the images in memory, as torchvision's CIFAR datasets do."""
        self._images, self._labels = split.images.numpy(), split.labels
        self._mean, self._std = split.mean.tolist(), split.std.tolist()
        self._offsets, self._flips = offsets.tolist(), flips.tolist()
        self._padding = padding

    def __getitem__(self, item: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Return image `item[1]` with the crop and flip of position `item[0]`, and its label."""
        position, row = item
        image = ImageOps.expand(Image.fromarray(self._images[row]), border=self._padding)
        top, left = self._offsets[position]
        height, width = self._images.shape[1:3]
        image = image.crop((left, top, left + width, top + height))
        if self._flips[position]:
            image = ImageOps.mirror(image)
        tensor = transforms.to_tensor(image)
        return transforms.normalize(tensor, self._mean, self._std), self._labels[row]


def pillow_loader(
    split: ImageTensors,
    order: Int[Tensor, " n"],
    offsets: Int[Tensor, "n 2"],
    flips: Bool[Tensor, " n"],
    *,
    padding: int,
    batch_size: int,
    n_workers: int,
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Serve `PillowImages` in the given order; its workers live on between epochs."""
    return DataLoader(
        PillowImages(split, offsets, flips, padding=padding),
        batch_size=batch_size,
        sampler=list(enumerate(order.tolist())),
        num_workers=n_workers,
        persistent_workers=n_workers > 0,
    )


def saliency_one_by_one(
    model: nn.Module, images: Float[Tensor, "n c h w"], n_top: int
) -> Bool[np.ndarray, "n h w"]:
    """Backpropagate one image at a time, and mark its `n_top` most salient pixels.

    Source: paper B, section 3.5 and Algorithm 3.
    """
    n, _, height, width = images.shape
    chosen = np.zeros((n, height * width), bool)
    for row, image in enumerate(images):
        single = image[None].clone().requires_grad_()
        scores = model(single)
        scores[0, scores.argmax()].backward()
        assert single.grad is not None
        saliency = single.grad.abs().amax(1).flatten().numpy()
        chosen[row, np.argsort(-saliency, kind="stable")[:n_top]] = True
    return chosen.reshape(n, height, width)


def colours_by_pixel(
    images: UInt8[np.ndarray, "n h w 3"], cells: Sequence[set[tuple[int, int, int]]]
) -> UInt8[np.ndarray, "n h w"]:
    """Ask group after group whether a pixel is one of its colours, pixel after pixel.

    Args:
        images: RGB images.
        cells: Colours of each group, as red, green and blue without their last two bits.

    Source: paper B, section 3.5 and Algorithm 3.
    """
    groups = []
    for red, green, blue in images.reshape(-1, 3).tolist():
        cell = (red >> 2, green >> 2, blue >> 2)
        for group, members in enumerate(cells):
            if cell in members:
                groups.append(group)
                break
    return np.array(groups, np.uint8).reshape(images.shape[:-1])


def brute_force_neighbors(
    features: Float[np.ndarray, "n d"], n_neighbors: int
) -> Int[np.ndarray, "n k"]:
    """Ask scikit-learn for the neighbours, and take the first hit for the row itself."""
    search = NearestNeighbors(n_neighbors=n_neighbors + 1, algorithm="brute").fit(features)
    return search.kneighbors(features, return_distance=False)[:, 1:]


def concepts_by_map(
    maps: Float[np.ndarray, "n k h w"], masks: Bool[np.ndarray, "n h w"], q: float
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Count concepts, labelling every map by itself; parts touch at corners too.

    Args:
        maps: Activations.
        masks: Cells of each image that lie in its boxes.
        q: Share of a channel's values at or above its threshold.

    Returns:
        Parts in boxes over all channels, and channels with such a part, per image.

    Source: paper A, sections 3.2 and 4.
    """
    disjoint = np.zeros(len(maps), dtype=np.int64)
    unique = np.zeros_like(disjoint)
    for channel in range(maps.shape[1]):
        threshold = np.quantile(maps[:, channel].astype(np.float64), 1 - q)
        for row, mask in enumerate(masks):
            active = maps[row, channel] > threshold
            labels = np.zeros(active.shape, dtype=np.int32)
            ndimage.label(active, np.ones((3, 3)), output=labels)
            n_parts = np.count_nonzero(np.unique(labels[mask]))
            disjoint[row] += n_parts
            unique[row] += n_parts > 0
    return disjoint, unique
