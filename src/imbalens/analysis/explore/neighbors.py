"""Exact nearest training images of images that are not among them."""

import numpy as np
from jaxtyping import Float, Int
from sklearn.neighbors import NearestNeighbors

SPARE = 4  # candidates beyond those needed: room to settle distances that rounding misplaces


def nearest_training(
    train: Float[np.ndarray, "n d"], queries: Float[np.ndarray, "q d"], *, n_neighbors: int
) -> Int[np.ndarray, "q k"]:
    """Find the training images nearest to each query by Euclidean distance.

    Args:
        train: Feature embeddings of the training images.
        queries: Feature embeddings of other images.
        n_neighbors: Neighbours per query, k.

    Returns:
        Rows of `train`, nearest first; of equal distances the smaller row first.

    Raises:
        ValueError: if there are fewer training images than `n_neighbors`, or a feature is not
            finite.
    """
    if not 1 <= n_neighbors <= len(train):
        raise ValueError(
            f"n_neighbors must lie in 1..{len(train)}, the number of training images, found "
            f"{n_neighbors}"
        )
    if not len(queries):
        return np.empty((0, n_neighbors), dtype=np.int64)
    precise, wanted = train.astype(np.float64), queries.astype(np.float64)
    search = NearestNeighbors(
        n_neighbors=min(len(train), n_neighbors + SPARE), algorithm="brute", metric="euclidean"
    )
    candidates = np.sort(search.fit(precise).kneighbors(wanted, return_distance=False), axis=1)
    nearest = np.empty((len(wanted), n_neighbors), dtype=np.int64)
    for row, (query, near) in enumerate(zip(wanted, candidates, strict=True)):
        squared = ((precise[near] - query) ** 2).sum(axis=1)
        nearest[row] = near[np.argsort(squared, kind="stable")[:n_neighbors]]
    return nearest
