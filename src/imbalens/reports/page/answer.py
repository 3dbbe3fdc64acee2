"""The first screen of a dataset: its headline differences as points with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from imbalens.analysis.summary import FELL, ROSE
from imbalens.reports.page.results import DatasetResults
from imbalens.reports.page.words import BETTER
from imbalens.reports.summary.amounts import shown_difference, shown_value
from imbalens.tables.summary import SHARE

MOST = 8  # settings of a panel; the others stand among all measures
MARGIN = 0.05  # of a panel's width, on both sides
UNITS = {SHARE: "percentage points"}
AXES = {"up": ("worse", "better"), "down": ("better", "worse"), "": ("lower", "higher")}

Row = Mapping[Any, Any]  # of the summary, column names to fields
Side = Literal["better", "worse", "higher", "lower", "undecided"]
SIDES: tuple[Side, ...] = ("better", "worse", "higher", "lower", "undecided")


@dataclass(frozen=True)
class Point:
    """A difference from the baseline; positions are in percent of the width.

    Attributes:
        label: The setting, or the measure where one setting alone is compared.
        mark: Number of the colour of the setting.
        at: Where the difference lies.
        ends: Where its interval begins and ends, None where there is none.
        side: What the interval says of it: "undecided" where it does not exclude 0.
        text: Difference and interval, as numbers.
    """

    label: str
    mark: int
    at: float
    ends: tuple[float, float] | None
    side: Side
    text: str


@dataclass(frozen=True)
class Panel:
    """Differences of one direction and unit; all panels of a unit are on one scale.

    Attributes:
        heading: The measure, or the setting where it alone is compared.
        direction: Which values are better, in words; "" where neither are.
        unit: Of the differences, in words; "" where they have none.
        zero: Where no difference lies, in percent of the width.
        sides: What it means to lie left of that, and right.
        points: One per setting, or per measure.
    """

    heading: str
    direction: str
    unit: str
    zero: float
    sides: tuple[str, str]
    points: Sequence[Point]


@dataclass(frozen=True)
class DifferenceChart:
    """Differences of a dataset's headline measures: what it says, how to read it, its panels."""

    title: str
    caption: str
    panels: Sequence[Panel]


@dataclass(frozen=True)
class SettingAbout:
    """What was trained of a setting: its colour, loss, network, and how often."""

    name: str
    mark: int
    loss: str
    network: str
    trainings: int
    is_baseline: bool


def chart_of_differences(
    results: DatasetResults, marks: Mapping[str, int]
) -> DifferenceChart | None:
    """Lay out the differences of the headline measures; None where nothing is compared.

    A panel per measure, a line per setting; of one setting alone a line per measure, those of a
    direction and unit in one panel.

    Args:
        results: All that was read of the dataset.
        marks: Number of the colour by run and setting.
    """
    rows = results.headlines
    if rows is None:
        return None
    rows = rows[(rows["baseline"] != "") & rows["difference"].notna()]
    if rows.empty:
        return None
    is_one = rows["setting"].nunique() == 1
    alike = ["setting" if is_one else "heading", "better", "unit"]
    panels = []
    for (heading, better, unit), own in rows.groupby(alike, sort=False):
        scale = _scale(rows[rows["unit"] == unit])
        shown = own if is_one else own.head(MOST)
        panels.append(
            Panel(
                heading=str(heading),
                direction=BETTER[str(better)],
                unit=UNITS.get(str(unit), ""),
                zero=_position(0.0, scale),
                sides=AXES[str(better)],
                points=[
                    _point(
                        row,
                        row["heading"] if is_one else short_name(row["setting"], results.name),
                        marks[row["setting"]],
                        scale,
                    )
                    for row in shown.to_dict("records")
                ],
            )
        )
    sides = [point.side for panel in panels for point in panel.points]
    caption = _caption(sides, float(rows["confidence"].iloc[0]))
    if (n := rows["setting"].nunique()) > MOST:
        caption += f" The first {MOST} of {n} settings are shown; all stand under All measures."
    return DifferenceChart(_title(rows), caption, panels)


def short_name(setting: str, dataset: str) -> str:
    """Return a setting's name without that of its dataset."""
    return setting.removeprefix(f"{dataset}/")


def values_of(results: DatasetResults) -> list[tuple[str, str]]:
    """Return the headline measures of the only setting and their values, as texts.

    Nothing where there are several settings.
    """
    rows = results.headlines
    if rows is None or rows["setting"].nunique() != 1:
        return []
    return [(row["heading"], shown_value(row)) for row in rows.to_dict("records")]


def settings_of(results: DatasetResults, marks: Mapping[str, int]) -> list[SettingAbout]:
    """Return what was trained of each setting."""
    baselines = set() if results.headlines is None else set(results.headlines["baseline"])
    return [
        SettingAbout(
            name=short_name(name, results.name),
            mark=marks[name],
            loss=own[0].loss,
            network=own[0].network,
            trainings=len(own),
            is_baseline=name in baselines,
        )
        for name, own in results.by_setting.items()
    ]


def _title(rows: pd.DataFrame) -> str:
    """Say what the intervals say, by number."""
    sides = [_side(row) for row in rows.to_dict("records")]
    counts = [f"{n} {side}" for side in SIDES if (n := sides.count(side))]
    against = rows["baseline"].unique()
    side = f"Against {against[0]}" if len(against) == 1 else "Against the baselines"
    n = f", of {len(rows)} differences" if len(counts) > 1 else ""
    return f"{side}{n}: {', '.join(counts)}"


def _caption(sides: Sequence[Side], level: float) -> str:
    found = {
        "better": "disc: better",
        "worse": "diamond: worse",
        "higher": "square: neither side is better",
    }
    seen = {"higher" if side == "lower" else side for side in sides}
    shapes = ", ".join(text for side, text in found.items() if side in seen)
    filled = f" Filled: the interval leaves out 0 ({shapes})." if shapes else ""
    hollow = " Hollow: undecided." if "undecided" in seen else ""
    return (
        f"Point: difference; line: its {level:.0%} interval, each by itself, not corrected for "
        f"their number.{filled}{hollow}"
    )


def _scale(rows: pd.DataFrame) -> tuple[float, float]:
    """Return the ends of the axis that rows of one unit share; 0 lies within."""
    ends = pd.concat([rows["difference"], rows["low"], rows["high"]]).dropna()
    low, high = min(0.0, float(ends.min())), max(0.0, float(ends.max()))
    margin = MARGIN * ((high - low) or 1.0)
    return low - margin, high + margin


def _position(value: float, scale: tuple[float, float]) -> float:
    low, high = scale
    return round(100 * (value - low) / (high - low), 2)


def _side(row: Row) -> Side:
    if row["verdict"] not in (ROSE, FELL):
        return "undecided"
    rose = row["verdict"] == ROSE
    if not row["better"]:
        return "higher" if rose else "lower"
    return "better" if rose == (row["better"] == "up") else "worse"


def _point(row: Row, label: str, mark: int, scale: tuple[float, float]) -> Point:
    ends = None
    if not pd.isna(row["low"]):
        ends = (_position(row["low"], scale), _position(row["high"], scale))
    return Point(
        label=label,
        mark=mark,
        at=_position(row["difference"], scale),
        ends=ends,
        side=_side(row),
        text=shown_difference(row).replace("-", "\N{MINUS SIGN}").replace(" points", ""),
    )
