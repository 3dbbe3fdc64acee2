"""Figure of the performance of labels that do not exclude each other, or of one label."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import BarContainer, Container
from matplotlib.figure import Figure

from imbalens.analysis.performance.measures import (
    AP,
    AUROC,
    PROBABILITY,
    PROBABILITY_POSITIVES,
)
from imbalens.reports.common.style import FIRST, INK, SECOND, add_legend, add_title, quiet, save
from imbalens.reports.performance.panels import class_panels


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
    figure, (ranking, precision, probability) = class_panels(table, 3, what="label", height=9.0)

    _bars(ranking, places, aurocs, 0.7, FIRST)
    even = ranking.axhline(0.5, color=INK, lw=1.4, ls="--")
    _label_panel(ranking, AUROC.heading, {"chance": even}, means.get(AUROC.name))

    _bars(precision, places, precisions, 0.7, FIRST)
    chance = precision.hlines(prevalence, places - 0.42, places + 0.42, color=INK, lw=1.6)
    _label_panel(
        precision, "Average precision", {"chance: prevalence": chance}, means.get(AP.name)
    )

    entries = {
        "images with the label": _bars(probability, places - 0.18, positives, 0.34, FIRST),
        "all images": _bars(probability, places + 0.18, everything, 0.34, SECOND),
    }
    mean = means.get(PROBABILITY_POSITIVES.name)
    whose = " (images with the label)"
    _label_panel(probability, "Mean predicted probability", entries, mean, whose)
    add_title(figure, f"Performance per label · {run}")
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
) -> BarContainer:
    for place in places[np.isnan(heights)]:
        axes.text(place, 0.02, "none", ha="center", va="bottom", rotation=90, fontsize=7)
    return axes.bar(places, np.nan_to_num(heights), width, color=colour)


def _label_panel(
    axes: Axes,
    what: str,
    entries: Mapping[str, Artist | Container],
    mean: tuple[float, int] | None,
    whose: str = "",
) -> None:
    """Name a panel, say the mean of its values where they are several, add a legend."""
    if mean is not None and mean[1] > 1:
        text = f"mean of {mean[1]} labels: {mean[0]:.3f}{whose}"
        axes.set_title(text, loc="left", fontsize=9)
    axes.set_ylim(0, 1.04)
    axes.set_ylabel(what)
    add_legend(axes, entries, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, fontsize=9)
    quiet(axes)
