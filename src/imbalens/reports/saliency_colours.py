"""Figures of the colours that define classes, each group drawn in its own mean colour."""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.saliency_colours import ALL, COLOUR_GROUPS, Colours, ColourTable
from imbalens.reports.common.dark import AS_IS
from imbalens.reports.common.names import shorten
from imbalens.reports.common.style import (
    INK,
    add_title,
    head_and_tail,
    quiet,
    save,
    show_image,
)
from imbalens.reports.common.tables import head_first

PANELS_PER_LINE = 5
AXIS = "share of the most salient pixels, %"


def colour_metrics(found: Colours, names: Sequence[str]) -> dict[str, object]:
    """Return the share of each colour group among the salient pixels of each class."""
    return {
        "share": {
            label: dict(zip(COLOUR_GROUPS, shares, strict=True))
            for label, shares in zip(names, found.tables[ALL].share, strict=True)
        }
    }


def colour_table(
    tables: Mapping[str, ColourTable], names: Sequence[str], counts: Int[np.ndarray, " c"]
) -> pd.DataFrame:
    """One row per class, set of pixels and colour group: pixels, share and mean colour.

    Args:
        tables: What the pixels were taken from ("all", an archetype, "any pixel") to its table.
        names: Class names, in label order.
        counts: Training images per class.
    """
    return pd.DataFrame(
        [
            {
                "class": names[label],
                "archetype": part,
                "group": group,
                "pixels": table.pixels[label, code],
                "share": table.share[label, code],
                **dict(
                    zip(
                        ("red", "green", "blue"), table.mean_rgb[label, code].round(1), strict=True
                    )
                ),
            }
            for part, table in tables.items()
            for label in head_first(counts)
            for code, group in enumerate(COLOUR_GROUPS)
        ]
    )


def colours_figure(
    table: pd.DataFrame, *, run: str, classes: Sequence[str] | None = None
) -> Figure:
    """Build what `draw_colours` writes."""
    whole = table[table["archetype"] == ALL]
    shown, note = head_and_tail(list(whole["class"].unique() if classes is None else classes))
    lines = ceil(len(shown) / PANELS_PER_LINE)
    columns = ceil(len(shown) / lines)
    figure = Figure(figsize=(3.0 * columns + 1.2, 3.0 * lines + 0.9), layout="constrained")
    cells = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for axes, (name, text) in zip(cells.flat, shorten(shown).items(), strict=False):
        _draw_groups(axes, whole[whole["class"] == name])
        axes.set_title(text, fontsize=11)
    for place in range(len(shown), cells.size):
        cells.flat[place].set_axis_off()
        cells.flat[place - columns].tick_params(labelbottom=True)
    figure.supxlabel(AXIS, fontsize=10)
    add_title(figure, f"Colours that define classes · {run}", note)
    return figure


def draw_colours(
    table: pd.DataFrame, path: Path, *, run: str, classes: Sequence[str] | None = None
) -> None:
    """Draw the colour groups of each class, a bar per group in the group's mean colour.

    Args:
        table: Columns `class` (head first), `archetype` (rows `all` are drawn), `group`, `share`
            (0 to 1), `red`, `green`, `blue` (0 to 255, NaN for a group without pixels).
        path: PNG to write.
        run: Name of the run, for the title.
        classes: The classes to draw; None draws all, or both ends where they are many.

    Source: paper B, Figure 7.
    """
    save(colours_figure(table, run=run, classes=classes), path)


def class_pages_figure(
    table: pd.DataFrame,
    prototypes: pd.DataFrame,
    images: UInt8[np.ndarray, "n h w c"],
    *,
    run: str,
) -> Figure:
    """Build what `draw_class_pages` writes."""
    everyone = list(table["class"].unique())
    classes, archetypes = [everyone[0], everyone[-1]], ARCHETYPE_NAMES[:2]
    rows = prototypes.set_index(["class", "archetype"])["row"]
    whole = table[table["archetype"] == ALL]
    figure = Figure(
        figsize=(2.6 * len(archetypes) + 4.5, 3.1 * len(classes) + 0.8), layout="constrained"
    )
    widths = [*(1.0 for _ in archetypes), 1.5]
    cells = figure.subplots(len(classes), len(widths), squeeze=False, width_ratios=widths)
    names = shorten(classes)
    for line, name in zip(cells, classes, strict=True):
        for axes, archetype in zip(line, archetypes, strict=False):
            row = rows[name, archetype]
            show_image(axes, None if pd.isna(row) else images[int(row)])
            axes.set_title(f"{names[name]}, {archetype}", fontsize=10)
        _draw_groups(line[-1], whole[whole["class"] == name])
        line[-1].set_title(f"{names[name]}, salient colours", fontsize=10)
    for line in cells[1:]:
        line[-1].sharex(cells[0][-1])
    cells[-1][-1].set_xlabel(AXIS, fontsize=9)
    add_title(figure, f"Prototypes and colours · {run}")
    return figure


def draw_class_pages(
    table: pd.DataFrame,
    prototypes: pd.DataFrame,
    images: UInt8[np.ndarray, "n h w c"],
    path: Path,
    *,
    run: str,
) -> None:
    """Draw safe and border prototypes of head and tail beside the colours that define them.

    Args:
        table: As for `draw_colours`.
        prototypes: Columns `class`, `archetype` and `row`, which is absent for an empty group.
        images: Training images, of 1 or 3 channels.
        path: PNG to write.
        run: Name of the run, for the title.

    Source: paper B, Figure 8.
    """
    save(class_pages_figure(table, prototypes, images, run=run), path)


def _draw_groups(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw one class's groups as bars, the first group at the top."""
    groups = list(rows["group"])
    shares = 100 * rows["share"].to_numpy(dtype=float)
    colours = np.nan_to_num(rows[["red", "green", "blue"]].to_numpy(dtype=float)) / 255
    axes.barh(
        range(len(groups)),
        np.nan_to_num(shares),
        color=colours,
        edgecolor="#808080",  # seen on light and on dark paper
        lw=0.6,
        gid=AS_IS,
    )
    for place, share in enumerate(shares):
        text = " none" if np.isnan(share) else f" {share:.1f}" if share > 0 else " 0"
        axes.text(np.nan_to_num(share), place, text, va="center", fontsize=7, color=INK)
    axes.set_yticks(range(len(groups)), groups, fontsize=8)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.margins(x=0.15)
    quiet(axes)
