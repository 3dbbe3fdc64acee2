"""Figures of the performance: recall per class, and the confusion matrix."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from imbalens.analysis.performance.measures import PRECISION, RECALL
from imbalens.reports.common.matrix import draw_cells, matrix_figure
from imbalens.reports.common.style import INK, PALETTE, plain, quiet, save, titled

MANY_CLASSES = 30


def class_performance_figure(table: pd.DataFrame, *, run: str) -> Figure:
    """Build what `draw_class_performance` writes."""
    n_classes = len(table)
    places = np.arange(n_classes)
    recalls = 100 * table[RECALL.name].to_numpy(dtype=float)
    precisions = 100 * table[PRECISION.name].to_numpy(dtype=float)
    many = n_classes > MANY_CLASSES
    figure = Figure(figsize=(min(18.0, max(7.0, 0.55 * n_classes + 1.5)), 5), layout="constrained")
    axes = figure.subplots()
    axes.bar(places, np.nan_to_num(recalls), 0.75, color=PALETTE[8], label=RECALL.heading)
    axes.scatter(
        places,
        precisions,
        s=18 if many else 42,
        marker="D",
        color=PALETTE[7],
        edgecolor=INK,
        lw=0.6,
        zorder=3,
        label=PRECISION.heading,
    )
    for place in places[np.isnan(recalls)]:
        axes.text(place, 1, "none", ha="center", va="bottom", rotation=90, fontsize=7)
    trained = table["train_count"].any()  # else nobody knows what on
    labels = [
        f"{plain(name)} ({count})" if trained else plain(name)
        for name, count in zip(table["class"], table["train_count"], strict=True)
    ]
    if many:
        axes.set_xticks(places, labels, rotation=90, fontsize=6)
    else:
        axes.set_xticks(places, labels, rotation=45, ha="right")
    axes.set_xlim(-0.7, n_classes - 0.3)
    axes.set_ylim(0, 104)
    axes.set_ylabel("%")
    axes.set_xlabel("class (training images), head to tail" if trained else "class")
    title = f"Recall and precision per class · {run}"
    if np.isfinite(recalls).any():
        title += f" · mean recall {np.nanmean(recalls):.1f} %"
    axes.set_title(titled(title))
    figure.legend(loc="outside right center", frameon=False)
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
    axes.set_title(titled(f"Confusion matrix · {run}"))
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
