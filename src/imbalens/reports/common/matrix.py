"""A matrix over classes: coloured cells, numbers in them as long as they can be read."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm, to_hex
from matplotlib.figure import Figure

from imbalens.reports.common.names import shorten
from imbalens.reports.common.style import NEUTRAL, write_on

MAX_NUMBERED = 30
MAX_NAMED = 50
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
    """Draw coloured cells with a colour bar; a NaN cell is grey, of very many every n-th is named.

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
    across, down = (list(shorten(names).values()) for names in (columns, rows))
    step = -(-len(columns) // MAX_NAMED)
    axes.set_xticks(range(0, len(columns), step), across[::step], rotation=90, fontsize=9)
    axes.set_yticks(range(0, len(rows), step), down[::step], fontsize=9)
    bar = axes.figure.colorbar(picture, ax=axes, shrink=0.8, pad=0.02)
    bar.set_label(colour_label)
    if len(columns) > MAX_NUMBERED:
        return
    for row, column in np.argwhere(~np.isnan(values)).tolist():
        ground = to_hex(colours(float(scale(values[row, column]))))
        write_on(axes, column, row, texts[row][column], ground, size=8)
