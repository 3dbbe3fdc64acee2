"""Do the committed results of a repository still hold?"""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from imbalens.errors import InputError
from imbalens.params.dvc_yaml import read_yaml
from imbalens.params.loading import PARAMS_PATH, load_params
from imbalens.validation import repository as git
from imbalens.validation.judge import Problem, changed_verdicts, judge
from imbalens.validation.lock import LOCK
from imbalens.validation.pinned import DUMPS, EXPERIMENT, RESULTS, check_pinned
from imbalens.validation.readme import PAGES, find_stale_lines
from imbalens.validation.rules import RULES, Rules, load_rules, settle_rules
from imbalens.validation.summary import Outcome
from imbalens.validation.values import (
    Difference,
    find_differences,
    flatten,
    read_if_whole,
    read_values,
)

# a change of these is a change of what a reviewer can rely on
RULE_PATHS = (
    RULES.as_posix(),
    EXPERIMENT.as_posix(),
    DUMPS.as_posix(),
    "src/imbalens/validation",
    ".ci",
    ".github/workflows",
    "Makefile",
    "dvc.yaml",
    ".dvc",
    ".dvcignore",
    ".gitattributes",
)


@dataclass(frozen=True)
class Base:
    """What HEAD is compared with.

    Attributes:
        revision: The commit; None if HEAD is the first one.
        folder: Its rules and results, as far as it has them.
    """

    revision: str | None
    folder: Path


def validate(repository: Path, *, strict: bool = False, keep: Path | None = None) -> Outcome:
    """Recompute the results of a repository's HEAD and compare them.

    Args:
        repository: Folder of the git and DVC repository.
        strict: Whether a dump that is not reproduced makes results not hold.
        keep: A folder that is not there yet, to keep the recomputed clone in; None for none.

    Raises:
        InputError: if params.yaml or the rules are not valid, or a stage fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        committed, recomputed = Path(folder) / "committed", keep or Path(folder) / "recomputed"
        git.clone(repository, committed)
        base = read_base(repository, Path(folder) / "base")
        outcome = judge_committed(committed, base)
        if outcome.stale:
            return outcome
        outcome = judge_pinned(outcome, committed, base)
        git.clone(repository, recomputed)
        git.recompute(recomputed)
        return judge_recomputed(outcome, committed, recomputed, base, strict=strict)


def read_base(repository: Path, into: Path) -> Base:
    """Write what HEAD is compared with into a folder, which is not there yet."""
    revision = git.find_base(repository)
    if revision:
        git.unpack(repository, revision, into)
    return Base(revision, into)


def judge_committed(committed: Path, base: Base) -> Outcome:
    """Judge dvc.lock and the pages, which need nothing computed; say what HEAD changes."""
    outcome = Outcome(
        rule_changes=find_rule_changes(committed, base),
        pinned_changes=_changes(base, committed, RESULTS),
        parameters=_diff_parameters(committed, base),
    )
    stale = git.find_staleness(committed)
    if stale:
        text = (
            "does not belong to the committed code, parameters and metrics; run `dvc repro`, look "
            f"at `dvc metrics diff`, and commit {LOCK}, metrics and plots: {stale}"
        )
        return replace(outcome, problems=[Problem(LOCK.as_posix(), text)], stale=True)
    problems: list[Problem] = []
    for page in PAGES:
        if not (committed / page).exists():
            continue
        try:
            problems += [
                Problem(f"{page.as_posix()}:{line}", f"found {old!r}; the results give {new!r}")
                for line, old, new in find_stale_lines(page, committed)
            ]
        except InputError as error:
            problems.append(Problem(page.as_posix(), str(error)))
    return replace(outcome, problems=problems)


def judge_pinned(outcome: Outcome, root: Path, base: Base) -> Outcome:
    """Add what running all analyses on the pinned dumps says, by the base's rules."""
    try:
        n_values, found = check_pinned(root, load_base_rules(root, base)[0].pinned)
    except (InputError, OSError) as error:
        failing = Problem(RESULTS.as_posix(), str(error))
        return replace(outcome, problems=[*outcome.problems, failing])
    problems = [
        Problem(
            f"{RESULTS.as_posix()}/{item.place}",
            f"is pinned as {item.before}, comes out as {item.now}; if that is meant, run "
            "`imbalens validate pin` and commit",
        )
        for item in found
    ]
    return replace(outcome, problems=[*outcome.problems, *problems], n_pinned=n_values)


