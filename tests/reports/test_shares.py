import numpy as np
import pandas as pd
import pytest

from imbalens.reports.shares import share_matrix
from imbalens.store.files import read_table, write_csv

NAN = np.nan


@pytest.mark.parametrize("as_text", [False, True])
def test_shares_are_read_into_rows_and_columns_by_name(tmp_path, as_text):
    table = pd.DataFrame(
        [("x", "y", 0.75), ("x", "NA", 0.25), ("y", "NA", 1.0), ("NA", "x", NAN)],
        columns=["class", "adversary", "share"],
    )
    if as_text:
        write_csv(tmp_path / "t.csv", table)
        table = read_table(tmp_path / "t.csv", command="")
    names = ["NA", "x", "y", "none"]
    matrix = share_matrix(table, column="adversary", classes=names, entries=names)
    np.testing.assert_array_equal(matrix, [[NAN] * 4, [0.25, 0, 0.75, 0], [1, 0, 0, 0], [NAN] * 4])
