import subprocess
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.data import prepare as module
from imbalens.data.channels import ChannelMoments
from imbalens.data.prepare import prepare
from imbalens.data.source import Source, SourceSplit
from imbalens.errors import InputError
from imbalens.store.prepared import read_boxes, read_metadata, read_split, read_truth

EXP = {
    "kind": "exp",
    "ratio": 4.0,
    "n_max": 20,
    "order": "label",
    "selection": {"name": "published", "seed": 0},
}


def test_a_rerun_gives_the_same_bytes(tmp_path, make_dataset):
    dataset = make_dataset(imbalance=EXP, validation={"share": 0.2, "seed": 1})
    first = prepare(dataset, tmp_path / "a.h5")
    assert prepare(dataset, tmp_path / "b.h5") == first
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_splits_hold_what_the_source_has_at_their_positions(tmp_path, make_dataset):
    dataset = make_dataset(imbalance=EXP, validation={"share": 0.2, "seed": 1})
    summary = prepare(dataset, tmp_path / "a.h5")
    source = module.open_source(dataset)
    train, val, test = (read_split(tmp_path / "a.h5", s) for s in ("train", "val", "test"))
    for arrays, split in ((train, source.train), (val, source.train), (test, source.test)):
        assert (arrays.images == split.read(arrays.index)).all()
        assert (arrays.labels == split.labels[arrays.index]).all()
        assert list(arrays.names) == [split.names[i] for i in arrays.index]
    assert not set(train.index) & set(val.index)
    sizes = np.bincount(train.labels) + np.bincount(val.labels)
    assert sizes.tolist() == [20, 17, 14, 12, 10, 9, 7, 6, 5, 5]
    assert test.index.tolist() == list(range(30))
    assert list(summary["counts"]["train"].values()) == np.bincount(train.labels).tolist()
    assert summary["imbalance_ratio"] == 4.0


def test_the_truth_fits_the_images_chosen(tmp_path, make_dataset):
    dataset = make_dataset(imbalance=EXP, validation={"share": 0.2, "seed": 1})
    summary = prepare(dataset, tmp_path / "a.h5")
    for split in ("train", "val", "test"):
        arrays, truth = (read(tmp_path / "a.h5", split) for read in (read_split, read_truth))
        assert (truth.mislabelled == (truth.labels != arrays.labels)).all()
        boxes = read_boxes(tmp_path / "a.h5", split)
        assert boxes[:, 0].tolist() == list(range(len(arrays.labels)))
        assert (boxes[:, 1] == truth.labels).all()
        assert summary["planted"][split]["mislabelled"] == truth.mislabelled.sum()
        assert summary["planted"][split]["subconcept"] == truth.subconcept.sum()
    assert truth.pairs.tolist() == [[0, 9], [1, 8], [3, 5]]
    assert len(truth.colours) == 10


def test_what_holds_for_the_dataset_is_read_back(tmp_path, make_dataset):
    summary = prepare(make_dataset(imbalance=EXP), tmp_path / "a.h5")
    prepared = read_metadata(tmp_path / "a.h5")
    scaled = read_split(tmp_path / "a.h5", "train").images.reshape(-1, 3) / 255
    assert prepared.splits == ("train", "test")
    assert prepared.task == "multiclass"
    assert prepared.counts.tolist() == list(summary["counts"]["train"].values())
    assert prepared.digest == summary["digest"]
    np.testing.assert_allclose(prepared.mean, scaled.mean(0), rtol=1e-12)
    np.testing.assert_allclose(prepared.std, scaled.std(0), rtol=1e-12)


def test_an_absent_attribute_is_named(tmp_path, make_dataset):
    path = tmp_path / "some.h5"
    prepare(make_dataset(), path)
    with h5py.File(path, "r+") as file:
        del file.attrs["counts"]
    with pytest.raises(InputError, match=r"no attribute 'counts' .*; run: dvc repro prepare@some"):
        read_metadata(path)


