"""Figures of the alignment of class activation maps with boxes."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imbalens.reports.common import palette
from imbalens.reports.common.names import shorten
from imbalens.reports.common.overlay import add_scale, overlay, places_of
from imbalens.reports.common.style import (
    FIRST,
    INK,
    SECOND,
    add_legend,
    add_title,
    quiet,
    save,
    say,
)
from imbalens.reports.common.tables import order_by
from imbalens.store.examples import Example
from imbalens.tables.cam_alignment import column_of

MANY_CLASSES = 20
EXAMPLES_PER_LINE = 4
BAR_WIDTH = 0.38
BARS = {"iobb": ("IoBB", FIRST, -0.2), "ior": ("IoR", SECOND, 0.2)}
MAPS = {False: "Class activation maps", True: "Grad-CAM"}
CONTROLS = {"untrained": ("untrained network", "D"), "shifted": ("shifted boxes", "X")}


def alignment_figure(
    table: pd.DataFrame, *, order: Sequence[str], run: str, grad_cam: bool = False
) -> Figure:
    """Build what `draw_alignment` writes."""
    classes, overall = table[:-1].sort_values("class", key=order_by(order)), table[-1:]
    drawn = classes[classes["pairs"] > 0]
    n_bare, n_drawn = len(classes) - len(drawn), len(drawn)
    size = (min(14.0, max(7.0, 0.6 * n_drawn + 3)), 7.5)
    figure = Figure(figsize=size, layout="constrained")
    note = f"classes without a box, not drawn: {n_bare}" if n_bare else ""
    add_title(figure, f"{MAPS[grad_cam]} and boxes · {run}", note)
    if drawn.empty:
        say(figure.subplots(), "no annotated image")
        return figure
    soft, matched = figure.subplots(2, 1, sharex=True)
    # the mean over several classes stands apart from them
    rows = drawn if n_drawn == 1 else pd.concat([drawn, overall])
    places = np.arange(len(rows)) + 0.5 * (np.arange(len(rows)) == n_drawn)
    many = n_drawn > MANY_CLASSES
    _draw_bars(soft, places, rows, "soft")
    for control, (label, marker) in CONTROLS.items():
        values = rows[[column_of(control, measure) for measure in BARS]].to_numpy(dtype=float)
        if np.isnan(values).all():
            continue
        soft.scatter(
            np.stack([places + offset for _, _, offset in BARS.values()], axis=1),
            values,
            s=16 if many else 34,
            marker=marker,
            color=palette.PAPER.light,
            edgecolor=INK,
            lw=0.9,
            zorder=3,
            label=label,
        )
    soft.set_title("soft measures", fontsize=11)
    soft.set_ylim(bottom=0)
    _draw_bars(matched, places, rows, "matched")
    matched.scatter(
        places, rows["auroc"], s=16 if many else 34, color=INK, zorder=3, label="AUROC of pixels"
    )
    matched.axhline(0.5, color=INK, lw=0.9, ls="--", label="of a constant map")
    matched.set_title("matched scale: each run keeps the same share of pixels", fontsize=11)
    matched.set_ylim(0, 1.04)
    _name_places(matched, places, rows, many=many)
    matched.set_xlim(-0.7, places[-1] + 0.7)
    matched.set_xlabel("class (its pairs), head to tail of the training images")
    figure.supylabel("mean over pairs of an image and a class", fontsize=10)
    for axes in (soft, matched):
        quiet(axes)
        drawn = [*axes.containers, *axes.collections, *axes.lines]
        entries = {str(handle.get_label()): handle for handle in drawn}
        add_legend(axes, entries, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def draw_alignment(
    table: pd.DataFrame, path: Path, *, order: Sequence[str], run: str, grad_cam: bool = False
) -> None:
    """Draw IoBB and IoR of each class as bars, soft with the controls, and at matched scale.

    Args:
        table: As `alignment_table` makes it; a class without pairs is left out, a control that
            is NaN everywhere too.
        path: PNG to write.
        order: Names of the classes, head first.
        run: Name of the run, for the title.
        grad_cam: Whether the maps are Grad-CAM, for the title.

    Source: paper A, Table 1.
    """
    save(alignment_figure(table, order=order, run=run, grad_cam=grad_cam), path)


def cams_figure(
    examples: Sequence[Example],
    cams: Float[np.ndarray, "e h w"],
    iobb: Float[np.ndarray, " e"],
    *,
    order: Sequence[str],
    run: str,
    grad_cam: bool = False,
) -> Figure:
    """Build what `draw_cams` writes."""
    columns = max(1, min(EXAMPLES_PER_LINE, len(examples)))
    lines = max(1, ceil(len(examples) / columns))
    figure = Figure(figsize=(2.3 * columns + 1.4, 2.55 * lines + 0.9), layout="constrained")
    add_title(figure, f"{MAPS[grad_cam]} and boxes", run)
    cells = figure.subplots(lines, columns, squeeze=False)
    if not examples:
        say(cells[0, 0], "no annotated image")
        return figure
    names = shorten(example.label for example in examples)
    for axes, place in zip(cells.flat, places_of(examples, order), strict=False):
        example = examples[place]
        overlay(axes, example.image, cams[place], example.boxes)
        axes.set_title(f"{names[example.label]}\nIoBB {iobb[place]:.2f}", fontsize=9)
    for axes in cells.flat[len(examples) :]:
        axes.set_axis_off()
    add_scale(figure, cells.flat)
    return figure


def draw_cams(
    examples: Sequence[Example],
    cams: Float[np.ndarray, "e h w"],
    iobb: Float[np.ndarray, " e"],
    path: Path,
    *,
    order: Sequence[str],
    run: str,
    grad_cam: bool = False,
) -> None:
    """Draw images with the map of a class over them and its boxes, on one colour scale.

    Args:
        examples: What to draw, in reading order.
        cams: Map of each within [0, 1], in any resolution.
        iobb: Soft IoBB of each.
        path: PNG to write.
        order: Names of the classes, head first.
        run: Name of the run, for the title.
        grad_cam: Whether the maps are Grad-CAM, for the title.

    Source: paper A, Figure 1.
    """
    save(cams_figure(examples, cams, iobb, order=order, run=run, grad_cam=grad_cam), path)


def _draw_bars(
    axes: Axes, places: Float[np.ndarray, " rows"], rows: pd.DataFrame, kind: str
) -> None:
    for measure, (label, colour, offset) in BARS.items():
        values = rows[column_of(kind, measure)]
        axes.bar(places + offset, values, BAR_WIDTH, color=colour, label=label)


def _name_places(
    axes: Axes, places: Float[np.ndarray, " rows"], rows: pd.DataFrame, *, many: bool
) -> None:
    names = shorten(rows["class"])
    labels = [
        f"{names[name]} ({pairs})"
        for name, pairs in zip(rows["class"], rows["pairs"], strict=True)
    ]
    if many:
        axes.set_xticks(places, labels, rotation=90, fontsize=8)
    elif len(rows) == 1:
        axes.set_xticks(places, labels)
    else:
        axes.set_xticks(places, labels, rotation=45, ha="right", rotation_mode="anchor")
