"""What README.md and the page with all numbers show is what was computed."""

import hashlib
import re

import pytest
import yaml

from imbalens.errors import InputError
from imbalens.validation.readme import PAGES, fill, find_stale_lines
from tests.tiny import ROOT

README, DEFAULT, COMPARING = ((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
DOCS = sorted((ROOT / "docs").rglob("*.md"))
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+\.\d+")
SIGNED = re.compile(r"[-+]\d+\.\d+")


def with_another_number(row):
    return re.sub(r" [\d.]+", " 7.7", row, count=1)


@pytest.mark.parametrize("page", PAGES)
def test_all_numbers_are_those_of_the_committed_results(page):
    assert find_stale_lines(page, ROOT) == []


@pytest.mark.parametrize(
    ("pattern", "falsify", "least"),
    [
        (r"^\| .* \| `\w+: [\w. -]+` \|$", lambda row: NUMBER.sub("7.777", row), 40),
        (r"^\| .* \([-+].* to [-+].*\) \|$", lambda row: SIGNED.sub("+7.7", row), 14),
        (r"^\| [^|]+ \| [AB] \| .*\|$", lambda row: row.replace("planted-ce", "x"), 5),
    ],
    ids=["metrics", "differences", "verdicts"],
)
def test_a_false_number_of_any_kind_of_row_is_put_right(pattern, falsify, least):
    lines = DEFAULT.splitlines()
    rows = [place for place, line in enumerate(lines) if re.match(pattern, line)]
    falsified = [falsify(line) if place in rows else line for place, line in enumerate(lines)]
    changed = sum(old != new for old, new in zip(lines, falsified, strict=True))
    assert changed >= least
    assert fill("\n".join(falsified), ROOT) == "\n".join(lines)


def test_a_false_number_of_a_diff_is_put_right():
    row = re.compile(r"^metrics/\w+\.json +\S+ +[\d.]+ +[\d.]+ +-?[\d.]+$")
    lines = COMPARING.splitlines()
    falsified = [with_another_number(line) if row.match(line) else line for line in lines]
    assert sum(old != new for old, new in zip(lines, falsified, strict=True)) >= 8
    assert fill("\n".join(falsified), ROOT) == "\n".join(lines)


def test_class_sizes_in_the_text_are_put_right():
    falsified = re.sub(r"\d+(?= in the (largest class|smallest))", "7", DEFAULT)
    assert falsified != DEFAULT
    assert fill(falsified, ROOT) == DEFAULT


def test_differences_in_the_readme_are_put_right():
    falsified = README.replace("+0.113 (", "+0.213 (")
    assert falsified != README
    assert fill(falsified, ROOT) == README


@pytest.mark.parametrize(
    "row",
    [
        "| x | 0.1 | `performance: nothing` |",
        "| x | 0.1 | `nothing: accuracy` |",
        "| accuracy | 0.990 | `performance`: accuracy |",
        "| accuracy of `planted-ce` | best | |",
    ],
)
def test_a_row_that_names_what_there_is_not_is_an_error(row):
    head = "| what | `planted-ce` | where |"
    with pytest.raises(InputError, match="names what the results do not have"):
        fill(f"{head}\n{row}\n", ROOT)


@pytest.mark.parametrize(
    ("picture", "stage", "output"),
    [
        ("adversaries.png", "adversaries@planted-ce", "plots/figures/adversaries/planted-ce.png"),
        ("cams.png", "compare@phantom", "plots/figures/compare/phantom-cams.png"),
    ],
)
def test_the_pictures_are_the_pipelines_own(picture, stage, output):
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    outputs = {out["path"]: out["md5"] for out in lock[stage]["outs"]}
    content = (ROOT / "docs" / "images" / picture).read_bytes()
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == outputs[output]


@pytest.mark.parametrize("page", [ROOT / "README.md", *DOCS], ids=lambda page: page.stem)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
