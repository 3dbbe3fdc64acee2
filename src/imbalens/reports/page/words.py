"""What measures are called on the page: one name for one thing, and which values are better.

A name alone does not tell a measure: `auroc` is that of labels in the stage `performance`, that
of pixels in `cam_alignment`.
"""

import pandas as pd

from imbalens.reports.differences.headings import SPECS, measure_heading

BETTER = {"up": "higher is better", "down": "lower is better", "": ""}


def better_side(stage: str, name: str) -> str:
    """Return which values of a measure are better: "up", "down", or "" where neither are.

    A variant, such as `iobb_hard`, goes where its measure goes.
    """
    spec = SPECS.get((stage, name)) or SPECS.get((stage, name.rpartition("_")[0]))
    return (spec.better or "") if spec else ""


def direction(stage: str, name: str) -> str:
    """Return the same in words, such as "higher is better"; "" where neither are."""
    return BETTER[better_side(stage, name)]


def with_names(table: pd.DataFrame) -> pd.DataFrame:
    """Return rows with columns `stage` and `measure`, named for readers.

    The column `stage` is left out, `measure` holds headings, and `better` follows it.
    """
    pairs = list(zip(table["stage"], table["measure"], strict=True))
    named = table.assign(measure=[measure_heading(*pair) for pair in pairs])
    place = list(named.columns).index("measure")
    sides = [direction(*pair).removesuffix(" is better") for pair in pairs]
    named.insert(place + 1, "better", sides)
    return named.drop(columns="stage")
