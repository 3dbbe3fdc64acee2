import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from imbalens.reports.common import glyphs
from imbalens.reports.common.glyphs import make_drawable
from imbalens.reports.common.style import add_legend, save


@pytest.fixture
def cat_font(tmp_path):
    """Install, for a test, a font that has nothing but 猫."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((500, 0), (500, 500), (0, 500)):
        pen.lineTo(corner)
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "cat"])
    builder.setupCharacterMap({ord("猫"): "cat"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "cat": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (500, 0), "cat": (500, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Only Cats", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "cats.ttf")
    before = list(fontManager.ttflist)
    glyphs._find_fonts.cache_clear()
    fontManager.addfont(tmp_path / "cats.ttf")
    yield "Only Cats"
    fontManager.ttflist[:] = before
    glyphs._find_fonts.cache_clear()


def figure_of(name):
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    add_legend(axes, {name: axes.bar([0], [1])}, loc="upper right")
    axes.set_xticks([0], [name])
    return figure, axes


def test_a_character_that_no_font_has_is_written_as_its_number_and_said(tmp_path):
    figure, axes = figure_of("猫 cat")
    save(figure, tmp_path / "f.png")
    assert axes.get_xticklabels()[0].get_text() == r"\u732B cat"
    assert axes.get_legend().get_texts()[0].get_text() == r"\u732B cat"
    assert [text.get_text() for text in figure.texts] == [
        r"\u732B: no font here has this character"
    ]


def test_the_line_lies_under_what_is_drawn(tmp_path):
    figure, axes = figure_of("猫")
    save(figure, tmp_path / "f.png")
    (line,) = figure.texts
    assert line.get_window_extent().y0 >= 0
    assert line.get_window_extent().y1 <= axes.get_tightbbox().y0


def test_many_characters_are_named_in_short():
    figure, _ = figure_of("一二三四五六")
    make_drawable(figure)
    assert figure.texts[0].get_text().endswith("…: no font here has these characters")


def test_a_font_that_has_the_character_draws_it(cat_font, tmp_path):
    figure, axes = figure_of("猫 cat")
    save(figure, tmp_path / "f.png")
    for text in (axes.get_xticklabels()[0], axes.get_legend().get_texts()[0]):
        assert text.get_text() == "猫 cat"
        assert text.get_fontfamily()[-1] == cat_font
    assert figure.texts == []


def test_dollar_signs_are_not_mathematics(tmp_path):
    figure, axes = figure_of("a$^$b")
    figure.suptitle("$x")
    save(figure, tmp_path / "f.png")
    assert axes.get_xticklabels()[0].get_text() == "a$^$b"


def test_usual_text_is_left_as_it_is():
    figure, axes = figure_of("Größe · 5 % π … ≥")
    make_drawable(figure)
    assert figure.texts == []
    assert axes.get_legend().get_texts()[0].get_text() == "Größe · 5 % π … ≥"
