"""Text of any script in figures: in a font that has its characters, or by their numbers."""

from collections.abc import Sequence
from functools import cache

from matplotlib import rcParams
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text

BLANK = frozenset("\n ")
NOTE = "{}: no font here has this character"
NOTES = "{}: no font here has these characters"
MAX_NAMED = 4
NOTE_INCHES = 0.25


def make_drawable(figure: Figure) -> None:
    r"""Let a figure's texts be drawn as they are.

    Nothing is mathematics between dollar signs. What the usual font lacks is drawn in an
    installed one that has it; where none has, as `\u732B`, and a line under the figure says so.
    """
    unknown: dict[str, None] = {}
    for axis in figure.findobj(Axis):
        names = [label.get_text() for label in axis.get_ticklabels()]
        if left := _find_fonts("".join(names))[1]:
            axis.set_ticklabels([escape(name, left) for name in names])
            unknown |= dict.fromkeys(sorted(left))
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        fonts, left = _find_fonts(text.get_text())
        if fonts:
            text.set_fontfamily([*rcParams["font.family"], *fonts])
        if left:
            text.set_text(escape(text.get_text(), left))
            unknown |= dict.fromkeys(sorted(left))
    if unknown:
        _add_note(figure, list(unknown))


def escape(text: str, characters: frozenset[str]) -> str:
    r"""Write the given characters of a text by their numbers, such as `\u732B`."""
    return "".join(_number(sign) if sign in characters else sign for sign in text)


def _number(sign: str) -> str:
    return rf"\u{ord(sign):04X}"


@cache
def _characters(path: str) -> frozenset[str]:
    return frozenset(map(chr, FT2Font(path).get_charmap()))


@cache
def _find_fonts(text: str) -> tuple[Sequence[str], frozenset[str]]:
    """Return fonts for what the usual one lacks of a text, and the characters that none has."""
    left, fonts = frozenset(text) - _characters(findfont(FontProperties())) - BLANK, []
    for name, path in _installed() if left else ():
        if left & _characters(path):
            fonts.append(name)
            left -= _characters(path)
    return fonts, left


def _installed() -> list[tuple[str, str]]:
    """Return names and files of fonts, but for that which has a box for every character."""
    found = {(font.name, font.fname) for font in fontManager.ttflist}
    return sorted(font for font in found if "LastResort" not in font[1])


def _add_note(figure: Figure, unknown: Sequence[str]) -> None:
    named = " ".join(map(_number, unknown[:MAX_NAMED])) + " …" * (len(unknown) > MAX_NAMED)
    text = (NOTE if len(unknown) == 1 else NOTES).format(named)
    share = NOTE_INCHES / figure.get_figheight()
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, share, 1, 1 - share))
    figure.text(0.5, share / 4, text, ha="center", va="bottom", fontsize=8, parse_math=False)
