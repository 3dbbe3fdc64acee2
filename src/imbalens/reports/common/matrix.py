"""A matrix over classes: coloured cells, numbers in them as long as they can be read."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm, to_rgb
from matplotlib.figure import Figure

from imbalens.reports.common.style import NEUTRAL, ink_on, plain

MAX_NUMBERED = 30
INCHES_PER_CLASS = 0.5
MAX_INCHES = 14.0


def matrix_figure(n_classes: int) -> tuple[Figure, Axes]:
    """Make a figure whose size suits a matrix of `n_classes` rows and columns."""
    side = min(MAX_INCHES, max(4.0, INCHES_PER_CLASS * n_classes))
    figure = Figure(figsize=(side + 2.2, side + 1.6), layout="constrained")
    return figure, figure.subplots()


def draw_cells(
    axes: Axes,
    values: Float[np.ndarray, "rows columns"],
    texts: Sequence[Sequence[str]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    colour_label: str,
    gamma: float,
) -> None:
    """Draw coloured cells with a colour bar; a NaN cell is grey.

    Args:
        axes: Where to draw.
        values: What the colours show; the scale begins at 0.
        texts: What is written into each cell, left out where cells are too small for it.
        rows: Names down the side.
        columns: Names along the bottom.
        colour_label: What the colours mean.
        gamma: Power of the colour scale: 1 is proportional, less sets small values apart.
    """
    colours = matplotlib.colormaps["cividis"].with_extremes(bad=NEUTRAL)
    known = values[~np.isnan(values)]
    top = float(known.max()) if known.size and known.max() > 0 else 1.0
    scale = PowerNorm(gamma, vmin=0.0, vmax=top)
    picture = axes.imshow(values, cmap=colours, norm=scale, interpolation="nearest")
    size = 9 if len(columns) <= MAX_NUMBERED else 5.5
    names = [plain(name) for name in columns]
    axes.set_xticks(range(len(columns)), names, rotation=90, fontsize=size)
    axes.set_yticks(range(len(rows)), [plain(name) for name in rows], fontsize=size)
    bar = axes.figure.colorbar(picture, ax=axes, shrink=0.8, pad=0.02)
    bar.set_label(colour_label)
    if len(columns) > MAX_NUMBERED:
        return
    for row, column in np.argwhere(~np.isnan(values)).tolist():
        axes.text(
            column,
            row,
            texts[row][column],
            ha="center",
            va="center",
            fontsize=8,
            color=ink_on(to_rgb(colours(float(scale(values[row, column]))))),
        )
