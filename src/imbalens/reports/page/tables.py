"""Tables of text, as the CSV files give them, turned into cells that can be shown and sorted."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from imbalens.reports.common.palette import run_numbers
from imbalens.reports.differences.headings import heading, measure_heading
from imbalens.reports.differences.paper_layout import ENDS, PaperTable, paper_frame
from imbalens.reports.page.results import RunAbout
from imbalens.reports.page.words import direction

UNDEFINED = "\N{EN DASH}"
TONES = {"holds": "good", "does not hold": "bad"}
WORDS = ("stage", "measure")  # columns whose fields are names of columns or stages
KINDS = ("measure", "claim")  # columns that tell of what kind the numbers of a row are
WHO = ("run", "setting", "judged", "baseline")  # columns of runs and settings
TEXTS = (  # numbers in these columns only name something
    *("paper", "section", "claim", "text", "class", *WHO, "model", "network", "recipe"),
    *("other", "adversary", "adversary_baseline", "predictor", "archetype", "group"),
    *("given", "suggested", "neighbours", "errors"),
)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Cell:
    """One field of a table.

    Attributes:
        text: What is shown.
        order: What a numeric column is sorted by, None for an undefined number.
        href: Where it leads, empty for nowhere.
        mark: Number of the run's colour, shown before the text; None for none.
        tone: "good", "bad" or nothing, for verdicts and differences.
        note: What stands below the text, such as the difference from the baseline.
    """

    text: str
    order: float | None = None
    href: str = ""
    mark: int | None = None
    tone: str = ""
    note: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: What it holds.
        numeric: Whether all that it holds are numbers.
        mark: Number of the colour of its run, None if it is of none.
        hint: What stands below the heading, such as which values are better.
    """

    heading: str
    numeric: bool
    mark: int | None = None
    hint: str = ""


@dataclass(frozen=True)
class PageTable:
    """A table with its caption; the first cell of a row names the row.

    Attributes:
        caption: What it shows.
        columns: Its columns.
        rows: Its rows, a cell per column.
        sortable: Whether its rows may be put in another order.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    sortable: bool = True


def number(text: str) -> float | None:
    """Return the number that a field holds, None where it holds none or no finite one."""
    if not NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if abs(value) < float("inf") else None


def shown(values: Sequence[str], *, kinds: Sequence[str] | None = None) -> list[str]:
    """Write the numbers of a column alike: whole ones whole, others with the same digits.

    Args:
        values: Fields of one column: numbers, or "" where undefined.
        kinds: Of what kind each is, where a column holds several: those of a kind have the same
            digits.
    """
    kinds = kinds or [""] * len(values)
    numbers = [number(value) for value in values]
    largest: dict[str, float] = {}
    for value, kind in zip(numbers, kinds, strict=True):
        largest[kind] = max(abs(value or 0), largest.get(kind, 0))
    if all(value is None or value.is_integer() for value in numbers):
        return [_write(value, 0) for value in numbers]
    digits = {kind: 4 if most < 10 else 1 for kind, most in largest.items()}
    return [_write(value, digits[kind]) for value, kind in zip(numbers, kinds, strict=True)]


def _write(value: float | None, digits: int) -> str:
    if value is None:
        return UNDEFINED
    is_lost = value != 0 and abs(value) < 0.5 * 10**-digits
    return f"{value:.1e}" if is_lost else f"{value:.{digits}f}"


def is_numeric(values: Sequence[str]) -> bool:
    """Whether all that is given in a column are numbers, and something is."""
    given = [value for value in values if value]
    return bool(given) and all(number(value) is not None for value in given)


def make_table(
    table: pd.DataFrame,
    *,
    caption: str,
    links: Mapping[str, str] | None = None,
    marks: Mapping[str, int] | None = None,
    verdicts: bool = False,
    stage: str = "",
) -> PageTable:
    """Turn a table of texts into one to show.

    Args:
        table: Every field as text; an empty one is undefined.
        caption: What it shows.
        links: Anchor by class, for columns called `class`.
        marks: Number of the colour by run and setting, for columns called as one or as in `WHO`.
        verdicts: Whether fields that are verdicts are set apart.
        stage: Stage whose measures the columns are called by, if any: their headings say which
            values are better.
    """
    links, marks, tones = links or {}, marks or {}, TONES if verdicts else {}
    columns, cells = [], []
    kinds = _kinds(table)
    for place, name in enumerate(map(str, table.columns)):
        values = table.iloc[:, place].tolist()  # two may have one name
        numeric = name not in TEXTS and is_numeric(values)
        title = name if name in marks else measure_heading(stage, name)
        hint = "" if name in marks else direction(stage, name)
        columns.append(Column(title, numeric=numeric, mark=marks.get(name), hint=hint))
        if numeric:
            texts = zip(shown(values, kinds=kinds), map(number, values), strict=True)
            cells.append([Cell(text, order) for text, order in texts])
        else:
            cells.append([_cell(name, value, links, marks, tones) for value in values])
    return PageTable(caption, columns, list(zip(*cells, strict=True)))


def _cell(
    name: str,
    value: str,
    links: Mapping[str, str],
    marks: Mapping[str, int],
    tones: Mapping[str, str],
) -> Cell:
    anchor = links.get(value) if name == "class" else None
    return Cell(
        (heading(value) if name in WORDS else value) or UNDEFINED,
        href=f"#{anchor}" if anchor else "",
        mark=marks.get(value) if name in WHO else None,
        tone=tones.get(value, ""),
    )


def _kinds(table: pd.DataFrame) -> list[str] | None:
    return next((table[name].tolist() for name in KINDS if name in table), None)


def with_interval(table: pd.DataFrame) -> pd.DataFrame:
    """Join the columns `low` and `high` to one, `interval`, in the place of `low`."""
    kinds = _kinds(table)
    ends = shown([*table["low"], *table["high"]], kinds=kinds and [*kinds, *kinds])
    joined = [
        "" if UNDEFINED in both else " to ".join(both)
        for both in zip(ends[: len(table)], ends[len(table) :], strict=True)
    ]
    return table.assign(low=joined).rename(columns={"low": "interval"}).drop(columns="high")


def given_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out the columns that are empty in all rows, but for the ends of intervals."""
    kept = [name in ("low", "high") or bool((table[name] != "").any()) for name in table]
    return table.loc[:, kept]


