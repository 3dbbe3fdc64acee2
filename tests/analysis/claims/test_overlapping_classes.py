import numpy as np

from imbalens.analysis.claims.intervals import Resampling
from imbalens.analysis.claims.overlapping_classes import (
    colour_distance,
    contrast_overlapping,
    judge_colours,
)
from tests.analysis.claims.rules import RESAMPLING, rules


def test_colour_distance_by_hand():
    shares = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    assert colour_distance(shares).tolist() == [[0, 0.5, 1], [0.5, 0, 1], [1, 1, 0]]


def mixed(rng, n_classes):
    draws = rng.standard_exponential((n_classes, 14))
    return draws / draws.sum(axis=1, keepdims=True)


def twins(n_classes):
    marked = np.zeros((n_classes, n_classes), dtype=bool)
    for first in range(0, n_classes, 4):
        marked[first, first + 1] = marked[first + 1, first] = True
    return marked


def test_alike_colours_of_overlapping_classes_are_found():
    shares, overlapping = mixed(np.random.default_rng(0), 8), twins(8)
    shares[[1, 5]] = shares[[0, 4]]
    found = contrast_overlapping(colour_distance(shares), overlapping, RESAMPLING)
    assert found.high < 0
    assert found.n == 8
    verdict = judge_colours("r", shares, overlapping, rules=rules())
    assert (verdict.run, verdict.verdict, verdict.estimate) == ("r", "holds", found)


def test_colours_at_random_are_not_called_alike():
    held = 0
    for seed in range(40):
        shares = mixed(np.random.default_rng(seed), 8)
        found = contrast_overlapping(
            colour_distance(shares), twins(8), Resampling(0.95, 100, seed)
        )
        held += found.high < 0
    assert held <= 4


def test_classes_without_values_are_left_out():
    shares, overlapping = mixed(np.random.default_rng(0), 9), twins(9 + 3)[:9, :9]
    shares[8] = np.nan
    found = contrast_overlapping(colour_distance(shares), overlapping, RESAMPLING)
    alone = contrast_overlapping(colour_distance(shares[:8]), overlapping[:8, :8], RESAMPLING)
    assert found == alone


def test_without_values_nothing_is_contrasted():
    nothing = np.full((4, 4), np.nan)
    assert contrast_overlapping(nothing, twins(4), RESAMPLING).n == 0
