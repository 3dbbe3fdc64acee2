"""Reads what the summary is made of."""

from collections.abc import Sequence

import pandas as pd

from imbalens.not_applicable import empty
from imbalens.reports.summary.table import summary_table
from imbalens.store.tables import read_table
from imbalens.tables.differences import DIFFERENCES, SEEDS
from imbalens.tables.summary import SUMMARY


def read_summaries(datasets: Sequence[str], *, confidence: float) -> pd.DataFrame:
    """Return the headlines of all settings of some datasets, one after the other.

    Args:
        datasets: Their names.
        confidence: Of the intervals of their differences.

    Raises:
        InputError: if a table of differences is absent or damaged; it says what to run.
    """
    found = [
        summary_table(
            dataset,
            read_table(SEEDS, dataset),
            read_table(DIFFERENCES, dataset),
            confidence=confidence,
        )
        for dataset in datasets
    ]
    measured = [table for table in found if not table.empty]
    return pd.concat(measured, ignore_index=True) if measured else empty(SUMMARY)
