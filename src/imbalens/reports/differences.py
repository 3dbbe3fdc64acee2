"""Table, metrics and figure of how runs differ from their baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from imbalens.analysis.comparison import Difference
from imbalens.reports.common.style import NEUTRAL, PALETTE, plain, quiet, save, say, titled

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
)
COLUMNS = ("run", "stage", "measure", "class", "baseline", *FIGURES)
# Table of paper A whose layout is kept: heading, stage, its two measures
PAPER_TABLES = (
    ("Paper A, Table 1: alignment", "cam_alignment", {"IoBB": "iobb", "IoR": "ior"}),
    ("Paper A, Table 2: concepts", "concepts", {"Disjoint": "disjoint", "Unique": "unique"}),
)


def differences_table(differences: Sequence[Difference]) -> pd.DataFrame:
    """One row per run, measure and class; an empty class is over all of them."""
    rows = [{**asdict(one), "class": one.class_name} for one in differences]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def differences_metrics(differences: Sequence[Difference]) -> dict[str, Any]:
    """Nest what is over all classes: run, stage, measure, then the figures."""
    nested: dict[str, Any] = {}
    for one in differences:
        if one.class_name is None:
            measures = nested.setdefault(one.run, {}).setdefault(one.stage, {})
            measures[one.measure] = {figure: getattr(one, figure) for figure in FIGURES}
    return nested


def paper_tables(
    differences: Sequence[Difference], runs: Mapping[str, tuple[str, str]], *, confidence: float
) -> str:
    """Return Tables 1 and 2 of paper A as Markdown: losses down, networks across.

    Args:
        differences: Differences over all classes of the runs from their baselines.
        runs: Network and loss of each run, of its first repeat, baselines included.
        confidence: Nominal coverage of the intervals, for the text.
    """
    lines: list[str] = []
    for heading, stage, measures in PAPER_TABLES:
        found = {
            (one.run, one.measure): one
            for one in differences
            if one.stage == stage and one.class_name is None
        }
        if not found:
            continue
        values = {key: one.value for key, one in found.items()}
        values |= {(one.baseline, key[1]): one.baseline_value for key, one in found.items()}
        shown = [run for run in runs if any(run == name for name, _ in values)]
        columns = [
            (network, title)
            for network in dict.fromkeys(runs[run][0] for run in shown)
            for title in measures
        ]
        lines += [
            f"## {heading}, with {confidence:.0%} intervals of the difference",
            "",
            "| loss | " + " | ".join(f"{network} {title}" for network, title in columns) + " |",
            "|---|" + "---:|" * len(columns),
        ]
        of_loss: dict[str, dict[str, str]] = {}
        for run in shown:
            network, loss = runs[run]
            taken = of_loss.get(loss, {})
            of_loss.setdefault(run if network in taken else loss, {})[network] = run
        for loss, of_network in of_loss.items():
            keys = [(of_network.get(network, ""), measures[title]) for network, title in columns]
            cells = [_cell(found.get(key), values.get(key)) for key in keys]
            lines.append(f"| {loss} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _cell(one: Difference | None, value: float | None) -> str:
    if value is None or np.isnan(value):
        return ""
    if one is None:
        return _short(value)
    if np.isnan(one.low):
        return f"{_short(value)} (too few images)"
    return f"{_short(value)} ({_signed(one.low)} to {_signed(one.high)})"


def _short(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _signed(value: float) -> str:
    return f"{value:+.3f}" if abs(value) < 10 else f"{value:+.1f}"


def differences_figure(
    differences: Sequence[Difference], *, dataset: str, confidence: float
) -> Figure:
    """Build what `draw_differences` writes."""
    shown = [one for one in differences if one.class_name is None]
    panels = list(dict.fromkeys((one.stage, one.measure) for one in shown))
    runs = list(dict.fromkeys(one.run for one in shown))
    n_columns = min(4, max(1, len(panels)))
    n_rows = -(-max(1, len(panels)) // n_columns)
    figure = Figure(
        figsize=(3.1 * n_columns + 1.6, (0.3 * len(runs) + 1.0) * n_rows + 1.0),
        layout="constrained",
    )
    note = f"difference from the baseline, {confidence:.0%} interval over images"
    figure.suptitle(titled(f"What the loss changed · {dataset}", note))
    if not panels:
        say(figure.subplots(), "no run to compare with a baseline")
        return figure
    cells = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True).ravel()
    for axes in cells[len(panels) :]:
        axes.set_axis_off()
    for axes, (stage, measure) in zip(cells, panels, strict=False):
        axes.axvline(0, color=NEUTRAL, zorder=0)
        for one in shown:
            if (one.stage, one.measure) != (stage, measure):
                continue
            place = runs.index(one.run)
            if np.isnan(one.low):
                axes.text(0, place, "too few images", fontsize=7, ha="center", va="center")
                continue
            axes.plot([one.low, one.high], [place, place], color=PALETTE[0], linewidth=2)
            axes.plot(one.difference, place, "o", color=PALETTE[0], markersize=5)
        axes.set_title(f"{stage.replace('_', ' ')}\n{measure.replace('_', ' ')}", fontsize=9)
        axes.set_yticks(range(len(runs)), [plain(run, width=34) for run in runs], fontsize=8)
        axes.set_ylim(len(runs) - 0.5, -0.5)
        axes.margins(x=0.15)
        axes.locator_params(axis="x", nbins=4)
        axes.tick_params(axis="x", labelsize=8)
        quiet(axes)
    return figure


def draw_differences(
    differences: Sequence[Difference], path: Path, *, dataset: str, confidence: float
) -> None:
    """Draw the difference of every measure over all classes, one panel each, with its interval.

    Args:
        differences: Differences of the runs from their baselines.
        path: PNG to write.
        dataset: Name of the dataset, for the title.
        confidence: Nominal coverage of the intervals, for the title.
    """
    save(differences_figure(differences, dataset=dataset, confidence=confidence), path)
