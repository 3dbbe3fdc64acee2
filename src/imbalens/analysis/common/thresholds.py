"""Thresholds that a given share of a channel's activations exceed.

Source: paper A, section 3.2.
"""

import numpy as np
from jaxtyping import Bool, Float, Float64

# A prime, so that the sample is spread over the rows and columns of maps of any size.
_SAMPLE_STEP = 61


def channel_thresholds(
    maps: Float[np.ndarray, "n k h w"], *, q: float
) -> Float64[np.ndarray, " k"]:
    """Find for each channel the activation that the share `q` of its values reaches.

    Args:
        maps: Activations of k channels for all n images.
        q: Share of the values at or above the threshold, P(A >= tau) = q.

    Returns:
        The (1 - q)-quantile of each channel over images and places, interpolated linearly: what
        `np.quantile` gives for the values in double precision.

    Raises:
        ValueError: if `q` is outside (0, 1), there are no values or one is not finite.

    Source: paper A, section 3.2.
    """
    return np.array(
        [
            find_threshold(maps[:, channel], q=q, name=f"channel {channel}")
            for channel in range(maps.shape[1])
        ],
        dtype=np.float64,
    )


def find_threshold(values: Float[np.ndarray, "*shape"], *, q: float, name: str) -> float:
    """Find the activation that the share `q` of one channel's values reaches.

    Args:
        values: Activations.
        q: Share of the values at or above the threshold.
        name: What the channel is called in an error message.

    Raises:
        ValueError: as `channel_thresholds`.
    """
    if not 0 < q < 1:
        raise ValueError(f"q is {q}; it must be > 0 and < 1")
    flat = values.ravel()
    if flat.size == 0:
        raise ValueError(f"{name} has no activation; a threshold needs at least one")
    if not (np.isfinite(flat.min()) and np.isfinite(flat.max())):
        wrong = flat.size - np.count_nonzero(np.isfinite(flat))
        raise ValueError(f"activations of {name} must be finite; {wrong} of {flat.size} are not")
    place = (flat.size - 1) * (1 - q)
    rank = int(place)
    below, above = _order_statistics(flat, rank, min(rank + 1, flat.size - 1))
    part = place - rank
    gap = above - below
    # from the nearer end, as np.quantile does, so that not even rounding differs
    return below + gap * part if part < 0.5 else above - gap * (1 - part)


def exceed(
    values: Float[np.ndarray, "*shape"], threshold: float, out: Bool[np.ndarray, "*shape"]
) -> None:
    """Mark in `out` the values strictly above a threshold of higher precision."""
    cut = values.dtype.type(threshold)
    if float(cut) > threshold:  # numpy would compare in the lower precision
        cut = np.nextafter(cut, values.dtype.type(-np.inf))
    np.greater(values, cut, out=out)


def _order_statistics(
    values: Float[np.ndarray, " n"], rank: int, next_rank: int
) -> tuple[float, float]:
    """Return the values at two neighbouring places of the sorted array.

    Only the values above a floor are partitioned; a sample says where the floor may lie so that
    about twice the values needed are above it.
    """
    sample = np.sort(values[::_SAMPLE_STEP])
    floor = sample[max(0, int(len(sample) * (2 * rank / len(values) - 1)))]
    tail = values[values > floor]
    skipped = len(values) - len(tail)
    if skipped > rank:
        if floor == values.min():
            # a sparse channel: everything skipped is equal, mostly the zeros of a ReLU
            return float(floor), float(floor if skipped > next_rank else tail.min())
        tail, skipped = values, 0
    ordered = np.partition(tail, [rank - skipped, next_rank - skipped])
    return float(ordered[rank - skipped]), float(ordered[next_rank - skipped])
