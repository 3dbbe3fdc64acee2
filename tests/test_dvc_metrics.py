"""What DVC shows of the committed results fits one screen."""

import json
from pathlib import Path

import pytest
from dvc.compare import show_diff
from dvc.utils.flatten import flatten

from imbalens.params.experiment import all_settings, baselines_of
from imbalens.params.loading import load_params

ROOT = Path(__file__).parent.parent
PARAMS = load_params(ROOT / "params.yaml")
SUMMARY, FOCUS = (
    json.loads((ROOT / f"metrics/{name}.json").read_text(encoding="utf-8"))
    for name in ("summary", "focus")
)
MAX_NUMBERS, MAX_LINES, MAX_COLUMNS = 60, 45, 100


def test_what_dvc_calls_metrics_are_at_most_sixty_numbers():
    values = [*flatten(SUMMARY).values(), *flatten(FOCUS).values()]
    numbers = [value for value in values if not isinstance(value, str)]
    assert len(all_settings(PARAMS)) < len(numbers) <= MAX_NUMBERS


@pytest.mark.parametrize("setting", all_settings(PARAMS))
def test_a_setting_that_changes_in_every_headline_is_one_screen(setting, capsys):
    """Of a baseline, also the differences from it and their verdicts; with it in focus."""
    against = baselines_of(PARAMS, setting.split("/")[0])
    moved = {}
    for name, found in flatten(SUMMARY).items():
        of, kind = name.split(".")[0], name.split(".")[-1]
        if of == setting or (against.get(of) == setting and kind != "value"):
            moved[name] = change(found)
    focus = {spec: change(found["value"]) for spec, found in SUMMARY[setting].items()}
    diff = {"metrics/summary.json": moved, "metrics/focus.json": focus}
    show_diff(diff, title="Metric", precision=5, round_digits=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(moved) + len(focus)
    assert len(lines) <= MAX_LINES
    assert max(map(len, lines)) <= MAX_COLUMNS


def change(old):
    if isinstance(old, str):
        return {"old": "undecided", "new": "rose"}
    return {"old": old, "new": -0.123456, "diff": -0.123456 - old}
