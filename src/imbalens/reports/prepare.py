"""A sheet of prepared images with their labels and boxes."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

from matplotlib.figure import Figure

from imbalens.reports.common.names import shorten
from imbalens.reports.common.overlay import overlay
from imbalens.reports.common.style import add_title, save
from imbalens.store.examples import Example

PER_LINE = 5
MAX_SAMPLES = 15


def samples_figure(samples: Sequence[Example], *, dataset: str, n_classes: int) -> Figure:
    """Build what `draw_samples` writes."""
    lines = max(1, ceil(len(samples) / PER_LINE))
    shown = len({sample.label for sample in samples})
    note = f"{shown} of {n_classes} classes" if shown < n_classes else ""
    figure = Figure(figsize=(2.1 * PER_LINE, 2.4 * lines + 0.7), layout="constrained")
    add_title(figure, f"Prepared images · {dataset}", note)
    cells = figure.subplots(lines, PER_LINE, squeeze=False)
    names = shorten(sample.label for sample in samples)
    for axes, sample in zip(cells.flat, samples, strict=False):
        overlay(axes, sample.image, None, sample.boxes)
        axes.set_title(names[sample.label], fontsize=9)
    for axes in cells.flat[len(samples) :]:
        axes.set_axis_off()
    return figure


def draw_samples(samples: Sequence[Example], path: Path, *, dataset: str, n_classes: int) -> None:
    """Draw prepared images with their class and boxes, to see that these belong together.

    Args:
        samples: What to draw, in reading order.
        path: PNG to write.
        dataset: Name of the dataset, for the title.
        n_classes: Classes that it has; the title says so where some are not shown.
    """
    save(samples_figure(samples, dataset=dataset, n_classes=n_classes), path)
