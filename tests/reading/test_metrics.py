"""Means of metrics over the trainings of a setting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalens.reading.metrics import average_metrics

NUMBERS = st.integers(-100, 100) | st.floats(-1e6, 1e6)
METRICS = st.recursive(
    st.dictionaries(st.sampled_from("abc"), NUMBERS | st.none() | st.text()),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)


def test_by_hand():
    trainings = [
        {"a": 1.0, "n": 60, "split": "test", "class": {"x": 0.5, "y": None}, "own": 1, "b": "p"},
        {"a": 2.0, "n": 60, "split": "test", "class": {"x": 1.0, "y": 0.5}, "b": "q"},
    ]
    assert average_metrics(trainings) == {
        "a": 1.5,
        "n": 60,
        "split": "test",
        "class": {"x": 0.75, "y": None},
    }


@pytest.mark.parametrize("pair", [([1], [2]), ("p", None), ({"x": 1}, 2), ({"x": 1}, None)])
def test_what_cannot_be_averaged_is_left_out(pair):
    assert average_metrics([{"a": one} for one in pair]) == {}


@given(METRICS, st.integers(1, 4))
def test_of_equal_trainings_it_is_what_each_has(metrics, n):
    assert average_metrics([metrics] * n) == metrics


@given(st.lists(st.dictionaries(st.sampled_from("abc"), NUMBERS), min_size=1, max_size=4))
def test_the_order_of_trainings_does_not_matter(trainings):
    assert average_metrics(trainings) == average_metrics(trainings[::-1])