def judge_recomputed(
    outcome: Outcome, committed: Path, recomputed: Path, base: Base, *, strict: bool
) -> Outcome:
    """Add to an outcome what the recomputed results say, by the base's rules."""
    params = load_params(committed / PARAMS_PATH)
    moved = _changes(base, committed, Path("metrics"))  # before stages run in that clone
    rules, source = load_base_rules(committed, base)
    effects_of = (read_values(recomputed / "metrics"), read_if_whole(base.folder / "metrics"))
    rules, own = settle_rules(load_rules(committed), rules, effects_of, params)
    judgement = judge(committed, recomputed, rules, params, base.folder)
    problems = [*outcome.problems, *judgement.problems]
    if strict:
        text = "is not reproduced, which --strict does not allow"
        problems += [Problem(path, text) for path in judgement.not_reproduced]
    places = {headline.place for of in judgement.headlines.values() for headline in of}
    return replace(
        outcome,
        problems=problems,
        judgement=judgement,
        rules_from=source + (f"; headlines of {', '.join(own)} of HEAD" if own else ""),
        headline_changes=[item for item in moved if item.place in places],
        verdict_changes=changed_verdicts(
            {item.place: item.before for item in moved}, {item.place: item.now for item in moved}
        ),
    )


def load_base_rules(committed: Path, base: Base) -> tuple[Rules, str]:
    """Return the base's rules, HEAD's where it has none, and where they are from."""
    head = load_rules(committed)
    if base.revision is None:
        return head, "of HEAD: it is the first commit"
    if not (base.folder / RULES).exists():
        return head, f"of HEAD: its base {base.revision[:9]} has none"
    try:
        return load_rules(base.folder), f"of the base {base.revision[:9]}"
    except InputError:
        return head, f"of HEAD: those of its base {base.revision[:9]} are of another form"


def find_rule_changes(committed: Path, base: Base) -> list[Difference]:
    """Return the entries of rules.yaml that HEAD changes, and what else of the rules it does."""
    if base.revision is None:
        return []
    entries = [
        {f"{RULES.as_posix()}:{key}": value for key, value in flatten(_read_rules(side))}
        for side in (base.folder, committed)
    ]
    found = find_differences(*entries, relative=0.0, absolute=0.0)
    for path in RULE_PATHS:
        files = git.changed_paths(committed, base.revision, [path])
        if files and not (found and path == RULES.as_posix()):
            found.append(Difference(path, "", f"{len(files)} files changed"))
    return found


def _read_rules(folder: Path) -> object:
    try:
        return read_yaml(folder / RULES)
    except InputError:  # which `load_rules` reports of HEAD
        return {}


def _changes(base: Base, committed: Path, folder: Path) -> list[Difference]:
    """Return the values of a folder of results that HEAD changes; none without a base."""
    if base.revision is None:
        return []
    before, now = read_if_whole(base.folder / folder), read_values(committed / folder)
    return find_differences(before, now, relative=0.0, absolute=0.0)


def _diff_parameters(committed: Path, base: Base) -> str:
    if base.revision is None:
        return ""
    diff = ["dvc", "params", "diff", "--md", base.revision, "HEAD"]
    table = git.run(diff, committed, check=False).stdout.strip()
    return table if table.count("\n") > 1 else ""  # without rows DVC prints the head alone
