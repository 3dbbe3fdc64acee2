"""What became different in a run beside its dataset's baseline: archetypes, features, shares.

Part of every such difference is chance, since a training repeated with another seed differs too:
read them beside those of runs that differ from the baseline in their seed alone.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from imbalens.analysis.archetypes.judging import Archetype
from imbalens.analysis.common.counting import count_pairs, divide
from imbalens.classes import require_codes

_TIE = 1e-9  # shares this close, relatively, are equal but for rounding


@dataclass(frozen=True)
class ArchetypeFlow:
    """Where instances of each archetype went from the baseline to another run.

    Attributes:
        count: Instances per class, archetype in the baseline and archetype in the other run.
        moved: Share of each class that changed its archetype; NaN for a class without instances.
        safer: Share of each class that moved towards `SAFE`; NaN likewise.
        overall_count: Counts over all classes.
        overall_moved: Share of all instances that changed; NaN if there are none.
        overall_safer: Share of all instances that moved towards `SAFE`; NaN likewise.
    """

    count: Int[np.ndarray, "c 4 4"]
    moved: Float[np.ndarray, " c"]
    safer: Float[np.ndarray, " c"]
    overall_count: Int[np.ndarray, "4 4"]
    overall_moved: float
    overall_safer: float


def archetype_flow(
    baseline: Int[np.ndarray, " p"],
    other: Int[np.ndarray, " p"],
    classes: Int[np.ndarray, " p"],
    *,
    n_classes: int,
) -> ArchetypeFlow:
    """Count how instances move between archetypes.

    Args:
        baseline: Archetype code per instance under the baseline, see `Archetype`.
        other: Archetype code of the same instances under the other run.
        classes: Class of each instance; where several labels can apply an instance is a pair of
            an image and a class that it has.
        n_classes: Number of classes.

    Returns:
        Counts and shares per class and over all.

    Raises:
        ValueError: if a class or an archetype is out of range.
    """
    n = len(Archetype)
    require_codes(classes, n_codes=n_classes, name="classes")
    require_codes(baseline, n_codes=n, name="baseline")
    cells = count_pairs(
        classes * n + baseline,
        other,
        n_rows=n_classes * n,
        n_columns=n,
        names=("classes and baseline", "other"),
    )
    return _summarise(cells.reshape(n_classes, n, n))


def _summarise(count: Int[np.ndarray, "c 4 4"]) -> ArchetypeFlow:
    overall = count.sum(axis=0)
    every = np.concatenate([count, overall[None]])
    size = every.sum(axis=(1, 2))
    safer = divide(np.tril(every, -1).sum(axis=(1, 2)), size)
    moved = divide(size - np.trace(every, axis1=1, axis2=2), size)
    return ArchetypeFlow(
        count=count,
        moved=moved[:-1],
        safer=safer[:-1],
        overall_count=overall,
        overall_moved=float(moved[-1]),
        overall_safer=float(safer[-1]),
    )


def match_features(
    first: Float[np.ndarray, "n d1"], second: Float[np.ndarray, "n d2"]
) -> Int[np.ndarray, " d1"]:
    """Pair the features of two networks one to one, so that their correlations sum to the most.

    The order of a network's features is arbitrary: any permutation of them, with the next
    layer's weights permuted alike, computes the same. Only networks that began from the same
    weights may keep some of a common order.

    Args:
        first: Feature embeddings of one network, one row per image.
        second: Those of the other network, of the same images in the same order.

    Returns:
        Index of the second network's feature per feature of the first; -1 for one without a
        partner, which is constant over the images or left over where the numbers differ.

    Source: Li et al., Convergent Learning: Do different neural networks learn the same
    representations?, ICLR 2016, section 3 (one-to-one matching by correlation).
    """
    from scipy.optimize import linear_sum_assignment  # .4 s; readers of changes match nothing

    a, b = _standardise(first), _standardise(second)
    correlations = a.T @ b
    rows, columns = linear_sum_assignment(correlations, maximize=True)
    varies = a[:, rows].any(axis=0) & b[:, columns].any(axis=0)
    rows, columns = rows[varies], columns[varies]
    partner = np.full(first.shape[1], -1, dtype=np.int64)
    partner[rows] = columns
    return partner


def _standardise(features: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Centre each feature and scale it to length 1; a constant feature becomes 0."""
    exact = features.astype(np.float64)
    centred = (exact - exact.mean(axis=0)) * (np.ptp(features, axis=0) > 0)
    length = np.sqrt(np.square(centred).sum(axis=0))
    return np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)


def shared_top_features(
    first: Int[np.ndarray, "c k"],
    second: Int[np.ndarray, "c k"],
    partner: Int[np.ndarray, " d1"],
) -> Float[np.ndarray, " c"]:
    """Count the top features of each class that two networks have in common.

    With the partners of `match_features` a feature is the same where it behaves the same, which
    is what is meant for any two networks. With `np.arange(d)` it is the same where it has the
    same index: that only says something of networks that began from the same weights and did
    not drift far apart; of others it lies around `expected_shared`.

    Args:
        first: Indices of the K top features per class under one network, see `top_features`; -1
            in an empty place.
        second: The same under the other network.
        partner: For each feature of the first network the index in the second that counts as
            the same, or -1.

    Returns:
        Number in common, 0 .. K; NaN for a class that has none under either.
    """
    shared = np.full(len(first), np.nan)
    for c in np.flatnonzero((first[:, 0] >= 0) & (second[:, 0] >= 0)):
        own, others = (each[c][each[c] >= 0] for each in (first, second))
        shared[c] = np.isin(partner[own], others).sum()
    return shared


def expected_shared(*, top_k: int, n_features: tuple[int, int]) -> float:
    """Top features that two networks would have in common if partners were drawn at random.

    Returns:
        K^2 / d, d being the larger number. Strongly skewed features, a few of which lead every
        class, have more in common by chance.
    """
    return top_k**2 / max(n_features)


def total_variation(
    first: Float[np.ndarray, "c m"], second: Float[np.ndarray, "c m"]
) -> Float[np.ndarray, " c"]:
    """Measure per class how far one distribution is from another: the mass that must move.

    Chosen over divergences because it is a share like that of instances that move, needs nothing
    added to empty entries, and can be read without a scale in mind. Distributions counted from
    few instances are apart by chance alone.

    Args:
        first: A distribution over m entries per class, or NaN where it is undefined.
        second: The same in the other run.

    Returns:
        Half the sum of absolute differences, 0 (equal) to 1 (nothing in common); NaN where
        either is undefined.

    Source: Levin, Peres and Wilmer, Markov Chains and Mixing Times, proposition 4.2.
    """
    return np.abs(first - second).sum(axis=1) / 2


def largest_entries(shares: Float[np.ndarray, "c m"]) -> Bool[np.ndarray, "c m"]:
    """Mark the largest entry of each distribution, all of them where several are equal.

    Args:
        shares: A distribution per class, or NaN where it is undefined.

    Returns:
        Nothing is marked where undefined.
    """
    return shares >= shares.max(axis=1, keepdims=True) * (1 - _TIE)
