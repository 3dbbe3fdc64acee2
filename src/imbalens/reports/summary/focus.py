"""Headlines of one setting under names that do not change with it, for DVC's comparisons."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from imbalens.analysis.performance.measures import AUROC, RECALL
from imbalens.tables import focus


def focus_metrics(summary: pd.DataFrame, setting: str) -> dict[str, Any]:
    """Return the setting's name and its headlines by measure.

    Args:
        summary: See `tables.summary.SUMMARY`.
        setting: The setting.
    """
    rows = summary[summary["setting"] == setting]
    return {"setting": setting, **dict(zip(rows["measure"], rows["value"], strict=True))}


def headlines_table(summary: pd.DataFrame, setting: str) -> pd.DataFrame:
    """One row per headline of the setting, see `tables.focus.HEADLINES`."""
    rows = summary[summary["setting"] == setting].assign(measure=lambda rows: rows["heading"])
    return rows[[column.name for column in focus.HEADLINES.columns]]


def differences_table(summary: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """One row per headline of each setting that is compared, see `tables.focus.DIFFERENCES`."""
    rows = summary[(summary["dataset"] == dataset) & (summary["baseline"] != "")]
    rows = rows.assign(measure=rows["heading"])
    return rows[[column.name for column in focus.DIFFERENCES.columns]]


def classes_table(setting: str, trainings: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One row per class: recall, or AUROC of a label; see `tables.focus.CLASSES`.

    Args:
        setting: The setting.
        trainings: The classes of each of its trainings, see `tables.performance.CLASSES`; those
            that say nothing are left out.
    """
    asked = [table for table in trainings if not table.empty]
    columns = [column.name for column in focus.CLASSES.columns]
    if not asked:
        return pd.DataFrame(columns=columns)
    spec = AUROC if AUROC.name in asked[0] else RECALL
    values = np.mean([table[spec.name].to_numpy(dtype=float) for table in asked], axis=0)
    found = asked[0][["class"]].assign(setting=setting, measure=spec.heading, value=values)
    return found[columns]
