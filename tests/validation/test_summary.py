import pytest

from imbalens.validation.judge import Judgement, Problem
from imbalens.validation.summary import (
    Outcome,
    files_table,
    first_line,
    short_table,
    write_summary,
)
from imbalens.validation.values import Difference

DUMPS = ["data/dumps/features/a.h5", "data/dumps/maps/a.h5"]
RULE = Difference("validation/rules.yaml:headlines.planted.performance.few", 0.1, 9.0)
PINNED = Difference("default/metrics/archetypes/a.json:share.safe", 0.5, 0.75)
VERDICT = Difference("claims/planted.json:iobb_rises.a", "holds", "not decided")


def judged(not_reproduced=(), verdicts=(), fallen=None):
    return Judgement(
        problems=[],
        dumps=DUMPS,
        not_reproduced=list(not_reproduced),
        unchecked=["plots/a/b.csv", "plots/a/c.csv"] if not_reproduced else [],
        headlines={"planted": []},
        fallen=fallen or {"planted": []},
        verdicts=list(verdicts),
    )


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (Outcome(judgement=judged()), "All 2 dumps reproduced: every kept number checked."),
        (
            Outcome(judgement=judged(DUMPS[:1])),
            "1 of 2 dumps not reproduced: numbers outside the headlines unchecked.",
        ),
        (
            Outcome(judgement=judged(DUMPS), rule_changes=[RULE]),
            "Rules changed: validation/rules.yaml. "
            "2 of 2 dumps not reproduced: numbers outside the headlines unchecked.",
        ),
        (Outcome([Problem("dvc.lock", "is stale")], stale=True), "Nothing was recomputed."),
    ],
)
def test_the_first_line_says_what_to_know_first(outcome, line):
    assert first_line(outcome) == line
    assert write_summary(outcome).splitlines()[0] == line


def test_everything_that_changed_is_named():
    outcome = Outcome(
        [Problem("metrics/a.json:x", "is wrong")],
        judgement=judged(DUMPS[:1], [VERDICT], {"planted": ["performance.few"]}),
        n_pinned=1234,
        rules_from="of the base abc",
        rule_changes=[RULE],
        pinned_changes=[PINNED],
        headline_changes=[Difference("performance/a.json:accuracy", 0.5, 0.625)],
        verdict_changes=[VERDICT],
        parameters="| params | table |",
    )
    lines = write_summary(outcome).splitlines()
    for line in (
        "## Validation: rejected",
        "| pinned results computed again | 1,234 values |",
        "| rules | of the base abc |",
        "| metrics/a.json:x | is wrong |",
        "| validation/rules.yaml:headlines.planted.performance.few | 0.1 | 9 |",
        "| default/metrics/archetypes/a.json | 1 | share.safe | 0.5 | 0.75 |",
        "| performance/a.json:accuracy | 0.5 | 0.625 |",
        "| params | table |",
        "Files of which only headlines and verdicts are checked: plots/a (2).",
    ):
        assert line in lines
    assert lines.count("| claims/planted.json:iobb_rises.a | holds | not decided |") == 2
    assert any("planted: performance.few" in line for line in lines)


def test_files_that_change_are_counted_metrics_first():
    places = ("d/data/i.csv:1:x", "d/plots/a.csv:2:y", "d/plots/a.csv:3:y", "d/metrics/a.json:z")
    table = files_table([Difference(place, 1, 2) for place in places])
    assert table.splitlines()[2:] == [
        "| d/metrics/a.json | 1 | z | 1 | 2 |",
        "| d/plots/a.csv | 2 | 2:y | 1 | 2 |",
        "| d/data/i.csv | 1 | 1:x | 1 | 2 |",
    ]


def test_a_passed_validation_is_short():
    summary = write_summary(Outcome(judgement=judged()))
    assert "## Validation: passed" in summary
    assert "###" not in summary


def test_a_table_keeps_its_rows_whole_and_says_how_many_it_leaves_out():
    table = short_table(("where",), [(f"one|two\n<b>{row}",) for row in range(50)])
    lines = table.splitlines()
    assert lines[2] == r"| one\|two &lt;b>0 |"
    assert len(lines) == 2 + 40 + 2
    assert lines[-1] == "and 10 more."
