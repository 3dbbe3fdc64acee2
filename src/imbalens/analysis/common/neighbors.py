"""Exact nearest neighbours in the feature embedding, whatever the order of the rows.

Blocked matrix products propose candidates, whose distances are then computed row against row in
float64; candidates are added until the distance at the last place is certainly exceeded.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

# Candidates beyond those needed, and how many times as many where they do not settle a query.
SPARE = 4
_GROWTH = 8
_BLOCK_VALUES = 2**23
_CHUNK = 32


@dataclass(frozen=True)
class Neighbors:
    """The k nearest other rows of each row, for which it has k places.

    Each row nearer than the k-th distance takes a place; those at that distance share the places
    left equally. Of rows with equal features and equal labels one stands for all.

    Attributes:
        row: Whose neighbours they are, rising.
        neighbor: Row that stands for the neighbours, nearest first.
        parts: Parts of places that these neighbours take together.
        parts_per_place: Parts that each place of a row is cut into.
        nearest: k neighbours to be shown, nearest first, of equal distances the smaller row.
    """

    row: Int[np.ndarray, " p"]
    neighbor: Int[np.ndarray, " p"]
    parts: Int[np.ndarray, " p"]
    parts_per_place: Int[np.ndarray, " n"]
    nearest: Int[np.ndarray, "n k"]

    @property
    def n_neighbors(self) -> int:
        """Places of each row, k."""
        return self.nearest.shape[1]

    def count(self, chosen: Bool[np.ndarray, " p"]) -> Int[np.ndarray, " n"]:
        """Sum the parts that chosen neighbours take of each row's places."""
        parts = np.where(chosen, self.parts, 0)
        return np.bincount(self.row, parts, minlength=len(self.nearest)).astype(np.int64)


@dataclass(frozen=True)
class _Groups:
    """Rows by what they have in common.

    Attributes:
        group: Group of each row, numbered in the order of their first rows.
        members: All rows, group by group, rising within a group.
        size: Rows of each group.
    """

    group: Int[np.ndarray, " n"]
    members: Int[np.ndarray, " n"]
    size: Int[np.ndarray, " g"]

    @property
    def first(self) -> Int[np.ndarray, " g"]:
        """First row of each group."""
        return self.members[np.cumsum(self.size) - self.size]

    def expand(
        self, groups: Int[np.ndarray, " q"], *, limit: int
    ) -> tuple[Int[np.ndarray, " r"], Int[np.ndarray, " r"]]:
        """List the first members, `limit` at most, of several groups: place there, and row."""
        size = np.minimum(self.size, limit)[groups]
        place = np.repeat(np.arange(len(groups)), size)
        nth = np.arange(len(place)) - np.repeat(np.cumsum(size) - size, size)
        return place, self.members[(np.cumsum(self.size) - self.size)[groups][place] + nth]


@dataclass(frozen=True)
class _Near:
    """Points that are no farther from a query than its last place.

    Attributes:
        query: Whose they are, rising.
        point: The point, nearest first.
        squared: Squared distance between the two.
    """

    query: Int[np.ndarray, " m"]
    point: Int[np.ndarray, " m"]
    squared: Float[np.ndarray, " m"]