def paper_texts(table: PaperTable) -> pd.DataFrame:
    """Return a paper's table as texts, the ends of each interval joined behind its value."""
    frame = paper_frame(table)
    texts = frame.where(frame.notna(), "").astype(str)
    if ends := ENDS[table.interval]:
        for name in map(" ".join, table.columns):
            low, high = (f"{name} {end}" for end in ends)
            both = texts[[low, high]].set_axis(["low", "high"], axis=1)
            what = low.removesuffix("low") + "interval"
            texts = texts.assign(**{low: with_interval(both)["interval"]})
            texts = texts.rename(columns={low: what}).drop(columns=high)
    return texts.rename(columns={key: key.lower() for key in table.keys})


def pivot(
    table: pd.DataFrame, value: str, *, rows: str, first: pd.DataFrame | None = None
) -> pd.DataFrame:
    """One row per value of `rows`, one column per run, in the order in which they first appear.

    Args:
        table: Columns `run`, `rows` and `value`, every field as text.
        value: What fills the cells; empty where a run has no such row.
        rows: What names the rows.
        first: Columns to put before, with the same column `rows`; names missing there are empty.
    """
    wide = table.drop_duplicates([rows, "run"]).pivot(index=rows, columns="run", values=value)
    wide = wide.reindex(index=table[rows].unique(), columns=table["run"].unique())
    wide = wide.reset_index()
    wide.columns.name = None
    if first is not None:
        wide = first.merge(wide, on=rows, how="right")
    return wide.fillna("").astype(str)


def colour_numbers(runs: Sequence[RunAbout]) -> dict[str, int]:
    """Return the number of the colour of each setting, which its runs share."""
    settings: dict[str, list[str]] = {}
    for run in runs:
        settings.setdefault(run.setting, []).append(run.name)
    return run_numbers(settings)
