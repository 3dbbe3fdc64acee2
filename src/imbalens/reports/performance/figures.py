"""Figures of a run's performance."""

from pathlib import Path

import pandas as pd

from imbalens.analysis.performance.performance import Performance
from imbalens.reports.performance.classes import draw_class_performance, draw_confusion
from imbalens.reports.performance.labels import draw_label_performance


def draw_performance(
    result: Performance, table: pd.DataFrame, confusion: pd.DataFrame, folder: Path, *, run: str
) -> None:
    """Draw each class or label, and the confusion matrix.

    Args:
        result: What was measured.
        table: See `performance_table`.
        confusion: See `confusion_table`.
        folder: Where to write `RUN.png` and `RUN-confusion.png`.
        run: Name of the run.
    """
    path = folder / f"{run}.png"
    if result.exclusive:
        draw_class_performance(table, path, run=run)
    else:
        draw_label_performance(table, result.means, path, run=run)
    draw_confusion(confusion, folder / f"{run}-confusion.png", run=run)
