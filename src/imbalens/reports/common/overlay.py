"""Class activation maps and boxes drawn over the image they belong to."""

from collections.abc import Iterable, Sequence

import matplotlib
import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from imbalens.reports.common.style import show_image
from imbalens.store.examples import Example

BOX_COLOUR = "#33FFCC"
SCALE = Normalize(0, 1)


def _fading_in() -> ListedColormap:
    """Perceptually uniform colours that let the image through where the map is low."""
    colours = matplotlib.colormaps["inferno"](np.linspace(0, 1, 256))
    colours[:, 3] = np.linspace(0.1, 0.7, 256)
    return ListedColormap(colours, name="fading inferno")


COLOURS = _fading_in()


def overlay(
    axes: Axes,
    image: UInt8[np.ndarray, "s s c"],
    cam: Float[np.ndarray, "h w"] | None,
    boxes: Int[np.ndarray, "b 4"],
) -> None:
    """Draw an image, a map over it and boxes on top.

    Args:
        axes: Where to draw.
        image: Grey (c = 1) or RGB (c = 3).
        cam: Map within [0, 1] in any resolution, stretched over the image, in the colours of
            `add_scale`, the same in every figure; None draws the bare image.
        boxes: x, y, width, height of each box in pixels of the image.
    """
    show_image(axes, image)
    if cam is not None:
        side = len(image)
        axes.imshow(
            cam,
            cmap=COLOURS,
            norm=SCALE,
            interpolation="bilinear",
            extent=(-0.5, side - 0.5, side - 0.5, -0.5),
        )
    for x, y, width, height in boxes.tolist():
        # the centre of a pixel, not its corner, is at its whole-numbered position
        frame = Rectangle(
            (x - 0.5, y - 0.5), width, height, fill=False, edgecolor=BOX_COLOUR, lw=1.4
        )
        frame.set_path_effects([withStroke(linewidth=3, foreground="black")])
        axes.add_patch(frame)


def places_of(examples: Sequence[Example], order: Sequence[str]) -> list[int]:
    """Return the places of examples by their class, in the order of the classes."""
    return sorted(range(len(examples)), key=lambda place: order.index(examples[place].label))


def add_scale(figure: Figure, axes: Iterable[Axes]) -> None:
    """Draw the colour scale of `overlay`, as over a mid-grey image, beside some axes."""
    bar = figure.colorbar(ScalarMappable(SCALE, COLOURS), ax=list(axes), shrink=0.7, aspect=40)
    bar.ax.set_facecolor("#808080")
    bar.set_label("normalised activation")