def find_neighbors(
    features: Float[np.ndarray, "n d"], labels: Shaped[np.ndarray, "n ..."], *, n_neighbors: int
) -> Neighbors:
    """Find each row's nearest other rows by Euclidean distance.

    The row itself is excluded by its index: among duplicates the first hit need not be the row
    itself.

    Args:
        features: Feature embeddings, one row per instance.
        labels: What neighbours are to be counted by, in any form.
        n_neighbors: Neighbours per instance, k.

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
    precise = _usable(features)
    points = _group(precise)
    distinct = precise[points.first]
    # a point is near itself, and no row counts itself: hence one more
    near = _search(distinct, distinct, points.size, n_wanted=n_neighbors + 1)
    each, per_place = _cut_places(near, points.size, n_neighbors)

    kinds = _group(points.group * n + _group(labels).group)
    of_point = _group(points.group[kinds.first])
    found, row = points.expand(near.query, limit=n)
    place, kind = of_point.expand(near.point[found], limit=n)
    found, row = found[place], row[place]
    parts = each[found] * (kinds.size[kind] - (kinds.group[row] == kind))
    order = np.argsort(row, kind="stable")
    order = order[parts[order] > 0]
    return Neighbors(
        row=row[order],
        neighbor=kinds.first[kind[order]],
        parts=parts[order],
        parts_per_place=per_place[points.group],
        nearest=_nearest_others(near, points, n_neighbors),
    )


def nearest_rows(
    rows: Float[np.ndarray, "n d"], queries: Float[np.ndarray, "q d"], *, n_neighbors: int
) -> Int[np.ndarray, "q k"]:
    """Find the rows nearest to queries that are not among them, to be shown.

    Args:
        rows: Feature embeddings, one row per instance.
        queries: Feature embeddings of other instances.
        n_neighbors: Neighbours per query, k.

    Returns:
        Indices of rows, nearest first, of equal distances the smaller first.

    Raises:
        ValueError: if there are fewer rows than `n_neighbors`, or a feature is not finite in
            single precision.
    """
    if not 1 <= n_neighbors <= len(rows):
        raise ValueError(
            f"n_neighbors must lie in 1..{len(rows)}, the number of rows, found {n_neighbors}"
        )
    precise = _usable(rows)
    points = _group(precise)
    near = _search(precise[points.first], _usable(queries), points.size, n_wanted=n_neighbors)
    found, row = points.expand(near.point, limit=n_neighbors)
    return _first_rows(near.query[found], row, near.squared[found], n_neighbors)


def _usable(features: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Return the features in float64, without negative zeros."""
    with np.errstate(over="ignore"):
        unusable = np.flatnonzero(~np.isfinite(features.astype(np.float32)).all(axis=1))
    if len(unusable):
        raise ValueError(
            f"features must be finite in float32, found {len(unusable)} rows that are not, "
            f"the first being row {unusable[0]}"
        )
    return features.astype(np.float64) + 0.0


def _group(values: Shaped[np.ndarray, "n ..."]) -> _Groups:
    if values.ndim > 1:
        whole = np.ascontiguousarray(values)
        values = whole.view(np.dtype((np.void, whole.itemsize * whole.shape[1]))).ravel()
    numbers: dict[object, int] = {}
    group = np.array(
        [numbers.setdefault(value, len(numbers)) for value in values.tolist()], dtype=np.int64
    )
    return _Groups(group, np.argsort(group, kind="stable"), np.bincount(group))


