"""Headline measures of all settings beside their baselines: table, metrics and Markdown."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from imbalens.analysis.common.measures import MeasureSpec
from imbalens.analysis.summary import HEADLINES, judge_difference
from imbalens.reports.common.markdown import escape_markdown, markdown_table
from imbalens.reports.summary.amounts import shown_difference, shown_value
from imbalens.reports.summary.sentences import write_sentences
from imbalens.tables.summary import NOT_COMPARED, SHARE, SUMMARY

COLUMNS = [column.name for column in SUMMARY.columns]
KEYS = ["setting", "stage", "measure"]
OF_DIFFERENCES = ["baseline_value", "difference", "low", "high", "p_adjusted", "over"]


def summary_table(
    dataset: str,
    seeds: pd.DataFrame,
    differences: pd.DataFrame,
    *,
    confidence: float,
) -> pd.DataFrame:
    """One row per setting and headline that it has, in their order.

    Args:
        dataset: Name of the dataset.
        seeds: Every training of its settings, see `tables.differences.SEEDS`.
        differences: Every setting beside its baseline, see `tables.differences.DIFFERENCES`.
        confidence: Of the intervals.

    Returns:
        As `tables.summary.SUMMARY` declares it.
    """
    values = {key: rows["value"].to_numpy() for key, rows in seeds.groupby(KEYS, sort=False)}
    baselines = dict(zip(differences["setting"], differences["baseline"], strict=True))
    overall = differences[differences["class"] == ""].set_index(KEYS)
    compared = {key: row[OF_DIFFERENCES].to_dict() for key, row in overall.iterrows()}
    rows = []
    for setting in dict.fromkeys(seeds["setting"]):
        baseline = baselines.get(setting, "")
        for spec in HEADLINES:
            of_trainings = values.get((setting, spec.stage, spec.name))
            if of_trainings is None:
                continue
            of_baseline = values.get((baseline, spec.stage, spec.name), ())
            found = compared.get((setting, spec.stage, spec.name), {})
            difference, low, high = (
                found.get(name, np.nan) for name in ("difference", "low", "high")
            )
            rows.append(
                {
                    **dict.fromkeys(COLUMNS, np.nan),
                    "dataset": dataset,
                    "setting": setting,
                    "baseline": baseline,
                    **_declared(spec),
                    "trainings": len(of_trainings),
                    "baseline_trainings": len(of_baseline),
                    "value": of_trainings.mean(),
                    "confidence": confidence,
                    "over": "",
                    **found,
                    "verdict": judge_difference(difference, low, high)
                    if baseline
                    else NOT_COMPARED,
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def _declared(spec: MeasureSpec) -> dict[str, str]:
    return {
        "stage": spec.stage,
        "measure": spec.name,
        "heading": spec.heading,
        "better": spec.better or "",
        "unit": SHARE if spec.interval == "share" else "",
    }


def summary_metrics(table: pd.DataFrame) -> dict[str, Any]:
    """Nest value, difference from the baseline and verdict: setting, then measure.

    Under short names: DVC prints them on every line, which are to fit a terminal.

    Args:
        table: See `summary_table`; of any datasets. A setting's name begins with its dataset's.
    """
    nested: dict[str, Any] = {}
    for row in table.to_dict("records"):
        found = {"value": row["value"]}
        if row["baseline"]:
            found |= {"diff": row["difference"], "moved": row["verdict"]}
        nested.setdefault(row["setting"], {})[row["measure"]] = found
    return nested


def summary_markdown(table: pd.DataFrame, datasets: Sequence[str]) -> str:
    """Return sentences and table of each dataset as Markdown.

    Args:
        table: See `summary_table`.
        datasets: Names of the datasets, those without any headline too.
    """
    lines = ["# What the loss changed", ""]
    for dataset in datasets:
        rows = table[table["dataset"] == dataset]
        lines += [f"## {escape_markdown(dataset)}", ""]
        lines += [f"- {escape_markdown(one.text)}" for one in write_sentences(rows)]
        lines += ["", *_table(rows)] if len(rows) else []
        lines.append("")
    return "\n".join(lines)


def _table(rows: pd.DataFrame) -> list[str]:
    head = ["measure", "better", "setting", "trainings", "value", "difference", "verdict"]
    cells = [
        [
            row["heading"],
            {"up": "higher", "down": "lower"}.get(row["better"], ""),
            row["setting"],
            str(row["trainings"]),
            shown_value(row),
            shown_difference(row),
            row["verdict"],
        ]
        for row in rows.sort_values("heading", kind="stable", key=_order).to_dict("records")
    ]
    return markdown_table(head, cells)


def _order(headings: pd.Series) -> pd.Series:
    order = {spec.heading: place for place, spec in enumerate(HEADLINES)}
    return headings.map(order)
