"""Reading dumps, written here by hand: values, and what is said of files that are not right."""

import h5py
import numpy as np
import pytest

from imbalens.dumps.files import read_features, read_saliency_ranks
from imbalens.errors import InputError
from imbalens.store.hdf5 import create

RUN = "tiny.v2-ce"  # a run's name may hold dots
LOGITS = [[1, 2], [3, 0], [0, 1]]


@pytest.fixture
def features(tmp_path):
    path = tmp_path / f"{RUN}.h5"
    with create(path, "features", 2) as file:
        file.attrs["splits"] = ["train", "test"]
        file.attrs["class_names"], file.attrs["task"] = ["3", "näh"], "multiclass"
        file.attrs["counts"] = np.array([2, 1])
        file.attrs["logit_scale"] = 2.0
        file["head/weight"] = np.zeros((2, 3), "float32")
        file["head/bias"] = np.zeros(2, "float32")
        file["head/offset"] = np.array([0, -3], "float32")
        for split in ("train", "test"):
            file[f"{split}/features"] = np.arange(9, dtype="float32").reshape(3, 3)
            file[f"{split}/logits"] = np.array(LOGITS, "float32")
            file[f"{split}/targets"] = np.array([0, 1, 1])
            file[f"{split}/index"] = np.array([7, 5, 6])
    return path


@pytest.fixture
def saliency(tmp_path):
    path = tmp_path / "saliency" / f"{RUN}.h5"
    with create(path, "saliency", 1) as file:
        file.attrs["splits"] = ["train"]
        file["train/rank"] = np.array([[[1, 0], [2, 3]]], "uint16")
    return path


def change(path, name, value):
    with h5py.File(path, "r+") as file:
        del file[name]
        if value is not None:
            file[name] = value


def test_features_by_hand(features):
    found = read_features(features, ["test"], decision="half")
    assert found.class_names == ("3", "näh")
    assert found.label_counts.tolist() == [2, 1]
    assert list(found.splits) == ["test"]
    split = found.splits["test"]
    assert split.features.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert split.logits.tolist() == LOGITS
    assert split.scores.tolist() == [[2, 1], [6, -3], [0, -1]]
    assert split.predictions.tolist() == [0, 0, 0]
    assert split.targets.tolist() == [0, 1, 1]
    assert split.index.tolist() == [7, 5, 6]
    assert split.scores.dtype == np.float32


def test_ranks_by_hand(saliency):
    found = read_saliency_ranks(saliency, "train")
    assert found.tolist() == [[[1, 0], [2, 3]]]
    assert found.dtype == np.uint16


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("test/logits", None, r"has no dataset 'test/logits' \(found: 'features', .*\)"),
        ("head/offset", None, r"has no dataset 'head/offset' \(found: 'bias', 'weight'\)"),
        ("test", None, r"has no dataset 'test/features'"),
        ("test/features", np.zeros((3, 3)), r"has float64 in 'test/features' \(wanted: float32\)"),
        (
            "train/targets",
            np.zeros(3, "i4"),
            r"has int32 in 'train/targets' \(wanted: int64\); or has int32 in 'train/targets' "
            r"\(wanted: uint8\)",
        ),
        ("test/index", np.zeros(4, "i8"), r"has n = 4 in 'test/index'"),
        ("test/logits", np.zeros((3, 4), "f4"), r"has m = 4 in 'test/logits'"),
        ("head/bias", np.zeros((2, 1), "f4"), r"has shape \(2, 1\) in 'head/bias'"),
    ],
)
def test_features_that_are_not_as_declared_say_what_to_run(features, name, value, message):
    change(features, name, value)
    with pytest.raises(
        InputError, match=rf"tiny\.v2-ce\.h5 {message}.*; run: dvc repro dump_features@{RUN}$"
    ):
        read_features(features, ["test"], decision="half")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, r"has no dataset 'train/rank' \(found: nothing\)"),
        (np.zeros((1, 2, 2), "i8"), r"has int64 in 'train/rank' \(wanted: uint16\)"),
        (np.zeros((1, 4), "u2"), r"has shape \(1, 4\) in 'train/rank' \(wanted: \[n h w\]\)"),
    ],
)
def test_ranks_that_are_not_as_declared_say_what_to_run(saliency, value, message):
    change(saliency, "train/rank", value)
    with pytest.raises(
        InputError, match=rf"tiny\.v2-ce\.h5 {message}; run: dvc repro dump_saliency@{RUN}$"
    ):
        read_saliency_ranks(saliency, "train")


@pytest.mark.parametrize("name", ["splits", "class_names", "task", "counts", "logit_scale"])
def test_features_without_an_attribute_say_what_to_run(features, name):
    with h5py.File(features, "r+") as file:
        del file.attrs[name]
    with pytest.raises(
        InputError, match=rf"has no attribute '{name}' .*; run: dvc repro dump_features@{RUN}$"
    ):
        read_features(features, ["test"], decision="half")


def test_a_split_that_was_not_dumped_says_what_to_run(features, saliency):
    found = r"\(found: 'train', 'test'\); run: dvc repro dump_features@"
    with pytest.raises(InputError, match=rf"has no split 'val' {found}"):
        read_features(features, ["test", "val"], decision="half")
    found = r"\(found: 'train'\); run: dvc repro dump_saliency@"
    with pytest.raises(InputError, match=rf"has no split 'test' {found}"):
        read_saliency_ranks(saliency, "test")


def test_the_other_kind_of_dump_is_refused(features, saliency):
    with pytest.raises(InputError, match=r"is of schema 'saliency' version 1 .*dump_features@"):
        read_features(saliency, ["train"], decision="half")
    with pytest.raises(InputError, match=r"is of schema 'features' version 2 .*dump_saliency@"):
        read_saliency_ranks(features, "train")


@pytest.mark.parametrize("keep", [0, 100, 2000, -1])
def test_a_truncated_file_says_what_to_run(features, saliency, keep):
    for path, read, stage in (
        (features, lambda path: read_features(path, ["train"], decision="half"), "dump_features"),
        (saliency, lambda path: read_saliency_ranks(path, "train"), "dump_saliency"),
    ):
        path.write_bytes(path.read_bytes()[:keep])
        with pytest.raises(
            InputError, match=rf"is damaged or not an HDF5 file .*run: dvc repro {stage}@{RUN}$"
        ):
            read(path)


def test_a_missing_file_says_what_to_run(tmp_path):
    with pytest.raises(InputError, match=r"x\.h5 is missing; run: dvc repro dump_features@x"):
        read_features(tmp_path / "x.h5", ["train"], decision="half")
    with pytest.raises(InputError, match=r"x\.h5 is missing; run: dvc repro dump_saliency@x"):
        read_saliency_ranks(tmp_path / "x.h5", "train")
