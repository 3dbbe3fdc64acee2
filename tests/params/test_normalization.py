"""Channel means and standard deviations, by number or by the name of where they are from."""

import pytest

from imbalens.errors import InputError
from imbalens.params.loading import read_experiment
from tests.params.test_loading import at, load_changed

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def load(tmp_path, normalization):
    params = load_changed(tmp_path, at("datasets", "planted", normalization=normalization))
    return params.datasets["planted"].normalization


def test_a_name_stands_for_its_numbers(tmp_path):
    named = load(tmp_path, "imagenet")
    assert (list(named.mean), list(named.std)) == (MEAN, STD)
    assert named == load(tmp_path, {"mean": MEAN, "std": STD})
    assert load(tmp_path, None) is None


def test_in_full_a_file_keeps_the_name(tmp_path):
    load(tmp_path, "imagenet")
    full = read_experiment(tmp_path / "params.yaml")
    assert full["datasets"]["planted"]["normalization"] == "imagenet"


@pytest.mark.parametrize("found", ["ImageNet", "", 0.5, True, [0.5, 0.5, 0.5]])
def test_anything_else_says_what_is_allowed(tmp_path, found):
    with pytest.raises(InputError) as caught:
        load(tmp_path, found)
    (line,) = str(caught.value).split("\n")
    assert f"datasets.planted.normalization: found {found!r}; " in line
    assert line.endswith("allowed: null, imagenet, or a mapping of mean and std")


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"mean": MEAN}, "normalization.std: is missing"),
        ({"mean": MEAN, "std": STD[:2]}, "normalization.std.2: is missing"),
        ({"mean": [0.1, "0.2", 0.3], "std": STD}, "normalization.mean.1: found '0.2'; "),
        ({"mean": MEAN, "std": STD, "name": "x"}, "normalization.name: unknown key"),
    ],
)
def test_numbers_are_three_and_three(tmp_path, found, message):
    with pytest.raises(InputError) as caught:
        load(tmp_path, found)
    assert message in str(caught.value)
