"""Which colours the salient pixels of a class have.

Source: paper B, section 3.5, Algorithm 3 and Figure 7.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8, UInt16, UInt32

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.common.counting import count_pairs, divide
from imbalens.classes import require_codes

# The paper names the groups but not their limits. Here each group has reference colours, most of
# them web colours of that name (hexadecimal RGB), muted ones added because photographs hold few
# pure colours.
_REFERENCES = {
    "black": "000000 141414 282828",
    "dark green": "006400 003c00 556b2f 2f4f2f 3c4b2d 005f50",
    "dark blue": "00008b 000050 191970 28375a 003c6e 4b0082",
    "gray": "505050 696969 808080 a9a9a9 c0c0c0 d3d3d3",
    "brown": "8b4513 a0522d 5a3c23 64503c 800000 8b653c a08769 d2b48c",
    "orange": "ffa500 ff8c00 ff6e14 d2691e f4a460",
    "red": "ff0000 dc143c b22222 c83c3c c71585",
    "green": "00ff00 00a000 32cd32 6b8e23 6e8c64 2e8b57",
    "blue": "0000ff 4169e1 4682b4 5a78a0 8a2be2 0080a0",
    "yellow": "ffff00 ffd700 f0e68c c8b43c fffabe",
    "light blue": "add8e6 87ceeb 00ffff b0c4de d2e6fa",
    "light green": "90ee90 98fb98 7fffd4 bed7af d7f5d7",
    "light red": "ffc0cb f08080 ff69b4 dcb9b4 ffdacd",
    "white": "ffffff f5f5f5 e8e8e8",
}
COLOUR_GROUPS: tuple[str, ...] = tuple(_REFERENCES)
ANY_PIXEL, ALL = "any pixel", "all"

# Colours are judged per 4 x 4 x 4 cell of RGB space: finer than the eye tells apart, and the
# table of all cells stays in the processor's cache.
_CELL_BITS = 2
_AXIS_BITS = 8 - _CELL_BITS

_BLOCK_PIXELS = 1 << 20

# Linear sRGB to CIE XYZ, each row over that of the white point D65 (IEC 61966-2-1).
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_TO_XYZ /= _TO_XYZ.sum(axis=1, keepdims=True)


Ranks = UInt16[np.ndarray, "n h w"] | UInt32[np.ndarray, "n h w"]


@dataclass(frozen=True)
class ColourTable:
    """Colours of the chosen pixels of each class.

    Attributes:
        pixels: Chosen pixels of each class in each group of `COLOUR_GROUPS`.
        share: The same as part of the class's chosen pixels; NaN for a class without any.
        mean_rgb: Mean colour of these pixels, 0-255; NaN where there are none.
    """

    pixels: Int[np.ndarray, "c g"]
    share: Float[np.ndarray, "c g"]
    mean_rgb: Float[np.ndarray, "c g 3"]


@dataclass(frozen=True)
class Colours:
    """Colours of the most salient pixels, class by class.

    Attributes:
        salient: The pixels that were chosen.
        tables: By name of the pixels that were counted their colours: all pixels whether salient
            or not (`ANY_PIXEL`), all that are salient (`ALL`), those of each archetype's images.
    """

    salient: Bool[np.ndarray, "n h w"]
    tables: Mapping[str, ColourTable]


def colours(
    images: UInt8[np.ndarray, "n h w 3"],
    rank: Ranks,
    labels: Int[np.ndarray, " n"],
    archetypes: Int[np.ndarray, " n"],
    *,
    n_classes: int,
    fraction: float,
) -> Colours:
    """Name the colours of the pixels that a network's decisions depend on most.

    Args:
        images: Training images as 8-bit RGB.
        rank: Saliency rank of each pixel, see `top_pixels`.
        labels: Class of each image.
        archetypes: Archetype of each image, see `Archetype`.
        n_classes: Number of classes.
        fraction: Part of the pixels that is salient, see `top_pixels`.

    Raises:
        ValueError: if a label is out of range, or `fraction` chooses no pixel.

    Source: paper B, section 3.5, Algorithm 3 and Figure 7.
    """
    groups, salient = classify_colours(images), top_pixels(rank, fraction=fraction)
    masks = {ANY_PIXEL: np.ones_like(salient), ALL: salient}
    for code, name in enumerate(ARCHETYPE_NAMES):
        masks[name] = salient & (archetypes == code)[:, None, None]
    return Colours(
        salient=salient,
        tables={
            part: tabulate_colours(groups, images, mask, labels, n_classes=n_classes)
            for part, mask in masks.items()
        },
    )


def classify_colours(rgb: UInt8[np.ndarray, "*shape 3"]) -> UInt8[np.ndarray, "*shape"]:
    """Assign every colour to one of the groups.

    RGB space is cut into cells of 4 x 4 x 4 values; a cell belongs to the group of the reference
    colour nearest to its centre, by Euclidean distance in CIELAB (sRGB, white point D65). So each
    colour is in exactly one group. Colours that no group is named after go to their nearest:
    purple to blue, pink to light red, dark red and tan to brown.

    Args:
        rgb: Colours, red, green and blue in the last axis.

    Returns:
        Positions in `COLOUR_GROUPS`.

    Source: paper B, section 3.5, which names the groups; their limits are not in the paper.
    """
    table = _group_of_cell()
    colours = rgb.reshape(-1, 3)
    groups = np.empty(len(colours), dtype=np.uint8)
    for start in range(0, len(colours), _BLOCK_PIXELS):
        block = slice(start, start + _BLOCK_PIXELS)
        red, green, blue = (colours[block] >> _CELL_BITS).T.astype(np.intp)
        groups[block] = table[(red << 2 * _AXIS_BITS) | (green << _AXIS_BITS) | blue]
    return groups.reshape(rgb.shape[:-1])


def top_pixels(rank: Ranks, *, fraction: float) -> Bool[np.ndarray, "n h w"]:
    """Choose the most salient pixels of each image.

    Args:
        rank: Saliency rank of each pixel, 0 the most salient; in each image a permutation of
            0..h*w-1.
        fraction: Part of the pixels to choose, rounded down to whole pixels. It is read as the
            decimal number it prints as: 0.29 of 100 pixels are 29.

    Returns:
        True at the floor(fraction * h * w) most salient pixels of each image.

    Raises:
        ValueError: if `fraction` is outside (0, 1] or chooses no pixel.

    Source: paper B, section 3.5 (top 10 %).
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction is {fraction}; it must be > 0 and <= 1")
    _, height, width = rank.shape
    chosen = int(Decimal(str(fraction)) * (height * width))
    if chosen == 0:
        raise ValueError(
            f"fraction is {fraction}, less than one of {height} x {width} pixels; "
            f"it must be at least 1 / {height * width}"
        )
    return rank < chosen


