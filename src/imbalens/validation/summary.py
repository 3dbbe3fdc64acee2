"""What a reviewer reads: one Markdown text, the gravest first."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from imbalens.reports.common.markdown import markdown_table
from imbalens.validation.judge import Judgement, Problem
from imbalens.validation.rules import n_measures
from imbalens.validation.values import Difference

SHOWN = 40  # rows of a table
UNCHECKED = "numbers outside the headlines unchecked"


@dataclass(frozen=True)
class Outcome:
    """Everything that a validation found.

    Attributes:
        problems: What makes the results not hold.
        judgement: Of the recomputed results; None where nothing was recomputed.
        n_pinned: How many pinned values were computed again.
        rules_from: Where the rules were taken from, and why.
        rule_changes: Files of the rules that HEAD changes; of rules.yaml its entries.
        pinned_changes: Pinned results that HEAD changes.
        headline_changes: Committed headline numbers that HEAD changes.
        verdict_changes: Committed verdicts that HEAD changes.
        parameters: What `dvc params diff` says of HEAD.
        stale: Whether dvc.lock does not belong to HEAD, so that nothing was recomputed.
    """

    problems: Sequence[Problem] = ()
    judgement: Judgement | None = None
    n_pinned: int = 0
    rules_from: str = ""
    rule_changes: Sequence[Difference] = ()
    pinned_changes: Sequence[Difference] = ()
    headline_changes: Sequence[Difference] = ()
    verdict_changes: Sequence[Difference] = ()
    parameters: str = ""
    stale: bool = False

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def write_summary(outcome: Outcome) -> str:
    """Return the summary; its first line names changed rules and dumps that did not come out."""
    judgement = outcome.judgement
    parts = [first_line(outcome), f"## Validation: {'passed' if outcome.holds else 'rejected'}"]
    if judgement:
        parts.append(_facts(outcome, judgement))
    if outcome.problems:
        rows = [(problem.place, problem.text) for problem in outcome.problems]
        parts += ["### What is wrong", short_table(("where", "what"), rows)]
    moved = [
        ("Headline numbers that move", outcome.headline_changes),
        ("Verdicts that change", outcome.verdict_changes),
        ("Rules that change", outcome.rule_changes),
    ]
    for title, differences in moved:
        if differences:
            parts += [f"### {title}, base to HEAD", differences_table(differences)]
    if outcome.pinned_changes:
        parts += [
            "### Pinned results that change, base to HEAD",
            files_table(outcome.pinned_changes),
        ]
    if judgement and judgement.verdicts:
        title = "### Verdicts that come out otherwise, committed to recomputed"
        parts += [title, differences_table(judgement.verdicts)]
    if judgement and judgement.not_reproduced:
        parts += ["### Not reproduced", _not_reproduced(judgement)]
    if judgement and any(judgement.fallen.values()):
        named = (f"{name}: {', '.join(of)}" for name, of in judgement.fallen.items() if of)
        text = "Losses differ by less than twice their tolerance; held on pinned dumps alone"
        parts += ["### No headlines any more", f"{text}. {'; '.join(named)}."]
    if outcome.parameters:
        parts += ["### Parameters that change, base to HEAD", outcome.parameters]
    return "\n\n".join(parts) + "\n"


def first_line(outcome: Outcome) -> str:
    """Say what a reviewer must know before anything else."""
    said = []
    if outcome.rule_changes:
        places = dict.fromkeys(change.place.split(":")[0] for change in outcome.rule_changes)
        said.append(f"Rules changed: {', '.join(places)}.")
    judgement = outcome.judgement
    if judgement is None:
        said.append("Nothing was recomputed.")
    elif judgement.not_reproduced:
        n, of = len(judgement.not_reproduced), len(judgement.dumps)
        said.append(f"{n} of {of} dumps not reproduced: {UNCHECKED}.")
    elif judgement.unchecked:
        said.append(f"{len(judgement.unchecked)} files of results were checked by nothing.")
    else:
        said.append(f"All {len(judgement.dumps)} dumps reproduced: every kept number checked.")
    return " ".join(said)


def _facts(outcome: Outcome, judgement: Judgement) -> str:
    held = ", ".join(f"{name} {n_measures(of)}" for name, of in judgement.headlines.items())
    reproduced = len(judgement.dumps) - len(judgement.not_reproduced)
    rows = [
        ("dumps reproduced, bit by bit", f"{reproduced} of {len(judgement.dumps)}"),
        ("pinned results computed again", f"{outcome.n_pinned:,} values"),
        ("headlines held, per run", held),
        ("verdicts that come out otherwise", str(len(judgement.verdicts))),
        ("rules", outcome.rules_from),
    ]
    return short_table(("what", "found"), rows)


def _not_reproduced(judgement: Judgement) -> str:
    stages = Counter(path.rsplit("/", 1)[0] for path in judgement.unchecked)
    listed = ", ".join(f"{place} ({n})" for place, n in sorted(stages.items()))
    dumps = ", ".join(f"`{path}`" for path in judgement.not_reproduced)
    return f"{dumps}.\n\nFiles of which only headlines and verdicts are checked: {listed}."


def files_table(differences: Sequence[Difference]) -> str:
    """Write a Markdown table of files in which values differ: how many, and the first of them."""
    of_file: dict[str, list[Difference]] = {}
    for item in differences:
        of_file.setdefault(item.place.partition(":")[0], []).append(item)
    # metrics before tables, and tables before rows per image
    order = sorted(of_file, key=lambda name: ("/metrics/" not in name, "/data/" in name, name))
    rows = []
    for name in order:
        first, *others = of_file[name]
        key = first.place.partition(":")[2]
        rows.append((name, f"{1 + len(others)}", key, _short(first.before), _short(first.now)))
    return short_table(("file", "values", "the first", "before", "now"), rows)


def differences_table(differences: Sequence[Difference]) -> str:
    """Write differences as a Markdown table."""
    rows = [(item.place, _short(item.before), _short(item.now)) for item in differences]
    return short_table(("what", "before", "now"), rows)


def short_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, shown: int = SHOWN) -> str:
    """Write a Markdown table of at most `shown` rows, and how many more there are."""
    more = len(rows) - shown
    table = "\n".join(markdown_table(head, rows[:shown]))
    return table + (f"\n\nand {more:,} more." if more > 0 else "")


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
