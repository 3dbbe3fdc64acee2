"""A sheet of prepared images with their labels and boxes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8
from matplotlib.figure import Figure

from imbalens.reports.common.overlay import overlay
from imbalens.reports.common.style import plain, save, titled

PER_LINE = 5
MAX_SAMPLES = 15


@dataclass(frozen=True)
class Sample:
    """One prepared image, to be drawn.

    Attributes:
        title: Its class, or the class of its boxes.
        image: Height x width x 1 (grey) or 3 (RGB).
        boxes: x, y, width, height of the boxes of that class, in pixels.
    """

    title: str
    image: UInt8[np.ndarray, "h w c"]
    boxes: Int[np.ndarray, "b 4"]


def samples_figure(samples: Sequence[Sample], *, dataset: str) -> Figure:
    """Build what `draw_samples` writes."""
    lines = max(1, ceil(len(samples) / PER_LINE))
    figure = Figure(figsize=(2.1 * PER_LINE, 2.4 * lines + 0.7), layout="constrained")
    figure.suptitle(titled(f"Prepared images · {dataset}"))
    cells = figure.subplots(lines, PER_LINE, squeeze=False)
    for axes, sample in zip(cells.flat, samples, strict=False):
        overlay(axes, sample.image, None, sample.boxes)
        axes.set_title(plain(sample.title), fontsize=9)
    for axes in cells.flat[len(samples) :]:
        axes.set_axis_off()
    return figure


def draw_samples(samples: Sequence[Sample], path: Path, *, dataset: str) -> None:
    """Draw prepared images with their class and boxes, to see that these belong together.

    Args:
        samples: What to draw, in reading order.
        path: PNG to write.
        dataset: Name of the dataset, for the title.
    """
    save(samples_figure(samples, dataset=dataset), path)
