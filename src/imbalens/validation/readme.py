"""The numbers in README.md, and in pages that show more of them, are the committed results'.

Rows of tables name where their numbers come from: a stage and a key, a measure of `differences`,
or a claim; columns name settings, whose numbers are means over their trainings. `fill` puts what
lies there into the text; a page holds if that changes nothing.
"""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

from imbalens.analysis.common.measures import DISJOINT, IOBB, IOR
from imbalens.analysis.performance.measures import (
    ACCURACY,
    AP,
    AUROC,
    BALANCED_ACCURACY,
    FEW,
    MANY,
    MEDIUM,
    PROBABILITY_POSITIVES,
    RECALL_HALF,
)
from imbalens.errors import InputError
from imbalens.params.experiment import Params, all_settings
from imbalens.params.loading import PARAMS_PATH, load_params
from imbalens.reading.metrics import read_setting

PAGES = (Path("README.md"), Path("docs/results/default.md"), Path("docs/comparing.md"))
SUMMARY = Path("metrics/summary.json")
HEAD = re.compile(r"\| what \| (?P<names>.+) \| where \|")
ROW = re.compile(r"\| (?P<what>[^|]+) \| .+ \| `(?P<stage>\w+): (?P<key>[\w. -]+)` \|")
DIFFERENCES = re.compile(r"\| difference from `(?P<baseline>[^`]+)` \| (?P<names>.+) \|")
CLAIMS = "| claim | paper | holds | does not hold | not decided |"
DIFF = re.compile(r"Path +Metric +HEAD +workspace +Change")
FOCUS = re.compile(r"focus(?P<side>[=:]) ?(?P<setting>[\w-]+(/[\w-]+)+)")
SIZES = re.compile(r"\d+( in the largest class and\s+)\d+( in the smallest)")
DIGITS = 3  # of a number in a table; counts per image are shown with one
ROUNDED = 5  # as `dvc metrics diff` has it
MEASURES = {  # what the pages call the measures of `differences`: stage, measure, digits
    "AUROC": (AUROC.stage, AUROC.name, 3),
    "average precision": (AP.stage, AP.name, 3),
    "probability of labels that an image has": (
        PROBABILITY_POSITIVES.stage,
        PROBABILITY_POSITIVES.name,
        3,
    ),
    "recall at probability 0.5": (RECALL_HALF.stage, RECALL_HALF.name, 3),
    "soft IoBB": (IOBB.stage, IOBB.name, 3),
    "IoBB at matched scale": (IOBB.stage, f"{IOBB.name}_matched", 3),
    "soft IoR": (IOR.stage, IOR.name, 3),
    "IoR at matched scale": (IOR.stage, f"{IOR.name}_matched", 3),
    "AUROC of a map's pixels": (IOBB.stage, AUROC.name, 3),
    "concepts, disjoint": (DISJOINT.stage, DISJOINT.name, 1),
    "accuracy": (ACCURACY.stage, ACCURACY.name, 3),
    "balanced accuracy": (BALANCED_ACCURACY.stage, BALANCED_ACCURACY.name, 3),
    "recall, more than 100 training images": (MANY.stage, MANY.name, 3),
    "recall, 20 to 100": (MEDIUM.stage, MEDIUM.name, 3),
    "recall, fewer than 20": (FEW.stage, FEW.name, 3),
}


def fill(text: str, root: Path) -> str:
    """Return the text of a page with all numbers as the results in `root` have them.

    Raises:
        InputError: if it names something that the results lack.
    """
    try:
        return _fill(text, root)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise InputError(f"names what the results do not have: {error}") from error


def _fill(text: str, root: Path) -> str:
    return SIZES.sub(lambda found: _sizes(found, root), "".join(_fill_lines(text, root)))


def find_stale_lines(page: Path, root: Path) -> list[tuple[int, str, str]]:
    """Return number, text, and what it should be, of a page's lines that do not hold."""
    text = (root / page).read_text(encoding="utf-8")
    pairs = zip(text.splitlines(), fill(text, root).splitlines(), strict=True)
    return [(line, old, new) for line, (old, new) in enumerate(pairs, start=1) if old != new]


