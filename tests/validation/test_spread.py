import math

import pytest

from imbalens.params.dvc_yaml import parse_yaml
from imbalens.validation.rules import Rules, load_rules
from imbalens.validation.spread import derive, format_rules, largest_move
from tests.validation.cases import CE, metrics_of, params_of, rules_of

COMMITTED = metrics_of(performance__accuracy=(0.8, 0.9), performance__ece=(0.05, 0.06))
ONE = metrics_of(performance__accuracy=(0.79, 0.9), performance__ece=(0.05, 0.07))
TWO = metrics_of(performance__accuracy=(0.8, 0.92), performance__ece=(0.05, 0.06))


def test_the_largest_move_is_over_runs_and_variants():
    places = list(COMMITTED)[:2]
    assert largest_move(places, COMMITTED, [ONE, TWO]) == pytest.approx(0.02)
    assert largest_move(places, COMMITTED, [COMMITTED]) == 0
    gone = {**ONE, f"performance/{CE}.json:accuracy": None}
    assert largest_move(places, COMMITTED, [gone]) == math.inf


def test_headlines_by_hand(tmp_path):
    rules = rules_of({}, candidates=("performance.accuracy", "performance.ece", "x.y"))
    derived, table = derive(rules, COMMITTED, [ONE, TWO], params_of(tmp_path))
    assert derived.headlines == {"planted": {"performance.accuracy": 0.03}}
    assert derived.too_wide == {"planted": ("performance.ece",)}
    assert table.splitlines()[2:] == [
        "| planted | performance.accuracy | 0.02 | 0.03 | 0.1 | yes |",
        "| planted | performance.ece | 0.01 | 0.015 | 0.01 | no |",
    ]


def test_rules_are_read_as_written(tmp_path):
    rules = rules_of(
        {"planted": {"performance.accuracy": 0.03}, "other": {}}, candidates=("a.b",) * 30
    )
    (tmp_path / "validation").mkdir()
    path = tmp_path / "validation" / "rules.yaml"
    path.write_text(format_rules(rules), encoding="utf-8")
    assert load_rules(tmp_path) == rules
    assert "    performance.accuracy: 0.03\n" in format_rules(rules), "one line per headline"
    assert isinstance(rules, Rules)
    assert parse_yaml(format_rules(rules))["too_wide"] == {}
