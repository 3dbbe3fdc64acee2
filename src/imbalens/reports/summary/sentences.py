"""What the loss changed, in at most three sentences about a dataset.

They say what rose, what fell and what cannot be decided, and never more than the intervals: a
measure whose interval has 0 in it neither rose nor fell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from imbalens.analysis.common.measures import ONE_EACH
from imbalens.analysis.summary import FELL, NO_INTERVAL, ROSE, UNDECIDED, UNDEFINED
from imbalens.reports.summary.amounts import amount, shown_value

Kind = Literal["rose", "fell", "undecided", "measured", "nothing"]
MAX_NAMED = 2  # settings that a sentence names of a measure


@dataclass(frozen=True)
class Sentence:
    """A sentence about a dataset.

    Attributes:
        kind: Whether it says what rose, what fell, what is undecided or what was measured where
            nothing is compared; or that there is nothing to compare.
        text: In plain words, without any format.
    """

    kind: Kind
    text: str


def write_sentences(rows: pd.DataFrame) -> list[Sentence]:
    """Say in at most three sentences what differs from the baseline, and what is undecided.

    Args:
        rows: Those of one dataset, see `tables.summary.SUMMARY`.
    """
    if rows.empty:
        return [Sentence("nothing", "No headline measure was taken of this dataset.")]
    compared = rows[rows["baseline"] != ""]
    if compared.empty:
        return _of_baselines(rows)
    found = [
        Sentence(verdict, _moved(moved, compared))
        for verdict in (ROSE, FELL)
        if not (moved := compared[compared["verdict"] == verdict]).empty
    ]
    reasons = _reasons(compared)
    if reasons:
        text = f"Not decided {_against(compared)}: {'; '.join(reasons)}."
        found.append(Sentence("undecided", text))
    return found


def _moved(moved: pd.DataFrame, compared: pd.DataFrame) -> str:
    """Say which measures moved one way, where, and by how much."""
    several = compared["setting"].nunique() > 1
    parts, judged, verb = [], [], f"{moved['verdict'].iloc[0]} "
    interval = f"{100 * moved['confidence'].iloc[0]:g} % interval "
    for heading, of_measure in moved.groupby("heading", sort=False):
        largest = of_measure["difference"].abs().sort_values(ascending=False, kind="stable").index
        places = []
        for row in of_measure.loc[largest[:MAX_NAMED]].to_dict("records"):
            where = f" in {row['setting']}" if several else ""
            places.append(f"by {amount(row, interval=interval)}{where}")
            interval = ""
        if more := len(of_measure) - len(places):
            places.append(f"in {more} more setting{'s'[: more > 1]}")
        judged.append(_judged(of_measure.iloc[0]))
        parts.append(f"{heading} {verb}{listed(places)}")
        verb = ""
    corrected = _corrected(moved, compared)
    where = "" if several else f"{moved['setting'].iloc[0]} "
    return f"{_capital(where + _against(compared))}: {_with_sides(parts, judged)}{corrected}."


def _with_sides(parts: Sequence[str], sides: Sequence[str]) -> str:
    """Join parts; say of each that it is better or worse, of several that are alike once."""
    if len(parts) > 1 and len({*sides}) == 1:
        return "; ".join(parts) + (f", each of which is {sides[0]}" if sides[0] else "")
    return "; ".join(
        f"{part}, which is {side}" if side else part
        for part, side in zip(parts, sides, strict=True)
    )


def _judged(row: pd.Series) -> str:
    if not row["better"]:
        return ""
    better = (row["better"] == "up") == (row["verdict"] == ROSE)
    return "better" if better else "worse"


def _corrected(moved: pd.DataFrame, compared: pd.DataFrame) -> str:
    """Say which p-values are no longer small, corrected for the number of comparisons."""
    level = 1 - moved["confidence"].iloc[0]
    large = moved[moved["p_adjusted"] > level]
    if large.empty:
        return ""
    which = "all of these" if len(large) == len(moved) else _grouped(large, compared)
    return f"; corrected for the number of comparisons, p is above {level:.2g} for {which}"


def _reasons(compared: pd.DataFrame) -> list[str]:
    """Say what cannot be decided, and why."""
    found = []
    for verdict, one, several in (
        (UNDECIDED, "the interval of {} contains 0", "the intervals of {} contain 0"),
        (NO_INTERVAL, *2 * ("no interval could be made for {}",)),
        (UNDEFINED, *2 * ("a side has no value of {}",)),
    ):
        rows = compared[compared["verdict"] == verdict]
        if not rows.empty:
            found.append((one if len(rows) == 1 else several).format(_grouped(rows, compared)))
    once = compared[compared["over"].str.endswith(ONE_EACH)]
    if not once.empty:
        where = _where(tuple(once["setting"].unique()), compared)
        found.append(f"whether other seeds would say the same{where}, with one training a side")
    return found


def _grouped(rows: pd.DataFrame, compared: pd.DataFrame) -> str:
    """Name measures and where, those of the same settings together."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for heading, of_measure in rows.groupby("heading", sort=False):
        groups.setdefault(tuple(of_measure["setting"]), []).append(str(heading))
    return ", and of ".join(
        f"{listed(headings)}{_where(settings, compared)}" for settings, headings in groups.items()
    )


def _where(settings: Sequence[str], compared: pd.DataFrame) -> str:
    n_compared = compared["setting"].nunique()
    if n_compared == 1:
        return ""
    if len(settings) == n_compared:
        return f" in all {n_compared} compared settings"
    if len(settings) > MAX_NAMED:
        return f" in {len(settings)} of {n_compared} settings"
    return f" in {listed(settings)}"


def _against(compared: pd.DataFrame) -> str:
    """Name what settings are compared with: the baseline of their own network."""
    baselines = compared["baseline"].unique()
    return f"against {baselines[0] if len(baselines) == 1 else 'the baseline of each network'}"


def _of_baselines(rows: pd.DataFrame) -> list[Sentence]:
    """Say what was measured where there is nothing to compare."""
    settings = rows["setting"].unique()
    parts = []
    for heading, of_measure in rows.groupby("heading", sort=False):
        values = [shown_value(row) for row in of_measure.to_dict("records")]
        if len(settings) == 1:
            parts.append(f"{heading} is {values[0]}")
        else:
            places = zip(values, of_measure["setting"], strict=True)
            named = [f"{value} in {setting}" for value, setting in places][:MAX_NAMED]
            more = len(values) - len(named)
            parts.append(f"{heading} is {listed([*named, *([f'{more} more'] if more else [])])}")
    n_trainings = int(rows["trainings"].max())
    mean = f", mean of {n_trainings} trainings" if n_trainings > 1 and len(settings) == 1 else ""
    if len(settings) == 1:
        first = f"Of {settings[0]}{mean}: {'; '.join(parts)}."
        why = f"There is nothing to compare: {settings[0]} is the only setting."
    else:
        first = f"Of {len(settings)} settings: {'; '.join(parts)}."
        why = (
            "There is nothing to compare: each setting has a network of its own, and a difference "
            "between networks is not due to a loss."
        )
    return [Sentence("measured", first), Sentence("nothing", why)]


def _capital(text: str) -> str:
    """Begin with a capital, but leave names of settings as they are."""
    return text[0].upper() + text[1:] if text.startswith("against") else text


def listed(words: Sequence[str]) -> str:
    """Join words by commas, the last by "and"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
