from pathlib import Path

import pytest

from imbalens.errors import InputError
from imbalens.params.dvc_yaml import format_yaml, parse_yaml
from imbalens.params.experiment import Params, baseline_of, repeats
from imbalens.params.loading import load_params

SHIPPED = (Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8")
RUN = "  phantom-bce:\n"  # what is added stands before this line, among the runs of `planted`


def load_with(tmp_path: Path, *lines: str, baselines: str = "[planted-ce, phantom-bce]") -> Params:
    """The shipped experiment with further runs, which repeat others by a merge."""
    text = SHIPPED.replace("  planted-ce:\n", "  planted-ce: &planted-ce\n", 1)
    text = text.replace(RUN, "".join(f"  {line}\n" for line in lines) + RUN, 1)
    path = tmp_path / "params.yaml"
    values = parse_yaml(text.replace("[planted-ce, phantom-bce]", baselines))
    path.write_text(format_yaml(values), encoding="utf-8")
    return load_params(path)


def test_runs_that_differ_in_their_seed_alone_are_repeats(tmp_path):
    params = load_with(
        tmp_path,
        "planted-ce-seed1: {<<: *planted-ce, seed: 1}",
        "planted-ce-seed2: {<<: *planted-ce, seed: 2}",
        "planted-wide: {<<: *planted-ce, seed: 1, model: {name: resnet14}}",
    )
    assert params.runs["planted-ce-seed2"].recipe == params.runs["planted-ce"].recipe
    assert repeats(params, "planted") == {
        "planted-ce": ("planted-ce", "planted-ce-seed1", "planted-ce-seed2"),
        "planted-ldam_drw": ("planted-ldam_drw",),
        "planted-wide": ("planted-wide",),
    }


def test_checkpoints_of_several_seeds_are_repeats_and_not_of_a_training(tmp_path):
    params = load_with(
        tmp_path,
        "planted-own1: {<<: *planted-ce, seed: 1, checkpoint: one.pt}",
        "planted-own2: {<<: *planted-ce, seed: 2, checkpoint: two.pt}",
    )
    groups = repeats(params, "planted")
    assert groups["planted-own1"] == ("planted-own1", "planted-own2")
    assert groups["planted-ce"] == ("planted-ce",)


def test_checkpoints_of_one_seed_are_different_runs(tmp_path):
    params = load_with(
        tmp_path,
        "planted-mixup: {<<: *planted-ce, checkpoint: mixup.pt}",
        "planted-mixup1: {<<: *planted-ce, seed: 1, checkpoint: mixup1.pt}",
        "planted-long: {<<: *planted-ce, checkpoint: long.pt}",
        "planted-long1: {<<: *planted-ce, seed: 1, checkpoint: long1.pt}",
    )
    groups = repeats(params, "planted")
    assert groups["planted-mixup"] == ("planted-mixup", "planted-mixup1")
    assert groups["planted-long"] == ("planted-long", "planted-long1")
    assert baseline_of(params, "planted-long1") == "planted-ce"


def test_the_baseline_is_of_the_same_dataset_and_network(tmp_path):
    params = load_with(
        tmp_path,
        "planted-ce-seed1: {<<: *planted-ce, seed: 1}",
        "wide-focal: {<<: *planted-ce, model: {name: resnet14}}",
        "wide-ce: {<<: *planted-ce, model: {name: resnet14}, loss: {name: balanced_softmax}}",
        baselines="[planted-ce-seed1, wide-ce]",
    )
    assert baseline_of(params, "planted-ldam_drw") == "planted-ce"
    assert baseline_of(params, "planted-ce-seed1") == "planted-ce"
    assert baseline_of(params, "wide-focal") == "wide-ce"
    assert baseline_of(params, "phantom-focal") == "phantom-bce"


@pytest.mark.parametrize(
    ("line", "baselines", "message"),
    [
        (
            "planted-again: {<<: *planted-ce}",
            "[]",
            "runs.planted-again: is the same as runs.planted-ce; give it another seed",
        ),
        (
            "planted-ce1: {<<: *planted-ce, seed: 1}",
            "[nobody]",
            "found 'nobody'; allowed: planted",
        ),
        (
            "planted-ce1: {<<: *planted-ce, seed: 1}",
            "[planted-ce, planted-ldam_drw]",
            "found 'planted-ldam_drw' and 'planted-ce', of the same dataset and network; name one",
        ),
    ],
)
def test_what_cannot_be_compared_is_an_error(tmp_path, line, baselines, message):
    with pytest.raises(InputError) as caught:
        load_with(tmp_path, line, baselines=baselines)
    assert message in str(caught.value)
