"""The colours of all pages and figures, each for light and for dark paper.

Any two that occur together are at least 10 CIEDE2000 apart for readers without a colour-vision
deficiency, and under deuteranopia, protanopia and tritanopia: found by search, held by a test.
Runs' colours contrast 3 : 1 with the paper. The twelve of classes contrast 2 : 1: they fill
areas or mark points, always beside a name.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Shade(NamedTuple):
    """One colour, as hexadecimal RGB, on light and on dark paper."""

    light: str
    dark: str

    @property
    def css(self) -> str:
        """What CSS calls it."""
        return f"light-dark({self.light}, {self.dark})"


PAPER = Shade("#ffffff", "#14171a")
RAISED = Shade("#f4f6f8", "#1d2126")
LINE = Shade("#d5dae0", "#363d45")
INK = Shade("#1c2126", "#e4e8ec")
FAINT = Shade("#566069", "#a3adb7")
LINK = Shade("#0a5ea8", "#7cbcf5")
OTHERS = Shade("#ccd2d8", "#454d55")  # what is not meant, and what is not defined
# better and worse, right and wrong, holds and does not hold
GOOD = Shade("#006156", "#3fd9cf")
BAD = Shade("#8e1902", "#ff9d6e")
ALARM = Shade("#a72bd3", "#c150e8")  # taken for what it is not
UNKNOWN = Shade("#868b90", "#8b8b8b")  # not judged, not known, not decided

RUNS = (  # settings, in their order; the trainings of one share its colour
    Shade("#257ee7", "#7baceb"),
    Shade("#d4751e", "#e7944c"),
    Shade("#2b7e58", "#86fab6"),
    Shade("#8a1c84", "#a7608e"),
    Shade("#896000", "#ffe800"),
    Shade("#62676b", "#a6a6a6"),
    Shade("#5016e6", "#7564f3"),
    Shade("#900d26", "#e02e5c"),
)
MARKERS = "os^DPv*X"  # settings in figures, beside their colour
MEASURES = (Shade("#506486", "#7c8fb5"), Shade("#d0a15e", "#deba4c"))  # of one and the same run
ARCHETYPES = {
    "safe": Shade("#0f89e8", "#75c2ef"),
    "border": Shade("#e0b026", "#fdde76"),
    "rare": Shade("#b42500", "#eb1e17"),
    "outlier": Shade("#480060", "#ad2ad7"),
}
TIERS = {  # classes of many, medium and few training images
    "many": Shade("#341582", "#7270fa"),
    "medium": Shade("#2c8173", "#00dbc7"),
    "few": Shade("#f5a022", "#fbc509"),
}
CLASSES = {  # in the order in which classes get them that are not called after a colour
    "blue": Shade("#2775fe", "#76a6ef"),
    "orange": Shade("#ce7108", "#fb9003"),
    "green": Shade("#51aa61", "#0edb7b"),
    "red": Shade("#cc1e35", "#dd422e"),
    "purple": Shade("#8446a0", "#9c4ffa"),
    "light blue": Shade("#10bdfa", "#b5dffd"),
    "yellow": Shade("#cdb82c", "#fff21c"),
    "dark blue": Shade("#201e85", "#4854a6"),
    "light red": Shade("#f29ca1", "#fdb4c2"),
    "dark green": Shade("#006700", "#259464"),
    "dark red": Shade("#6e1728", "#a3252b"),
    "grey": Shade("#616566", "#7a7e82"),
}
MAX_CLASSES = len(CLASSES)
# word in a class's name: the colours that do not contradict it, best first
WORDS: Mapping[str, Sequence[str]] = {
    "blue": ("blue", "dark blue", "light blue"),
    "navy": ("dark blue", "blue"),
    "cyan": ("light blue",),
    "turquoise": ("light blue",),
    "teal": ("dark green", "green"),
    "green": ("green", "dark green"),
    "lime": ("green",),
    "olive": ("dark green", "green"),
    "red": ("red", "dark red", "light red"),
    "crimson": ("red", "dark red"),
    "maroon": ("dark red", "red"),
    "brown": ("dark red", "orange"),
    "pink": ("light red",),
    "rose": ("light red",),
    "orange": ("orange",),
    "yellow": ("yellow",),
    "gold": ("yellow", "orange"),
    "golden": ("yellow", "orange"),
    "purple": ("purple",),
    "violet": ("purple",),
    "magenta": ("purple",),
    "grey": ("grey",),
    "gray": ("grey",),
    "silver": ("grey",),
    "black": ("grey",),
    "white": ("grey",),
}


def class_numbers(names: Sequence[str]) -> list[int]:
    """Return the number of each class's colour, its place in `CLASSES`.

    A class called after a colour, such as "light blue bar", gets that colour or one of its hue,
    grey where all of them are taken; the others get what is left, in their order. So the same
    classes have the same colours on pages and in figures.

    Args:
        names: Class names, head first, at most `MAX_CLASSES`.

    Raises:
        ValueError: if there are more.
    """
    if len(names) > MAX_CLASSES:
        raise ValueError(f"there are colours for {MAX_CLASSES} classes, not for {len(names)}")
    wishes = [_wishes(name) for name in names]
    free, chosen = list(CLASSES), [""] * len(names)
    for depth in range(max(map(len, wishes), default=0)):  # first wishes before second ones
        for place, wish in enumerate(wishes):
            if not chosen[place] and depth < len(wish) and wish[depth] in free:
                chosen[place] = wish[depth]
                free.remove(wish[depth])
    for place, wish in enumerate(wishes):
        if not chosen[place]:
            chosen[place] = "grey" if wish and "grey" in free else free[0]
            free.remove(chosen[place])
    order = list(CLASSES)
    return [order.index(colour) for colour in chosen]


def class_colours(names: Sequence[str]) -> dict[str, Shade]:
    """Return the colour of each class, see `class_numbers`."""
    shades = list(CLASSES.values())
    return {name: shades[number] for name, number in zip(names, class_numbers(names), strict=True)}


def _wishes(name: str) -> Sequence[str]:
    """Return the colours that do not contradict a name, best first; all others do."""
    words = re.findall("[a-z]+", name.lower())
    for tone, colour in zip(["", *words], words, strict=False):
        if colour in WORDS:
            toned = f"{tone} {colour}"
            return [toned] * (toned in CLASSES) + [c for c in WORDS[colour] if c != toned]
    return ()


def run_numbers(settings: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the number of the colour, its place in `RUNS`, of each setting and of its runs.

    Args:
        settings: Names of the runs of each setting of a dataset, all of them in their order.
    """
    numbers = {setting: place % len(RUNS) for place, setting in enumerate(settings)}
    return numbers | {run: numbers[setting] for setting in settings for run in settings[setting]}


def css_variables() -> str:
    """Return all colours as variables of CSS: `--ink`, `--run-0`, `--class-0`, `--archetype-0`."""
    named = {
        "paper": PAPER,
        "raised": RAISED,
        "line": LINE,
        "ink": INK,
        "faint": FAINT,
        "link": LINK,
        "others": OTHERS,
        "good": GOOD,
        "bad": BAD,
        "alarm": ALARM,
        "unknown": UNKNOWN,
        **{f"run-{place}": shade for place, shade in enumerate(RUNS)},
        **{f"class-{place}": shade for place, shade in enumerate(CLASSES.values())},
        **{f"archetype-{place}": shade for place, shade in enumerate(ARCHETYPES.values())},
        **{f"tier-{name}": shade for name, shade in TIERS.items()},
    }
    lines = [f"  --{name}: {shade.css};" for name, shade in named.items()]
    return "\n".join([":root {", "  color-scheme: light dark;", *lines, "}"])