def test_thousands_of_classes_of_long_names_are_prepared(tmp_path, make_dataset, monkeypatch):
    names = tuple(f"class {label:014d}" for label in range(5000))
    images = SourceSplit(
        np.arange(5000),
        names,
        lambda p: np.full((len(p), 8, 8, 3), p[:, None, None, None] % 251, np.uint8),
    )
    monkeypatch.setattr(module, "open_source", lambda _: Source("memory", names, images, images))
    prepare(make_dataset(), tmp_path / "a.h5")
    prepared = read_metadata(tmp_path / "a.h5")
    assert prepared.class_names == names
    assert prepared.counts.tolist() == [1] * 5000


def test_a_given_normalization_is_kept(tmp_path, make_dataset):
    normalization = {"mean": (0.4, 0.5, 0.6), "std": (0.1, 0.2, 0.3)}
    prepare(make_dataset(normalization=normalization), tmp_path / "a.h5")
    prepared = read_metadata(tmp_path / "a.h5")
    assert prepared.mean.tolist() == [0.4, 0.5, 0.6]
    assert prepared.std.tolist() == [0.1, 0.2, 0.3]


def test_a_normalization_by_name_is_kept_as_its_numbers(tmp_path, make_dataset):
    prepare(make_dataset(normalization="imagenet"), tmp_path / "a.h5")
    prepared = read_metadata(tmp_path / "a.h5")
    assert prepared.mean.tolist() == [0.485, 0.456, 0.406]
    assert prepared.std.tolist() == [0.229, 0.224, 0.225]


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 9))
def test_moments_do_not_depend_on_the_batches(sizes, seed):
    images = np.random.default_rng(seed).integers(0, 256, (sum(sizes), 2, 3, 3), dtype=np.uint8)
    moments = ChannelMoments(3)
    for batch in np.split(images, np.cumsum(sizes)[:-1]):
        moments.add(batch)
    np.testing.assert_allclose(moments.mean(), images.mean((0, 1, 2)) / 255, rtol=1e-12)
    np.testing.assert_allclose(moments.std(), images.std((0, 1, 2)) / 255, rtol=1e-9)


class Recorder:
    """A source of many images that records how many are asked for at a time."""

    def __init__(self, n):
        self.asked = []
        labels = np.arange(n) % 2
        names = [str(i) for i in range(n)]
        self.split = SourceSplit(labels, names, self.read)

    def read(self, positions):
        self.asked.append(len(positions))
        images = np.zeros((len(positions), 8, 8, 3), np.uint8)
        images[:, 0] = (positions % 251)[:, None, None]
        return images


def bring(monkeypatch, n_validation, n=10):
    """A source of even and odd images, some of them set aside by itself."""
    recorder = Recorder(n)
    own = replace(recorder.split, labels=np.ones(n_validation, int)) if n_validation else None
    source = Source("memory", ("even", "odd"), recorder.split, recorder.split, validation=own)
    monkeypatch.setattr(module, "open_source", lambda _: source)


def test_validation_images_of_the_source_itself_are_used_where_asked_for(
    tmp_path, make_dataset, monkeypatch, capsys
):
    bring(monkeypatch, n_validation=4)
    given = {"share": None, "seed": 0}
    summary = prepare(make_dataset(validation=given, imbalance=EXP | {"n_max": 4}), tmp_path / "a")
    assert summary["images"] == {"train": 5, "val": 4, "test": 10}
    assert summary["counts"]["val"] == {"even": 0, "odd": 4}
    assert read_metadata(tmp_path / "a").splits == ("train", "val", "test")
    arrays = read_split(tmp_path / "a", "val")
    assert arrays.labels.tolist() == [1] * 4
    assert arrays.index.tolist() == [0, 1, 2, 3]
    assert arrays.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert "left out" not in capsys.readouterr().err


