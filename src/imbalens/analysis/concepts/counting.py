"""Concepts: connected parts of a channel's strong activations that overlap a box.

They are at matched scale as they are: a loss that raises the logits, by larger weights, by larger
activations or by a constant added to channels, changes none of these counts, because a channel's
threshold is a quantile of its own activations. Every channel keeps the share `q` of its cells in
every run; less only where so much of it is one value, like 0 after a ReLU, that fewer lie above,
and nothing where it is dead, which is counted.

Source: paper A, sections 3.2 and 4, Table 2.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from imbalens.analysis.common.cams import resize_maps
from imbalens.analysis.common.thresholds import exceed, find_threshold
from imbalens.analysis.concepts.components import Connectivity, label_cells
from imbalens.analysis.concepts.regions import BoxRegions, find_regions


@dataclass(frozen=True)
class ConceptCounts:
    """Concepts of k channels in the boxes of n images and of p pairs of an image and a class.

    Attributes:
        tau: Threshold of each channel; NaN where each batch has its own.
        dead: Whether a channel has the same value everywhere, like 0 after a ReLU.
        pairs: Image row and class of each pair, sorted.
        disjoint_per_image: Parts, over all channels, that overlap any box of the image.
        unique_per_image: Channels with at least one such part.
        disjoint_per_pair: Parts, over all channels, that overlap a box of the pair.
        unique_per_pair: Channels with at least one such part.
        fires: Per channel and class, pairs in which the channel has at least one such part.
        peak_images: Per channel, images in which it is most active at any place, largest first.
        peak_active: Cells above the threshold in these; none of a dead channel.
    """

    tau: Float64[np.ndarray, " k"]
    dead: Bool[np.ndarray, " k"]
    pairs: Int[np.ndarray, "p 2"]
    disjoint_per_image: Int[np.ndarray, " n"]
    unique_per_image: Int[np.ndarray, " n"]
    disjoint_per_pair: Int[np.ndarray, " p"]
    unique_per_pair: Int[np.ndarray, " p"]
    fires: Int[np.ndarray, "k c"]
    peak_images: Int[np.ndarray, "k t"]
    peak_active: Bool[np.ndarray, "k t h w"]


def count_concepts(
    blocks: Iterable[tuple[int, Float[np.ndarray, "_ _ h w"]]],
    boxes: Int[np.ndarray, "b 6"],
    *,
    n_images: int,
    n_channels: int,
    n_classes: int,
    image_size: int,
    q: float,
    threshold_scope: Literal["dataset", "batch"],
    batch_size: int,
    space: Literal["native", "upsampled"],
    component: Literal["whole", "clipped"],
    connectivity: Connectivity,
    count_holes: bool,
    n_peaks: int,
) -> ConceptCounts:
    """Count the parts of strong activation that overlap boxes, channel by channel.

    How the channels are cut into blocks changes nothing.

    Args:
        blocks: First channel and maps of each block of channels, all images at once.
        boxes: Image row, class, x, y, width, height (pixels of the image) of each box.
        n_images: Number of images; without any, thresholds are NaN and counts 0.
        n_channels: Number of channels, each of which must be in exactly one block.
        n_classes: Number of classes.
        image_size: Side of the images in pixels.
        q: Share of a channel's values at or above its threshold.
        threshold_scope: Thresholds over all images, or over each batch of consecutive ones.
        batch_size: Images per batch; the last one may be smaller.
        space: Take maps as they are, where a box covers every cell that it touches, or resize
            them to the image before anything else.
        component: A part counts as it is, or after it was cut off at the boxes.
        connectivity: 8 if cells that share only a corner belong to one part, 4 if not.
        count_holes: Whether each hole of a part that counts is counted too.
        n_peaks: Images to keep of each channel, to be shown.

    Returns:
        Counts per image, per pair of an image and a class, and per channel and class; and where
        each channel is most active.

    Raises:
        ValueError: if blocks do not match the numbers of images and channels, a box is empty or
            reaches out of its image, a class or image is out of range, `q` is outside (0, 1) or
            an activation is not finite.

    Source: paper A, section 3.2 "Analyzing Encoded Concepts" and section 4.
    """
    tau, dead = np.full(n_channels, np.nan), np.zeros(n_channels, dtype=bool)
    fires = np.zeros((n_channels, n_classes), dtype=np.int64)
    batch = n_images if threshold_scope == "dataset" else batch_size
    regions, disjoint, unique = None, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    peak_images = np.zeros((n_channels, min(n_peaks, n_images)), dtype=np.int64)
    peak_active = np.zeros((*peak_images.shape, 0, 0), dtype=bool)
    for channel, maps in _single_channels(blocks, n_images=n_images, n_channels=n_channels):
        values = maps
        if space == "upsampled":
            values = resize_maps(maps, size=(image_size, image_size))
        if regions is None:
            regions = find_regions(
                boxes,
                n_images=n_images,
                n_classes=n_classes,
                image_size=image_size,
                map_size=(values.shape[1], values.shape[2]),
            )
            disjoint, unique = np.zeros((2, regions.n_regions), dtype=np.int64)
            peak_active = np.zeros((*peak_images.shape, *values.shape[1:]), dtype=bool)
        if n_images == 0:
            continue
        active, thresholds = _find_active(values, q=q, batch=batch, name=f"channel {channel}")
        if threshold_scope == "dataset":
            tau[channel] = thresholds[0]
        dead[channel] = maps.min() == maps.max()
        peaks = top_images(values, n=n_peaks)
        peak_images[channel], peak_active[channel] = peaks, active[peaks, :-1, :-1]
        parts = _count_parts(
            active,
            regions,
            component=component,
            connectivity=connectivity,
            count_holes=count_holes,
        )
        disjoint += parts
        unique += parts > 0
        fires[channel] = np.bincount(regions.pairs[parts[n_images:] > 0, 1], minlength=n_classes)
    if regions is None:
        raise ValueError("blocks hold no channel; counting needs at least one")
    return ConceptCounts(
        tau=tau,
        dead=dead,
        pairs=regions.pairs,
        disjoint_per_image=disjoint[:n_images],
        unique_per_image=unique[:n_images],
        disjoint_per_pair=disjoint[n_images:],
        unique_per_pair=unique[n_images:],
        fires=fires,
        peak_images=peak_images,
        peak_active=peak_active,
    )


def top_images(maps: Float[np.ndarray, "n h w"], *, n: int) -> Int[np.ndarray, " m"]:
    """Choose the images in which a channel is most active at any place, largest first.

    Returns:
        Rows of the images; equal ones in their order.
    """
    return np.argsort(-maps.max(axis=(1, 2)), kind="stable")[:n]


def _single_channels(
    blocks: Iterable[tuple[int, Float[np.ndarray, "_ _ h w"]]], *, n_images: int, n_channels: int
) -> Iterator[tuple[int, Float[np.ndarray, "n h w"]]]:
    """Yield each channel's number and maps, and see that all come once."""
    times = np.zeros(n_channels, dtype=np.int64)
    for first, block in blocks:
        last = first + block.shape[1]
        if block.shape[0] != n_images or not 0 <= first <= last <= n_channels:
            raise ValueError(
                f"found a block of channels {first} to {last - 1} for {block.shape[0]} images; "
                f"there are channels 0 to {n_channels - 1} and {n_images} images"
            )
        times[first:last] += 1
        for channel in range(first, last):
            yield channel, np.ascontiguousarray(block[:, channel - first])
    wrong = np.flatnonzero(times != 1)
    if len(wrong):
        raise ValueError(
            f"blocks must hold each of {n_channels} channels once; "
            f"channel {wrong[0]} came {times[wrong[0]]} times"
        )


