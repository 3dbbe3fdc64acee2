"""Falsify committed results in many ways, and see whether validation tells.

`python -m benchmarks.tampering [--short] [--recomputed CLONE] [--elsewhere CLONE] [NAME...]`: each
tampering is a commit on top of HEAD whose dvc.lock is made to fit, judged as `make validate`
judges it, once HEAD is recomputed. Some are judged against trainings that came out otherwise, as
on another machine: one thread and other kernels. Prints a row per tampering and how many were
caught; fails if one passes.
"""

from imbalens.stage import run_command
import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from imbalens.errors import InputError
from imbalens.validation import repository as git
from imbalens.validation.summary import UNCHECKED, Outcome, first_line
from imbalens.validation.validate import (
    judge_committed,
    judge_pinned,
    judge_recomputed,
    read_base,
)

ELSEWHERE = {"OMP_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "default"}
COMPUTED = ("src", "stages", "params.yaml", "analyses.yaml", "dvc.yaml")
ANALYSED = (*COMPUTED, "validation")
SHORT = 3  # tamperings of the short form, spread over the list


@dataclass(frozen=True)
class Tampering:
    """One way to falsify.

    Attributes:
        name: What is done.
        edit: Does it, in a clone that has all results.
        elsewhere: Whether trainings come out otherwise where it is judged.
        fits: Whether dvc.lock is made to fit afterwards.
        afterwards: A further edit, of the dvc.lock that fits.
        first_line: What the summary's first line has to say, where that is all that can be said.
    """

    name: str
    edit: Callable[[Path], None]
    elsewhere: bool = False
    fits: bool = True
    first_line: str = ""
    afterwards: Callable[[Path], None] = lambda _: None


def replace_text(path: str, pattern: str, replacement: str) -> Callable[[Path], None]:
    """Return an edit: replace the first match of a pattern by another text."""

    def edit(root: Path) -> None:
        text = (root / path).read_text(encoding="utf-8")
        changed = re.sub(pattern, replacement, text, count=1, flags=re.MULTILINE)
        if changed == text:
            raise ValueError(f"{path}: nothing matches {pattern!r}")
        (root / path).write_text(changed, encoding="utf-8", newline="\n")

    return edit


def forge_hash(path: str) -> Callable[[Path], None]:
    """Return an edit: dvc.lock has another hash of a file, wherever it names it."""

    def edit(root: Path) -> None:
        lock = root / "dvc.lock"
        pattern = rf"(path: {re.escape(path)}\n +hash: md5\n +md5: )\w{{8}}"
        text, n = re.subn(pattern, r"\g<1>00000000", lock.read_text(encoding="utf-8"))
        if n < 2:
            raise ValueError(
                f"dvc.lock: found {n} hashes of {path}; expected an output's and more"
            )
        lock.write_text(text, encoding="utf-8", newline="\n")

    return edit


def change_digit(path: str, *, after: str = "") -> Callable[[Path], None]:
    """Return an edit: change one digit behind the point of the first number after a text."""

    def edit(root: Path) -> None:
        text = (root / path).read_text(encoding="utf-8")
        start = text.index(after)
        found = re.compile(r"\d\.\d*?(\d)(?=\D|$)").search(text, start)
        if found is None:
            raise ValueError(f"{path}: no number after {after!r}")
        digit = str((int(found[1]) + 5) % 10)
        changed = text[: found.start(1)] + digit + text[found.end(1) :]
        (root / path).write_text(changed, encoding="utf-8", newline="\n")

    return edit


def change_metrics(path: str, change: Callable[[Any], None]) -> Callable[[Path], None]:
    """Return an edit of a JSON file, written as the stages write it."""

    def edit(root: Path) -> None:
        values = json.loads((root / path).read_text(encoding="utf-8"))
        change(values)
        text = json.dumps(values, indent=2, sort_keys=True) + "\n"
        (root / path).write_text(text, encoding="utf-8", newline="\n")

    return edit


def append_bytes(*paths: str) -> Callable[[Path], None]:
    """Return an edit: files get other hashes, and say the same."""

    def edit(root: Path) -> None:
        for path in paths:
            content = (root / path).read_bytes()
            (root / path).unlink()  # DVC protects files that it links
            (root / path).write_bytes(content + b"\0")

    return edit


def delete(path: str) -> Callable[[Path], None]:
    """Return an edit: a file is gone."""
    return lambda root: (root / path).unlink()


def write(path: str, text: str) -> Callable[[Path], None]:
    """Return an edit: a file is written."""

    def edit(root: Path) -> None:
        (root / path).write_text(text, encoding="utf-8")

    return edit


def together(*edits: Callable[[Path], None]) -> Callable[[Path], None]:
    """Return several edits as one."""

    def edit(root: Path) -> None:
        for each in edits:
            each(root)

    return edit


def _all_recalls(values: Any) -> None:  # noqa: ANN401 - JSON
    values["recall"] = dict.fromkeys(values["recall"], 1.0)


def _loosen(root: Path) -> None:
    """Widen every tolerance."""
    path = root / "validation/rules.yaml"
    text = re.sub(r"(?<=: )[\d.e-]+$", "9.0", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")


CE, BCE = "planted-ce", "phantom-bce"
OF_CE, OF_BCE = (f"metrics/performance/{run}.json" for run in (CE, BCE))
DUMP, WEIGHTS = f"data/dumps/features/{CE}.h5", f"data/models/{CE}.pt"
ACCURACY = change_metrics(OF_CE, lambda values: values.update(accuracy=0.99))
RECALLS = change_metrics(OF_CE, _all_recalls)
FOCUS = change_metrics("metrics/focus.json", lambda v: v.update(balanced_accuracy=0.99))
ROSE = change_metrics(
    "metrics/summary.json", lambda v: v["planted/ldam_drw"]["many"].update(moved="rose")
)
VERDICT = together(
    replace_text("plots/claims/planted.csv", r"does not hold", "holds"),
    replace_text("metrics/claims/planted.json", r'"does not hold"', '"holds"'),
)
IOBB = change_metrics("metrics/cam_alignment/phantom-bce.json", lambda v: v.update(iobb=0.6))
NUMBERS = "docs/results/default.md"
README_NUMBER = replace_text("README.md", r"\+0\.113 \(", "+0.213 (")
SAID = f"dumps not reproduced: {UNCHECKED}"

DIGITS = {
    "a digit of recall in a table": f"plots/performance/{CE}.csv",
    "a digit of the papers' tables, Markdown": "plots/differences/phantom.md",
    "a digit of the papers' tables, JSON": "plots/differences/phantom-tables.json",
    "a digit of paper A's Table 1, CSV": "plots/differences/phantom-paper_a_table_1.csv",
    "a digit of paper B's Table 2, CSV": "plots/differences/planted-paper_b_table_2.csv",
    "a label that may be wrong": "plots/explore/planted-label_errors.csv",
    "a digit of a difference": "plots/differences/phantom.csv",
    "a digit of the spread over seeds": "plots/differences/phantom-seeds.csv",
    "a digit of a change of features": "plots/changes/planted-similarity.csv",
    "a digit of a map": "plots/cam_examples/phantom-bce.csv",
    "a digit of the colours": f"plots/saliency_colours/{CE}.csv",
    "the loss of an epoch": f"plots/train/{CE}.csv",
}

NOTHING = Tampering("nothing", lambda _: None, fits=False)
TAMPERINGS = (
    # where trainings come out equal
    *(Tampering(name, change_digit(path)) for name, path in DIGITS.items()),
    Tampering("accuracy of a run", ACCURACY),
    Tampering("accuracy in focus.json", FOCUS),
    Tampering("a verdict of the summary", ROSE),
    Tampering(
        "a count of a confusion matrix",
        replace_text(f"plots/performance/{CE}-confusion.csv", r",60,", ",59,"),
    ),
    Tampering(
        "a class size",
        replace_text("metrics/prepare/planted.json", r'"blue disc": 400', '"blue disc": 401'),
    ),
    Tampering(
        "a verdict",
        VERDICT,
    ),
    Tampering("a number becomes null", change_metrics(OF_BCE, lambda v: v.update(auroc=None))),
    Tampering("a number too many", change_metrics(OF_BCE, lambda v: v.update(f1=0.9))),
    Tampering(
        "metrics of a run that there is not",
        write("metrics/performance/planted-best.json", '{"accuracy": 0.999}\n'),
    ),
    Tampering("metrics deleted", delete(OF_CE), fits=False),
    Tampering("metrics laid out otherwise", replace_text(OF_CE, r"^  (?=\"accuracy)", "    ")),
    Tampering(
        "a parameter changed, nothing computed",
        replace_text("analyses.yaml", "border_from: 2", "border_from: 3"),
        fits=False,
    ),
    Tampering(
        "a cut point changed, results kept",
        replace_text("analyses.yaml", r"many_above: 100", "many_above: 150"),
    ),
    Tampering("recalls 1.0, hash of the dump forged", together(RECALLS, append_bytes(DUMP))),
    Tampering(
        "recalls 1.0, hashes of weights and dump forged",
        together(RECALLS, append_bytes(WEIGHTS, DUMP)),
    ),
    Tampering(
        "a difference, hash of what it is made from forged",
        together(
            change_digit("plots/differences/planted.csv"),
            append_bytes(f"data/instances/archetypes/{CE}.csv"),
        ),
    ),
    Tampering("a number of the README", README_NUMBER),
    Tampering(
        "a verdict of the page with all numbers",
        replace_text(
            NUMBERS, r"^(\| LDAM does not lower.*\| B \|)  \|(.*)\|  \|$", r"\1\2|  |  |"
        ),
    ),
    Tampering(
        "a pinned result",
        change_digit("validation/results/default/plots/performance/planted-ce.csv"),
    ),
    Tampering(
        "a pinned result is gone", delete("validation/results/default/plots/compare/phantom.md")
    ),
    Tampering(
        "an analysis broken, its results kept",
        replace_text(
            "src/imbalens/analysis/archetypes/judging.py",
            r"\[neighbors\.neighbor\] == labels",
            "[neighbors.neighbor] != labels",
        ),
    ),
    Tampering(
        "a difference, hash of what was gathered for it forged",
        change_digit("plots/differences/planted.csv"),
        afterwards=forge_hash("data/gathered/differences/planted.json"),
    ),
    Tampering(
        "a number of the page with all numbers under another heading",
        replace_text(NUMBERS, r"^(\| what \| .*) \| where \|$", r"\1 | from |"),
    ),
    Tampering(
        "a choice of the pinned analyses misspelt",
        replace_text("validation/params.yaml", "    archetypes: ", "    archetype: "),
    ),
    # where they come out otherwise
    Tampering("accuracy of a run, elsewhere", ACCURACY, elsewhere=True),
    Tampering(
        "probability of positives, elsewhere",
        change_metrics(OF_BCE, lambda values: values.update(probability_positives=0.7)),
        elsewhere=True,
    ),
    Tampering(
        "IoBB, elsewhere",
        IOBB,
        elsewhere=True,
    ),
    Tampering("accuracy in focus.json, elsewhere", FOCUS, elsewhere=True),
    Tampering("a verdict of the summary, elsewhere", ROSE, elsewhere=True),
    Tampering(
        "a digit of a table of runs, elsewhere",
        change_digit("plots/compare/phantom.csv"),
        elsewhere=True,
    ),
    Tampering(
        "a digit of the claims, elsewhere", change_digit("plots/claims/phantom.md"), elsewhere=True
    ),
    Tampering(
        "a verdict, elsewhere",
        VERDICT,
        elsewhere=True,
    ),
    Tampering(
        "errors around a class, elsewhere",
        replace_text("plots/false_positives/planted.csv", r"red square,\d+", "red square,1"),
        elsewhere=True,
    ),
    Tampering(
        "border_from 3, results kept, elsewhere",
        replace_text("analyses.yaml", r"border_from: 2", "border_from: 3"),
        elsewhere=True,
    ),
    Tampering(
        "tolerances widened, accuracy 0.99, elsewhere",
        together(_loosen, ACCURACY),
        elsewhere=True,
    ),
    Tampering(
        "headlines removed, IoBB 0.6, elsewhere",
        together(
            replace_text("validation/rules.yaml", r"^    cam_alignment\.iobb: .*\n", ""),
            IOBB,
        ),
        elsewhere=True,
    ),
    Tampering(
        "a number of the README, elsewhere",
        README_NUMBER,
        elsewhere=True,
    ),
    Tampering(
        "recalls 1.0, hash of the dump forged, elsewhere",
        together(RECALLS, append_bytes(DUMP)),
        elsewhere=True,
        first_line=SAID,
    ),
    Tampering(
        "a digit of recall in a table, elsewhere",
        change_digit(f"plots/performance/{CE}.csv"),
        elsewhere=True,
        first_line=SAID,
    ),
)


class Workshop:
    """A clone with all results of HEAD, in which one tampering after the other is committed."""

    def __init__(self, folder: Path, recomputed: Path) -> None:
        """Copy a recomputed clone."""
        self.folder, self.recomputed = folder, recomputed
        shutil.copytree(recomputed, folder, symlinks=True)
        for key, value in (("user.name", "Tamperer"), ("user.email", "t@example.org")):
            git.run(["git", "config", key, value], folder)
        git.run(["git", "checkout", "--quiet", "--force", "-B", "honest"], folder)
        # the clone has whatever was recomputed, which dvc.lock of another machine does not fit
        git.run(["git", "checkout", "--quiet", "--force", "HEAD", "--", "."], folder)

    def commit(self, tampering: Tampering) -> None:
        """Commit one tampering on top of HEAD."""
        git.run(["git", "checkout", "--quiet", "--force", "-B", "tampered", "honest"], self.folder)
        git.run(["git", "clean", "--quiet", "--force", "-d"], self.folder)
        for path in (self.recomputed / "data").rglob("*.*"):
            target = self.folder / path.relative_to(self.recomputed)
            if not target.exists() or target.stat().st_size != path.stat().st_size:
                target.unlink(missing_ok=True)
                shutil.copy2(path, target)
        tampering.edit(self.folder)
        if tampering.fits:
            git.run(["dvc", "commit", "--force", "--quiet"], self.folder)
        tampering.afterwards(self.folder)
        git.run(["git", "add", "--all"], self.folder)
        message = ["--allow-empty", "--quiet", "--message", tampering.name]
        git.run(["git", "commit", *message], self.folder)

    def recompute(self, recomputed: Path) -> Path:
        """Return what would be computed anew for the commit, given that for HEAD."""
        changed = git.changed_paths(self.folder, "honest", COMPUTED)
        if not changed or git.find_staleness(self.folder):
            return recomputed
        again = self.folder.with_name("again")
        shutil.rmtree(again, ignore_errors=True)
        shutil.copytree(recomputed, again, symlinks=True)
        for path in changed:
            shutil.copy(self.folder / path, again / path)
        git.run(["dvc", "repro", "--no-run-cache"], again)
        return again


def judge_commit(repository: Path, recomputed: Path, *, strict: bool = False) -> Outcome:
    """Judge HEAD of a repository as `validate` does, given its recomputed results.

    Analyses run on the pinned dumps only where HEAD changes something of either.
    """
    with tempfile.TemporaryDirectory() as folder:
        committed = Path(folder) / "committed"
        git.clone(repository, committed)
        base = read_base(repository, Path(folder) / "base")
        outcome = judge_committed(committed, base)
        if outcome.stale:
            return outcome
        if git.changed_paths(committed, "HEAD^1", ANALYSED):
            outcome = judge_pinned(outcome, committed, base)
        return judge_recomputed(outcome, committed, recomputed, base, strict=strict)


def describe(tampering: Tampering, outcome: Outcome) -> str:
    """Say how a tampering was caught; empty if it passed."""
    if outcome.problems:
        problem = outcome.problems[0]
        return f"{len(outcome.problems)} problems, {problem.place}: {problem.text[:90]}"
    said = first_line(outcome)
    return said if tampering.first_line and tampering.first_line in said else ""


def main() -> None:
    """Try the tamperings."""
    os.environ.pop("GITHUB_BASE_REF", None)  # each is compared with the commit before it
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="tamperings to try (default: all)")
    parser.add_argument("--short", action="store_true", help=f"try {SHORT}, none elsewhere")
    parser.add_argument(
        "--recomputed", type=Path, help="clone of HEAD that `validation --keep` left, or will be"
    )
    parser.add_argument("--elsewhere", type=Path, help="the same of another machine")
    arguments = parser.parse_args()
    named = arguments.names
    chosen: Sequence[Tampering] = [t for t in TAMPERINGS if not named or t.name in named]
    if arguments.short:
        here = [tampering for tampering in TAMPERINGS if not tampering.elsewhere]
        chosen = here[:: max(1, len(here) // SHORT)][:SHORT]
    with tempfile.TemporaryDirectory() as folder:
        clones = {
            False: _recompute(arguments.recomputed or Path(folder) / "here", None),
        }
        if any(tampering.elsewhere for tampering in chosen):
            place = arguments.elsewhere or Path(folder) / "elsewhere"
            clones[True] = _recompute(place, ELSEWHERE)
        workshop = Workshop(Path(folder) / "workshop", clones[False])
        for clone in clones.values():
            workshop.commit(NOTHING)
            problems = judge_commit(workshop.folder, clone).problems
            if problems:
                raise InputError(f"HEAD itself is rejected, by {clone}: {problems[0]}")
        caught = 0
        for tampering in tqdm(chosen, desc="tamperings"):
            workshop.commit(tampering)
            recomputed = workshop.recompute(clones[tampering.elsewhere])
            outcome = judge_commit(workshop.folder, recomputed)
            found = describe(tampering, outcome)
            caught += bool(found)
            tqdm.write(f"{tampering.name}: {found or 'PASSED'}", file=sys.stdout)
            sys.stdout.flush()
    print(f"{caught} of {len(chosen)} tamperings caught")
    if caught < len(chosen):
        sys.exit(1)


def _recompute(place: Path, environment: Mapping[str, str] | None) -> Path:
    """Return a clone of HEAD with everything computed anew, the one that is there if there is.

    Raises:
        InputError: if the one that is there is of another commit, or not finished.
    """
    if not place.exists():
        git.clone(Path(), place)
        git.recompute(place, environment=environment)
    if git.find_staleness(place):
        raise InputError(f"{place} was not computed to its end; delete it")
    heads = {git.run(["git", "rev-parse", "HEAD"], each).stdout for each in (Path(), place)}
    if len(heads) > 1:
        raise InputError(f"{place} is a clone of another commit than HEAD; delete it")
    return place


if __name__ == "__main__":
    run_command(main)
