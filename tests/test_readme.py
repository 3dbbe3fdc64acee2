"""What README.md shows is what was computed."""

import hashlib
import json
import re

import pytest
import yaml

from tests.tiny import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
HEAD = re.compile(r"^\| what \| (.+) \| where \|$")
ROW = re.compile(r"^\| (.+) \| `(\w+): ([\w.]+)` \|$")


def table_rows() -> list[tuple[list[str], str, str, str]]:
    """Each row of numbers: the runs of its table, its cells, stage and key."""
    rows, runs = [], []
    for line in README.splitlines():
        if head := HEAD.match(line):
            runs = [name.strip("` ") for name in head.group(1).split("|")]
        elif row := ROW.match(line):
            rows.append((runs, *row.groups()))
    return rows


ROWS = table_rows()


def shown(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def test_tables_are_there():
    assert len(ROWS) >= 20
    numeric = [line for line in README.splitlines() if re.search(r"\| [\d.]+ \|", line)]
    assert len(numeric) == len(ROWS), "every line of numbers names where they come from"


@pytest.mark.parametrize(
    ("runs", "cells", "stage", "key"), ROWS, ids=[f"{r[0]}:{s}:{k}" for r, _, s, k in ROWS]
)
def test_numbers_are_those_of_the_committed_metrics(runs, cells, stage, key):
    found = [cell.strip() for cell in cells.split("|")[-len(runs) :]]
    expected = []
    for run in runs:
        value = json.loads((ROOT / "metrics" / stage / f"{run}.json").read_text())
        for part in key.split("."):
            value = value[part]
        expected.append(shown(value))
    assert found == expected


def test_class_sizes_in_the_text():
    counts = json.loads((ROOT / "metrics" / "prepare" / "planted.json").read_text())["counts"]
    sizes = counts["train"].values()
    assert f"{max(sizes)} in the largest class and\n{min(sizes)} in the smallest" in README


@pytest.mark.parametrize(
    ("picture", "stage", "output"),
    [
        ("adversaries.png", "adversaries@planted-ce", "plots/figures/adversaries/planted-ce.png"),
        ("cams.png", "compare@phantom", "plots/figures/compare/phantom-cams.png"),
    ],
)
def test_the_pictures_are_the_pipelines_own(picture, stage, output):
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
    outputs = {out["path"]: out["md5"] for out in lock[stage]["outs"]}
    content = (ROOT / "docs" / "images" / picture).read_bytes()
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == outputs[output]


def test_links_lead_to_files():
    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (ROOT / target).exists(), target
