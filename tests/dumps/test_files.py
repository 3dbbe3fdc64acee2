"""Reading dumps, written here by hand: values, and what is said of files that are not right."""

import h5py
import numpy as np
import pytest

from imbalens.dumps.files import read_features, read_saliency_ranks
from imbalens.dumps.map_files import read_maps_about, read_maps_by_channel, read_maps_by_image
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
        ("test", None, r"has no dataset 'test/targets'"),
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
        (
            np.zeros((1, 2, 2), "i8"),
            r"has int64 in 'train/rank' \(wanted: uint16\); or .* \(wanted: uint32\)",
        ),
        (
            np.zeros((1, 4), "u2"),
            r"has shape \(1, 4\) in 'train/rank' \(wanted: \[n h w\]\); or .*",
        ),
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


REPEAT = "run: dvc repro --force --single-item dump_"


@pytest.fixture
def maps(tmp_path):
    path = tmp_path / "maps" / f"{RUN}.h5"
    with create(path, "maps", 1) as file:
        file.attrs["run"], file.attrs["split"] = RUN, "test"
        file.attrs["class_names"], file.attrs["network"] = ["3", "näh"], "cifar_resnet"
        file.attrs["image_size"] = 8
        for name in ("maps", "layer_maps"):
            file[name] = np.ones((3, 4, 2, 2), "float32")
        file["pairs"] = np.array([[0, 0], [1, 1], [2, 0]])
        file["untrained_cams"] = np.ones((3, 2, 2), "float32")
        file["head/weight"], file["head/bias"] = np.ones((2, 4), "float32"), np.ones(2, "float32")
        file["boxes"] = np.array([[0, 0, 0, 0, 8, 8], [1, 1, 7, 7, 1, 1], [2, 0, 2, 3, 4, 5]])
        file["row"], file["index"] = np.array([0, 4, 7]), np.array([9, 3, 5])
    return path


def put(path, name, place, value):
    with h5py.File(path, "r+") as file:
        file[name][place] = value


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(
    ("name", "place", "shown"),
    [
        ("test/features", (2, 1), [2, 1]),
        ("test/logits", (1, 0), [1, 0]),
        ("head/offset", (1,), [1]),
    ],
)
def test_features_that_are_not_finite_are_refused(features, name, place, shown, value):
    put(features, name, place, float(value))
    with pytest.raises(InputError) as caught:
        read_features(features, ["test"], decision="half")
    assert str(caught.value) == (
        f"{features} has {value} in '{name}' at {shown} (wanted: finite numbers); "
        f"{REPEAT}features@{RUN}"
    )


STRANGE = [
    *(("logit_scale", value) for value in ("big", [1.0, 2.0], np.nan, np.inf)),
    *(("counts", value) for value in (3, "3", [1.5, 2.0])),
    *(("task", value) for value in ([1, 2], 7)),
    *(("class_names", value) for value in (3, "ab")),
]


@pytest.mark.parametrize(("name", "value"), STRANGE)
def test_what_is_said_of_a_dump_is_of_its_kind(features, name, value):
    with h5py.File(features, "r+") as file:
        file.attrs[name] = value
    with pytest.raises(InputError, match=rf"has .* as '{name}' \(wanted: \w+\); run: dvc repro "):
        read_features(features, ["test"], decision="half")


def test_scores_that_are_not_finite_are_refused(features):
    with h5py.File(features, "r+") as file:
        file.attrs["logit_scale"] = 3e38
    message = r"in 'test/logits' at \[\d, \d\] \(wanted: finite when scaled\)"
    with pytest.raises(InputError, match=message):
        read_features(features, ["test"], decision="half")


@pytest.mark.parametrize("target", [-1, 2])
def test_a_target_of_no_class_is_refused(features, target):
    put(features, "train/targets", 1, target)
    message = rf"has {target} in 'train/targets' at \[1\] \(wanted: 0\.\.1\); {REPEAT}features@"
    with pytest.raises(InputError, match=message):
        read_features(features, ["test"], decision="half")


def as_labels(path, value=1):
    with h5py.File(path, "r+") as file:
        file.attrs["task"] = "multilabel"
        for split in ("train", "test"):
            del file[f"{split}/targets"]
            file[f"{split}/targets"] = np.array([[1, 0], [0, value], [0, 0]], "uint8")


def test_a_label_is_there_or_not(features):
    as_labels(features)
    read_features(features, ["test"], decision="half")
    as_labels(features, 2)
    message = r"has 2 in 'train/targets' at \[1, 1\] \(wanted: 0\.\.1\)"
    with pytest.raises(InputError, match=message):
        read_features(features, ["test"], decision="half")


@pytest.mark.parametrize("decision", ["half", "prevalence"])
def test_training_scores_behind_thresholds_are_finite(features, decision):
    as_labels(features)
    put(features, "train/logits", (0, 1), np.nan)
    with pytest.raises(InputError, match=r"has nan in 'train/logits' at \[0, 1\]"):
        read_features(features, ["test"], decision=decision)


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        (
            "class_names",
            ["3"],
            r"has 1 in the attribute 'class_names' \(wanted: 2, one per output",
        ),
        ("counts", [1, 2, 3], r"has 3 in the attribute 'counts' \(wanted: 2, one per output"),
        ("task", "multilabel", "has 1 dimensions in 'train/targets', which the task 'multilabel'"),
    ],
)
def test_what_is_said_of_all_features_fits_them(features, attribute, value, message):
    with h5py.File(features, "r+") as file:
        file.attrs[attribute] = value
    with pytest.raises(InputError, match=f"{message}.*; {REPEAT}features@"):
        read_features(features, ["test"], decision="half")