def _fill_lines(text: str, root: Path) -> Iterator[str]:
    section, names = "", []
    params = load_params(root / PARAMS_PATH)
    known = "|".join(map(re.escape, (*params.runs, *all_settings(params))))
    result = re.compile(rf"\d\.\d\d|`(?:{known})`")
    sides: tuple[str, str | None] = (params.focus, None)
    diff: list[str] = []
    for line in text.splitlines(keepends=True):
        plain = line.rstrip("\n")
        if found := FOCUS.search(plain):
            setting = found["setting"]
            sides = (params.focus, setting) if found["side"] == "=" else (setting, None)
        if section == "diff" and not plain.startswith("```"):
            diff.append(plain)
            continue
        if section == "diff":
            yield from _diff_lines(diff, root, *sides)
            section = ""
        if head := HEAD.fullmatch(plain) or DIFFERENCES.fullmatch(plain):
            section = "where" if head.re is HEAD else "differences"
            names = [name.strip("` :") for name in head["names"].split("|")]
        elif plain == CLAIMS:
            section = "claims"
        elif DIFF.fullmatch(plain):
            section, diff = "diff", [plain]
            continue
        elif not plain.startswith("|"):
            section = ""
        elif not plain.startswith("|---"):
            filled = _fill_row(plain, section, names, root, params)
            if filled is None and result.search(plain):
                raise KeyError(f"{plain!r} does not say where its numbers come from")
            plain = filled or plain
        yield plain + line[len(line.rstrip("\n")) :]


def _fill_row(
    row: str, section: str, settings: list[str], root: Path, params: Params
) -> str | None:
    """Return a row as the results have it, None if it does not say where it comes from."""
    first, *_ = (cell.strip() for cell in row.strip("|").split("|"))
    match section:
        case "where" if found := ROW.fullmatch(row):
            stage, key = found["stage"], found["key"]
            values = [_shown(_metric(root, params, stage, key, one)) for one in settings]
            return f"| {first} | {' | '.join(values)} | `{stage}: {key}` |"
        case "differences":
            return f"| {first} | {' | '.join(_difference(root, first, one) for one in settings)} |"
        case "claims":
            return _claim(root, params, first)
        case _:
            return None


def _metric(root: Path, params: Params, stage: str, key: str, setting: str) -> object:
    value = read_setting(setting, params, stages=(stage,), root=root)[stage]
    for part in key.split("."):
        value = value[part]
    return value


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:.{DIGITS}f}" if isinstance(value, float) else str(value)


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _difference(root: Path, name: str, setting: str) -> str:
    stage, measure, digits = MEASURES[name]
    for path in sorted((root / "plots/differences").glob("*.csv")):
        for row in _read_rows(path):
            found = [row.get(key) for key in ("setting", "stage", "measure", "class")]
            if found == [setting, stage, measure, ""] and "low" in row:
                numbers = (float(row[key]) for key in ("difference", "low", "high"))
                value, low, high = (f"{number:+.{digits}f}" for number in numbers)
                return f"{value} ({low} to {high})"
    raise KeyError(f"plots/differences has no {measure!r} of {setting!r}")


def _claim(root: Path, params: Params, text: str) -> str | None:
    """Return the row of a claim that some results decide or could; None if there is none."""
    rows = [
        row
        for path in sorted((root / "plots/claims").glob("*.csv"))
        for row in _read_rows(path)
        if row.get("text") == text and row.get("low")
    ]
    order = [*all_settings(params), *params.runs]
    rows.sort(key=lambda row: order.index(row["judged"]))
    cells = [
        ", ".join(f"`{row['judged']}`" for row in rows if row["verdict"] == verdict)
        for verdict in ("holds", "does not hold", "not decided")
    ]
    return f"| {text} | {rows[0]['paper']} | {' | '.join(cells)} |" if rows else None


def _diff_lines(lines: list[str], root: Path, old: str, new: str | None) -> Iterator[str]:
    """Yield a table as `dvc metrics diff` prints it; numbers of results not kept stay."""
    cells = [line.split() for line in lines]
    for row in cells[1:]:
        path, metric, *_ = row
        row[2] = _as_dvc(_headline(root, path, metric, old))
        if new:
            row[3] = _as_dvc(_headline(root, path, metric, new))
        row[4] = _change(row[2], row[3], row[4])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip() + "\n"


def _headline(root: Path, path: str, metric: str, focus: str) -> object:
    """Return what a metrics file has under a name, as if the focus were the one given."""
    summary = json.loads((root / SUMMARY).read_text(encoding="utf-8"))
    if path == SUMMARY.as_posix():
        setting, measure, kind = metric.split(".")
        return summary[setting][measure][kind]
    return focus if metric == "setting" else summary[focus].get(metric, {}).get("value")


def _as_dvc(value: object) -> str:
    if value is None:
        return "-"
    return str(round(value, ROUNDED) if isinstance(value, float) else value)


def _change(old: str, new: str, shown: str) -> str:
    """Return the difference of two cells; as it is shown where only rounding tells them apart."""
    try:
        found = float(new) - float(old)
        close = abs(found - float(shown)) < 2 * 10**-ROUNDED
    except ValueError:  # of texts there is none
        return "-"
    return shown if close else str(round(found, ROUNDED))


def _sizes(found: re.Match[str], root: Path) -> str:
    metrics = json.loads((root / "metrics/prepare/planted.json").read_text(encoding="utf-8"))
    sizes = metrics["counts"]["train"].values()
    return f"{max(sizes)}{found[1]}{min(sizes)}{found[2]}"
