"""Figures of what became different in the runs of a dataset beside its baseline."""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from textwrap import wrap

import matplotlib
import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize, to_hex
from matplotlib.figure import Figure

from imbalens.analysis.adversaries.scores import tells_of
from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.common.counting import divide
from imbalens.reports.changes.similarity import draw_similarity
from imbalens.reports.common import palette
from imbalens.reports.common.dark import DIVERGING
from imbalens.reports.common.names import short_names, shorten
from imbalens.reports.common.style import (
    NEUTRAL,
    add_title,
    head_and_tail,
    save,
    say,
    write_on,
)

ALL = "all classes"
MAX_SHOWN = 20  # classes
RUNS_PER_LINE = 4
INCHES_PER_CELL = 0.45
WIDEST = 17.0  # inches
TITLE_WIDTH = 24  # characters above a panel
# key of a measure: heading, factor to the unit in which it is drawn, number format
MEASURES = {
    "cka": ("CKA\n(1: the same)", 1, ".2f"),
    "cka_debiased": ("CKA, debiased\n(1: the same)", 1, ".2f"),
    "archetypes_moved": ("archetype changed,\n% of instances", 100, ".0f"),
    "archetypes_safer": ("became safer,\n% of instances", 100, ".0f"),
    "top_features": ("shared top features,\nby index", 1, ".2g"),
    "top_features_matched": ("shared top features,\nmatched", 1, ".2g"),
    "adversaries": ("nearest adversaries\nmoved, %", 100, ".0f"),
    "errors": ("errors moved, %", 100, ".0f"),
    "colours": ("salient colours\nmoved, %", 100, ".0f"),
}
ALIKE = ("cka", "cka_debiased", "top_features", "top_features_matched")  # less is more changed


def flows_figure(table: pd.DataFrame, *, dataset: str, baseline: str) -> Figure:
    """Build what `draw_flows` writes."""
    heading = f"Archetypes of training images beside the baseline · {dataset}"
    runs = list(table["run"].unique())
    if not runs:
        return _nothing(heading)
    classes, note = _choose(table)
    n_lines = ceil(len(runs) / RUNS_PER_LINE)
    n_columns = ceil(len(runs) / n_lines)
    heights = [0.5 * len(ARCHETYPE_NAMES), 0.3 * len(classes)]
    figure = Figure(
        figsize=(max(8.0, 2.6 * n_columns + 4.5), n_lines * (sum(heights) + 2.4) + 1.4),
        layout="constrained",
    )
    grid = figure.subplots(2 * n_lines, n_columns, squeeze=False, height_ratios=heights * n_lines)
    flows = {run: _flow(part) for run, part in table[table["class"].isna()].groupby("run")}
    nets = {run: _net(part, classes) for run, part in table[table["class"].notna()].groupby("run")}
    furthest = max(np.nan_to_num(np.abs(net)).max() for net in nets.values()) or 1.0
    shades = Normalize(0, 100), matplotlib.colormaps["cividis"]
    signs = Normalize(-furthest, furthest), DIVERGING
    names = shorten(runs, width=80)
    for place, run in enumerate(runs):
        line, column = divmod(place, n_columns)
        above, below = grid[2 * line, column], grid[2 * line + 1, column]
        counts = flows[run]
        shares = 100 * divide(counts, counts.sum(axis=1, keepdims=True))
        _draw_grid(above, shares, [[f"{n:.0f}" for n in row] for row in counts], *shades)
        _draw_grid(below, nets[run], [[_signed(n) for n in row] for row in nets[run]], *signs)
        above.set_title("\n".join(wrap(names[run], TITLE_WIDTH)), fontsize=10)
        first = column == 0
        _name_ticks(above, ARCHETYPE_NAMES if first else [], ARCHETYPE_NAMES)
        _name_ticks(below, classes if first else [], ARCHETYPE_NAMES)
    for place in range(len(runs), n_columns * n_lines):
        line, column = divmod(place, n_columns)
        grid[2 * line, column].set_axis_off()
        grid[2 * line + 1, column].set_axis_off()
    for above, below in zip(grid[::2], grid[1::2], strict=True):
        _add_scale(figure, above, *shades, label="% of the row")
        _add_scale(figure, below, *signs, label="change, % of the class")
    add_title(
        figure,
        heading,
        f"baseline: {baseline}",
        "above: instances by archetype in the baseline (row) and in the run (column)",
        "below: what each archetype gained or lost, in % of the class (grey: no instance)",
        note,
    )
    return figure


