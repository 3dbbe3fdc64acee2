"""The exact medoid of a set of points, in little memory."""

import math

import numpy as np
from jaxtyping import Float

_BLOCK = 512


def exact_medoid(points: Float[np.ndarray, "n d"]) -> int:
    """Find the point with the smallest sum of Euclidean distances to all points.

    Blocked matrix products over half of the (symmetric) distance matrix give every sum to
    within rounding; the few points that then come into question are settled by exactly
    rounded sums of directly computed distances.

    Returns:
        Row of the medoid: of several with the smallest sum the one whose first coordinate that
        differs is smallest, so that neither an order of points nor rounding of their coordinates
        matters; the first of its duplicates.

    Raises:
        ValueError: if there are no points or a coordinate is not finite.

    Source: paper B, section 3.2 (K-medoids with one cluster is the exact medoid).
    """
    if len(points) == 0:
        raise ValueError("points must have at least one row, found none")
    if not np.isfinite(points).all():
        raise ValueError("points must be finite, found NaN or infinite coordinates")
    precise = points.astype(np.float64)
    precise -= precise.mean(axis=0)  # small norms keep the expanded squares accurate
    sums = _distance_sums(precise)
    shortlist = np.flatnonzero(sums <= sums.min() + _doubt(precise))
    if len(shortlist) == 1:
        return int(shortlist[0])
    # duplicates share their sum: the first of them stands for all
    first = {tuple(points[row].tolist()): int(row) for row in shortlist[::-1]}
    _, place = min((_exact_sum(points, row), place) for place, row in first.items())
    return first[place]


def _distance_sums(points: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
    """Sum each centred point's distances to all points, block by block of the upper half."""
    squares = np.einsum("nd,nd->n", points, points)
    sums = np.zeros(len(points))
    for top in range(0, len(points), _BLOCK):
        rows = slice(top, top + _BLOCK)
        doubled = -2 * points[rows]
        for left in range(top, len(points), _BLOCK):
            columns = slice(left, left + _BLOCK)
            distances = doubled @ points[columns].T
            distances += squares[rows, None]
            distances += squares[columns]
            np.maximum(distances, 0, out=distances)
            np.sqrt(distances, out=distances)
            if left == top:
                np.fill_diagonal(distances, 0)
            else:
                sums[columns] += distances.sum(axis=0)
            sums[rows] += distances.sum(axis=1)
    return sums


def _doubt(points: Float[np.ndarray, "n d"]) -> float:
    """Bound by how much rounding can misplace two of the sums against each other.

    The square of a distance, expanded over d terms, is off by at most (4 d + 8) epsilon of
    the largest squared norm, and the distance by no more than the root of that.
    """
    n, d = points.shape
    radius = math.sqrt(np.einsum("nd,nd->n", points, points).max())
    return 2 * n * radius * math.sqrt((4 * d + 8) * np.finfo(np.float64).eps)


def _exact_sum(points: Float[np.ndarray, "n d"], row: int) -> float:
    """Sum one point's distances to all points, independent of their order."""
    offsets = points.astype(np.float64) - points[row]
    return math.fsum(np.sqrt(np.einsum("nd,nd->n", offsets, offsets)))
