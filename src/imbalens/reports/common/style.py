"""What all figures share: which classes are shown, text on areas, legends, and the file."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any, cast

import numpy as np
from jaxtyping import UInt8
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.container import Container
from matplotlib.figure import Figure

from imbalens.reports.common import palette
from imbalens.reports.common.dark import ON, darken, ink_on, with_dark
from imbalens.reports.common.glyphs import make_drawable
from imbalens.reports.common.palette import MAX_CLASSES
from imbalens.store.files import atomic_path

INK, NEUTRAL = palette.INK.light, palette.OTHERS.light
FIRST, SECOND = (shade.light for shade in palette.MEASURES)  # measures of one run, side by side
SHOWN_AT_EACH_END = 5
PIXELS_PER_INCH = 130
CHARACTERS_PER_INCH = 10  # of a title


def head_and_tail(classes: Sequence[str]) -> tuple[list[str], str]:
    """Choose the classes that a figure can show legibly, and say what was left out.

    Args:
        classes: Class names, head first.

    Returns:
        All classes and an empty note, or, where there are more classes than colours, the five
        largest and the five smallest and a note for the title.

    Source: paper B, caption of Figure 2 (Places-100).
    """
    if len(classes) <= MAX_CLASSES:
        return list(classes), ""
    shown = [*classes[:SHOWN_AT_EACH_END], *classes[-SHOWN_AT_EACH_END:]]
    ends = SHOWN_AT_EACH_END
    return shown, f"{ends} largest and {ends} smallest of {len(classes)} classes"


def add_title(figure: Figure, what: str, *notes: str) -> None:
    """Write a title and its notes over a figure, as wide as it; empty notes are dropped."""
    width = int(figure.get_figwidth() * CHARACTERS_PER_INCH)
    parts = [wrap(" ".join(part.split()), width) for part in (what, *notes)]
    figure.suptitle("\n".join(line for part in parts for line in part), fontsize=12)


def write_on(
    axes: Axes, x: float | int, y: float | int, text: str, ground: str, *, size: int
) -> None:
    """Write in the middle of an area of the colour `ground`, dark or light as reads better."""
    middle = axes.text(x, y, text, ha="center", va="center", fontsize=size, color=ink_on(ground))
    middle.set_gid(f"{ON}{ground}")


def add_legend(
    owner: Figure | Axes,
    entries: Mapping[str, Artist | Container],
    **options: Any,  # noqa: ANN401
) -> None:
    """Add a legend without a frame, of which no entry is left out, whatever it is called.

    matplotlib's own choice of entries drops those that begin with an underscore.

    Args:
        owner: The figure or the panel that it belongs to.
        entries: What is shown beside each text.
        **options: As matplotlib takes them.
    """
    handles = cast("list[Artist]", list(entries.values()))
    owner.legend(handles, list(entries), frameon=False, **options)


def quiet(axes: Axes) -> None:
    """Remove the frame lines that carry no information."""
    axes.spines[["top", "right"]].set_visible(False)


def say(axes: Axes, text: str) -> None:
    """Write `text` in the middle of axes that have nothing to show."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=INK)
    axes.set_axis_off()


def show_image(axes: Axes, image: UInt8[np.ndarray, "_ _ _"] | None) -> None:
    """Draw one image with its pixels visible, or the word "none".

    Args:
        axes: Where to draw.
        image: Height x width x channels (1 or 3), or None for an empty group.
    """
    axes.set_xticks([])
    axes.set_yticks([])
    if image is None:
        axes.text(0.5, 0.5, "none", ha="center", va="center", transform=axes.transAxes, color=INK)
        axes.set_facecolor(palette.RAISED.light)
        axes.set_aspect("equal")
        return
    pixels = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
    axes.imshow(pixels, interpolation="nearest")


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG: atomically, and the same bytes for the same figure.

    The file shows it on light paper and holds it for dark paper too, see `dark`. Any text is
    drawn, see `glyphs`.

    Args:
        figure: What to write.
        path: Where to, ending in `.png`.
    """
    FigureCanvasAgg(figure)
    with rc_context({"text.parse_math": False}), atomic_path(path) as temporary:
        make_drawable(figure)
        light = _png(figure)
        figure.set_layout_engine("none")  # everything stays where it is
        darken(figure)
        temporary.write_bytes(with_dark(light, _png(figure)))


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=PIXELS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()
