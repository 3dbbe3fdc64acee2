"""Neighbours as tests need them: listed by hand, and found by the slow definition."""

import math
from fractions import Fraction

import numpy as np

from imbalens.analysis.adversaries.distributions import adversary_distribution
from imbalens.analysis.archetypes.judging import find_archetypes
from imbalens.analysis.common.neighbors import Neighbors


def listed(nearest):
    """Neighbours that are listed row by row, each with a place of its own."""
    nearest = np.asarray(nearest)
    n, k = nearest.shape
    return Neighbors(
        row=np.repeat(np.arange(n), k),
        neighbor=nearest.ravel(),
        parts=np.ones(n * k, dtype=np.int64),
        parts_per_place=np.ones(n, dtype=np.int64),
        nearest=nearest,
    )


def _behind(neighbor_labels, labels):
    """Let each instance's neighbours stand behind all instances, with the labels given."""
    n, k = neighbor_labels.shape[:2]
    behind = neighbor_labels.reshape(n * k, *labels.shape[1:])
    nearest = np.zeros((n + n * k, k), dtype=np.int64)
    nearest[:n] = n + np.arange(n * k).reshape(n, k)
    return listed(nearest), behind


def judge(neighbor_labels, labels, **cuts):
    """Judge instances by the labels of their neighbours."""
    neighbors, behind = _behind(neighbor_labels, labels)
    return find_archetypes(neighbors, np.concatenate([labels, behind]), **cuts)[: len(labels)]


def count_adversaries(neighbor_labels, labels, predictions, **options):
    """Count the adversaries of instances by the labels of their neighbours."""
    neighbors, behind = _behind(neighbor_labels, labels)
    return adversary_distribution(
        neighbors,
        np.concatenate([labels, behind]),
        np.concatenate([predictions, behind]),
        among=np.arange(len(labels) + len(behind)) < len(labels),
        **options,
    )


def slow_places(features, k):
    """Definitions, Ties: per row the place, or part of one, that every other row takes.

    Squared distances are exact for whole features.
    """
    points = [[Fraction(float(value)) for value in row] for row in features]
    found = []
    for own, point in enumerate(points):
        squared = {
            i: sum((a - b) ** 2 for a, b in zip(point, other, strict=True))
            for i, other in enumerate(points)
            if i != own
        }
        last = sorted(squared.values())[k - 1]
        nearer = [i for i, value in squared.items() if value < last]
        tied = [i for i, value in squared.items() if value == last]
        each = Fraction(k - len(nearer), len(tied))
        found.append(dict.fromkeys(nearer, Fraction(1)) | dict.fromkeys(tied, each))
    return found


def slow_medoid(points, members):
    """Definition: least summed distance, of several the first in the order of coordinates."""
    precise = np.asarray(points, dtype=np.float64)

    def key(i):
        total = math.fsum(math.dist(precise[i], precise[j]) for j in members)
        return total, tuple(precise[i].tolist()), i

    return min(members, key=key, default=-1)


def half_up(value):
    return math.floor(value + Fraction(1, 2))


def draw_duplicates(seed, *, n=24, n_classes=3):
    """Whole features, of which many are the same or equally far, with classes that differ."""
    rng = np.random.default_rng(seed)
    features = rng.integers(0, rng.integers(1, 4), (n, 2)).astype(np.float32)
    return features, rng.integers(0, n_classes, n)