@pytest.mark.parametrize(
    ("ranks", "message"),
    [
        ([[1, 0], [2, 4]], r"has 4 in 'train/rank' at \[1, 1, 1\] \(wanted: 0\.\.3\)"),
        ([[1, 0], [2, 2]], r"has a rank twice in 'train/rank' at \[1\] \(wanted: each of 0\.\.3 "),
    ],
)
def test_ranks_that_are_no_order_are_refused(saliency, ranks, message):
    change(saliency, "train/rank", np.array([[[1, 0], [2, 3]], ranks], "uint16"))
    with pytest.raises(InputError, match=f"{message}.*; {REPEAT}saliency@"):
        read_saliency_ranks(saliency, "train")


def test_ranks_in_32_bits_are_checked_and_shown_as_they_are(saliency):
    order = np.arange(1000 * 1235, dtype=np.uint32)[::-1].reshape(1, 1000, 1235)
    change(saliency, "train/rank", order)
    assert (read_saliency_ranks(saliency, "train") == order).all()
    order[0, 7, 0] = 1235000  # one too many, and alike when rounded to six digits
    change(saliency, "train/rank", order)
    message = r"has 1235000 in 'train/rank' at \[0, 7, 0\] \(wanted: 0\.\.1234999\)"
    with pytest.raises(InputError, match=message):
        read_saliency_ranks(saliency, "train")


def test_ranks_of_other_images_are_refused(saliency):
    assert read_saliency_ranks(saliency, "train", like=(1, 2, 2)).shape == (1, 2, 2)
    message = rf"has shape \(1, 2, 2\) in .train/rank. .*, \(2, 2, 2\)\); {REPEAT}saliency@"
    with pytest.raises(InputError, match=message):
        read_saliency_ranks(saliency, "train", like=(2, 2, 2))


def test_maps_that_are_right_are_read(maps):
    about = read_maps_about(maps)
    assert about.row.tolist() == [0, 4, 7]
    assert len(about.boxes) == 3
    assert [rows for rows, _ in read_maps_by_image(maps)] == [slice(0, 3)]


@pytest.mark.parametrize(
    ("name", "place", "value", "message"),
    [
        ("head/weight", (1, 2), np.nan, r"nan in 'head/weight' at \[1, 2\]"),
        ("untrained_cams", (1, 0, 1), np.inf, r"inf in 'untrained_cams' at \[1, 0, 1\]"),
        ("boxes", (1, 0), 3, r"3 in 'boxes' at \[1, 0\] \(wanted: row and class of 3 and 2, "),
        ("boxes", (1, 0), -1, r"-1 in 'boxes' at \[1, 0\]"),
        ("boxes", (2, 1), 2, r"2 in 'boxes' at \[2, 1\]"),
        ("boxes", (0, 2), -1, r"-1 in 'boxes' at \[0, 2\]"),
        ("boxes", (1, 4), 2, r"2 in 'boxes' at \[1, 4\]"),
        ("boxes", (1, 5), 0, r"0 in 'boxes' at \[1, 5\]"),
        ("row", 1, 0, r"0 in 'row' at \[1\] \(wanted: rising"),
        ("row", 0, -1, r"-1 in 'row' at \[0\]"),
        ("pairs", (1, 1), 0, r"other 'pairs' than rows and classes in 'boxes'"),
    ],
)
def test_what_is_known_of_maps_is_right(maps, name, place, value, message):
    put(maps, name, place, value)
    with pytest.raises(InputError, match=f"h5 has {message}.*; {REPEAT}maps@"):
        read_maps_about(maps)


def test_maps_of_a_network_of_others_have_grad_cam(maps):
    """Its head is of any number of features."""
    with h5py.File(maps, "r+") as file:
        file.attrs["network"], file.attrs["cam"] = "networks.mine:build", "grad_cam"
        cams = np.ones((len(file["pairs"]), *file["maps"].shape[2:]), np.float32)
        file["cams"] = cams
        head = file["head/weight"][:, :-1]
        del file["head/weight"]
        file["head/weight"] = head
    about = read_maps_about(maps)
    assert about.network == "networks.mine:build"
    np.testing.assert_array_equal(about.cams, cams)
    with h5py.File(maps, "r+") as file:
        file["cams"][0, 0, 0] = np.nan
    with pytest.raises(InputError, match=rf"has nan in 'cams' at \[0, 0, 0\].*{REPEAT}maps@"):
        read_maps_about(maps)
    with h5py.File(maps, "r+") as file:
        del file["cams"]
    with pytest.raises(InputError, match=r"no 'cams' and 'grad_cam' .* do not go together"):
        read_maps_about(maps)
    with h5py.File(maps, "r+") as file:
        del file.attrs["cam"]
    with pytest.raises(InputError, match=r"has a head of 3 features for 4 maps, no 'cams' "):
        read_maps_about(maps)


@pytest.mark.parametrize("name", ["maps", "layer_maps"])
def test_maps_that_are_not_finite_are_refused_wherever_they_stand(maps, monkeypatch, name):
    monkeypatch.setattr("imbalens.dumps.map_files.MAP_BUDGET", 2 * 2 * 4 * 4)  # blocks of one
    put(maps, name, (2, 3, 0, 1), np.nan)
    message = rf"has nan in '{name}' at \[2, 3, 0, 1\] \(wanted: finite numbers\); {REPEAT}maps@"
    with pytest.raises(InputError, match=message):
        list(read_maps_by_channel(maps, name))
    if name == "maps":
        with pytest.raises(InputError, match=message):
            list(read_maps_by_image(maps))