def test_validation_images_that_are_not_asked_for_are_counted(
    tmp_path, make_dataset, monkeypatch, capsys
):
    bring(monkeypatch, n_validation=4)
    assert set(prepare(make_dataset(), tmp_path / "a")["images"]) == {"train", "test"}
    said = "memory: left out 4 validation images; set validation.share to null to use them\n"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("n_validation", "share", "message"),
    [
        (4, 0.2, "memory: has validation images, but validation.share is 0.2; set it to null"),
        (0, None, "memory: has no validation images, but validation.share is null; set it to a"),
    ],
)
def test_a_share_that_does_not_go_with_the_source_is_named(
    tmp_path, make_dataset, monkeypatch, n_validation, share, message
):
    bring(monkeypatch, n_validation)
    with pytest.raises(InputError) as caught:
        prepare(make_dataset(validation={"share": share, "seed": 0}), tmp_path / "out/a.h5")
    assert str(caught.value).startswith(message)
    assert not (tmp_path / "out").exists()


def test_images_are_streamed_in_batches(tmp_path, make_dataset, monkeypatch):
    recorder = Recorder(1000)
    source = Source("memory", ("even", "odd"), recorder.split, recorder.split)
    monkeypatch.setattr(module, "open_source", lambda _: source)
    prepare(make_dataset(), tmp_path / "a.h5")
    assert sum(recorder.asked) == 2000
    assert max(recorder.asked) == module.BATCH
    arrays = read_split(tmp_path / "a.h5", "test")
    assert (arrays.images[:, 0, 0, 0] == np.arange(1000) % 251).all()


def test_a_test_class_without_images_is_named(tmp_path, make_dataset, monkeypatch):
    recorder = Recorder(10)
    names = ("even", "odd")
    tested = SourceSplit(np.zeros(10, np.int64), recorder.split.names, recorder.read)
    monkeypatch.setattr(
        module, "open_source", lambda _: Source("memory", names, recorder.split, tested)
    )
    with pytest.raises(InputError, match="memory: found no test images of class 'odd'"):
        prepare(make_dataset(), tmp_path / "a.h5")


def test_a_channel_without_spread_asks_for_a_normalization(tmp_path, make_dataset, monkeypatch):
    blank = SourceSplit(
        np.arange(4) % 2, list("abcd"), lambda p: np.zeros((len(p), 8, 8, 3), np.uint8)
    )
    source = Source("memory", ("even", "odd"), blank, blank)
    monkeypatch.setattr(module, "open_source", lambda _: source)
    with pytest.raises(InputError, match="give normalization a mean and a std"):
        prepare(make_dataset(), tmp_path / "out/a.h5")
    assert list((tmp_path / "out").iterdir()) == []
    assert "planted" not in prepare(
        make_dataset(normalization={"mean": (0.5,) * 3, "std": (0.5,) * 3}), tmp_path / "a.h5"
    )
    assert read_truth(tmp_path / "a.h5", "train") is None


@pytest.mark.parametrize("imbalance", [EXP | {"n_max": 21}, EXP | {"ratio": 50.0}])
def test_a_class_with_too_few_images_leaves_nothing_behind(tmp_path, make_dataset, imbalance):
    with pytest.raises(InputError, match=r"class '(blue|striped|red|checked)"):
        prepare(make_dataset(imbalance=imbalance), tmp_path / "out/a.h5")
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_one_error(tmp_path, make_dataset):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/a\.h5: cannot be written"):
        prepare(make_dataset(), tmp_path / "file/a.h5")


def test_a_truncated_file_says_what_to_run(tmp_path, make_dataset):
    path = tmp_path / "some.h5"
    prepare(make_dataset(), path)
    path.write_bytes(path.read_bytes()[:5000])
    for read in (read_metadata, lambda path: read_split(path, "train")):
        with pytest.raises(InputError, match=r"some\.h5 is damaged .*dvc repro prepare@some"):
            read(path)


def test_reading_prepared_data_does_not_import_torch():
    code = "import sys, imbalens.store.prepared; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.strip() == "False"