def draw_all(
    tables: Mapping[str, pd.DataFrame], path: str, *, dataset: str, baselines: Sequence[str]
) -> None:
    """Draw similarity, changes and archetypes' flow.

    Args:
        tables: As `changes_tables` returns them.
        path: PNG to write, without what tells one from the others and without its ending.
        dataset: Name of the dataset, for titles.
        baselines: Baseline of each run that is none.
    """
    named = {"dataset": dataset, "baseline": ", ".join(dict.fromkeys(baselines))}
    draw_similarity(tables["similarity"], Path(f"{path}-similarity.png"), dataset=dataset)
    draw_changes(tables["changes"], Path(f"{path}.png"), **named)
    draw_flows(tables["flow"], Path(f"{path}-flow.png"), **named)


def draw_flows(table: pd.DataFrame, path: Path, *, dataset: str, baseline: str) -> None:
    """Draw how instances move between archetypes: over all, and the net change per class.

    A matrix, not ribbons: most instances stay where they are, and ribbons as thick as their count
    hide the few that move.

    Args:
        table: Columns `run`, `class` (None over all; head first), `baseline` and `other`
            (archetypes), `count`.
        path: PNG to write.
        dataset: Name of the dataset, for the title.
        baseline: Name of the baseline.

    Source: paper B, section 3.2, for the archetypes.
    """
    save(flows_figure(table, dataset=dataset, baseline=baseline), path)


