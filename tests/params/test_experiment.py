"""Which runs belong together: those of a method, and those that can be compared."""

import copy
from pathlib import Path

import pytest

from imbalens.errors import InputError
from imbalens.params.experiment import (
    Params,
    all_settings,
    baseline_of,
    baselines_of,
    first_baselines,
    setting_of,
    settings,
)
from imbalens.params.loading import load_params
from tests.params.test_loading import SHIPPED
from tests.tiny import vary, write_params

CE, LDAM = "planted-ce", "planted-ldam_drw"
PLAIN = "planted/ce"


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


def test_runs_that_differ_in_their_seed_alone_are_one_setting(tmp_path):
    def change(values):
        for seed in (1, 2):
            again(values, f"planted-ce-seed{seed}", CE, seed=seed)
        vary(values, "planted-wide", CE, model={"name": "resnet14"})
        values["recipes"]["long"] = values["recipes"]["quick"] | {"epochs": 30}
        again(values, "planted-long", CE, recipe="long")
        values |= {"focus": "planted/ce/long", "baselines": ["planted/ce/quick"]}

    params = load_with(tmp_path, change)
    expected = {
        "planted/ce/quick": ("planted-ce", "planted-ce-seed1", "planted-ce-seed2"),
        "planted/ldam_drw": ("planted-ldam_drw",),
        "planted/planted-wide": ("planted-wide",),
        "planted/ce/long": ("planted-long",),
    }
    assert settings(params, "planted") == expected
    assert all_settings(params) == expected | settings(params, "phantom")
    assert setting_of(params, "planted-ce-seed1") == "planted/ce/quick"


def test_a_recipe_of_another_dataset_does_not_make_a_name_longer(tmp_path):
    def change(values):
        values["datasets"]["more"] = values["datasets"]["planted"]
        values["recipes"]["long"] = values["recipes"]["quick"] | {"epochs": 30}
        again(values, "more-ce", CE, dataset="more", recipe="long")

    params = load_with(tmp_path, change)
    assert setting_of(params, CE) == "planted/ce"
    assert setting_of(params, "more-ce") == "more/ce"


def test_weights_of_several_seeds_are_repeats_and_not_of_a_training(tmp_path):
    def change(values):
        vary(values, "own-1", CE, checkpoint="own{seed}/of{seed}.pt")
        again(values, "own-2", "own-1", seed=2)
        vary(values, "other", CE, checkpoint="other.pt")

    params = load_with(tmp_path, change)
    groups = settings(params, "planted")
    assert groups["planted/own-1"] == ("own-1", "own-2")
    assert groups[PLAIN] == ("planted-ce",)
    assert groups["planted/other"] == ("other",)
    assert params.runs["own-2"].checkpoint == "own2/of2.pt"
    assert params.methods["own-1"].checkpoint == "own{seed}/of{seed}.pt"
    assert baseline_of(params, "own-2") == PLAIN


def test_the_baseline_is_of_the_same_dataset_and_network(tmp_path):
    def change(values):
        again(values, "planted-ce-seed1", CE, seed=1)
        wide = {"name": "resnet14"}
        vary(values, "wide-focal", CE, model=wide)
        vary(values, "wide-ce", CE, model=wide, loss={"name": "balanced_softmax"})
        values["baselines"] = [PLAIN, "planted/wide-ce"]

    params = load_with(tmp_path, change)
    assert baseline_of(params, "planted-ldam_drw") == PLAIN
    assert baseline_of(params, "planted-ce-seed1") == PLAIN
    assert baseline_of(params, "wide-focal") == "planted/wide-ce"
    assert baseline_of(params, "phantom-focal") == "phantom/bce"
    assert baselines_of(params, "planted") == {
        "planted/ldam_drw": PLAIN,
        "planted/wide-focal": "planted/wide-ce",
    }
    assert first_baselines(params, "planted") == {
        "planted-ldam_drw": CE,
        "planted-ce-seed1": CE,
        "wide-focal": "wide-ce",
    }


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
            "baselines: found 'nobody'; allowed: planted/ce, planted/ldam_drw, phantom/bce, "
            "phantom/wbce, phantom/focal, phantom/cb_focal",
        ),
        (
            lambda values: values.update(baselines=[PLAIN, "planted/ldam_drw"]),
            "baselines: found 'planted/ldam_drw' and 'planted/ce', of the same dataset and "
            "network; name one",
        ),
    ],
)
def test_what_cannot_be_compared_is_an_error(tmp_path, change, message):
    with pytest.raises(InputError) as caught:
        load_with(tmp_path, change)
    assert str(caught.value) == f"{tmp_path / 'params.yaml'}: {message}"
