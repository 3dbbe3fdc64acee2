"""Figure of the performance of labels that do not exclude each other, or of one label."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imbalens.analysis.performance.labels import LabelPerformance
from imbalens.reports.common.style import INK, PALETTE, paler, plain, quiet, save, titled
from imbalens.reports.common.tables import head_first

MANY_CLASSES = 30


def label_performance_table(
    result: LabelPerformance, names: Sequence[str], counts: Int[np.ndarray, " m"]
) -> pd.DataFrame:
    """One row per label, head first.

    Columns: class, train_count (training images that have it), prevalence, auroc, ap,
    probability_positives, probability, ece, recall, precision.
    """
    table = pd.DataFrame(
        {
            "class": names,
            "train_count": counts,
            "prevalence": result.prevalence,
            "auroc": result.auroc,
            "ap": result.ap,
            "probability_positives": result.probability_positives,
            "probability": result.probability,
            "ece": result.ece,
            "recall": result.recall,
            "precision": result.precision,
        }
    )
    return table.iloc[head_first(counts)]


def label_performance_figure(table: pd.DataFrame, *, run: str) -> Figure:
    """Build what `draw_label_performance` writes."""
    places = np.arange(len(table))
    values = {
        name: table[name].to_numpy(dtype=float)
        for name in ("auroc", "ap", "prevalence", "probability_positives", "probability")
    }
    figure = Figure(figsize=(min(18.0, max(7.0, 0.55 * len(table) + 3)), 9), layout="constrained")
    ranking, precision, probability = figure.subplots(3, sharex=True)

    _bars(ranking, places, values["auroc"], 0.7, PALETTE[8])
    ranking.axhline(0.5, color=INK, lw=1.4, ls="--", label="chance")
    _label_panel(ranking, "AUROC", values["auroc"])

    _bars(precision, places, values["ap"], 0.7, PALETTE[8])
    prevalence, chance = values["prevalence"], "chance: prevalence"
    precision.hlines(prevalence, places - 0.42, places + 0.42, color=INK, lw=1.6, label=chance)
    _label_panel(precision, "Average precision", values["ap"])

    positives = values["probability_positives"]
    _bars(probability, places - 0.18, positives, 0.34, PALETTE[8], "images with the label")
    everything = values["probability"]
    _bars(probability, places + 0.18, everything, 0.34, paler(PALETTE[8]), "all images")
    _label_panel(probability, "Mean predicted probability", positives, " (images with the label)")

    labels = [
        f"{plain(name)} ({count})"
        for name, count in zip(table["class"], table["train_count"], strict=True)
    ]
    if len(table) > MANY_CLASSES:
        probability.set_xticks(places, labels, rotation=90, fontsize=6)
    else:
        probability.set_xticks(places, labels, rotation=45, ha="right")
    room = max(0.7, 2.2 - len(table) / 2)
    probability.set_xlim(-room, len(table) - 1 + room)
    probability.set_xlabel("label (training images that have it), head to tail")
    figure.suptitle(titled(f"Performance per label · {run}"))
    return figure


def draw_label_performance(table: pd.DataFrame, path: Path, *, run: str) -> None:
    """Draw AUROC, average precision and mean predicted probability of each label.

    Args:
        table: One row per label, head first: columns `class`, `train_count`, `auroc`, `ap`,
            `prevalence`, `probability_positives` and `probability` (0 to 1; NaN where undefined,
            which shows as "none").
        path: PNG to write.
        run: Name of the run, for the title.

    Source: paper A, Figure 2.
    """
    save(label_performance_figure(table, run=run), path)


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


def _label_panel(axes: Axes, what: str, values: Float[np.ndarray, " m"], whose: str = "") -> None:
    """Name a panel, say the mean of its defined values where they are several, add a legend."""
    defined = values[~np.isnan(values)]
    if len(defined) > 1:
        mean = f"mean of {len(defined)} labels: {defined.mean():.3f}{whose}"
        axes.set_title(mean, loc="left", fontsize=9)
    axes.set_ylim(0, 1.04)
    axes.set_ylabel(what)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=9)
    quiet(axes)
