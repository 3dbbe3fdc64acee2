"""A table laid out as in a paper, written as Markdown, CSV and JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from imbalens.reports.common.markdown import markdown_table

ENDS = {  # what the columns of an interval's ends are called, by what it is of
    "nothing": (),
    "value": ("low", "high"),
    "difference": ("difference low", "difference high"),
}
NO_INTERVAL = "too few images"


@dataclass(frozen=True)
class PaperCell:
    """One entry of a table.

    Attributes:
        value: Number or word; None or NaN where there is none.
        low: Lower end of its interval; NaN, as `high`, of an interval that could not be given,
            None where none is expected.
        high: Upper end.
    """

    value: float | int | str | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class PaperRow:
    """One row of a table: what names it, and a cell per column."""

    keys: Sequence[str]
    cells: Sequence[PaperCell]


@dataclass(frozen=True)
class PaperTable:
    """A table of a paper, filled with what was measured here.

    Attributes:
        name: How its file is called, such as "paper_b_table_2".
        title: Heading.
        text: How to read it, or why it has no rows.
        interval: What the intervals are of, "difference" being that from the baseline.
        keys: Names of the columns that name a row.
        levels: Names of the lines of the heading, shown above the first key; none of a heading
            of one line.
        columns: Per column one text for each line of the heading.
        rows: The rows.
    """

    name: str
    title: str
    text: str
    interval: Literal["nothing", "value", "difference"]
    keys: Sequence[str]
    levels: Sequence[str]
    columns: Sequence[Sequence[str]]
    rows: Sequence[PaperRow]


def paper_markdown(table: PaperTable) -> str:
    """Write a table with its heading and text; an interval stands behind its value."""
    lines = [f"## {table.title}", "", table.text, ""]
    if not table.rows:
        return "\n".join(lines)
    top, *others = zip(*table.columns, strict=True)
    keys = table.levels[:1] or table.keys
    body = [
        *((level, *texts) for level, texts in zip(table.levels[1:], others, strict=True)),
        *((*row.keys, *(_text(cell, table.interval) for cell in row.cells)) for row in table.rows),
    ]
    return "\n".join([*lines, *markdown_table((*keys, *top), body, numbers=len(top)), ""])


def papers_markdown(tables: Sequence[PaperTable], *, dataset: str, notes: str) -> str:
    """Write all tables of a dataset, and how to read them.

    Args:
        tables: The tables.
        dataset: Name of the dataset, for the title.
        notes: What has to be known to read them.
    """
    text = [f"# {dataset}: what the loss changed\n", *map(paper_markdown, tables)]
    return "\n".join([*text, notes])


def paper_frame(table: PaperTable) -> pd.DataFrame:
    """Return a table with a column per value and, where there are intervals, one per end."""
    ends, columns = ENDS[table.interval], list(table.keys)
    for name in map(" ".join, table.columns):
        columns += [name, *(f"{name} {end}" for end in ends)]
    rows = []
    for row in table.rows:
        fields: list[str | float | None] = list(row.keys)
        for cell in row.cells:
            fields += [cell.value, cell.low, cell.high][: 1 + len(ends)]
        rows.append(fields)
    return pd.DataFrame(rows, columns=columns, dtype=object)


def paper_json(tables: Sequence[PaperTable]) -> dict[str, Any]:
    """Return tables as plain mappings and lists, by name."""
    return {table.name: asdict(table) for table in tables}


def read_paper_tables(found: Mapping[str, Any]) -> list[PaperTable]:
    """Turn what `paper_json` returned, once written and read, into tables, sorted by name."""
    tables = []
    for _, fields in sorted(found.items()):
        rows = [
            PaperRow(row["keys"], [PaperCell(**cell) for cell in row["cells"]])
            for row in fields["rows"]
        ]
        tables.append(PaperTable(**fields | {"rows": rows}))
    return tables


def _text(cell: PaperCell, interval: str) -> str:
    if cell.value is None or cell.value != cell.value:
        return ""
    shown = _number(cell.value) if isinstance(cell.value, float) else str(cell.value)
    if cell.low is None or cell.high is None:
        return shown
    if np.isnan(cell.low):
        return f"{shown} ({NO_INTERVAL})"
    sign = "+" if interval == "difference" else ""
    return f"{shown} ({_number(cell.low, sign)} to {_number(cell.high, sign)})"


def _number(value: float, sign: str = "") -> str:
    return f"{value:{sign}.3f}" if abs(value) < 10 else f"{value:{sign}.1f}"
