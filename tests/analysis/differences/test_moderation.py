"""Variances over seeds, moderated by those of other measures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalens.analysis.differences.moderation import expected_ratios, moderate, usual_ratio
from tests.analysis.oracles import close


def test_the_usual_ratio_is_found_whatever_the_degrees_of_freedom():
    rng = np.random.default_rng(0)
    ratios = [3.0 * rng.chisquare(d, 20_000) / d for d in (1, 2, 4, 30)]
    for of, d in zip(ratios, (1, 2, 4, 30), strict=True):
        assert usual_ratio([of], [d]) == pytest.approx(3, rel=0.05)
    assert usual_ratio(ratios, [1, 2, 4, 30]) == pytest.approx(3, rel=0.05)


def test_variances_that_are_0_or_unknown_tell_nothing():
    some = np.array([1.0, 4.0, 2.0])
    expected = usual_ratio([some], [2])
    assert usual_ratio([np.array([1.0, 0.0, np.nan, 4.0, 2.0])], [2]) == expected
    assert usual_ratio([some, np.array([9.0])], [2, 0]) == expected
    assert usual_ratio([some[:2]], [2]) == 0, "two are no family"
    assert usual_ratio([], []) == 0


def test_a_measure_moves_as_much_more_than_usual_as_its_classes_do():
    calm, loud = np.array([1.0, 2.0, 4.0]), np.array([100.0, 200.0, 400.0])
    overall = [np.array([of]) for of in (1.0, 2.0, 3.0)]
    found = expected_ratios(
        [*overall, calm, loud, np.array([900.0, 800.0])],
        [2] * 6,
        names=["calm", "loud", "whole", "calm", "loud", "two classes"],
        single=[False] * 3 + [True] * 3,
    )
    usual = usual_ratio(overall, [2] * 3)
    of_classes = usual_ratio([calm, loud, np.array([900.0, 800.0])], [2] * 3)
    of_loud = usual_ratio([loud], [2])
    assert found == close(
        [usual, usual * of_loud / of_classes, usual, of_classes, of_loud, of_classes]
    )


@given(st.lists(st.floats(1e-3, 1e3), min_size=3, max_size=8), st.floats(1e-3, 1e3))
def test_expectations_follow_the_ratios_and_are_never_below_what_is_usual(ratios, scale):
    of = [np.array(ratios), np.array(ratios[::-1][:3]), np.array(ratios[:1]), np.array(ratios[:3])]
    names, single = ["a", "b", "a", "c"], [True, True, False, False]
    options = {"names": names, "single": single}
    found = np.array(expected_ratios(of, [2] * 4, **options))
    scaled = expected_ratios([scale * one for one in of], [2] * 4, **options)
    assert scaled == pytest.approx(scale * found, rel=1e-9)
    assert (found[:2] >= usual_ratio(of[:2], [2] * 2) * (1 - 1e-12)).all()
    assert (found[2:] >= usual_ratio(of[2:], [2] * 2) * (1 - 1e-12)).all()


def test_without_repeats_nothing_is_expected():
    for of in (np.zeros(4), np.ones(4)):
        found = expected_ratios([of, of[:1]], [0, 0], names=["a", "a"], single=[True, False])
        assert found == [0, 0]


def test_small_variances_are_raised_and_large_ones_stay_by_hand():
    found = moderate(np.array([1.0, 4.0, 16.0]), 2, np.full(3, 4.0))
    assert found.variance == close([2.5, 4, 16])  # two degrees of freedom against two
    assert found.freedom == close([4, 4, 2.5])
    alone = moderate(np.array([1.0, 4.0]), 2, np.zeros(2))
    assert alone.variance == close([1, 4])
    assert alone.freedom == close([2, 2])
    single = moderate(np.zeros(2), 0, np.ones(2))
    assert single.variance.tolist() == single.freedom.tolist() == [0, 0]


@given(
    variance=st.floats(0, 1e6),
    expected=st.floats(1e-6, 1e6),
    freedom=st.integers(1, 20),
    scale=st.floats(1e-3, 1e3),
)
def test_laws(variance, expected, freedom, scale):
    def moderated(of):
        found = moderate(np.array([of * variance]), freedom, np.array([of * expected]))
        return found.variance[0], found.freedom[0]

    value, known = moderated(1)
    assert value >= variance
    assert min(variance, expected) <= value <= max(variance, expected) * (1 + 1e-12)
    assert freedom <= known <= freedom + 2
    assert moderated(scale) == (pytest.approx(scale * value), pytest.approx(known))