def _search(
    points: Float[np.ndarray, "u d"],
    queries: Float[np.ndarray, "q d"],
    size: Int[np.ndarray, " u"],
    *,
    n_wanted: int,
) -> _Near:
    """Find, per query, all points no farther than the one within which enough rows lie.

    Args:
        points: Different points.
        queries: Where to search from.
        size: Rows that lie at each point, at least `n_wanted` in all.
        n_wanted: Rows that are enough.
    """
    n_points, d = points.shape
    centre = points.mean(axis=0)  # small norms keep the expanded squares accurate
    places, origins = points - centre, queries - centre
    scale = max(np.abs(places).max(), np.abs(origins).max(initial=0)) or 1.0
    places /= scale
    origins /= scale
    norms, lengths = (np.einsum("nd,nd->n", each, each) for each in (places, origins))
    radius = np.maximum(norms.max(), lengths)
    found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    pending, n_candidates, precision = np.arange(len(queries)), n_wanted + SPARE, np.float32
    while len(pending):
        n_candidates = min(n_candidates, n_points)
        table = _table(places, norms, precision)
        step = max(1, _BLOCK_VALUES // max(table.shape[1], n_candidates * d))
        # what rounding may add to the square of a distance that is expanded over d terms
        kind = np.finfo(precision)
        doubt = (4 * d + 16) * (float(kind.eps) * radius + float(kind.tiny))
        unsettled = []
        for block in np.split(pending, range(step, len(pending), step)):
            if n_candidates < n_points:
                candidates, least = _propose(table, origins[block], n_candidates)
                reach = (least + lengths[block] - doubt[block]) * scale**2
            else:
                candidates = np.tile(np.arange(n_points), (len(block), 1))
                reach = np.inf
            squared = _squared_distances(queries[block], points, candidates)
            order = np.argsort(squared, axis=1, kind="stable")
            candidates = np.take_along_axis(candidates, order, axis=1)
            squared = np.take_along_axis(squared, order, axis=1)
            enough = np.cumsum(size[candidates], axis=1) >= n_wanted
            last = np.where(enough, squared, np.inf).min(axis=1)
            settled = last < reach
            row, column = np.nonzero((squared <= last[:, None]) & settled[:, None])
            found.append((block[row], candidates[row, column], squared[row, column]))
            unsettled.append(block[~settled])
        pending = np.concatenate(unsettled)
        if precision is np.float64:
            n_candidates *= _GROWTH
        precision = np.float64
    query, point, squared = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(query, kind="stable")
    return _Near(query[order], point[order], squared[order])


def _table(
    places: Float[np.ndarray, "u d"], norms: Float[np.ndarray, " u"], precision: type
) -> Float[np.ndarray, "e columns"]:
    """Return what (x, 1) is multiplied by to give |y|^2 - 2 x y; columns in whole chunks."""
    n, d = places.shape
    table = np.zeros((d + 1, -(-n // _CHUNK) * _CHUNK), precision)
    table[:d, :n], table[d, :n], table[d, n:] = -2 * places.T, norms, np.inf
    return table


def _propose(
    table: Float[np.ndarray, "e columns"], origins: Float[np.ndarray, "b d"], n_candidates: int
) -> tuple[Int[np.ndarray, "b m"], Float[np.ndarray, " b"]]:
    """Choose the smallest products of each query: their columns, and what all others reach."""
    ones = np.ones((len(origins), 1))
    products = np.hstack([origins, ones]).astype(table.dtype) @ table
    # the smallest m lie in the m chunks with the smallest minima
    chunks = products.reshape(len(origins), _CHUNK, -1)
    n_chunks = chunks.shape[2]
    kept = min(n_candidates, n_chunks)
    chunk = np.argpartition(chunks.min(axis=1), kept - 1, axis=1)[:, :kept]
    pool = np.take_along_axis(chunks, chunk[:, None], axis=2).reshape(len(origins), -1)
    place = np.argpartition(pool, n_candidates - 1, axis=1)[:, :n_candidates]
    columns = place // kept * n_chunks + np.take_along_axis(chunk, place % kept, axis=1)
    return columns, np.take_along_axis(pool, place, axis=1).max(axis=1).astype(np.float64)


def _squared_distances(
    queries: Float[np.ndarray, "b d"],
    points: Float[np.ndarray, "u d"],
    candidates: Int[np.ndarray, "b m"],
) -> Float[np.ndarray, "b m"]:
    offsets = points[candidates.ravel()] - np.repeat(queries, candidates.shape[1], axis=0)
    return np.einsum("pd,pd->p", offsets, offsets).reshape(candidates.shape)


def _cut_places(
    near: _Near, size: Int[np.ndarray, " u"], n_neighbors: int
) -> tuple[Int[np.ndarray, " m"], Int[np.ndarray, " u"]]:
    """Return the parts that each row of a near point takes, and the parts per place."""
    last = np.zeros(len(size))
    np.maximum.at(last, near.query, near.squared)
    ties = near.squared == last[near.query]
    others = size[near.point] - (near.query == near.point)
    tied = np.bincount(near.query, others * ties).astype(np.int64)
    free = n_neighbors - np.bincount(near.query, others * ~ties).astype(np.int64)
    unit = np.gcd(free, tied)
    return np.where(ties, free[near.query], tied[near.query]) // unit[near.query], tied // unit


def _nearest_others(near: _Near, points: _Groups, n_neighbors: int) -> Int[np.ndarray, "n k"]:
    found, row = points.expand(near.query, limit=len(points.group))
    place, other = points.expand(near.point[found], limit=n_neighbors + 1)
    found, row = found[place], row[place]
    kept = other != row
    return _first_rows(row[kept], other[kept], near.squared[found[kept]], n_neighbors)


def _first_rows(
    query: Int[np.ndarray, " r"],
    row: Int[np.ndarray, " r"],
    squared: Float[np.ndarray, " r"],
    n_neighbors: int,
) -> Int[np.ndarray, "q k"]:
    """Keep the nearest rows of each query, which has enough; of equal distances the smaller."""
    order = np.lexsort((row, squared, query))
    query, row = query[order], row[order]
    nth = np.arange(len(query)) - np.searchsorted(query, query)
    return row[nth < n_neighbors].reshape(-1, n_neighbors)
