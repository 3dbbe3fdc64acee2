"""Reads how the runs of a dataset differ from their baselines."""

import pandas as pd

from imbalens.analysis.differences.comparison import Difference
from imbalens.store.tables import read_table
from imbalens.tables.differences import DIFFERENCES


def read_differences(dataset: str) -> list[Difference]:
    """Read what the stage `differences` found, row by row."""
    found = []
    for row in read_table(DIFFERENCES, dataset).to_dict("records"):
        figures = {str(key): None if value is pd.NA else value for key, value in row.items()}
        class_name = figures.pop("class") or None
        found.append(Difference(class_name=class_name, **figures))
    return found
