import numpy as np

from imbalens.analysis.claims.intervals import Resampling
from imbalens.analysis.claims.overlapping_classes import (
    colour_distance,
    contrast_colours,
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
    found = contrast_colours(shares, overlapping, RESAMPLING)
    assert found.high < 0
    assert found.n == 8
    verdict = judge_colours("r", shares, overlapping, rules=rules())
    assert (verdict.judged, verdict.verdict, verdict.estimate) == ("r", "holds", found)


def test_unlike_colours_of_overlapping_classes_are_found_too():
    """Classes overlap where their colours have nothing in common, and only there."""
    shares = np.zeros((10, 3))
    shares[::2, 0] = shares[1::2, 1] = 1.0
    overlapping = (np.arange(10)[:, None] + np.arange(10)) % 2 == 1
    assert judge_colours("r", shares, overlapping, rules=rules()).verdict == "does not hold"


def test_colours_of_few_classes_and_of_none_that_overlap_are_not_judged():
    shares = mixed(np.random.default_rng(0), 8)
    few = judge_colours("r", shares[:4], twins(4), rules=rules())
    assert (few.verdict, few.reason) == (
        "not decided",
        "Only 4 classes, fewer than the 5 asked for.",
    )
    apart = judge_colours("r", shares, np.zeros((8, 8), dtype=bool), rules=rules())
    assert apart.verdict == "not applicable"


def test_colours_at_random_are_not_called_alike():
    held = 0
    for seed in range(200):
        shares = mixed(np.random.default_rng(seed), 8)
        found = contrast_colours(shares, twins(8), Resampling(0.95, 100, seed))
        held += found.high < 0
    assert held / 200 <= 0.06


def test_classes_without_values_are_left_out():
    shares, overlapping = mixed(np.random.default_rng(0), 9), twins(9 + 3)[:9, :9]
    shares[8] = np.nan
    found = contrast_colours(shares, overlapping, RESAMPLING)
    alone = contrast_colours(shares[:8], overlapping[:8, :8], RESAMPLING)
    assert found == alone


def test_without_values_nothing_is_contrasted():
    nothing = np.full((4, 14), np.nan)
    assert contrast_colours(nothing, twins(4), RESAMPLING).n == 0
