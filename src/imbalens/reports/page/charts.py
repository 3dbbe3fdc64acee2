"""Vega-Lite specifications of the report's charts, from tables of texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from imbalens.reports.differences.headings import heading
from imbalens.reports.page.results import list_records
from imbalens.reports.page.tables import number

MAX_CLASSES = 30
MAX_CELLS = 12_000  # of all matrices of a chart
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
DASHES = ([1, 0], [5, 3], [2, 2], [8, 2, 2, 2])

Spec = dict[str, Any]


@dataclass(frozen=True)
class Chart:
    """A chart and what it shows, in words; colours stand in it as numbers of `--run-*`."""

    title: str
    caption: str
    spec: Spec


def run_colour(marks: Mapping[str, int], runs: Sequence[str], *, who: str = "run") -> Spec:
    """Return the colour encoding that all charts share: a setting has one colour everywhere."""
    return {
        "field": who,
        "type": "nominal",
        "scale": {"domain": list(runs), "range": [f"--run-{marks[run]}" for run in runs]},
        "legend": {"title": None, "orient": "top"},
    }


def dots(
    table: pd.DataFrame,
    value: str,
    *,
    title: str,
    caption: str,
    marks: Mapping[str, int],
    label: str = "",
    rows: str = "class",
    who: str = "run",
    zero: bool = True,
    level: float | None = None,
) -> Chart:
    """One line per class, one dot per run or setting, with its interval where there are both ends.

    Args:
        table: Columns `who`, `rows`, `value`, every field as text; undefined ones are left out.
        value: What the dots show.
        title: What the chart shows.
        caption: How to read it.
        marks: Number of the colour by run and setting.
        label: What `value` is called; its heading if empty.
        rows: What names the lines.
        who: What the dots are of.
        zero: Whether the axis begins at 0 rather than near the smallest value.
        level: Dots whose `p_adjusted` is above it, or unknown, are hollow; None fills them all.
    """
    names, note = _ends(list(table[rows].unique()), most=MAX_CLASSES)
    extra = () if level is None else ("p_adjusted",)
    bounds = ("low", "high") if {"low", "high"} <= set(table.columns) else ()
    values = [
        {"row": cells[rows], who: cells[who], "value": number(cells[value])}
        | {column: number(cells[column]) for column in (*bounds, *extra)}
        for cells in table.to_dict("records")
        if cells[rows] in names and number(cells[value]) is not None
    ]
    runs = [run for run in table[who].unique() if run in marks]
    colour = run_colour(marks, runs, who=who)
    shape = {**colour, "scale": {"domain": runs, "range": _cycle(SHAPES, len(runs))}}
    y = {
        "field": "row",
        "type": "nominal",
        "sort": names,
        "title": None,
        "axis": {"grid": True},
    }
    offset = {"field": who, "sort": runs}
    tooltip = [
        {"field": "row", "title": heading(rows)},
        {"field": who},
        {"field": "value", "title": label or heading(value), "format": ".4f"},
        *({"field": bound, "format": ".4f"} for bound in bounds),
        *({"field": column, "title": heading(column), "format": ".3g"} for column in extra),
    ]
    x = {
        "field": "value",
        "type": "quantitative",
        "title": label or heading(value),
        "scale": {"zero": zero},
        "axis": {"tickCount": {"expr": "ceil(width / 80)"}},
    }
    layers: list[Spec] = []
    if bounds:
        ends = {"x": {**x, "field": "low"}, "x2": {"field": "high"}}
        layers = [
            {"mark": {"type": "rule", "strokeWidth": 2}, "encoding": {**ends, "color": colour}},
            {
                "mark": {"type": "rule", "strokeDash": [3, 3], "aria": False},
                "encoding": {"x": {"datum": 0}},
            },
        ]
    point = {"type": "point", "filled": level is None, "size": 55, "opacity": 1}
    encoding = {"x": x, "color": colour, "shape": shape, "tooltip": tooltip}
    if level is not None:
        clear = f"isValid(datum.p_adjusted) && datum.p_adjusted <= {level:g}"
        filled = {"test": clear, **colour}
        encoding["fill"] = {"condition": filled, "value": "--paper"}
    layers.append({"mark": point, "encoding": encoding})
    for layer in layers[:1] + layers[-1:]:
        layer["encoding"] |= {"y": y, "yOffset": offset}
    height = len(names) * (11 * len(runs) + 8)
    spec = _spec(title, values, height, layer=layers)
    return Chart(title, " ".join(part for part in (caption, note) if part), spec)


def curves(table: pd.DataFrame, *, title: str, caption: str, marks: Mapping[str, int]) -> Chart:
    """One line per run: its training loss by epoch.

    Args:
        table: Columns `run`, `epoch`, `loss`, every field as text.
        title: What the chart shows.
        caption: How to read it.
        marks: Number of each run's colour; runs that share one differ in their dashes.
    """
    values = [
        {"run": cells["run"], "epoch": number(cells["epoch"]), "loss": number(cells["loss"])}
        for cells in table.to_dict("records")
    ]
    runs = list(table["run"].unique())
    colour = run_colour(marks, runs)
    repeat = [sum(marks[other] == marks[run] for other in runs[:i]) for i, run in enumerate(runs)]
    dash = [DASHES[place % len(DASHES)] for place in repeat]
    encoding = {
        "x": {"field": "epoch", "type": "quantitative", "axis": {"tickMinStep": 1}},
        "y": {"field": "loss", "type": "quantitative", "title": "training loss"},
        "color": colour,
        "strokeDash": {**colour, "scale": {"domain": runs, "range": dash}},
        "tooltip": [{"field": "run"}, {"field": "epoch"}, {"field": "loss", "format": ".4f"}],
    }
    mark = {"type": "line", "point": {"size": 30}, "strokeWidth": 2}
    return Chart(title, caption, _spec(title, values, 260, mark=mark, encoding=encoding))


def shares(table: pd.DataFrame, *, title: str, caption: str) -> Chart:
    """A matrix of classes and their adversaries, of one run at a time, chosen under it.

    Args:
        table: Columns `run`, `class`, `adversary`, `share`, `kind`, every field as text.
        title: What the chart shows.
        caption: How to read it.
    """
    n_matrices = table["run"].nunique() * table["kind"].nunique()
    most = min(MAX_CLASSES, max(2, int((MAX_CELLS / n_matrices) ** 0.5)))
    names, note = _ends(list(table["class"].unique()), most=most)
    held = table[table["class"].isin(names) & table["adversary"].isin(names)]
    values = [
        {key: cells[key] for key in ("run", "class", "adversary", "kind")} | {"share": share}
        for cells in list_records(held)
        if (share := number(cells["share"]))
    ]
    axis = {"type": "nominal", "sort": names, "scale": {"domain": names}}
    encoding = {
        "y": {**axis, "field": "class"},
        "x": {**axis, "field": "adversary", "axis": {"labelAngle": -60}},
        "color": {
            "field": "share",
            "type": "quantitative",
            "scale": {"domain": [0, 1], "range": ["--raised", "--run-0"]},
            "legend": {"orient": "top", "format": ".0%", "gradientLength": 160},
        },
        "tooltip": [
            *({"field": key} for key in ("run", "class", "adversary", "kind")),
            {"field": "share", "format": ".1%"},
        ],
    }
    parameters = [
        {"name": key, "value": options[0], "bind": {"input": "select", "options": options}}
        for key, options in (
            (f"shown_{key}", table[key].unique().tolist()) for key in ("run", "kind")
        )
    ]
    for parameter, label in zip(parameters, ("run ", "show "), strict=True):
        parameter["bind"]["name"] = label
    spec = _spec(
        title,
        values,
        18 * len(names),
        params=parameters,
        transform=[{"filter": f"datum.{key} === shown_{key}"} for key in ("run", "kind")],
        mark={"type": "rect"},
        encoding=encoding,
    )
    return Chart(title, " ".join(part for part in (caption, note) if part), spec)


def _spec(title: str, values: list[Spec], height: int, **parts: object) -> Spec:
    return {
        "description": title,
        "data": {"values": values},
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        **parts,
    }


def _cycle(items: Sequence[Any], n: int) -> list[Any]:
    return [items[place % len(items)] for place in range(n)]


def _ends(names: list[str], *, most: int) -> tuple[list[str], str]:
    """Return the names that a chart can hold, head and tail, and a note of what is left out."""
    if len(names) <= most:
        return names, ""
    half = most // 2
    return [*names[:half], *names[-half:]], f"The first and last {half} of {len(names)} are shown."
