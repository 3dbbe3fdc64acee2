"""Figure of the performance of labels that do not exclude each other, or of one label."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imbalens.analysis.performance.measures import (
    AP,
    AUROC,
    PROBABILITY,
    PROBABILITY_POSITIVES,
)
from imbalens.reports.common.style import INK, PALETTE, paler, plain, quiet, save, titled

MANY_CLASSES = 30


def label_performance_figure(
    table: pd.DataFrame, means: Mapping[str, tuple[float, int]], *, run: str
) -> Figure:
    """Build what `draw_label_performance` writes."""
    places = np.arange(len(table))
    aurocs, precisions, positives, everything, prevalence = (
        table[name].to_numpy(dtype=float)
        for name in (
            *(spec.name for spec in (AUROC, AP, PROBABILITY_POSITIVES, PROBABILITY)),
            "prevalence",
        )
    )
    figure = Figure(figsize=(min(18.0, max(7.0, 0.55 * len(table) + 3)), 9), layout="constrained")
    ranking, precision, probability = figure.subplots(3, sharex=True)

    _bars(ranking, places, aurocs, 0.7, PALETTE[8])
    ranking.axhline(0.5, color=INK, lw=1.4, ls="--", label="chance")
    _label_panel(ranking, AUROC.heading, means.get(AUROC.name))

    _bars(precision, places, precisions, 0.7, PALETTE[8])
    chance = "chance: prevalence"
    precision.hlines(prevalence, places - 0.42, places + 0.42, color=INK, lw=1.6, label=chance)
    _label_panel(precision, "Average precision", means.get(AP.name))

    _bars(probability, places - 0.18, positives, 0.34, PALETTE[8], "images with the label")
    _bars(probability, places + 0.18, everything, 0.34, paler(PALETTE[8]), "all images")
    _label_panel(
        probability,
        "Mean predicted probability",
        means.get(PROBABILITY_POSITIVES.name),
        " (images with the label)",
    )

    trained = table["train_count"].any()  # else nobody knows what on
    labels = [
        f"{plain(name)} ({count})" if trained else plain(name)
        for name, count in zip(table["class"], table["train_count"], strict=True)
    ]
    if len(table) > MANY_CLASSES:
        probability.set_xticks(places, labels, rotation=90, fontsize=6)
    else:
        probability.set_xticks(places, labels, rotation=45, ha="right")
    room = max(0.7, 2.2 - len(table) / 2)
    probability.set_xlim(-room, len(table) - 1 + room)
    probability.set_xlabel(
        "label (training images that have it), head to tail" if trained else "label"
    )
    figure.suptitle(titled(f"Performance per label · {run}"))
    return figure


def draw_label_performance(
    table: pd.DataFrame, means: Mapping[str, tuple[float, int]], path: Path, *, run: str
) -> None:
    """Draw AUROC, average precision and mean predicted probability of each label.

    Args:
        table: See `performance_table`; figures from 0 to 1, NaN where undefined, which shows as
            "none".
        means: By measure its mean, and the number of labels that it is over.
        path: PNG to write.
        run: Name of the run, for the title.

    Source: paper A, Figure 2.
    """
    save(label_performance_figure(table, means, run=run), path)


def _bars(
    axes: Axes,
    places: Float[np.ndarray, " m"] | Int[np.ndarray, " m"],
    heights: Float[np.ndarray, " m"],
    width: float,
    colour: str,
    label: str | None = None,
) -> None:
    axes.bar(places, np.nan_to_num(heights), width, color=colour, label=label)
    for place in places[np.isnan(heights)]:
        axes.text(place, 0.02, "none", ha="center", va="bottom", rotation=90, fontsize=7)


def _label_panel(axes: Axes, what: str, mean: tuple[float, int] | None, whose: str = "") -> None:
    """Name a panel, say the mean of its values where they are several, add a legend."""
    if mean is not None and mean[1] > 1:
        text = f"mean of {mean[1]} labels: {mean[0]:.3f}{whose}"
        axes.set_title(text, loc="left", fontsize=9)
    axes.set_ylim(0, 1.04)
    axes.set_ylabel(what)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=9)
    quiet(axes)
