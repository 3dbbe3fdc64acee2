"""What README.md shows is what was computed."""

import hashlib
import json
import re

import pandas as pd
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


DIFFERENCES = {
    "AUROC": ("performance", "auroc"),
    "average precision": ("performance", "ap"),
    "probability of labels that an image has": ("performance", "probability_positives"),
    "recall at probability 0.5": ("performance", "recall_half"),
    "soft IoBB": ("cam_alignment", "iobb"),
    "IoBB at matched scale": ("cam_alignment", "iobb_matched"),
    "soft IoR": ("cam_alignment", "ior"),
    "IoR at matched scale": ("cam_alignment", "ior_matched"),
    "AUROC of a map's pixels": ("cam_alignment", "auroc"),
    "concepts, disjoint": ("concepts", "disjoint"),
    "accuracy": ("performance", "accuracy"),
    "recall, more than 100 training images": ("performance", "many"),
    "recall, 20 to 100": ("performance", "medium"),
    "recall, fewer than 20": ("performance", "few"),
}


def test_differences_are_those_of_the_committed_tables():
    runs, n_cells = [], 0
    for line in README.splitlines():
        first, *cells = [cell.strip(" `") for cell in line.strip("|").split("|")]
        if first.startswith("difference from"):
            runs = cells
            dataset = runs[0].split("-")[0]
            path = ROOT / "plots" / "differences" / f"{dataset}.csv"
            table = pd.read_csv(path, keep_default_na=False)
            table = table[table["class"] == ""].set_index(["run", "stage", "measure"])
        elif runs and first in DIFFERENCES:
            for run, cell in zip(runs, cells, strict=True):
                found = table.loc[(run, *DIFFERENCES[first])]
                digits = 1 if DIFFERENCES[first][0] == "concepts" else 3
                shown = [
                    f"{float(found[key]):+.{digits}f}" for key in ("difference", "low", "high")
                ]
                assert cell == "{} ({} to {})".format(*shown), (first, run)
                n_cells += 1
        elif not line.startswith("|"):
            runs = []
    assert n_cells >= 30


def test_verdicts_are_those_of_the_committed_claims():
    names = ("planted", "phantom")
    paths = (ROOT / "plots" / "claims" / f"{name}.csv" for name in names)
    claims = pd.concat([pd.read_csv(path, keep_default_na=False) for path in paths])
    decided = claims[claims["low"] != ""]
    rows = 0
    for line in README.splitlines():
        text, _, *cells = [cell.strip() for cell in line.strip("|").split("|")] + [""]
        if text in set(decided["text"]):
            rows += 1
            for verdict, cell in zip(
                ("holds", "does not hold", "not decidable"), cells, strict=False
            ):
                of = decided[(decided["text"] == text) & (decided["verdict"] == verdict)]
                assert cell == ", ".join(f"`{run}`" for run in of["run"]), (text, verdict)
    assert rows == decided["text"].nunique()


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