def changes_figure(table: pd.DataFrame, *, dataset: str, baseline: str) -> Figure:
    """Build what `draw_changes` writes."""
    heading = f"What differs from the baseline, per class · {dataset}"
    runs = list(table["run"].unique())
    measures = [measure for measure in MEASURES if (table["measure"] == measure).any()]
    if not measures:
        return _nothing(heading)
    classes, note = _choose(table)
    shown = short_names([*runs, baseline])[:-1]
    panel = max(INCHES_PER_CELL * len(runs), 1.6) + 0.6
    n_lines = ceil(len(measures) / max(1, int(WIDEST // panel)))
    n_columns = ceil(len(measures) / n_lines)
    figure = Figure(
        figsize=(panel * n_columns + 2.6, n_lines * (0.3 * len(classes) + 3.4) + 0.7),
        layout="constrained",
    )
    cells = figure.subplots(n_lines, n_columns, squeeze=False)
    for place, (axes, measure) in enumerate(zip(cells.flat, measures, strict=False)):
        title, factor, number = MEASURES[measure]
        part = table[table["measure"] == measure]
        values = factor * _per_class(part, classes, runs)
        largest = float(np.nan_to_num(values).max())
        texts = [[f"{value:{number}}" for value in row] for row in values]
        shades = matplotlib.colormaps["cividis_r" if measure in ALIKE else "cividis"]
        _draw_grid(axes, values, texts, Normalize(0, largest if largest > 0 else 1), shades)
        _name_ticks(axes, [ALL, *classes] if place % n_columns == 0 else [], shown)
        axes.axhline(0.5, color=palette.PAPER.light, lw=3)
        chances = [f"{factor * chance:{number}}" for chance in part["chance"].dropna().unique()]
        by_chance = f"\n(by chance {', '.join(chances)})" if chances else ""
        axes.set_title(title + by_chance, fontsize=9)
    for axes in cells.flat[len(measures) :]:
        axes.set_axis_off()
    key = "brighter: more has changed; grey: not defined"
    around = tells_of(len(table["class"].dropna().unique())) or "adversaries" not in measures
    why = "" if around else "adversaries, errors: with two classes always the other one"
    add_title(figure, heading, f"baseline: {baseline}", key, why, note)
    return figure


def draw_changes(table: pd.DataFrame, path: Path, *, dataset: str, baseline: str) -> None:
    """Draw all measures of change side by side: a row per class, a column per run.

    Colours span 0 to the largest value of a panel, and are the brighter the more has changed: of
    what is alike, the less is. What is undefined is grey.

    Args:
        table: Columns `run`, `measure`, `class` (None over all; head first), `value`, `chance`;
            a measure that `MEASURES` does not name is left out.
        path: PNG to write.
        dataset: Name of the dataset, for the title.
        baseline: Name of the baseline.
    """
    save(changes_figure(table, dataset=dataset, baseline=baseline), path)


def _per_class(
    part: pd.DataFrame, classes: Sequence[str], runs: Sequence[str]
) -> Float[np.ndarray, "rows runs"]:
    """Arrange one measure: over all, then the classes shown."""
    whole = part[part["class"].isna()].set_index("run")["value"].reindex(list(runs))
    wide = part[part["class"].notna()].pivot(index="class", columns="run", values="value")
    shown = wide.reindex(index=list(classes), columns=list(runs))
    return np.vstack([whole, shown]).astype(float)


def _flow(part: pd.DataFrame) -> Float[np.ndarray, "4 4"]:
    """Arrange counts by archetype in the baseline and in the other run."""
    wide = part.pivot(index="baseline", columns="other", values="count")
    return wide.reindex(index=ARCHETYPE_NAMES, columns=ARCHETYPE_NAMES).to_numpy(dtype=float)


def _net(part: pd.DataFrame, classes: Sequence[str]) -> Float[np.ndarray, "c 4"]:
    """Return what each archetype gained within each class, in per cent of the class."""
    counts = np.stack([_flow(part[part["class"] == name]) for name in classes])
    gained = counts.sum(axis=1) - counts.sum(axis=2)
    return 100 * divide(gained, counts.sum(axis=(1, 2))[:, None])


def _choose(table: pd.DataFrame) -> tuple[list[str], str]:
    """Choose the classes that are drawn, and say what was left out."""
    classes = list(table["class"].dropna().unique())
    return head_and_tail(classes) if len(classes) > MAX_SHOWN else (classes, "")


def _signed(value: float) -> str:
    """Write a change with its sign, nothing as 0."""
    return f"{value:+.0f}" if abs(value) > 0.5 else "0"


def _nothing(heading: str) -> Figure:
    figure = Figure(figsize=(7, 2), layout="constrained")
    add_title(figure, heading)
    say(figure.subplots(), "no run of this dataset beside the baseline")
    return figure


def _draw_grid(
    axes: Axes,
    values: Float[np.ndarray, "rows columns"],
    texts: Sequence[Sequence[str]],
    scale: Normalize,
    colours: Colormap,
) -> None:
    """Draw coloured cells with texts; a NaN cell is grey and empty."""
    shown = colours.with_extremes(bad=NEUTRAL)
    axes.imshow(values, cmap=shown, norm=scale, interpolation="nearest", aspect="auto")
    for row, column in np.argwhere(~np.isnan(values)).tolist():
        ground = to_hex(shown(float(scale(values[row, column]))))
        write_on(axes, column, row, texts[row][column], ground, size=8)


def _name_ticks(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    across, down = (list(shorten(names).values()) for names in (columns, rows))
    axes.set_xticks(range(len(columns)), across, rotation=90, fontsize=8)
    axes.set_yticks(range(len(rows)), down, fontsize=8)


def _add_scale(
    figure: Figure, line: np.ndarray, scale: Normalize, colours: Colormap, *, label: str
) -> None:
    bar = figure.colorbar(ScalarMappable(scale, colours), ax=list(line), pad=0.02)
    bar.set_label(label)
