"""The benchmark of a GPU runs whole without one, goes on, and says what it did not finish."""

import json
import math
import time

import pytest

from benchmarks import gpu
from benchmarks.on_gpu.figures import Figure, OutOfTimeError, Results, take_turns, time_limit
from imbalens.data.prepare import prepare
from imbalens.params.loading import load_params
from imbalens.training import train as training
from tests.tiny import ROOT, tiny_params, write_params

TINY = ["--tiny", "--device", "cpu", "--limit", "600"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    write_params(folder, tiny_params())
    dataset = load_params(folder / "params.yaml").datasets["planted"]
    prepare(dataset, folder / "planted.h5")
    return folder / "planted.h5"


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_all_parts_run_on_the_cpu_and_it_agrees_with_itself(tmp_path, prepared, capsys):
    assert gpu.main(["run", "--out", str(tmp_path), "--prepared", str(prepared), *TINY]) == 0
    results = Results.read(tmp_path / "gpu.json")
    assert {figure.part for figure in results.figures} == set(gpu.LIMITS)
    for figure in results.figures:
        assert figure.finished
        assert figure.value is not None
        assert math.isfinite(figure.value)
        assert figure.part != "agree" or figure.met == "yes"
    assert capsys.readouterr().out == results.render() + "\n"
    assert not (tmp_path / "work" / "cifar10-ce").exists()
    gpu.main(["table", str(tmp_path / "gpu.json")])
    assert capsys.readouterr().out == results.render() + "\n"


def test_a_training_that_is_cut_says_how_far_it_came_and_goes_on(
    tmp_path, prepared, monkeypatch, capsys
):
    arguments = ["run", "train", "--out", str(tmp_path), "--prepared", str(prepared), *TINY]
    whole_epoch = training._train_epoch

    def cut(*args, epoch, **kwargs):
        if epoch == 1:
            raise OutOfTimeError
        return whole_epoch(*args, epoch=epoch, **kwargs)

    monkeypatch.setattr(training, "_train_epoch", cut)
    assert gpu.main(arguments) == 1
    first, rest = Results.read(tmp_path / "gpu.json").figures
    assert (first.finished, first.note, rest.note) == (False, "1 epochs so far", "cut after 600 s")
    assert first.met == rest.met == "not finished"
    monkeypatch.setattr(training, "_train_epoch", whole_epoch)
    assert gpu.main(arguments) == 0
    figures = Results.read(tmp_path / "gpu.json").figures
    seconds = [figure for figure in figures if figure.unit == "s"]
    assert len(figures) == 4
    assert "in several parts" in seconds[0].note
    assert "in several parts" not in seconds[1].note
    assert seconds[0].value > first.value
    assert "goes on after epoch 1 of 2" in capsys.readouterr().err


def test_without_prepared_images_trainings_are_said_not_to_have_run(tmp_path):
    assert gpu.main(["run", "train", "--out", str(tmp_path), *TINY]) == 1
    notes = [figure.note for figure in Results.read(tmp_path / "gpu.json").figures]
    assert notes == ["not run: no --prepared"] * 2


def test_a_part_that_fails_or_takes_too_long_keeps_what_it_has():
    kept = []

    def failing():
        yield Figure("a", "first", 1.0)
        raise RuntimeError("no kernel image | is available")

    def slow():
        yield Figure("b", "first", 2.0)
        time.sleep(30)

    gpu.measure_part("a", failing, 10, kept.append)
    gpu.measure_part("b", slow, 0.05, kept.append)
    assert [(figure.part, figure.value, figure.finished) for figure in kept] == [
        ("a", 1.0, True),
        ("a", None, False),
        ("b", 2.0, True),
        ("b", None, False),
    ]
    assert kept[1].note == "failed: RuntimeError: no kernel image | is available"
    assert kept[3].note == "cut after 0.05 s"


def test_figures_of_another_machine_are_dropped_and_those_measured_again_replaced(tmp_path):
    path = tmp_path / "gpu.json"
    assert Results.read(path).render() == "Not run.\n"
    card = {"device": "card"}
    cut = Figure("a", "the rest of it", note="cut", finished=False)
    results = Results({}, ()).begin(card).add(Figure("a", "x", 1.0, "s", high=2.0)).add(cut)
    results.write(path)
    again = Results.read(path)
    assert again == results
    assert json.loads(path.read_text(encoding="utf-8"))["about"] == card
    again = again.begin(card).add(Figure("a", "x", 3.0, "s", high=2.0, note="1 | 2"))
    assert again.render().splitlines()[-1] == "| a | x | 3 s | <= 2 s | **no** | 1 / 2 |"
    assert len(again.figures) == 1
    assert again.begin({"device": "other"}).figures == ()


@pytest.mark.parametrize(
    ("low", "high", "goal", "met"),
    [
        (None, None, "", ""),
        (70.0, 73.0, "70 to 73 %", "**no**"),
        (60.0, None, ">= 60 %", "yes"),
        (None, 65.0, "<= 65 %", "yes"),
        (65.5, None, ">= 65.5 %", "**no**"),
        (None, 64.9, "<= 64.9 %", "**no**"),
    ],
)
def test_goals(low, high, goal, met):
    figure = Figure("train", "accuracy", 65.0, "%", low=low, high=high)
    assert (figure.goal, figure.met) == (goal, met)


def test_rounds_that_there_was_no_time_for_do_not_count():
    left = iter(range(5))  # two to warm up, two in the first round, one in the second

    def program():
        if next(left, None) is None:
            raise OutOfTimeError

    seconds, rounds = take_turns({"a": program, "b": program}, rounds=3)
    assert rounds == 1
    assert set(seconds) == {"a", "b"}
    with pytest.raises(OutOfTimeError):
        take_turns({"a": program}, rounds=3)


def test_the_limit_ends_with_its_block():
    with time_limit(0.05):
        pass
    time.sleep(0.1)
    with pytest.raises(OutOfTimeError), time_limit(0.01):
        time.sleep(5)
    with pytest.raises(SystemExit):
        gpu.main(["run", "nonsense", "--out", "."])
