import io

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from imbalens.reports.common import palette
from imbalens.reports.common.dark import (
    AS_IS,
    DIVERGING,
    DIVERGING_DARK,
    darken,
    find_dark,
    ink_on,
    with_dark,
)
from imbalens.reports.common.style import INK, NEUTRAL, save, write_on


def test_every_kind_of_mark_changes_its_colour():
    run, kind = palette.RUNS[0], palette.CLASSES["blue"]
    axes = Figure().subplots()
    (bar,) = axes.bar([0], [1], color=run.light, edgecolor=palette.PAPER.light, alpha=0.5)
    (line,) = axes.plot([0, 1], [0, 1], "o", color=kind.light, markeredgecolor=INK)
    dots = axes.scatter([0, 1], [1, 1], color=kind.light, edgecolor=INK)
    text = axes.text(0, 0, "a", color=INK)
    darken(axes.figure)
    assert to_hex(bar.get_facecolor()) == run.dark
    assert bar.get_facecolor()[3] == 0.5
    assert to_hex(bar.get_edgecolor()) == palette.PAPER.dark
    assert to_hex(line.get_color()) == to_hex(line.get_markerfacecolor()) == kind.dark
    assert to_hex(line.get_markeredgecolor()) == palette.INK.dark
    assert to_hex(dots.get_facecolor()[0]) == kind.dark
    assert to_hex(dots.get_edgecolor()[0]) == palette.INK.dark
    assert to_hex(text.get_color()) == palette.INK.dark
    assert to_hex(axes.figure.get_facecolor()) == palette.PAPER.dark


def test_what_shows_colours_of_pixels_keeps_them():
    axes = Figure().subplots()
    (bar,) = axes.barh([0], [1], color=["#000000"], gid=AS_IS)
    darken(axes.figure)
    assert to_hex(bar.get_facecolor()) == "#000000"


def test_text_on_an_area_is_read_on_both():
    axes = Figure().subplots()
    for shade in (*palette.CLASSES.values(), palette.OTHERS):
        write_on(axes, 0, 0, "a", shade.light, size=8)
    darken(axes.figure)
    for text, shade in zip(axes.texts, [*palette.CLASSES.values(), palette.OTHERS], strict=True):
        assert text.get_color()[:7] == ink_on(shade.dark)


def test_changes_of_both_signs_are_dark_around_zero():
    axes = Figure().subplots()
    picture = axes.imshow(np.zeros((2, 2)), cmap=DIVERGING.with_extremes(bad=NEUTRAL))
    bar = axes.figure.colorbar(picture)
    darken(axes.figure)
    assert picture.get_cmap().name == bar.cmap.name == DIVERGING_DARK.name
    assert sum(matplotlib.colors.to_rgb(picture.get_cmap()(0.5))) < 0.3


def test_a_file_shows_light_paper_and_holds_dark(tmp_path):
    figure = Figure(figsize=(2, 1), layout="constrained")
    figure.subplots().bar([0], [1], color=palette.RUNS[1].light)
    save(figure, tmp_path / "f.png")
    content = (tmp_path / "f.png").read_bytes()
    light, dark = (
        Image.open(io.BytesIO(each)).convert("RGB") for each in (content, find_dark(content))
    )
    assert light.size == dark.size == (260, 130)
    assert light.getpixel((0, 0)) == (255, 255, 255)
    assert "#{:02x}{:02x}{:02x}".format(*dark.getpixel((0, 0))) == palette.PAPER.dark
    shown = {"#{:02x}{:02x}{:02x}".format(*rgb) for _, rgb in dark.getcolors(99999)}
    assert palette.RUNS[1].dark in shown
    assert palette.RUNS[1].light not in shown


@pytest.mark.parametrize("mode", ["RGB", "P"])
def test_a_file_without_it_has_none(mode):
    buffer = io.BytesIO()
    Image.new(mode, (2, 2)).save(buffer, "png")
    assert find_dark(buffer.getvalue()) is None
    assert find_dark(with_dark(buffer.getvalue(), b"dark")) == b"dark"
