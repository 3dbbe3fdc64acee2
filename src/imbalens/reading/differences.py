"""Reads how the runs of a dataset differ from their baselines."""

from typing import Any

import pandas as pd

from imbalens.analysis.differences.comparison import Difference
from imbalens.store.tables import read_table
from imbalens.tables.differences import DIFFERENCES


def read_differences(dataset: str) -> list[Difference]:
    """Read what the stage `differences` found, row by row."""
    rows: list[dict[Any, Any]] = read_table(DIFFERENCES, dataset).to_dict("records")
    return [
        Difference(
            class_name=row.pop("class") or None,
            classes=None if (classes := row.pop("classes")) is pd.NA else classes,
            **row,
        )
        for row in rows
    ]
