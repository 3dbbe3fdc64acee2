"""Panels over the same classes, which are named under the last one."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imbalens.reports.common.names import shorten

MANY_CLASSES = 30
MAX_NAMED = 50
MAX_INCHES = 14.0


def class_panels(
    table: pd.DataFrame, n_panels: int, *, what: str, height: float
) -> tuple[Figure, list[Axes]]:
    """Make a figure of panels one above the other, with a place per row of a table.

    Args:
        table: One row per class, head first: columns `class` and `train_count`.
        n_panels: How many.
        what: Word for a row, "class" or "label".
        height: Of the figure, in inches.

    Returns:
        The figure and its panels; of very many classes every n-th is named.
    """
    n_classes, names = len(table), shorten(table["class"])
    width = min(MAX_INCHES, max(7.0, 0.55 * n_classes + 1.5))
    figure = Figure(figsize=(width, height), layout="constrained")
    panels = list(figure.subplots(n_panels, 1, sharex=True, squeeze=False)[:, 0])
    trained = table["train_count"].any()  # else nobody knows what on
    labels = [
        f"{names[name]} ({count})" if trained else names[name]
        for name, count in zip(table["class"], table["train_count"], strict=True)
    ]
    step, last = -(-n_classes // MAX_NAMED), panels[-1]
    places = range(0, n_classes, step)
    if n_classes > MANY_CLASSES:
        last.set_xticks(places, labels[::step], rotation=90, fontsize=8)
    else:
        last.set_xticks(places, labels, rotation=45, ha="right", rotation_mode="anchor")
    room = max(0.7, 2.2 - n_classes / 2)
    last.set_xlim(-room, n_classes - 1 + room)
    order = f"{what} (its training images), head to tail" if trained else what
    last.set_xlabel(order if step == 1 else f"{order}; one of {step} is named")
    return figure, panels
