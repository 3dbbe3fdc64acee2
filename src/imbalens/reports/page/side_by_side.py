"""All measures of all settings, one row a measure: values, and differences from the baseline."""

from collections.abc import Mapping

from imbalens.analysis.common.measures import MeasureSpec
from imbalens.reports.differences.headings import MEASURES, SPECS, measure_heading
from imbalens.reports.page.results import WHOLE, DatasetResults, Record, list_records
from imbalens.reports.page.tables import Cell, Column, PageTable, number, shown
from imbalens.reports.page.words import better_side, direction

Key = tuple[str, str]  # stage and name of a measure
STAGES = ("performance", "cam_alignment", "concepts", "adversaries")
COMPARED = {spec.name: spec for spec in MEASURES}


def side_by_side(results: DatasetResults, marks: Mapping[str, int]) -> PageTable | None:
    """Lay out what was measured over all classes, a column per setting.

    A setting's cell holds its value and, below it, the difference from its baseline with the
    interval; it is set apart where the interval excludes 0, and has a star where the adjusted p
    is small enough too. Where the values of a baseline differ between comparisons, because they
    are over other classes, its cell holds the smallest and the largest.

    Args:
        results: All that was read of the dataset.
        marks: Number of the colour by run and setting.

    Returns:
        The table; None where nothing was measured over all classes.
    """
    values = _values(results)
    compared = _differences(results)
    keys = sorted(dict.fromkeys([*values, *compared]), key=_place)
    settings = list(dict.fromkeys(run.setting for run in results.runs))
    rows_of = [row for own in compared.values() for row in own.items()]
    baselines = {name: cells["baseline"] for name, cells in rows_of}
    if not keys:
        return None
    level = 1 - results.confidence
    rows = [
        [
            Cell(measure_heading(*key), note=direction(*key)),
            *_cells(key, values.get(key, {}), compared.get(key, {}), settings, level=level),
        ]
        for key in keys
    ]
    columns = [Column("measure", numeric=False)] + [
        Column(
            name,
            numeric=True,
            mark=marks.get(name),
            hint=f"against {baselines[name]}"
            if name in baselines
            else "baseline" * (name in baselines.values()),
        )
        for name in settings
    ]
    caption = f"All measures over all classes, {results.name}"
    return PageTable(caption, columns, rows, sortable=False)


def _place(key: Key) -> tuple[int, int]:
    """Return where a measure stands: by stage, then as measures are declared."""
    stage, _ = key
    declared = list(SPECS)
    return (
        STAGES.index(stage) if stage in STAGES else len(STAGES),
        declared.index(key) if key in SPECS else len(declared),
    )


def _values(results: DatasetResults) -> dict[Key, dict[str, str]]:
    """Return the value of each setting by measure, from the table of all settings."""
    table = results.settings
    found: dict[Key, dict[str, str]] = {}
    if table is None:
        return found
    for name in map(str, table.columns):
        spec: MeasureSpec | None = COMPARED.get(name)
        if spec is not None:
            own = dict(zip(table["setting"], table[name], strict=True))
            if kept := {setting: value for setting, value in own.items() if value}:
                found[spec.stage, name] = kept
    return found


def _differences(results: DatasetResults) -> dict[Key, dict[str, Record]]:
    """Return the comparison of each setting by measure, over all classes."""
    found: dict[Key, dict[str, Record]] = {}
    if results.differences is not None:
        overall = results.differences[results.differences["class"] == WHOLE]
        for cells in list_records(overall):
            found.setdefault((cells["stage"], cells["measure"]), {})[cells["setting"]] = cells
    return found


def _cells(
    key: Key,
    values: Mapping[str, str],
    compared: Mapping[str, Record],
    settings: list[str],
    *,
    level: float,
) -> list[Cell]:
    whole: dict[str, list[str]] = {name: [value] for name, value in values.items()}
    for name, cells in compared.items():
        whole[name] = [cells["value"]]
        if cells["baseline"] not in values:
            whole.setdefault(cells["baseline"], []).append(cells["baseline_value"])
    everything = [value for own in whole.values() for value in own]
    changes = [cells[end] for cells in compared.values() for end in ("difference", "low", "high")]
    texts = dict(zip(everything, shown(everything), strict=True))
    ends = dict(zip(changes, shown(changes), strict=True))
    return [
        _cell(key, whole.get(name, []), texts, compared.get(name), ends, level=level)
        for name in settings
    ]


def _cell(
    key: Key,
    values: list[str],
    texts: Mapping[str, str],
    compared: Record | None,
    ends: Mapping[str, str],
    *,
    level: float,
) -> Cell:
    distinct = sorted({value for value in values if value}, key=float)
    text = " to ".join(dict.fromkeys(texts[value] for value in distinct[:1] + distinct[-1:]))
    order = number(distinct[0]) if distinct else None
    if compared is None or not compared["difference"]:
        return Cell(text or "\N{EN DASH}", order)
    note = signed(ends[compared["difference"]])
    low, high = number(compared["low"]), number(compared["high"])
    if low is None or high is None:
        return Cell(text, order, note=note)
    note += f" ({signed(ends[compared['low']])} to {signed(ends[compared['high']])})"
    rises = better_side(*key) == "up"
    tone = ""
    if low > 0 or high < 0:
        tone = "clear"
        if better_side(*key):
            tone = "good" if (low > 0) == rises else "bad"
        p = number(compared["p_adjusted"])
        note += " *" * (p is not None and p <= level)
    return Cell(text, order, tone=tone, note=note)


def signed(text: str) -> str:
    """Return a number with its sign, a proper minus."""
    if text.startswith("-"):
        return "\N{MINUS SIGN}" + text[1:]
    return text if text.strip("0.") == "" or text == "\N{EN DASH}" else f"+{text}"
