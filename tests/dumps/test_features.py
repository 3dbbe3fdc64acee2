import h5py
import numpy as np
import pytest
import torch

from imbalens.dumps.features import dump_features
from imbalens.dumps.files import read_features
from imbalens.errors import InputError
from tests.dumps.cases import LDAM_SCALE, N_CLASSES, TAU, break_maps

SPLITS = ("train", "val", "test")


@pytest.fixture
def dump(load, tmp_path):
    def dump(loss: str, *, batch_size: int = 16, name: str = "run"):
        path = tmp_path / f"{name}.h5"
        dump_features(load(loss), path, run=name, loss=loss, batch_size=batch_size)
        return path

    return dump


@pytest.mark.parametrize("loss", ["ce", "ldam"])
def test_equals_one_forward_pass_per_image_in_the_order_of_the_dataset(dump, one_by_one, loss):
    found = read_features(dump(loss), SPLITS, decision="half")
    for name, split in found.splits.items():
        features, logits = one_by_one(loss, name)
        assert features.std(0).max() > 0.01, "images must differ for their order to show"
        np.testing.assert_allclose(split.features, features, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(split.logits, logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("loss", ["ce", "ldam", "post_hoc"])
def test_the_stored_head_turns_features_into_logits(dump, loss):
    with h5py.File(dump(loss)) as file:
        weight, bias = file["head/weight"][:], file["head/bias"][:]
        assert file.attrs["head"] == ("cosine" if loss == "ldam" else "linear")
        assert weight.shape == (N_CLASSES, 64)
        for split in SPLITS:
            features = file[f"{split}/features"][:]
            if loss == "ldam":
                features /= np.linalg.norm(features, axis=1, keepdims=True)
            expected = features @ weight.T + bias
            np.testing.assert_allclose(file[f"{split}/logits"][:], expected, rtol=1e-4, atol=1e-5)
        if loss == "ldam":
            np.testing.assert_allclose(np.linalg.norm(weight, axis=1), 1, rtol=1e-5)
            assert not bias.any()


def test_what_is_known_of_the_images_is_that_of_the_dataset(dump, data):
    found = read_features(dump("ce"), SPLITS, decision="half")
    with h5py.File(data) as file:
        assert found.class_names == tuple(file.attrs["class_names"])
        assert file.attrs["task"] == "multiclass"
        assert found.label_counts.tolist() == np.bincount(file["train/labels"][:]).tolist()
        for name, split in found.splits.items():
            np.testing.assert_array_equal(split.targets, file[f"{name}/labels"][:])
            np.testing.assert_array_equal(split.index, file[f"{name}/index"][:])


def test_scores_scale_the_cosines_of_ldam(dump):
    for split in read_features(dump("ldam"), SPLITS, decision="half").splits.values():
        assert abs(split.logits).max() <= 1 + 1e-6
        np.testing.assert_allclose(split.scores, split.logits * LDAM_SCALE, rtol=1e-6)


def test_scores_hold_the_post_hoc_adjustment_and_decide(dump):
    found = read_features(dump("post_hoc"), SPLITS, decision="half")
    offset = -TAU * np.log(found.label_counts / found.label_counts.sum())
    for split in found.splits.values():
        expected = split.logits + offset
        np.testing.assert_allclose(split.scores, expected, rtol=1e-5, atol=1e-5)
        assert split.predictions.tolist() == [int(np.argmax(row)) for row in expected]
    train = found.splits["train"]
    assert (train.predictions != train.logits.argmax(1)).any(), "the offset must decide somewhere"


def test_scores_are_the_logits_of_other_losses(dump):
    split = read_features(dump("ce"), ["test"], decision="half").splits["test"]
    np.testing.assert_array_equal(split.scores, split.logits)


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_the_batch_size_changes_nothing_but_rounding(dump, batch_size):
    expected = read_features(dump("ldam", name="a"), SPLITS, decision="half").splits
    found = read_features(
        dump("ldam", name="b", batch_size=batch_size), SPLITS, decision="half"
    ).splits
    for name in SPLITS:
        for kind in ("features", "logits"):
            np.testing.assert_allclose(
                getattr(found[name], kind), getattr(expected[name], kind), rtol=1e-4, atol=1e-5
            )


def test_a_rerun_gives_the_same_bytes(dump):
    first = dump("ldam").read_bytes()
    assert dump("ldam").read_bytes() == first


@pytest.mark.parametrize("batch_size", [7, 1000])
@pytest.mark.parametrize(
    ("split", "row", "value"), [("val", -1, np.nan), ("test", 0, np.nan), ("test", 19, np.inf)]
)
def test_features_that_are_not_finite_are_not_written(
    load, tmp_path, batch_size, split, row, value
):
    trained = load("ce", ["val", "test"])
    row %= len(trained.index[split])
    break_maps(trained, split, row, value=value)
    with pytest.raises(InputError) as caught:
        dump_features(trained, tmp_path / "a.h5", run="wild", loss="ce", batch_size=batch_size)
    message = f"wild: features of row {row} of {split} are not finite: the weights "
    assert str(caught.value).startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_logits_that_are_not_finite_are_not_written(load, tmp_path):
    trained = load("ce", ["test"])
    with torch.no_grad():
        trained.model.linear.weight.fill_(3e38)
    with pytest.raises(InputError, match="wild: logits of row 0 of test are not finite"):
        dump_features(trained, tmp_path / "a.h5", run="wild", loss="ce", batch_size=9)


def test_features_too_long_for_a_cosine_are_not_written(load, tmp_path):
    trained = load("ldam", ["test"])
    break_maps(trained, "test", 3, value=1e32)
    with pytest.raises(InputError, match="wild: lengths of features of row 3 of test are not"):
        dump_features(trained, tmp_path / "a.h5", run="wild", loss="ldam", batch_size=9)
    assert list(tmp_path.iterdir()) == []
