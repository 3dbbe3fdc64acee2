"""Figure of the errors around one class under several losses."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from imbalens.reports.common import palette
from imbalens.reports.common.names import plain, shorten
from imbalens.reports.common.palette import MAX_CLASSES
from imbalens.reports.common.style import add_legend, add_title, quiet, save, say

HATCHES = ("", "//", "..")

TITLES = {
    "actual": "What {} is wrongly taken for",
    "predicted": "What is wrongly taken for {}",
}


def false_positive_table(
    confusions: Mapping[str, pd.DataFrame],
    *,
    reference: Literal["actual", "predicted"],
    reference_class: str,
) -> pd.DataFrame:
    """One row per run and class that the reference class is confused with: number of images.

    Args:
        confusions: By run the columns `actual`, `predicted` and `count`.
        reference: "actual" (images of the class) or "predicted" (images taken for it).
        reference_class: The class that the errors are about.
    """
    other = "predicted" if reference == "actual" else "actual"
    wrong = {
        run: table[(table[reference] == reference_class) & (table[other] != reference_class)]
        for run, table in confusions.items()
    }
    return pd.concat(
        pd.DataFrame({"run": run, "adversary": table[other], "count": table["count"]})
        for run, table in wrong.items()
    )


def false_positives_figure(
    table: pd.DataFrame, *, reference: str, reference_class: str, numbers: Mapping[str, int]
) -> Figure:
    """Build what `draw_false_positives` writes."""
    runs = list(table["run"].unique())
    cells = table.pivot(index="adversary", columns="run", values="count")
    cells = cells.reindex(index=table["adversary"].unique(), columns=runs).fillna(0)
    cells = cells[cells.sum(axis=1) > 0]
    note = ""
    if len(cells) > MAX_CLASSES:
        heaviest = cells.sum(axis=1).sort_values(ascending=False, kind="stable")
        note = f"the {MAX_CLASSES} of {len(cells)} classes with the most errors"
        cells = cells[cells.index.isin(heaviest.index[:MAX_CLASSES])]
    figure = Figure(figsize=(10, 0.5 * max(2, len(cells)) + 1.6), layout="constrained")
    axes = figure.subplots()
    add_title(figure, TITLES[reference].format(plain(reference_class, width=60)), note)
    if cells.empty:
        say(axes, "no errors in any run")
        return figure
    names, width, entries = shorten(runs, width=40), 0.8 / len(runs), {}
    for place, run in enumerate(runs):
        counts = cells[run].to_numpy(dtype=float)
        down = np.arange(len(cells)) + (place - (len(runs) - 1) / 2) * width
        again = sum(numbers[other] == numbers[run] for other in runs[:place])
        bars = axes.barh(
            down,
            counts,
            width,
            color=palette.RUNS[numbers[run]].light,
            edgecolor=palette.PAPER.light,
            hatch=HATCHES[again % len(HATCHES)],
        )
        axes.bar_label(bars, fmt="%d", fontsize=8, padding=2)
        entries[f"{names[run]} ({int(counts.sum())} errors)"] = bars
    axes.set_yticks(range(len(cells)), list(shorten(cells.index).values()))
    axes.set_ylim(len(cells) - 0.5, -0.5)
    axes.set_ylabel("class, head to tail")
    axes.set_xlabel("errors")
    axes.margins(x=0.1)
    add_legend(figure, entries, loc="outside lower center", ncols=2)
    quiet(axes)
    return figure


def draw_false_positives(
    table: pd.DataFrame,
    path: Path,
    *,
    reference: str,
    reference_class: str,
    numbers: Mapping[str, int],
) -> None:
    """Draw which classes one class is confused with, one bar per run.

    Args:
        table: Columns `run`, `adversary` (head first), `count` (errors); a missing pair counts
            as no error.
        path: PNG to write.
        reference: "actual" (images of the class) or "predicted" (images taken for it).
        reference_class: The class that the errors are about.
        numbers: Number of each run's colour; runs that share one differ in their hatching.

    Source: paper B, Figure 6.
    """
    figure = false_positives_figure(
        table, reference=reference, reference_class=reference_class, numbers=numbers
    )
    save(figure, path)
