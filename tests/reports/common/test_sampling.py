import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.reports.common.sampling import choose_samples


@pytest.mark.parametrize(
    ("classes", "n_samples", "expected"),
    [
        ([2, 0, 0, 2, 1], 3, [1, 4, 0]),  # one of each class
        ([2, 0, 0, 2, 1], 4, [1, 2, 4, 0]),  # then a second of the first class
        ([2, 0, 0, 2, 1], 9, [1, 2, 4, 0, 3]),  # all there are
        ([5, 5, 5], 2, [0, 1]),
        ([3, 2, 1], 2, [2, 1]),
        ([], 3, []),
    ],
)
def test_samples_by_hand(classes, n_samples, expected):
    found = choose_samples(np.array(classes, dtype=np.int64), n_samples=n_samples)
    assert found.tolist() == expected


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 20))
@settings(deadline=None, max_examples=50)
def test_as_many_classes_as_possible_and_as_evenly_as_possible(classes, n_samples):
    rows = choose_samples(np.array(classes, dtype=np.int64), n_samples=n_samples).tolist()
    assert len(rows) == len(set(rows)) == min(n_samples, len(classes))
    taken = [classes[row] for row in rows]
    assert taken == sorted(taken)
    most = max((taken.count(label) for label in taken), default=0)
    for label in set(classes):
        of_class = [row for row, own in enumerate(classes) if own == label]
        n = taken.count(label)
        assert [row for row in rows if classes[row] == label] == of_class[:n]
        assert n >= min(most - 1, len(of_class))
