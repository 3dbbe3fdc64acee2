from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from imbalens.dumps.trained import load_trained
from imbalens.errors import InputError
from imbalens.models.checkpoint import save_weights
from tests.dumps.cases import LDAM_SCALE, TAU, make_run, random_network


def adjustment(data) -> np.ndarray:
    """Post-hoc logit adjustment, straight from its definition."""
    with h5py.File(data) as file:
        counts = np.bincount(file["train/labels"][:])
    return -TAU * np.log(counts / counts.sum())


def test_all_splits_are_loaded_or_those_asked_for(load, data):
    assert list(load("ce").images) == ["train", "val", "test"]
    trained = load("ce", ["test"])
    assert list(trained.images) == list(trained.index) == ["test"]
    with h5py.File(data) as file:
        np.testing.assert_array_equal(trained.images["test"].images, file["test/images"][:])
        np.testing.assert_array_equal(trained.images["test"].labels, file["test/labels"][:])
        np.testing.assert_array_equal(trained.index["test"], file["test/index"][:])


def test_the_network_has_the_saved_weights_and_is_in_evaluation_mode(load):
    model = load("ldam", ["test"]).model
    assert not any(module.training for module in model.modules())
    expected = random_network("ldam").state_dict()
    found = model.state_dict()
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name


@pytest.mark.parametrize("loss", ["ce", "ldam", "post_hoc"])
def test_scores_are_scaled_logits_plus_offset(load, one_by_one, image_batches, data, loss):
    trained = load(loss, ["test"])
    _, logits = one_by_one(loss, "test")
    expected = {
        "ce": logits,
        "ldam": logits * LDAM_SCALE,
        "post_hoc": logits + adjustment(data),
    }[loss]
    with torch.no_grad():
        found = trained.scores(torch.cat(image_batches("test")))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_missing_data_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        InputError, match=r"data/prepared/tiny\.h5 is missing; run: dvc repro prepare@tiny$"
    ):
        load_trained("absent", make_run("ce"), device_name="cpu", splits=None)


def test_a_split_that_was_not_prepared_says_what_to_run(load):
    with pytest.raises(
        InputError,
        match=r"has no split 'extra' \(found: 'train', 'val', 'test'\); run: dvc repro prepare@",
    ):
        load("ce", ["extra"])


def test_missing_weights_are_named(project, monkeypatch):
    monkeypatch.chdir(project)
    with pytest.raises(
        InputError, match=r"data/models/absent\.pt is missing; run: dvc repro train@absent$"
    ):
        load_trained("absent", make_run("ce"), device_name="cpu", splits=None)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (make_run("ldam"), r"1 unexpected \(linear\.bias\)"),
        (make_run("ce", "resnet14"), r"missing \(layer1\.1\."),
    ],
    ids=["head", "depth"],
)
def test_weights_of_another_network_are_named(project, monkeypatch, run, message):
    monkeypatch.chdir(project)
    save_weights(random_network("ce"), Path("data/models/other.pt"), metadata={})
    with pytest.raises(InputError, match=rf"other\.pt: does not fit the network: .*{message}"):
        load_trained("other", run, device_name="cpu", splits=["test"])
