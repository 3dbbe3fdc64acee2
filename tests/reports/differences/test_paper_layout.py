"""How a paper's table is written."""

import json

import numpy as np
import pandas as pd
import pytest

from imbalens.reports.differences.paper_layout import (
    PaperCell,
    PaperRow,
    PaperTable,
    paper_frame,
    paper_json,
    paper_markdown,
    read_paper_tables,
)
from imbalens.store.files import write_csv, write_json

NAN = np.nan
STACKED = PaperTable(
    "second",
    "A table",
    "How to read it.",
    "difference",
    keys=("Loss",),
    levels=("Task", "Metric"),
    columns=[("Binary", "IoBB"), ("Binary", "IoR")],
    rows=[
        PaperRow(("bce",), [PaperCell(0.25), PaperCell(None)]),
        PaperRow(("focal",), [PaperCell(0.5, -0.125, 0.5), PaperCell(11.0, NAN, NAN)]),
    ],
)
FLAT = PaperTable(
    "first",
    "Another",
    "Words and counts.",
    "nothing",
    keys=("Dataset", "Run"),
    levels=(),
    columns=[("Train",), ("Arch.",)],
    rows=[PaperRow(("toy", "toy-ce"), [PaperCell(12046), PaperCell("resnet8")])],
)


def test_markdown():
    assert paper_markdown(STACKED).split("\n") == [
        "## A table",
        "",
        "How to read it.",
        "",
        "| Task | Binary | Binary |",
        "| --- | ---: | ---: |",
        "| Metric | IoBB | IoR |",
        "| bce | 0.250 |  |",
        "| focal | 0.500 (-0.125 to +0.500) | 11.0 (too few images) |",
        "",
    ]
    assert paper_markdown(FLAT).split("\n")[4:] == [
        "| Dataset | Run | Train | Arch. |",
        "| --- | --- | ---: | ---: |",
        "| toy | toy-ce | 12046 | resnet8 |",
        "",
    ]


def test_csv_has_columns_for_the_ends_of_intervals(tmp_path):
    for table in (STACKED, FLAT):
        write_csv(tmp_path / f"{table.name}.csv", paper_frame(table))
    assert (tmp_path / "second.csv").read_text(encoding="utf-8").splitlines() == [
        "Loss,Binary IoBB,Binary IoBB difference low,Binary IoBB difference high,"
        "Binary IoR,Binary IoR difference low,Binary IoR difference high",
        "bce,0.25,,,,,",
        "focal,0.5,-0.125,0.5,11.0,,",
    ]
    assert (tmp_path / "first.csv").read_text(encoding="utf-8") == (
        "Dataset,Run,Train,Arch.\ntoy,toy-ce,12046,resnet8\n"
    )


@pytest.mark.parametrize("table", [STACKED, FLAT])
def test_a_table_without_rows_has_its_heading_and_its_text(table):
    empty = PaperTable(**vars(table) | {"rows": []})
    assert paper_markdown(empty) == f"## {table.title}\n\n{table.text}\n"
    assert paper_frame(empty).empty
    assert paper_frame(empty).columns.tolist() == paper_frame(table).columns.tolist()


def test_json_is_read_back(tmp_path):
    write_json(tmp_path / "t.json", paper_json([STACKED, FLAT]))
    found = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert found["second"]["columns"] == [["Binary", "IoBB"], ["Binary", "IoR"]]
    assert found["second"]["rows"][1] == {
        "keys": ["focal"],
        "cells": [
            {"value": 0.5, "low": -0.125, "high": 0.5},
            {"value": 11.0, "low": None, "high": None},
        ],
    }
    first, second = read_paper_tables(found)
    assert paper_markdown(first) == paper_markdown(FLAT)
    pd.testing.assert_frame_equal(
        paper_frame(second).fillna(""), paper_frame(STACKED).fillna(""), check_dtype=False
    )
