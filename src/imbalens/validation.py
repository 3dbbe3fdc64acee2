"""Do the committed results still hold? `python -m imbalens.validation` recomputes and compares.

Works in a temporary clone of HEAD: (1) dvc.lock must belong to the committed code, parameters and
metrics; (2) everything is recomputed without the run cache; (3) committed and recomputed metrics
must agree within tolerances.yaml, whose numbers are measured (docs/validation.md): tightly where
an analysis read the same dumps, bit by bit, as the committed one; else as far apart as repeated
trainings were.
"""

import argparse
import fnmatch
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard

import yaml
from pydantic import ValidationError

from imbalens.core.files import InputError
from imbalens.core.stage import run_stage
from imbalens.params.base import Section

TOLERANCES_PATH = Path("tolerances.yaml")
UP_TO_DATE = "Data and pipelines are up to date"


class Tolerance(Section):
    """How far metrics of one group may lie from the committed ones.

    Attributes:
        pattern: Shell pattern of `stage/run:dotted.key`; the first that matches counts.
        absolute: Largest allowed absolute difference.
        other: Whether what is not a number may differ: null on one side, a verdict.
    """

    pattern: str
    absolute: float
    other: bool


class Tolerances(Section):
    """All tolerances.

    Attributes:
        arithmetic: Largest absolute difference where the same dumps were analysed.
        training: Groups of metrics, for all others.
    """

    arithmetic: float
    training: tuple[Tolerance, ...]


@dataclass(frozen=True)
class Difference:
    """One metric and how it moved; `verdict` is "ok" or says what is wrong."""

    key: str
    committed: object
    recomputed: object
    verdict: str


