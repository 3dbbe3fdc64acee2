from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from skimage.color import deltaE_ciede2000, rgb2lab

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.reports.common import palette
from imbalens.reports.common.palette import (
    ARCHETYPES,
    CLASSES,
    RUNS,
    TIERS,
    WORDS,
    class_colours,
    class_numbers,
    css_variables,
    run_numbers,
)

APART = 10  # CIEDE2000
# Colours in linear sRGB as seen with a deficiency of severity 1. Source: Machado, Oliveira and
# Fernandes, A Physiologically-based Model for Simulation of Color Vision Deficiency, 2009.
READERS = {
    "no deficiency": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# what stands in one chart, with what is drawn there beside it
TOGETHER = {
    "runs": RUNS,
    "runs and what is pointed at": [*RUNS, palette.INK],
    "classes": [*CLASSES.values(), palette.OTHERS],
    "archetypes": [*ARCHETYPES.values(), palette.OTHERS, palette.UNKNOWN],
    "right and wrong": [
        *(palette.GOOD, palette.BAD, palette.ALARM),
        *(palette.UNKNOWN, palette.OTHERS),
    ],
    "tiers": [*TIERS.values(), palette.OTHERS],
    "measures": [*palette.MEASURES, palette.OTHERS],
}
THEMES = ("light", "dark")


def linear(colour):
    values = np.array(to_rgb(colour))
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def seen(colour, reader):
    values = np.clip(np.asarray(READERS[reader]) @ linear(colour), 0, 1)
    return rgb2lab(
        np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)
    )


def luminance(colour):
    return linear(colour) @ [0.2126, 0.7152, 0.0722]


def contrast(colour, paper):
    low, high = sorted([luminance(colour), luminance(paper)])
    return (high + 0.05) / (low + 0.05)


def least_difference(colours, reader):
    pairs = combinations([seen(colour, reader) for colour in colours], 2)
    return min(float(deltaE_ciede2000(*pair)) for pair in pairs)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("which", TOGETHER)
def test_colours_that_stand_together_are_apart_for_every_reader(which, reader, theme):
    colours = [getattr(shade, theme) for shade in TOGETHER[which]]
    assert least_difference(colours, reader) >= APART


def test_the_measure_finds_what_one_reader_cannot_tell():
    """The two hues of the former explore page that a reader with deuteranopia saw as one."""
    hues = ["#4c78a8", "#7a6fe0", "#b279a2", "#ff9da6", "#72b7b2"]
    assert least_difference(hues, "no deficiency") > APART > least_difference(hues, "deuteranopia")


@pytest.mark.parametrize("theme", THEMES)
def test_colours_are_seen_on_their_paper(theme):
    paper, raised = getattr(palette.PAPER, theme), getattr(palette.RAISED, theme)
    for shade in RUNS:
        assert contrast(getattr(shade, theme), paper) >= 3
        assert contrast(getattr(shade, theme), raised) >= 3
    for shade in [*CLASSES.values(), *ARCHETYPES.values(), *TIERS.values(), *palette.MEASURES]:
        assert contrast(getattr(shade, theme), paper) >= 2
    for shade in (palette.INK, palette.FAINT, palette.LINK, palette.GOOD, palette.BAD):  # text
        assert contrast(getattr(shade, theme), paper) >= 4.5
        assert contrast(getattr(shade, theme), raised) >= 4.5


def test_no_two_meanings_share_a_colour():
    """A figure is drawn again for dark paper by what its colours mean."""
    shades = [
        *(value for value in vars(palette).values() if isinstance(value, palette.Shade)),
        *(*RUNS, *palette.MEASURES, *ARCHETYPES.values(), *TIERS.values(), *CLASSES.values()),
    ]
    assert len({shade.light for shade in shades}) == len(shades)


def test_every_archetype_has_a_colour():
    assert tuple(ARCHETYPES) == ARCHETYPE_NAMES


def test_every_colour_that_a_word_asks_for_is_there():
    assert {colour for colours in WORDS.values() for colour in colours} <= set(CLASSES)


def test_classes_called_after_colours_are_drawn_in_them():
    names = {
        "blue disc": "blue",
        "red square": "red",
        "striped green triangle": "green",
        "yellow star": "yellow",
        "dotted light blue bar": "light blue",
        "orange star": "orange",
        "dark_green ring": "dark green",
        "checked Light Red cross": "light red",
        "striped red square": "dark red",
        "blue triangle": "dark blue",
        "truck": "purple",
        "black cat": "grey",
    }
    expected = {name: CLASSES[colour] for name, colour in names.items()}
    assert class_colours(list(names)) == expected


def test_classes_of_a_hue_that_is_used_up_are_grey():
    assert class_colours(["orange", "orange juice"])["orange juice"] == CLASSES["grey"]
    assert class_numbers(["blue"] * 4)[3] == list(CLASSES).index("grey")


def test_what_stands_first_has_the_first_wish():
    colours = class_colours(["blue bar", "dark blue bar", "navy bar"])
    assert colours["dark blue bar"] == CLASSES["dark blue"]
    assert len(set(colours.values())) == 3
    assert class_numbers(["c"] * 12) == list(range(12))


def test_words_within_other_words_are_none():
    assert class_numbers(["hundred", "Greenland"]) == [0, 1]


def test_more_classes_than_colours_are_refused():
    with pytest.raises(ValueError, match="for 12 classes, not for 13"):
        class_numbers(["c"] * 13)


def test_trainings_have_the_colour_of_their_setting_and_colours_come_again():
    settings = {f"s{i}": [f"r{i}", f"r{i}-1"] for i in range(9)}
    numbers = run_numbers(settings)
    assert [numbers[f"r{i}"] for i in range(9)] == [*range(8), 0]
    assert all(numbers[f"r{i}-1"] == numbers[f"s{i}"] == numbers[f"r{i}"] for i in range(9))


def test_pages_have_all_colours_as_variables():
    css = css_variables()
    for place, shade in enumerate(RUNS):
        assert f"--run-{place}: light-dark({shade.light}, {shade.dark});" in css
    assert css.count("--class-") == len(CLASSES)
    assert "--tier-medium" in css
    assert "--archetype-3" in css
