"""Values, differences and intervals of the summary in words, with their units."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from imbalens.analysis.summary import FELL, ROSE
from imbalens.tables.summary import SHARE

DIGITS = {SHARE: 1, "": 3}
FACTOR = {SHARE: 100, "": 1}
MAX_DIGITS = 8


def shown_value(row: Mapping[Any, Any]) -> str:
    """Return a value with its unit: shares in per cent.

    Args:
        row: Of the summary, see `tables.summary.SUMMARY`.
    """
    if np.isnan(row["value"]):
        return "undefined"
    unit = row["unit"]
    return f"{FACTOR[unit] * row['value']:.{DIGITS[unit]}f}" + (" %" if unit == SHARE else "")


def amount(row: Mapping[Any, Any], *, interval: str = "") -> str:
    """Say by how much a measure rose or fell, with the interval in brackets.

    With as many digits as it takes to show that the interval leaves out 0.

    Args:
        row: Of the summary, its verdict "rose" or "fell".
        interval: What is said in front of the interval.
    """
    sign = {ROSE: 1, FELL: -1}[row["verdict"]]
    factor = FACTOR[row["unit"]]
    difference, *ends = (sign * factor * row[key] for key in ("difference", "low", "high"))
    low, high = sorted(ends)
    digits = DIGITS[row["unit"]]
    while float(f"{low:.{digits}f}") == 0 and digits < MAX_DIGITS:
        digits += 1
    unit = " points" if row["unit"] == SHARE else ""
    numbers = (f"{number:.{digits}f}" for number in (difference, low, high))
    return "{}{} ({}{} to {})".format(next(numbers), unit, interval, *numbers)


def shown_difference(row: Mapping[Any, Any]) -> str:
    """Return a signed difference with its interval, shares in points; empty if there is none.

    Args:
        row: Of the summary.
    """
    if np.isnan(row["difference"]):
        return ""
    factor, digits = FACTOR[row["unit"]], DIGITS[row["unit"]]
    difference, low, high = (
        f"{factor * row[key]:+.{digits}f}" for key in ("difference", "low", "high")
    )
    unit = " points" if row["unit"] == SHARE else ""
    return f"{difference}{unit}" + ("" if np.isnan(row["low"]) else f" ({low} to {high})")