def load_tolerances(path: Path) -> Tolerances:
    """Read the tolerances.

    Raises:
        InputError: if the file is missing or not of that form.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Tolerances.model_validate_json(json.dumps(values))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise InputError(
            f"{path}: {error}\nwrite it anew with: python -m benchmarks.spread"
        ) from error


def read_dumps(lock: Path) -> dict[str, frozenset[tuple[str, str]]]:
    """Read from a dvc.lock which dumps, by path and hash, each analysis goes back to.

    Returns:
        `stage/run` to the dumps that it reads, or that what it reads was made from; stages that
        go back to none are left out.
    """
    stages = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"]
    writers = {out["path"]: name for name, stage in stages.items() for out in stage["outs"]}

    @cache
    def trace(name: str) -> frozenset[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for dep in stages[name]["deps"]:
            if dep["path"].startswith("data/dumps/"):
                found.add((dep["path"], dep["md5"]))
                continue
            for path, writer in writers.items():
                if path == dep["path"] or path.startswith(f"{dep['path']}/"):
                    found |= trace(writer)
        return frozenset(found)

    analyses = (name for name in stages if "@" in name)
    return {name.replace("@", "/"): read for name in analyses if (read := trace(name))}


def read_metrics(folder: Path) -> dict[str, object]:
    """Read every metrics file of a folder, as `stage/run:dotted.key` to value."""
    metrics: dict[str, object] = {}
    for path in sorted(folder.rglob("*.json")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        for key, value in _flatten(json.loads(path.read_text(encoding="utf-8"))):
            metrics[f"{name}:{key}"] = value
    return metrics


def compare_metrics(
    committed: Mapping[str, object],
    recomputed: Mapping[str, object],
    tolerances: Tolerances,
    *,
    same_dumps: frozenset[str],
) -> list[Difference]:
    """Judge every metric that either side has; metrics/focus.json repeats others and is left out.

    A metric on one side only is wrong.

    Args:
        committed: Metrics in git, see `read_metrics`.
        recomputed: Metrics now.
        tolerances: How far they may lie apart.
        same_dumps: The `stage/run` that analysed the same dumps on both sides.
    """
    return [
        Difference(
            key,
            committed.get(key),
            recomputed.get(key),
            _judge(key, committed, recomputed, tolerances, key.split(":")[0] in same_dumps),
        )
        for key in sorted({*committed, *recomputed})
        if not key.startswith("focus:")
    ]


def _judge(
    key: str,
    committed: Mapping[str, object],
    recomputed: Mapping[str, object],
    tolerances: Tolerances,
    same_dumps: bool,
) -> str:
    if key not in recomputed:
        return "is no longer computed"
    if key not in committed:
        return "is not committed"
    old, new = committed[key], recomputed[key]
    if old == new:
        return "ok"
    if same_dumps:
        rule = Tolerance(pattern="*", absolute=tolerances.arithmetic, other=False)
    else:
        matching = (r for r in tolerances.training if fnmatch.fnmatchcase(key, r.pattern))
        rule = next(matching, None)
    if rule is None:
        return "differs, and no tolerance covers it"
    if is_number(old) and is_number(new):
        moved = abs(new - old)
        return "ok" if moved <= rule.absolute else f"moved {moved:.3g} > {rule.absolute:.3g}"
    return "ok" if rule.other else "differs"


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a metric is a number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def markdown_table(differences: Sequence[Difference]) -> str:
    """Write differences as a Markdown table."""
    lines = ["| metric | committed | recomputed | verdict |", "|---|---|---|---|"]
    lines += [
        f"| {_plain(item.key)} | {_short(item.committed)} | {_short(item.recomputed)} | "
        f"{item.verdict} |"
        for item in differences
    ]
    return "\n".join(lines)


def changed_verdicts(old: Mapping[str, object], new: Mapping[str, object]) -> str:
    """List in Markdown the claims whose verdict changed, see `read_metrics`."""
    lines = [
        f"| {_plain(key.removesuffix('.verdict'))} | {old.get(key)} | {new.get(key)} |"
        for key in sorted({*old, *new})
        if key.startswith("claims/") and key.endswith(".verdict") and old.get(key) != new.get(key)
    ]
    head = ["| claim | before | now |", "|---|---|---|"]
    return "\n".join(head + lines) if lines else "None."


def validate(repository: Path) -> tuple[bool, str]:
    """Recompute the results of a repository's HEAD and compare them.

    Args:
        repository: Folder of the git and DVC repository.

    Returns:
        Whether they hold, and a report in Markdown.
    """
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        _run(["git", "clone", "--quiet", str(repository.resolve()), str(clone)], repository)
        gate = _run(["dvc", "repro", "--dry", "--allow-missing"], clone, check=False)
        if UP_TO_DATE not in gate.stdout:
            return False, (
                "## Validation: rejected\n\ndvc.lock does not belong to the committed code, "
                "parameters and metrics. Run `dvc repro`, look at `dvc metrics diff`, and commit "
                "dvc.lock, metrics and plots.\n\n```\n"
                f"{(gate.stdout + gate.stderr).strip()}\n```\n"
            )
        tolerances = load_tolerances(clone / TOLERANCES_PATH)
        committed, old_dumps = read_metrics(clone / "metrics"), read_dumps(clone / "dvc.lock")
        for path in (clone / "metrics").rglob("*.json"):
            path.unlink()  # what no stage writes is then missing, not equal
        _run(["dvc", "repro", "--force", "--no-run-cache"], clone, show=True)
        recomputed, new_dumps = read_metrics(clone / "metrics"), read_dumps(clone / "dvc.lock")
        same = frozenset(name for name in old_dumps if old_dumps[name] == new_dumps.get(name))
        differences = compare_metrics(committed, recomputed, tolerances, same_dumps=same)
        diff = _run(["dvc", "metrics", "diff", "--md", "--targets", "metrics/focus.json"], clone)
    wrong = [item for item in differences if item.verdict != "ok"]
    moved = [item for item in differences if item.committed != item.recomputed]
    report = [
        f"## Validation: {'rejected' if wrong else 'passed'}",
        f"{len(differences)} metrics: {len(differences) - len(moved)} equal, "
        f"{len(moved) - len(wrong)} within tolerance, {len(wrong)} beyond. "
        f"{len(same)} of {len(old_dumps)} analyses read the same dumps, bit by bit.",
    ]
    if wrong:
        report.append(markdown_table(wrong))
    verdicts = changed_verdicts(committed, recomputed)
    report.append(f"### Claims whose verdict changed, committed to recomputed\n\n{verdicts}")
    report.append(
        "### dvc metrics diff of the focus run, committed to recomputed\n\n"
        + (diff.stdout or "No difference.")
    )
    return not wrong, "\n\n".join(report)


def describe_change(repository: Path, base: str) -> str:
    """Describe in Markdown what HEAD changes against the branch it is to be merged into."""
    parts = []
    for what in ("params", "metrics"):
        diff = _run(["dvc", what, "diff", "--md", base, "HEAD"], repository, check=False)
        text = diff.stdout.strip() or diff.stderr.strip() or "No difference."
        parts.append(f"### dvc {what} diff, {base} to HEAD\n\n{text}")
    with tempfile.TemporaryDirectory() as folder:
        sides = []
        for place, revision in enumerate((base, "HEAD")):
            side = Path(folder) / str(place)
            side.mkdir()
            archive = side / "metrics.zip"
            command = ["git", "archive", "--output", str(archive), revision, "metrics"]
            if _run(command, repository, check=False).returncode == 0:
                shutil.unpack_archive(archive, side)
            sides.append(read_metrics(side / "metrics"))
    verdicts = changed_verdicts(*sides)
    parts.append(f"### Claims whose verdict changes, {base} to HEAD\n\n{verdicts}")
    return "\n\n".join(parts)


def _run(
    command: Sequence[str], folder: Path, *, check: bool = True, show: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a command on the clone's own code, not on the installed one."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    pipe = None if show else subprocess.PIPE
    result = subprocess.run(
        command, cwd=folder, env=environment, text=True, check=False, stdout=pipe, stderr=pipe
    )
    if check and result.returncode:
        raise InputError(
            f"`{' '.join(command)}` failed with exit status {result.returncode}\n"
            f"{result.stderr or ''}"
        )
    return result


def _flatten(value: Any, key: str = "") -> Iterator[tuple[str, object]]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _flatten(item, f"{key}.{name}" if key else name)
    else:
        yield key, value


def _plain(text: str) -> str:
    """Text of a Markdown table's cell; names of classes may hold anything."""
    return " ".join(text.split()).replace("|", "\\|")


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else _plain(str(value))


def main(argv: Sequence[str] | None = None) -> None:
    """Validate, print the report, add it to the job summary, and fail if results do not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", nargs="?", type=Path, default=Path())
    repository = parser.parse_args(argv).repository
    if _run(["git", "status", "--porcelain"], repository).stdout:
        print("warning: there are uncommitted changes; only what is committed is validated")
    holds, report = validate(repository)
    base = os.environ.get("GITHUB_BASE_REF")
    if base:
        report += "\n\n" + describe_change(repository, f"origin/{base}")
    print(report)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(report + "\n")
    if not holds:
        sys.exit(1)


if __name__ == "__main__":
    run_stage(main)
