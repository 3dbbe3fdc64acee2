"""What all figures share: colours, which classes are shown, and how a figure becomes a file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from imbalens.store.files import atomic_path

# Twelve hues that stay apart under the common colour-vision deficiencies (Tol "muted" and
# Okabe-Ito, reordered so that neighbours in a legend differ in lightness too).
PALETTE = (
    "#332288",
    "#88CCEE",
    "#117733",
    "#DDCC77",
    "#CC6677",
    "#44AA99",
    "#882255",
    "#E69F00",
    "#0072B2",
    "#C9A0DC",
    "#555555",
    "#999933",
)
NEUTRAL = "#D9D9D9"
INK = "#222222"
MAX_CLASSES = len(PALETTE)
SHOWN_AT_EACH_END = 5
PIXELS_PER_INCH = 130


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


def titled(what: str, *notes: str) -> str:
    """Join a title and its notes, each on a line of its own; empty notes are dropped."""
    return "\n".join(plain(part, width=100) for part in (what, *notes) if part)


def plain(name: object, *, width: int = 24) -> str:
    """Make a name safe to draw: no mathematics between dollar signs, no longer than `width`.

    A long name loses its middle: the names of a dataset often differ only in how they end.
    """
    text = str(name)
    if len(text) > width:
        front, back = width // 2, (width - 1) // 2
        text = f"{text[:front]}…{text[-back:]}"
    return text.replace("$", r"\$")


def ink_on(colour: str | tuple[float, float, float]) -> str:
    """Return the text colour, dark or white, that reads better on `colour`."""
    luminance = float(np.dot(to_rgb(colour), (0.299, 0.587, 0.114)))
    return INK if luminance > 0.5 else "white"


def paler(colour: str) -> str:
    """Return the colour halfway between `colour` and white."""
    red, green, blue = to_rgb(colour)
    return to_hex(((1 + red) / 2, (1 + green) / 2, (1 + blue) / 2))


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
        axes.set_facecolor("#F4F4F4")
        axes.set_aspect("equal")
        return
    pixels = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
    axes.imshow(pixels, interpolation="nearest")


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG: atomically, and the same bytes for the same figure.

    Args:
        figure: What to write.
        path: Where to, ending in `.png`.
    """
    FigureCanvasAgg(figure)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=PIXELS_PER_INCH, metadata={"Software": None})
