"""What README.md shows is what was computed."""

import hashlib
import json
import re

import pytest
import yaml

from tests.tiny import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (.+) \| `(\w+): ([\w.]+)` \|$", README, flags=re.MULTILINE)


def table_runs() -> list[str]:
    """The runs that the tables' columns are about; all tables have the same."""
    heads = set(re.findall(r"^\| what \| (.+) \| where \|$", README, flags=re.MULTILINE))
    assert len(heads) == 1
    return [name.strip("` ") for name in heads.pop().split("|")]


def shown(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def test_tables_are_there():
    assert len(ROWS) >= 20
    numeric = [line for line in README.splitlines() if re.search(r"\| [\d.]+ \|", line)]
    assert len(numeric) == len(ROWS), "every line of numbers names where they come from"


@pytest.mark.parametrize(("cells", "stage", "key"), ROWS, ids=[f"{s}:{k}" for _, s, k in ROWS])
def test_numbers_are_those_of_the_committed_metrics(cells, stage, key):
    runs = table_runs()
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


def test_the_picture_is_the_pipelines_own():
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
    outputs = {out["path"]: out["md5"] for out in lock["adversaries@planted-ce"]["outs"]}
    picture = (ROOT / "docs" / "images" / "adversaries.png").read_bytes()
    digest = hashlib.md5(picture, usedforsecurity=False).hexdigest()
    assert digest == outputs["plots/adversaries/planted-ce.png"]


def test_links_lead_to_files():
    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (ROOT / target).exists(), target
