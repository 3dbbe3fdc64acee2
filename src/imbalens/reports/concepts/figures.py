"""Figures of the concepts that channels detect in boxes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imbalens.analysis.concepts.channels import fire_shares
from imbalens.analysis.concepts.concepts import Concepts
from imbalens.reports.common.names import plain, shorten
from imbalens.reports.common.overlay import overlay
from imbalens.reports.common.style import (
    FIRST,
    INK,
    NEUTRAL,
    SECOND,
    add_title,
    head_and_tail,
    quiet,
    save,
    say,
)
from imbalens.store.examples import Example
from imbalens.tables.concepts import ALL, PER_IMAGE

MEASURES = {"disjoint": "parts in the boxes", "unique": "channels with such a part"}
ACTIVE_COLOUR = "#FFB000"
CAPTION_WIDTH = 26
MAX_SHOWN = 30  # classes
CHANNELS_SHOWN, IMAGES_SHOWN = 8, 5


@dataclass(frozen=True)
class ChannelRow:
    """One channel, to be drawn.

    Attributes:
        text: What to say of it.
        images: Images that excite it, each with all its boxes and called by their classes.
        active: Cells of the channel's map above its threshold, of each image, in any resolution.
    """

    text: str
    images: Sequence[Example]
    active: Bool[np.ndarray, "t h w"]


def channel_rows(
    found: Concepts,
    images: Mapping[int, UInt8[np.ndarray, "s s channels"]],
    in_split: Int[np.ndarray, " n"],
    boxes: Int[np.ndarray, "b 6"],
    names: Sequence[str],
) -> list[ChannelRow]:
    """Return the channels that fire most, each with the images that excite it most.

    Args:
        found: Concepts of a network.
        images: Prepared images by their row in the split.
        in_split: Row in the split of each annotated image.
        boxes: Image row, class, x, y, width, height (pixels) of each box.
        names: Class names, in label order.
    """
    counts, shares, rows = found.counts, fire_shares(found.counts), []
    for channel, label in found.top.tolist():
        pictures = []
        for image in counts.peak_images[channel].tolist():
            own = boxes[boxes[:, 0] == image]
            labels = ", ".join(names[int(code)] for code in dict.fromkeys(own[:, 1].tolist()))
            pictures.append(Example(labels, images[int(in_split[image])], own[:, 2:]))
        text = channel_text(channel, names[int(label)], float(shares[channel, label]))
        rows.append(ChannelRow(text, pictures, counts.peak_active[channel]))
    return rows


def channel_text(channel: int, name: str, share: float) -> str:
    """Say in a few words what a channel stands for."""
    return f"channel {channel}: fires in\n{100 * share:.0f} % of {plain(name)} boxes"


def concepts_figure(table: pd.DataFrame, *, order: Sequence[str], run: str) -> Figure:
    """Build what `draw_concepts` writes."""
    overall = table[table["class"] == ALL].iloc[0]
    classes = table[(table["class"] != ALL) & (table["pairs"] > 0)].set_index("class")
    boxed = [name for name in order if name in classes.index]
    shown, note = head_and_tail(boxed) if len(boxed) > MAX_SHOWN else (boxed, "")
    per = "annotated image" if overall["per"] == PER_IMAGE else "image and class"
    labels = [
        f"all, per {per}",
        *(f"{text} ({classes['pairs'][name]})" for name, text in shorten(shown).items()),
    ]
    figure = Figure(figsize=(10, 0.34 * len(labels) + 1.6), layout="constrained")
    cells = figure.subplots(1, len(MEASURES), sharey=True)
    add_title(figure, f"Concepts in boxes · {run}", note)
    if overall["pairs"] == 0:
        for axes in cells:
            say(axes, "no annotated image")
        return figure
    places = np.arange(len(labels)) + 0.4 * (np.arange(len(labels)) > 0)
    for axes, (measure, label), colour in zip(
        cells, MEASURES.items(), (FIRST, SECOND), strict=True
    ):
        values = [overall[measure], *classes.loc[shown, measure]]
        axes.barh(places, values, color=[NEUTRAL, *(colour for _ in shown)])
        for place, value in zip(places, values, strict=True):
            axes.text(value, place, f" {value:.3g}", va="center", fontsize=8, color=INK)
        axes.set_title(f"{measure.capitalize()}: {label}", fontsize=11)
        axes.margins(x=0.15)
        quiet(axes)
    cells[0].set_yticks(places, labels)
    cells[0].invert_yaxis()
    figure.supxlabel("mean per image and class (pairs in brackets)", fontsize=10)
    return figure


def draw_concepts(table: pd.DataFrame, path: Path, *, order: Sequence[str], run: str) -> None:
    """Draw the mean numbers of disjoint and unique concepts, overall and per class.

    Args:
        table: As `concept_table` makes it; a class without pairs is left out.
        path: PNG to write.
        order: Names of the classes, head first.
        run: Name of the run, for the title.

    Source: paper A, Table 2.
    """
    save(concepts_figure(table, order=order, run=run), path)


def channels_figure(rows: Sequence[ChannelRow], *, run: str) -> Figure:
    """Build what `draw_channels` writes."""
    columns = max([1, *(len(row.images) for row in rows)])
    figure = Figure(
        figsize=(1.7 * columns + 2.6, 1.95 * max(1, len(rows)) + 0.7), layout="constrained"
    )
    key = "green: boxes; orange: above the channel's threshold" if rows else ""
    add_title(figure, f"Channels that fire most in boxes · {run}", key)
    cells = figure.subplots(max(1, len(rows)), columns, squeeze=False)
    if not rows:
        say(cells[0, 0], "no channel fires in a class with enough boxes")
    for axes in cells.flat:
        axes.set_axis_off()
    for line, row in zip(cells, rows, strict=False):
        for axes, picture, active in zip(line, row.images, row.active, strict=False):
            axes.set_axis_on()
            overlay(axes, picture.image, None, picture.boxes)
            _outline(axes, active, picture.image.shape[0])
            lines = wrap(picture.label, CAPTION_WIDTH)
            axes.set_title(
                "\n".join(plain(part, width=CAPTION_WIDTH) for part in lines), fontsize=7
            )
        line[0].text(
            -0.08, 0.5, row.text, transform=line[0].transAxes, ha="right", va="center", color=INK
        )
    return figure


def draw_channels(rows: Sequence[ChannelRow], path: Path, *, run: str) -> None:
    """Draw channels, a row each, by the images that excite them most.

    Args:
        rows: Channels and their images, in the order to draw.
        path: PNG to write.
        run: Name of the run, for the title.

    Source: paper A, section 3.2; Bau et al., Network Dissection, CVPR 2017.
    """
    save(channels_figure(rows, run=run), path)


def _outline(axes: Axes, active: Bool[np.ndarray, "h w"], side: int) -> None:
    """Tint the active cells and draw their common outline over an image of `side` pixels."""
    height, width = active.shape
    rows, columns = (((np.arange(side) + 0.5) * n / side).astype(int) for n in (height, width))
    pixels = np.pad(active[np.ix_(rows, columns)], 1).astype(float)
    # the frame of free pixels closes the outline at the edges of the image
    places = np.arange(-1, side + 1)
    axes.contourf(places, places, pixels, levels=[0.5, 1.5], colors=[ACTIVE_COLOUR], alpha=0.25)
    axes.contour(places, places, pixels, levels=[0.5], colors=[ACTIVE_COLOUR], linewidths=1.2)
    axes.set_xlim(-0.5, side - 0.5)
    axes.set_ylim(side - 0.5, -0.5)
