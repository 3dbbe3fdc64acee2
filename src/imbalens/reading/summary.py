"""Reads what the summary is made of."""

import pandas as pd

from imbalens.not_applicable import empty
from imbalens.params.experiment import Params, baselines_of
from imbalens.reports.summary.table import summary_table
from imbalens.store.tables import read_table
from imbalens.tables.differences import DIFFERENCES, SEEDS
from imbalens.tables.summary import SUMMARY


def read_summaries(params: Params) -> pd.DataFrame:
    """Return the headlines of all settings, dataset by dataset.

    Raises:
        InputError: if a table of differences is absent or damaged; it says what to run.
    """
    found = [
        summary_table(
            dataset,
            read_table(SEEDS, dataset),
            read_table(DIFFERENCES, dataset),
            baselines_of(params, dataset),
            confidence=params.analyses.compare.confidence,
        )
        for dataset in params.datasets
    ]
    measured = [table for table in found if not table.empty]
    return pd.concat(measured, ignore_index=True) if measured else empty(SUMMARY)
