"""Which runs belong together: those of a method, and those that can be compared."""

import copy
from pathlib import Path

import pytest

from imbalens.errors import InputError
from imbalens.params.experiment import Params, baseline_of, repeats
from imbalens.params.loading import load_params
from tests.params.test_loading import SHIPPED
from tests.tiny import vary, write_params

CE, LDAM = "planted-ce", "planted-ldam_drw"


def load_with(tmp_path: Path, change) -> Params:
    values = copy.deepcopy(SHIPPED)
    change(values)
    write_params(tmp_path, values)
    return load_params(tmp_path / "params.yaml")


def again(values, name, like, **changes):
    """Add a run like another, but for its seed, recipe or dataset."""
    values["runs"][name] = values["runs"][like] | changes


def test_a_run_has_what_its_method_says(tmp_path):
    run = load_with(tmp_path, lambda values: again(values, "more", LDAM, seed=3)).runs["more"]
    assert (run.method, run.dataset, run.recipe, run.seed) == ("ldam_drw", "planted", "quick", 3)
    assert (run.model.name, run.loss.name, run.checkpoint) == ("resnet8", "ldam", None)
    assert run.drw.start_epoch == 10


def test_runs_that_differ_in_their_seed_alone_are_repeats(tmp_path):
    def change(values):
        for seed in (1, 2):
            again(values, f"planted-ce-seed{seed}", CE, seed=seed)
        vary(values, "planted-wide", CE, model={"name": "resnet14"})
        values["recipes"]["long"] = values["recipes"]["quick"] | {"epochs": 30}
        again(values, "planted-long", CE, recipe="long")

    params = load_with(tmp_path, change)
    assert repeats(params, "planted") == {
        "planted-ce": ("planted-ce", "planted-ce-seed1", "planted-ce-seed2"),
        "planted-ldam_drw": ("planted-ldam_drw",),
        "planted-wide": ("planted-wide",),
        "planted-long": ("planted-long",),
    }


def test_weights_of_several_seeds_are_repeats_and_not_of_a_training(tmp_path):
    def change(values):
        vary(values, "own-1", CE, checkpoint="own{seed}/of{seed}.pt")
        again(values, "own-2", "own-1", seed=2)
        vary(values, "other", CE, checkpoint="other.pt")

    params = load_with(tmp_path, change)
    groups = repeats(params, "planted")
    assert groups["own-1"] == ("own-1", "own-2")
    assert groups["planted-ce"] == ("planted-ce",)
    assert groups["other"] == ("other",)
    assert params.runs["own-2"].checkpoint == "own2/of2.pt"
    assert params.methods["own-1"].checkpoint == "own{seed}/of{seed}.pt"
    assert baseline_of(params, "own-2") == "planted-ce"


def test_the_baseline_is_of_the_same_dataset_and_network(tmp_path):
    def change(values):
        again(values, "planted-ce-seed1", CE, seed=1)
        wide = {"name": "resnet14"}
        vary(values, "wide-focal", CE, model=wide)
        vary(values, "wide-ce", CE, model=wide, loss={"name": "balanced_softmax"})
        values["baselines"] = ["planted-ce-seed1", "wide-ce"]

    params = load_with(tmp_path, change)
    assert baseline_of(params, "planted-ldam_drw") == "planted-ce"
    assert baseline_of(params, "planted-ce-seed1") == "planted-ce"
    assert baseline_of(params, "wide-focal") == "wide-ce"
    assert baseline_of(params, "phantom-focal") == "phantom-bce"


def one_file_for_two_seeds(values):
    vary(values, "own", CE, checkpoint="own.pt")
    again(values, "own-1", "own", seed=1)


def one_file_for_two_recipes(values):
    vary(values, "own", CE, checkpoint="own.pt")
    values["recipes"]["long"] = values["recipes"]["quick"] | {"epochs": 30}
    again(values, "own-long", "own", recipe="long")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda values: again(values, "again", CE),
            "runs.again: is the same as runs.planted-ce; give it another seed, or remove it",
        ),
        (
            lambda values: vary(values, "again", CE),
            "methods.again: is the same as methods.ce; remove one",
        ),
        (
            one_file_for_two_seeds,
            "runs.own-1: takes the same weights as runs.own; write {seed} where their files "
            "differ in methods.own.checkpoint",
        ),
        (
            one_file_for_two_recipes,
            "runs.own-long: is the same as runs.own; give it another seed, or remove it",
        ),
        (
            lambda values: values.update(baselines=["nobody"]),
            f"baselines: found 'nobody'; allowed: {', '.join(SHIPPED['runs'])}",
        ),
        (
            lambda values: values.update(baselines=[CE, LDAM]),
            "baselines: found 'planted-ldam_drw' and 'planted-ce', of the same dataset and "
            "network; name one",
        ),
    ],
)
def test_what_cannot_be_compared_is_an_error(tmp_path, change, message):
    with pytest.raises(InputError) as caught:
        load_with(tmp_path, change)
    assert str(caught.value) == f"{tmp_path / 'params.yaml'}: {message}"