def _find_active(
    maps: Float[np.ndarray, "n h w"], *, q: float, batch: int, name: str
) -> tuple[Bool[np.ndarray, "n h+1 w+1"], list[float]]:
    """Mark the cells above the threshold of their batch; `BoxRegions` says why some stay free."""
    n, height, width = maps.shape
    active = np.zeros((n, height + 1, width + 1), dtype=bool)
    thresholds = []
    for start in range(0, n, batch):
        part = maps[start : start + batch]
        thresholds.append(find_threshold(part, q=q, name=name))
        exceed(part, thresholds[-1], active[start : start + batch, :height, :width])
    return active, thresholds


def _count_parts(
    active: Bool[np.ndarray, "n h w"],
    regions: BoxRegions,
    *,
    component: Literal["whole", "clipped"],
    connectivity: Connectivity,
    count_holes: bool,
) -> Int[np.ndarray, " r"]:
    """Count one channel's parts in each region."""
    flat = active.ravel()
    hit = flat[regions.cells]
    places = regions.places[hit]
    if component == "clipped":
        found = label_cells(places, width=regions.width, connectivity=connectivity)
        part = found.of_cell
    else:
        cells = np.flatnonzero(flat)
        found = label_cells(cells, width=regions.width, connectivity=connectivity)
        part = found.of_cell[np.searchsorted(cells, regions.cells[hit])]
    n_parts = len(found.holes)
    overlaps = np.unique(places // regions.area * n_parts + part)
    region, part = np.divmod(overlaps, max(1, n_parts))
    weights = 1 + found.holes[part] if count_holes else np.ones_like(part)
    return np.bincount(region, weights, regions.n_regions).astype(np.int64)
