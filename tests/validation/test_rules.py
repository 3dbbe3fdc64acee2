import pytest

from imbalens.analysis.summary import HEADLINES
from imbalens.errors import InputError
from imbalens.params.loading import load_params
from imbalens.validation.rules import (
    FEWEST,
    RULES,
    are_compared,
    choose_headlines,
    largest_effects,
    load_rules,
    n_measures,
    place_of,
    settle_rules,
    tells_losses_apart,
)
from imbalens.validation.values import read_values
from tests.tiny import ROOT
from tests.validation.cases import CE, LDAM, metrics_of, params_of, rules_of

THREE = {"performance.accuracy": 0.01, "performance.few": 0.1, "archetypes.share.safe": 0.02}
METRICS = metrics_of(
    performance__accuracy=(0.8, 0.9),
    performance__few=(0.1, 0.4),
    archetypes__share__safe=(0.9, 0.8),
    performance__ece=(None, 0.1),
)


def test_the_largest_effect_is_of_a_run_and_its_baseline(tmp_path):
    measures = ("performance.accuracy", "performance.ece", "performance.none")
    effects = largest_effects(METRICS, params_of(tmp_path), measures)
    assert effects == {"planted": {"performance.accuracy": pytest.approx(0.1)}}


def test_a_headline_tells_losses_apart():
    assert tells_losses_apart(0.049, 0.1)
    assert not tells_losses_apart(0.05, 0.1)
    assert not tells_losses_apart(0.0, 0.0)


def test_headlines_are_of_every_run_that_has_them(tmp_path):
    rules = rules_of({"planted": {**THREE, "performance.few": 0.16}})
    chosen, fallen = choose_headlines(rules, METRICS, params_of(tmp_path))
    assert fallen == {"planted": ["performance.few"]}
    places = [headline.place for headline in chosen["planted"]]
    assert places == [
        f"performance/{CE}.json:accuracy",
        f"performance/{LDAM}.json:accuracy",
        f"archetypes/{CE}.json:share.safe",
        f"archetypes/{LDAM}.json:share.safe",
    ]
    assert n_measures(chosen["planted"]) == 2


def test_the_rules_of_the_base_count(tmp_path):
    base, head = rules_of({"planted": THREE}), rules_of({"planted": dict.fromkeys(THREE, 9.0)})
    rules, own = settle_rules(head, base, [METRICS], params_of(tmp_path))
    assert rules.headlines == {"planted": THREE}
    assert own == []


@pytest.mark.parametrize("of_base", [{}, {"planted": {"performance.accuracy": 0.01}}])
def test_where_the_base_has_too_few_headlines_those_of_head_count(tmp_path, of_base):
    base, head = rules_of(of_base), rules_of({"planted": THREE})
    rules, own = settle_rules(head, base, [METRICS], params_of(tmp_path))
    assert rules.headlines == {"planted": THREE}
    assert own == ["planted"]


def test_one_run_alone_is_compared_with_none(tmp_path):
    assert are_compared(params_of(tmp_path), "planted")
    assert not are_compared(params_of(tmp_path, (CE,)), "planted")


@pytest.mark.parametrize(
    "text", ["- x", "pinned: abc", "a: [", None, "multiple: -1", "!!bool x", "[" * 2000, "\0"]
)
def test_rules_of_another_form_are_an_error(tmp_path, text):
    (tmp_path / "validation").mkdir()
    if text is not None:
        (tmp_path / RULES).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"rules\.yaml: (?s:.*)imbalens validate measure"):
        load_rules(tmp_path)


def test_a_mistake_in_the_rules_is_said_as_in_parameters(tmp_path):
    (tmp_path / "validation").mkdir()
    text = (ROOT / RULES).read_text(encoding="utf-8")
    (tmp_path / RULES).write_text(f"{text}\nmulitple: 2\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_rules(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / RULES}: mulitple: unknown key; did you mean 'multiple'? allowed: pinned, "
        "multiple, candidates, headlines, too_wide\nwrite it with: imbalens validate measure"
    )


def test_the_headlines_of_the_summary_are_candidates():
    declared = {f"{spec.stage}.{'.'.join(spec.path)}" for spec in HEADLINES}
    assert declared <= set(load_rules(ROOT).candidates)


def test_the_shipped_rules_are_short_and_hold_three_headlines_a_dataset():
    assert len((ROOT / RULES).read_text(encoding="utf-8").splitlines()) < 60
    rules, params = load_rules(ROOT), load_params(ROOT / "params.yaml")
    metrics = read_values(ROOT / "metrics")
    chosen, fallen = choose_headlines(rules, metrics, params)
    assert not any(fallen.values()), "measured on what is committed"
    assert all(n_measures(headlines) >= FEWEST for headlines in chosen.values())
    for dataset, of_dataset in rules.headlines.items():
        runs = [name for name, run in params.runs.items() if run.dataset == dataset]
        measures = {*of_dataset, *rules.too_wide[dataset]}
        assert measures <= set(rules.candidates)
        assert all(any(place_of(name, run) in metrics for run in runs) for name in measures)
