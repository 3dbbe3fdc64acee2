import numpy as np
import pytest

from imbalens.analysis.common.counting import count_pairs, divide, mean_defined
from imbalens.classes import require_codes


def test_count_pairs_hand_made():
    counts = count_pairs(
        np.array([0, 1, 1, 0, 1]),
        np.array([2, 0, 0, 2, 1]),
        n_rows=2,
        n_columns=3,
        names=("rows", "columns"),
    )
    assert counts.tolist() == [[0, 0, 2], [2, 1, 0]]


def test_count_pairs_of_nothing():
    empty = np.empty(0, dtype=np.int64)
    counts = count_pairs(empty, empty, n_rows=1, n_columns=2, names=("rows", "columns"))
    assert counts.tolist() == [[0, 0]]


@pytest.mark.parametrize("bad", [-1, 3])
def test_require_codes_names_the_culprit(bad):
    with pytest.raises(ValueError, match=rf"labels must lie in 0\.\.2, found {bad} at position 2"):
        require_codes(np.array([0, 2, bad, bad]), n_codes=3, name="labels")


def test_divide_is_nan_where_undefined():
    quotient = divide(np.array([[1, 0], [3, 4]]), np.array([[2], [0]]))
    np.testing.assert_array_equal(quotient, [[0.5, 0.0], [np.nan, np.nan]])
    assert float(divide(3, 4)) == 0.75
    assert np.isnan(divide(0, 0))
    assert np.isnan(divide(np.nan, 2))


def test_the_mean_leaves_out_what_is_undefined():
    assert mean_defined(np.array([0.5, np.nan, 1.0, 0.0])) == 0.5
    assert np.isnan(mean_defined(np.array([np.nan])))
    assert np.isnan(mean_defined(np.array([])))
