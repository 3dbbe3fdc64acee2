"""Exact nearest neighbours in the feature embedding."""

from importlib import import_module
from importlib.util import find_spec

import numpy as np
from jaxtyping import Float, Int
from sklearn.neighbors import NearestNeighbors

# Where faiss overtakes scikit-learn's brute force; either gives the same neighbours.
FAISS_ABOVE = 100_000
# Candidates fetched beyond those needed: room to settle ties and single-precision distances.
SPARE = 4
_QUERY_ROWS = 65_536
_BLOCK_VALUES = 2**20


def nearest_neighbors(
    features: Float[np.ndarray, "n d"], *, n_neighbors: int
) -> Int[np.ndarray, "n k"]:
    """Find each row's nearest other rows by Euclidean distance.

    A brute-force search in single precision proposes candidates; these are ranked again by
    distances in float64, equal distances by the smaller row. The instance itself is excluded
    by its index: among duplicates the first hit need not be the instance itself. Which of
    several rows at exactly the same distance are listed last is open only where more than
    `SPARE` rows beyond the last place share that distance.

    Args:
        features: Feature embeddings, one row per instance.
        n_neighbors: Neighbours per instance, k.

    Returns:
        Row indices of the neighbours, nearest first, never the row itself.

    Raises:
        ValueError: if `n_neighbors` is below 1, if there are no more rows than `n_neighbors`,
            or if a feature is not finite in single precision.

    Source: paper B, section 3.2 (k = 5).
    """
    n = len(features)
    if n_neighbors < 1:
        raise ValueError(f"n_neighbors must be at least 1, found {n_neighbors}")
    if n <= n_neighbors:
        raise ValueError(
            f"features must have more rows than n_neighbors={n_neighbors}, found {n}; "
            "use more instances or fewer neighbours"
        )
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(features, dtype=np.float32)
    unusable = np.flatnonzero(~np.isfinite(single).all(axis=1))
    if len(unusable):
        raise ValueError(
            f"features must be finite in float32, found {len(unusable)} rows that are not, "
            f"the first being row {unusable[0]}"
        )
    candidates = _propose(single, n_candidates=min(n, n_neighbors + 1 + SPARE))
    return _rank(features, candidates, n_neighbors=n_neighbors)


def _propose(features: Float[np.ndarray, "n d"], *, n_candidates: int) -> Int[np.ndarray, "n m"]:
    """Propose candidates, usually the row itself among them, by the faster exact search."""
    if len(features) > FAISS_ABOVE and find_spec("faiss") is not None:
        index = import_module("faiss").IndexFlatL2(features.shape[1])
        index.add(features)
        blocks = range(0, len(features), _QUERY_ROWS)
        return np.concatenate(
            [index.search(features[i : i + _QUERY_ROWS], n_candidates)[1] for i in blocks]
        )
    search = NearestNeighbors(n_neighbors=n_candidates, algorithm="brute", metric="euclidean")
    return search.fit(features).kneighbors(features, return_distance=False)


def _rank(
    features: Float[np.ndarray, "n d"], candidates: Int[np.ndarray, "n m"], *, n_neighbors: int
) -> Int[np.ndarray, "n k"]:
    """Order candidates by (float64 distance, row), put the row itself last, keep the first k."""
    candidates = np.sort(candidates, axis=1)
    nearest = np.empty((len(features), n_neighbors), dtype=np.int64)
    block = max(1, _BLOCK_VALUES // max(1, candidates.shape[1] * features.shape[1]))
    for start in range(0, len(features), block):
        rows = slice(start, start + block)
        own = np.arange(start, min(start + block, len(features)))[:, None]
        offsets = features[candidates[rows]].astype(np.float64) - features[rows][:, None]
        squared = np.einsum("nmd,nmd->nm", offsets, offsets)
        squared[candidates[rows] == own] = np.inf
        order = np.argsort(squared, axis=1, kind="stable")[:, :n_neighbors]
        nearest[rows] = np.take_along_axis(candidates[rows], order, axis=1)
    return nearest
