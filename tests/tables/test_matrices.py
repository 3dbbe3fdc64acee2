import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalens.errors import InputError
from imbalens.store.tables import Column, Table
from imbalens.tables.matrices import pair_matrix

PAIRS = Table(
    "look",
    "plots/look/{name}.csv",
    (
        Column("class", "text", "class"),
        Column("other", "text", "another"),
        Column("share", "number", "share"),
    ),
)
NAMES = ["NA", "x", "y"]
NAN = np.nan
ROWS = [
    *[("x", "y", 0.75), ("x", "NA", 0.25), ("y", "NA", 1.0), ("y", "x", 0.0)],
    *[("NA", "x", NAN), ("NA", "y", NAN)],
]


def matrix(rows, names=NAMES):
    pairs = pd.DataFrame(rows, columns=["class", "other", "share"])
    return pair_matrix(PAIRS, "r", pairs, "share", rows=("class", names), columns=("other", names))


def test_a_class_is_no_other_of_itself_and_what_is_undefined_is_not_0():
    np.testing.assert_array_equal(matrix(ROWS), [[NAN] * 3, [0.25, 0, 0.75], [1, 0, 0]])


def test_a_single_undefined_pair_stays_undefined():
    rows = [("x", "y", 0.5), ("x", "NA", NAN), *ROWS[2:]]
    np.testing.assert_array_equal(matrix(rows)[1], [NAN, 0, 0.5])


def test_a_diagonal_that_is_given_is_kept():
    rows = [(a, b, 10 * i + j) for i, a in enumerate(NAMES) for j, b in enumerate(NAMES)]
    np.testing.assert_array_equal(matrix(rows), [[0, 1, 2], [10, 11, 12], [20, 21, 22]])


@given(order=st.permutations(NAMES), rows=st.permutations(ROWS))
def test_rows_and_columns_stand_as_asked_whatever_the_order_of_the_table(order, rows):
    places = [NAMES.index(name) for name in order]
    np.testing.assert_array_equal(matrix(rows, order), matrix(ROWS)[np.ix_(places, places)])


def test_rows_and_columns_may_be_of_different_kinds():
    pairs = pd.DataFrame([("a", "red", 1.0), ("a", "blue", NAN)], columns=["class", "g", "share"])
    found = pair_matrix(
        PAIRS, "r", pairs, "share", rows=("class", ["a"]), columns=("g", ["blue", "red"])
    )
    np.testing.assert_array_equal(found, [[NAN, 1]])


@pytest.mark.parametrize(("rows", "count"), [(ROWS[1:], 0), ([*ROWS, ROWS[0]], 2)])
def test_a_pair_that_is_absent_or_stands_twice_is_refused(rows, count):
    with pytest.raises(InputError) as caught:
        matrix(rows)
    assert str(caught.value) == (
        f"plots/look/r.csv: found {count} rows of class 'x' and other 'y', wanted 1; "
        "run: dvc repro look@r"
    )
