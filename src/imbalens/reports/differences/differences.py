"""Table, metrics and figure of how settings differ from their baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from imbalens.analysis.differences.comparison import Difference
from imbalens.analysis.differences.differences import Differences
from imbalens.reports.common import palette
from imbalens.reports.common.names import shorten
from imbalens.reports.common.style import add_title, quiet, save, say
from imbalens.reports.differences import headings

FIGURES = (
    "baseline_value",
    "value",
    "difference",
    "low",
    "high",
    "p",
    "p_adjusted",
    "images",
    "seeds",
    "spread",
    "classes",
)
COLUMNS = ("setting", "stage", "measure", "class", "baseline", *FIGURES, "over", "freedom")


def differences_table(differences: Sequence[Difference]) -> pd.DataFrame:
    """One row per setting, measure and class; an empty class is over all of them."""
    rows = [{**asdict(one), "class": one.class_name} for one in differences]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"classes": "Int64"})


def differences_metrics(differences: Sequence[Difference]) -> dict[str, Any]:
    """Nest what is over all classes: setting, stage, measure, then the figures."""
    nested: dict[str, Any] = {}
    for one in differences:
        if one.class_name is None:
            measures = nested.setdefault(one.setting, {}).setdefault(one.stage, {})
            measures[one.measure] = {figure: getattr(one, figure) for figure in FIGURES}
    return nested


def differences_figure(
    differences: Sequence[Difference],
    *,
    dataset: str,
    confidence: float,
    numbers: Mapping[str, int],
) -> Figure:
    """Build what `draw_differences` writes."""
    shown = [one for one in differences if one.class_name is None]
    panels = list(dict.fromkeys((one.stage, one.measure) for one in shown))
    settings = list(dict.fromkeys(one.setting for one in shown))
    n_columns = min(4, max(1, len(panels)))
    n_rows = -(-max(1, len(panels)) // n_columns)
    figure = Figure(
        figsize=(3.1 * n_columns + 1.6, (0.3 * len(settings) + 1.0) * n_rows + 1.0),
        layout="constrained",
    )
    baselines = ", ".join(dict.fromkeys(one.baseline for one in shown)) or "the baseline"
    over = " or over ".join(dict.fromkeys(one.over for one in shown)) or "images"
    notes = (f"difference from {baselines}", f"{confidence:.0%} interval over {over}")
    if any(np.isnan(one.low) and not np.isnan(one.difference) for one in shown):
        notes = (*notes, "a point without a line: no interval can be given")
    add_title(figure, f"What the loss changed · {dataset}", *notes)
    if not panels:
        say(figure.subplots(), "nothing to compare with a baseline")
        return figure
    names = list(shorten(settings, width=34).values())
    cells = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True).ravel()
    for axes in cells[len(panels) :]:
        axes.set_axis_off()
    for axes, (stage, measure) in zip(cells, panels, strict=False):
        axes.axvline(0, color=palette.FAINT.light, lw=0.8, zorder=0)
        for one in shown:
            if (one.stage, one.measure) != (stage, measure):
                continue
            place = settings.index(one.setting)
            if np.isnan(one.difference):
                undefined = np.isnan([one.baseline_value, one.value]).any()
                why = "undefined" if undefined else "too few images"
                axes.text(0, place, why, fontsize=7, ha="center", va="center")
                continue
            number = numbers[one.setting]
            colour, marker = palette.RUNS[number].light, palette.MARKERS[number]
            if not np.isnan(one.low):
                axes.plot([one.low, one.high], [place, place], color=colour, linewidth=2)
            axes.plot(one.difference, place, marker, color=colour, markersize=6)
        axes.set_title(f"{headings.heading(stage)}\n{_titled(stage, measure, shown)}", fontsize=9)
        axes.set_yticks(range(len(settings)), names, fontsize=8)
        axes.set_ylim(len(settings) - 0.5, -0.5)
        axes.margins(x=0.15)
        axes.locator_params(axis="x", nbins=4)
        axes.tick_params(axis="x", labelsize=8)
        quiet(axes)
    return figure


def _titled(stage: str, measure: str, differences: Sequence[Difference]) -> str:
    """Name a measure, and how many classes it is a mean over."""
    title = headings.measure_heading(stage, measure)
    key = (stage, measure)
    classes = next(one.classes for one in differences if (one.stage, one.measure) == key)
    return title if classes is None else f"{title}, mean of {classes} classes"


def draw_differences(found: Differences, path: Path, *, dataset: str) -> None:
    """Draw the difference of every measure over all classes, one panel each, with its interval.

    Args:
        found: How settings differ from their baselines.
        path: PNG to write.
        dataset: Name of the dataset, for the title.
    """
    numbers = palette.run_numbers(dict.fromkeys(found.measured, ()))
    save(
        differences_figure(
            found.differences, dataset=dataset, confidence=found.confidence, numbers=numbers
        ),
        path,
    )