def tabulate_colours(
    groups: UInt8[np.ndarray, "n h w"],
    images: UInt8[np.ndarray, "n h w 3"],
    mask: Bool[np.ndarray, "n h w"],
    labels: Int[np.ndarray, " n"],
    *,
    n_classes: int,
) -> ColourTable:
    """Count and average the chosen pixels per class and colour group.

    Args:
        groups: Colour group of each pixel, see `classify_colours`.
        images: The images as 8-bit RGB.
        mask: Pixels to count.
        labels: Class of each image.
        n_classes: Number of classes.

    Returns:
        Counts, shares and mean colours.

    Raises:
        ValueError: if a label or group is out of range.

    Source: paper B, section 3.5, Algorithm 3 and Figure 7.
    """
    require_codes(labels, n_codes=n_classes, name="labels")
    n_groups = len(COLOUR_GROUPS)
    pixels = np.zeros((n_classes, n_groups), dtype=np.int64)
    summed = np.zeros((3, n_classes * n_groups))
    n_images, height, width = mask.shape
    step = max(1, _BLOCK_PIXELS // (height * width))
    for start in range(0, n_images, step):
        block = slice(start, start + step)
        image, row, column = np.nonzero(mask[block])
        label = labels[block][image]
        group = groups[block][image, row, column].astype(np.int64)
        pixels += count_pairs(
            label, group, n_rows=n_classes, n_columns=n_groups, names=("labels", "groups")
        )
        cell = label * n_groups + group
        colour = images[block][image, row, column]
        for channel in range(3):
            summed[channel] += np.bincount(
                cell, weights=colour[:, channel], minlength=n_classes * n_groups
            )
    return ColourTable(
        pixels=pixels,
        share=divide(pixels, pixels.sum(axis=1, keepdims=True)),
        mean_rgb=divide(summed.T.reshape(n_classes, n_groups, 3), pixels[..., None]),
    )


@functools.cache
def _group_of_cell() -> UInt8[np.ndarray, " cells"]:
    width = 1 << _CELL_BITS
    centres = np.arange(0, 256, width) + (width - 1) / 2
    cells = _to_lab(np.stack(np.meshgrid(centres, centres, centres, indexing="ij"), axis=-1))
    nearest = np.full(cells.shape[:-1], np.inf)
    group = np.zeros(cells.shape[:-1], dtype=np.uint8)
    for code, references in enumerate(_REFERENCES.values()):
        rgb = np.frombuffer(bytes.fromhex(references), dtype=np.uint8).reshape(-1, 3)
        for reference in _to_lab(rgb):
            distance = ((cells - reference) ** 2).sum(axis=-1)
            closer = distance < nearest
            nearest[closer] = distance[closer]
            group[closer] = code
    return group.ravel()


def _to_lab(rgb: np.ndarray) -> Float[np.ndarray, "*shape 3"]:
    encoded = rgb / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T
    delta = 6 / 29
    x, y, z = np.moveaxis(
        np.where(xyz > delta**3, np.cbrt(xyz), xyz / (3 * delta**2) + 4 / 29), -1, 0
    )
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
