"""Figure of the errors around one class under several losses."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from imbalens.reports.common.style import MAX_CLASSES, PALETTE, plain, quiet, save, say, titled

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


def false_positives_figure(table: pd.DataFrame, *, reference: str, reference_class: str) -> Figure:
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
    figure = Figure(figsize=(max(6.0, 0.8 * len(cells) + 4.5), 4.5), layout="constrained")
    axes = figure.subplots()
    title = titled(TITLES[reference].format(plain(reference_class, width=30)), note)
    if cells.empty:
        say(axes, "no errors in any run")
        figure.suptitle(title)
        return figure
    width = 0.8 / len(runs)
    for place, run in enumerate(runs):
        centres = np.arange(len(cells)) + (place - (len(runs) - 1) / 2) * width
        counts = cells[run].to_numpy(dtype=float)
        label = f"{plain(run, width=30)} ({int(counts.sum())} errors)"
        bars = axes.bar(centres, counts, width, color=PALETTE[place % len(PALETTE)], label=label)
        axes.bar_label(bars, fmt="%d", fontsize=8, padding=1)
    axes.set_xticks(
        range(len(cells)), [plain(name) for name in cells.index], rotation=45, ha="right"
    )
    axes.set_ylabel("errors")
    axes.margins(y=0.1)
    axes.set_title(title)
    figure.legend(loc="outside right center", frameon=False)
    quiet(axes)
    return figure


def draw_false_positives(
    table: pd.DataFrame, path: Path, *, reference: str, reference_class: str
) -> None:
    """Draw which classes one class is confused with, one bar per run.

    Args:
        table: Columns `run`, `adversary` (head first), `count` (errors); a missing pair counts
            as no error.
        path: PNG to write.
        reference: "actual" (images of the class) or "predicted" (images taken for it).
        reference_class: The class that the errors are about.

    Source: paper B, Figure 6.
    """
    save(false_positives_figure(table, reference=reference, reference_class=reference_class), path)
