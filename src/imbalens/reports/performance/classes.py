"""Figures of the performance: recall per class, and the confusion matrix."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from imbalens.analysis.performance.measures import PRECISION, RECALL
from imbalens.reports.common.matrix import draw_cells, matrix_figure
from imbalens.reports.common.style import FIRST, INK, SECOND, add_legend, add_title, quiet, save
from imbalens.reports.performance.panels import MANY_CLASSES, class_panels


def class_performance_figure(table: pd.DataFrame, *, run: str) -> Figure:
    """Build what `draw_class_performance` writes."""
    n_classes = len(table)
    places = np.arange(n_classes)
    recalls = 100 * table[RECALL.name].to_numpy(dtype=float)
    precisions = 100 * table[PRECISION.name].to_numpy(dtype=float)
    figure, (axes,) = class_panels(table, 1, what="class", height=5.0)
    bars = axes.bar(places, np.nan_to_num(recalls), 0.75, color=FIRST)
    diamonds = axes.scatter(
        places,
        precisions,
        s=18 if n_classes > MANY_CLASSES else 42,
        marker="D",
        color=SECOND,
        edgecolor=INK,
        lw=0.6,
        zorder=3,
    )
    for place in places[np.isnan(recalls)]:
        axes.text(place, 1, "none", ha="center", va="bottom", rotation=90, fontsize=7)
    axes.set_ylim(0, 104)
    axes.set_ylabel("%")
    title = f"Recall and precision per class · {run}"
    if np.isfinite(recalls).any():
        title += f" · mean recall {np.nanmean(recalls):.1f} %"
    add_title(figure, title)
    entries = {RECALL.heading: bars, PRECISION.heading: diamonds}
    add_legend(axes, entries, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    quiet(axes)
    return figure


def draw_class_performance(table: pd.DataFrame, path: Path, *, run: str) -> None:
    """Draw recall (bars) and precision (diamonds) of each class, with its training size.

    Args:
        table: One row per class, head first: columns `class`, `train_count`, `recall` and
            `precision` (0 to 1; NaN where undefined, which shows as "none" or no diamond).
        path: PNG to write.
        run: Name of the run, for the title.
    """
    save(class_performance_figure(table, run=run), path)


def confusion_figure(table: pd.DataFrame, *, run: str) -> Figure:
    """Build what `draw_confusion` writes."""
    classes = list(pd.concat([table["actual"], table["predicted"]]).unique())
    counts, shares = (
        table.pivot(index="actual", columns="predicted", values=values)
        .reindex(index=classes, columns=classes)
        .to_numpy(dtype=float)
        for values in ("count", "share")
    )
    figure, axes = matrix_figure(len(classes))
    draw_cells(
        axes,
        100 * shares,
        [[f"{count:.0f}" for count in line] for line in counts],
        rows=classes,
        columns=classes,
        colour_label="share of the actual class, %",
        gamma=0.5,
    )
    axes.set_xlabel("predicted")
    axes.set_ylabel("actual")
    add_title(figure, f"Confusion matrix · {run}")
    return figure


def draw_confusion(table: pd.DataFrame, path: Path, *, run: str) -> None:
    """Draw the confusion matrix: counts as numbers, shares of the actual class as colours.

    Args:
        table: Columns `actual` (head first), `predicted`, `count` and `share` (of the images of
            the actual class; NaN where there are none), a row for every pair of classes.
        path: PNG to write.
        run: Name of the run, for the title.
    """
    save(confusion_figure(table, run=run), path)
