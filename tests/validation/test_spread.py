import math
import shutil

import pytest

from imbalens.params.dvc_yaml import parse_yaml
from imbalens.params.experiment import all_settings
from imbalens.params.loading import load_params
from imbalens.validation.rules import Rules, load_rules
from imbalens.validation.spread import derive, format_rules, largest_move, set_seeds
from tests.tiny import ROOT
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


def test_other_seeds_leave_the_trainings_of_a_setting_apart(tmp_path):
    for name in ("params.yaml", "analyses.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    before = load_params(tmp_path / "params.yaml")
    found = []
    for seed in (1, 2):
        shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
        set_seeds(tmp_path / "params.yaml", seed)
        after = load_params(tmp_path / "params.yaml")
        assert all_settings(after) == all_settings(before)
        found.append({run.seed for run in after.runs.values()})
    assert not found[0] & found[1]
