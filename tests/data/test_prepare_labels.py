"""Preparing grey images of which each has any of several labels, or none."""

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest

from imbalens.classes import UNKNOWN
from imbalens.data import prepare as module
from imbalens.data.prepare import prepare
from imbalens.data.source import Source, SourceSplit
from imbalens.errors import InputError
from imbalens.params.sources import Nih
from imbalens.store.prepared import read_boxes, read_metadata, read_split

NAMES = ("Edema", "Hernia", "Mass")  # no image has Hernia
N_TRAIN, N_TEST = 60, 30
SPLITS = ("train", "val", "test")
VALIDATION = {"share": 0.3, "seed": 1}
CAP = {"kind": "cap_negatives", "n_max": 40, "seed": 0}
THIN = {"kind": "thin_positives", "ratio": 4.0, "seed": 0}


def make_split(n, seed, *, first_patient):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 8, 8, 1), dtype=np.uint8)
    labels = (rng.random((n, 3)) < [0.4, 0.0, 0.2]).astype(np.uint8)
    position, label = np.nonzero(labels)
    # every second label has a box, some two
    table = np.column_stack([position, label, rng.integers(1, 4, (len(label), 4))])[::2]
    table = np.concatenate([table, table[:3] + np.array([0, 0, 1, 1, 0, 0])])

    def boxes(positions):
        found = [
            (row, *box[1:]) for row, p in enumerate(positions) for box in table if box[0] == p
        ]
        return np.array(found, dtype=np.int64).reshape(-1, 6)

    return SourceSplit(
        labels,
        [f"{seed}-{i:03}.png" for i in range(n)],
        lambda positions: images[positions],
        boxes=boxes,
        patients=first_patient + rng.permutation(np.arange(n) // 3),
        views=[("PA", "AP")[i % 3 == 0] for i in range(n)],
    )


def make_source(**changes):
    source = Source(
        "memory",
        NAMES,
        make_split(N_TRAIN, 0, first_patient=0),
        make_split(N_TEST, 1, first_patient=500),
        task="multilabel",
        channels=1,
        facts={"absent": {"images": 7}},
    )
    return replace(source, **changes)


@pytest.fixture
def prepare_source(tmp_path, monkeypatch, make_dataset):
    """Prepare a source that is in memory; return the file and what is reported."""

    def run(source=None, name="a", params=None, **changes):
        monkeypatch.setattr(module, "open_source", lambda _: source or make_source())
        path = tmp_path / f"{name}.h5"
        return path, prepare(make_dataset(params, **changes), path)

    return run


def test_splits_hold_what_the_source_has_at_their_positions(prepare_source):
    path, _ = prepare_source(validation=VALIDATION)
    source = make_source()
    with h5py.File(path) as file:
        for name in SPLITS:
            split, stored = source.test if name == "test" else source.train, file[name]
            index = stored["index"][:]
            arrays = read_split(path, name)
            assert arrays.images.shape == (len(index), 8, 8, 1)
            assert (arrays.images == split.read(index)).all()
            assert arrays.labels.dtype == np.uint8
            assert (arrays.labels == split.labels[index]).all()
            assert list(arrays.names) == [split.names[i] for i in index]
            assert (stored["patients"][:] == split.patients[index]).all()
            assert stored["views"].asstr()[:].tolist() == [split.views[i] for i in index]
            every = split.boxes(np.arange(len(split.labels)))
            boxes = read_boxes(path, name)
            back = np.column_stack([index[boxes[:, 0]], boxes[:, 1:]])
            expected = every[np.isin(every[:, 0], index)]
            assert sorted(back.tolist()) == sorted(expected.tolist())
            assert arrays.labels[boxes[:, 0], boxes[:, 1]].all()


def test_what_is_reported_is_counted_from_the_file(prepare_source):
    path, summary = prepare_source(validation=VALIDATION)
    with h5py.File(path) as file:
        for name in SPLITS:
            labels, patients = file[f"{name}/labels"][:], file[f"{name}/patients"][:]
            views = file[f"{name}/views"].asstr()[:].tolist()
            assert summary["images"][name] == len(labels)
            assert list(summary["counts"][name].items()) == [
                (label, int(labels[:, place].sum())) for place, label in enumerate(NAMES)
            ]
            assert summary["patients"][name] == len(set(patients.tolist()))
            assert summary["views"][name] == {view: views.count(view) for view in ("PA", "AP")}
            assert summary["boxes"][name] == len(file[f"{name}/boxes"])
    assert summary["absent"] == {"images": 7}
    assert summary["classes"] == 3
    assert "planted" not in summary


def test_the_imbalance_ratio_is_negatives_over_positives_or_null(prepare_source):
    path, summary = prepare_source()
    for split in ("train", "test"):
        labels = read_split(path, split).labels
        expected = {}
        for place, name in enumerate(NAMES):
            positives, negatives = sum(labels[:, place] == 1), sum(labels[:, place] == 0)
            assert summary["negatives"][split][name] == negatives
            expected[name] = negatives / positives if positives else None
        assert summary["imbalance_ratio"][split] == pytest.approx(expected)
    assert summary["imbalance_ratio"]["train"]["Hernia"] is None
    assert json.loads(json.dumps(summary))["imbalance_ratio"]["train"]["Hernia"] is None


def test_what_holds_for_the_dataset_is_read_back(prepare_source):
    path, summary = prepare_source(validation=VALIDATION)
    prepared = read_metadata(path)
    labels = read_split(path, "train").labels
    assert (prepared.task, prepared.class_names, prepared.splits) == ("multilabel", NAMES, SPLITS)
    assert prepared.counts.tolist() == labels.sum(0).tolist()
    assert prepared.n_train == len(labels) == summary["images"]["train"]


def test_one_grey_channel_stands_for_three(prepare_source):
    path, _ = prepare_source()
    prepared, scaled = read_metadata(path), read_split(path, "train").images / 255
    np.testing.assert_allclose(prepared.mean, [scaled.mean()] * 3, rtol=1e-12)
    np.testing.assert_allclose(prepared.std, [scaled.std()] * 3, rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("imbalance", [None, CAP, THIN], ids=["natural", "cap", "thin"])
def test_no_patient_is_in_two_splits(prepare_source, seed, imbalance):
    changes = {"imbalance": imbalance} if imbalance else {}
    path, _ = prepare_source(validation={"share": 0.3, "seed": seed}, **changes)
    with h5py.File(path) as file:
        patients = [set(file[f"{name}/patients"][:].tolist()) for name in SPLITS]
    assert all(patients)
    for i, some in enumerate(patients):
        for others in patients[i + 1 :]:
            assert not some & others


def test_without_known_patients_each_image_is_its_own(prepare_source):
    source = make_source(train=replace(make_source().train, patients=None))
    path, summary = prepare_source(source, validation={"share": 0.25, "seed": 0})
    assert summary["images"] == {"train": 45, "val": 15, "test": N_TEST}
    assert summary["patients"] == {"test": 10}
    with h5py.File(path) as file:
        assert "patients" not in file["train"]


def test_no_finding_is_not_a_finding(prepare_source):
    """Only images that the label "No Finding" is alone on are dropped by the cap."""
    train = make_source().train
    has = train.labels[:, [0, 2]]
    labels = np.column_stack([has, ~has.any(1)]).astype(np.uint8)
    source = make_source(
        class_names=("Edema", "Mass", "No Finding"),
        train=replace(train, labels=labels, boxes=None),
    )
    n_mass = int(has[:, 1].sum())
    n_max = N_TRAIN - n_mass - 5  # negatives of Mass, the rarer finding, less five
    path, summary = prepare_source(source, imbalance=CAP | {"n_max": n_max})
    assert summary["images"]["train"] == N_TRAIN - 5
    kept = read_split(path, "train").labels
    assert kept[:, :2].sum(0).tolist() == has.sum(0).tolist()
    assert kept[:, 2].sum() == labels[:, 2].sum() - 5
    assert summary["boxes"]["train"] == 0


def test_boxes_are_asked_for_where_there_are_none(prepare_source):
    bare, empty = make_source().train, make_source().test
    source = make_source(
        train=replace(bare, boxes=None),
        test=replace(empty, boxes=lambda _: np.empty((0, 6), np.int64)),
    )
    path, summary = prepare_source(source)
    assert summary["boxes"] == {"train": 0, "test": 0}
    for split in ("train", "test"):
        with pytest.raises(InputError) as caught:
            read_boxes(path, split)
        assert str(caught.value) == (
            f"{path} has no boxes in {split!r}; take its runs out of dumps.maps.runs, set "
            "dump_maps.split in analyses.yaml to a split that has boxes, or add annotated images"
        )


def changed(part):
    """The source with one thing of its 30 test images changed."""
    source = make_source()
    test, every = source.test, np.arange(N_TEST)
    match part:
        case "pixel":
            images = test.read(every).copy()
            images[17, 3, 5] ^= 1
            test = replace(test, read=lambda positions: images[positions])
        case "label":
            labels = test.labels.copy()
            labels[17, 1] ^= 1
            test = replace(test, labels=labels)
        case "box":
            boxes = test.boxes(every)
            boxes[3, 2] += 1
            test = replace(test, boxes=lambda _: boxes)
        case "no boxes":
            test = replace(test, boxes=None)
        case "patient":
            test = replace(test, patients=test.patients + (every == 17))
        case "view":
            test = replace(test, views=[*test.views[:-1], "lateral"])
        case "name":
            test = replace(test, names=["other.png", *test.names[1:]])
    return replace(source, test=test)


@pytest.mark.parametrize("part", ["pixel", "label", "box", "no boxes", "patient", "view", "name"])
def test_the_digest_covers_all_that_is_stored(prepare_source, part):
    _, before = prepare_source(name="before")
    _, after = prepare_source(changed(part), name="after")
    assert before["digest"] != after["digest"]


def test_the_digest_covers_nothing_else(prepare_source, monkeypatch):
    _, before = prepare_source(name="before")
    monkeypatch.setattr(module, "BATCH", 7)
    other = make_source(place="elsewhere", facts={"absent": 3})
    given = {"mean": (0.5,) * 3, "std": (0.5,) * 3}
    _, after = prepare_source(other, name="after", normalization=given)
    assert before["digest"] == after["digest"]


def test_another_digest_than_the_given_is_an_error_that_leaves_nothing(prepare_source):
    digest = prepare_source()[1]["digest"]
    nih = {
        "name": "nih",
        "root": "x",
        "task": {"name": "multilabel", "include_no_finding": False},
        "require_complete": False,
        "split": {"test_share": 0.2, "seed": 0},
    }
    path, _ = prepare_source(params=Nih.model_validate(nih | {"digest": digest}), name="same")
    with pytest.raises(InputError, match=rf"memory: found images of digest {digest}, .* is 0000;"):
        prepare_source(params=Nih.model_validate(nih | {"digest": "0000"}), name="other")
    assert [file.name for file in sorted(path.parent.iterdir())] == ["a.h5", "same.h5"]


def hide(split, seed=3):
    """A split some of whose labels are not known."""
    unknown = np.random.default_rng(seed).random(split.labels.shape) < 0.3
    return replace(split, labels=np.where(unknown, np.uint8(0), split.labels), unknown=unknown)


def test_labels_that_are_not_known_are_stored_and_counted(prepare_source):
    source = make_source()
    source = replace(source, train=hide(source.train))
    path, summary = prepare_source(source, validation=VALIDATION)
    with h5py.File(path) as file:
        assert "unknown" not in file["test"]
        for split in ("train", "val"):
            index = file[f"{split}/index"][:]
            assert (file[f"{split}/unknown"][:] == source.train.unknown[index]).all()
            assert not file[f"{split}/labels"][:][source.train.unknown[index]].any()
    assert set(summary["unknown_labels"]) == {"train", "val"}
    for split in SPLITS:
        labels = read_split(path, split).labels
        for place, name in enumerate(NAMES):
            counted = [(labels[:, place] == value).sum() for value in (1, 0, UNKNOWN)]
            unknown = summary["unknown_labels"].get(split, dict.fromkeys(NAMES, 0))
            found = [summary[what][split][name] for what in ("counts", "negatives")]
            assert [*found, unknown[name]] == counted
            ratio = summary["imbalance_ratio"][split][name]
            assert ratio == (counted[1] / counted[0] if counted[0] else None)
    about = read_metadata(path)
    labels = read_split(path, "train").labels
    assert about.negatives.tolist() == (labels == 0).sum(axis=0).tolist()
    assert about.counts.tolist() == (labels == 1).sum(axis=0).tolist()


def test_a_source_that_knows_all_its_labels_gives_the_same_file(prepare_source):
    plain, summary = prepare_source()
    source = make_source()
    none = np.zeros(source.train.labels.shape, dtype=bool)
    known, same = prepare_source(replace(source, train=replace(source.train, unknown=none)), "b")
    assert plain.read_bytes() == known.read_bytes()
    assert same == summary
    assert "unknown_labels" not in summary
    about = read_metadata(plain)
    assert about.negatives.tolist() == (about.n_train - about.counts).tolist()


def test_which_labels_are_known_is_part_of_the_digest(prepare_source):
    source = make_source()
    hidden, seen = hide(source.train), np.zeros(source.train.labels.shape, dtype=bool)
    seen[0, 0] = True
    digests = {
        prepare_source(replace(source, train=replace(hidden, unknown=unknown)))[1]["digest"]
        for unknown in (hidden.unknown, seen, None)
    }
    assert len(digests) == 3


def test_images_that_may_have_a_finding_stay_when_negatives_are_capped(prepare_source):
    source = make_source()
    source = replace(source, train=hide(source.train))
    path, summary = prepare_source(source, imbalance=CAP | {"n_max": 38})
    assert max(summary["negatives"]["train"].values()) == 38
    index = set(read_split(path, "train").index.tolist())
    stay = np.flatnonzero((source.train.targets != 0).any(axis=1)).tolist()
    assert set(stay) <= index < set(range(N_TRAIN))
