"""Class activation maps: what a linear head saw where."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, Int


def class_activation_maps(
    maps: Float[np.ndarray, "p k h w"], weights: Float[np.ndarray, "p k"]
) -> Float[np.ndarray, "p h w"]:
    """Add up each pair's maps, weighted by its class's row of the head: sum_k w_k A_k.

    The mean of such a map is the class's logit without its bias: it says what each place
    contributes. For a cosine head, whose rows are unit vectors, that mean is the cosine times the
    length of the image's features: proportional to the class's score within an image, with
    another factor in every image.

    Args:
        maps: Maps of the last convolutional layer for each pair of an image and a class.
        weights: The head's row for the class of each pair.

    Returns:
        One map per pair, in the resolution of `maps` and in logits.

    Source: paper A, section 3.2; Zhou et al., Learning Deep Features for Discriminative
    Localization, CVPR 2016, section 2.
    """
    return np.einsum("pkhw,pk->phw", maps, weights)


def pair_cams(
    blocks: Iterable[tuple[slice, Float[np.ndarray, "_ k h w"]]],
    pairs: Int[np.ndarray, "p 2"],
    head: Float[np.ndarray, "m k"],
) -> Float[np.ndarray, "p h w"]:
    """Make the class activation map of each pair, reading the maps once.

    Args:
        blocks: Rows and maps of the last convolutional layer, of some images at a time, in order.
        pairs: Image row and class of each pair, sorted.
        head: Weights of the head for each class.

    Returns:
        As `class_activation_maps`.

    Raises:
        ValueError: if the images of some pairs are in no block.
    """
    parts = []
    for rows, maps in blocks:
        chosen = pairs[(pairs[:, 0] >= rows.start) & (pairs[:, 0] < rows.stop)]
        parts.append(class_activation_maps(maps[chosen[:, 0] - rows.start], head[chosen[:, 1]]))
    found = sum(map(len, parts))
    if not parts or found != len(pairs):
        raise ValueError(f"blocks hold the images of {found} of {len(pairs)} pairs; give all once")
    return np.concatenate(parts)


def normalize_maps(maps: Float[np.ndarray, "p h w"]) -> Float[np.ndarray, "p h w"]:
    """Stretch each map to 0 .. 1 by its smallest and largest value.

    A constant map, which points nowhere, becomes all 0.

    Source: paper A, section 4 (soft IoBB and IoR).
    """
    lowest = maps.min(axis=(1, 2), keepdims=True)
    span = maps.max(axis=(1, 2), keepdims=True) - lowest
    return np.divide(maps - lowest, span, out=np.zeros_like(maps), where=span > 0)


def resize_maps(
    maps: Float[np.ndarray, "p h w"], *, size: tuple[int, int]
) -> Float[np.ndarray, "p h_out w_out"]:
    """Resize each map bilinearly, pixels being areas whose centres carry the values.

    The same as PyTorch's `interpolate(mode="bilinear", align_corners=False)`: beyond the
    outermost centres values stay as they are, and shrinking does not smooth. A constant map stays
    constant to the last bit, which rounded weights alone would not grant.
    """
    rows = _resizing_matrix(maps.shape[1], size[0]).astype(maps.dtype)
    columns = _resizing_matrix(maps.shape[2], size[1]).astype(maps.dtype)
    resized = rows @ maps @ columns.T
    constant = maps.min(axis=(1, 2)) == maps.max(axis=(1, 2))
    resized[constant] = maps[constant, :1, :1]
    return resized


def _resizing_matrix(n: int, n_out: int) -> Float[np.ndarray, "n_out n"]:
    """Return the weights with which the `n` values along an axis make up the new ones."""
    places = np.clip((np.arange(n_out) + 0.5) * (n / n_out) - 0.5, 0, n - 1)
    left = np.floor(places).astype(np.int64)
    right = np.minimum(left + 1, n - 1)
    matrix = np.zeros((n_out, n))
    row = np.arange(n_out)
    np.add.at(matrix, (row, left), 1 - (places - left))
    np.add.at(matrix, (row, right), places - left)
    return matrix
