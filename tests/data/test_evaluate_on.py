"""Datasets whose test images are another source's."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalens.data.evaluate_on import evaluate_on
from imbalens.data.prepare import prepare
from imbalens.data.source import Source, SourceSplit
from imbalens.errors import InputError
from imbalens.store.prepared import open_prepared, read_boxes, read_metadata, read_split
from stages import prepare as prepare_stage
from tests.data.nih_layout import write_images, write_lists, write_tables
from tests.data.test_arrays import write
from tests.data.test_folder import save
from tests.params.test_loading import at, load_changed

APE, CAT, DOG = (0, 250, 9), (250, 0, 0), (9, 9, 250)
NATURAL = {"kind": "natural", "n_max": None, "selection": {"name": "seeded", "seed": 0}}


def folder(root, *, n=2, groups=None, boxes=None, **classes):
    """Lay out class folders, of one colour each; return their source."""
    for split in ("train", "test"):
        for name, colour in classes.items():
            for i in range(n):
                save(root / split / name / f"{i}.png", colour)
    source = {"name": "folder", "root": str(root), "digest": None, "split": None}
    return source | {"groups": groups, "boxes": boxes}


def arrays(path, labels, names, *, colour=None, value=100):
    """Write arrays whose images are of one value, or colour; return their source."""
    labels = np.array(labels)
    shape = (len(labels), 8, 8)
    images = np.full(shape, value, np.uint8) if colour is None else np.full((*shape, 3), colour)
    content = {"class_names": np.array(names)}
    for split in ("train", "test"):
        content |= {f"{split}_images": images.astype(np.uint8), f"{split}_labels": labels}
    path.parent.mkdir(exist_ok=True)
    write(path, content)
    task = "multilabel" if labels.ndim == 2 else "multiclass"
    return {"name": "arrays", "path": str(path), "task": task, "digest": None}


def fails(make_dataset, tmp_path, source, other):
    with pytest.raises(InputError) as caught:
        prepare(make_dataset(source, evaluate_on=other), tmp_path / "out/o.h5")
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []
    return str(caught.value)


def test_test_images_are_the_other_sources_and_the_rest_is_not(tmp_path, make_dataset):
    ours = folder(tmp_path / "ours", ape=APE, cat=CAT)
    theirs = folder(tmp_path / "theirs", n=3, cat=(1, 2, 3), ape=(4, 5, 6))
    save(tmp_path / "theirs/val/ape/unread.png")
    save(tmp_path / "ours/val/ape/v.png", (7, 7, 7))
    save(tmp_path / "ours/val/cat/v.png", (7, 7, 7))
    alone = tmp_path / "alone.h5"
    aside = {"share": None, "seed": 0}
    prepare(make_dataset(ours, validation=aside), alone)
    summary = prepare(
        make_dataset(ours, evaluate_on=theirs, validation=aside), tmp_path / "both.h5"
    )
    assert summary["images"] == {"train": 4, "val": 2, "test": 6}
    assert summary["evaluate_on"] == {"source": "folder"}
    for split in ("train", "val"):
        one, two = (read_split(path, split) for path in (alone, tmp_path / "both.h5"))
        assert one.names == two.names
        assert np.array_equal(one.images, two.images)
    test = read_split(tmp_path / "both.h5", "test")
    assert test.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert (test.images[:3] == (4, 5, 6)).all()
    assert (test.images[3:] == (1, 2, 3)).all()
    assert read_metadata(tmp_path / "both.h5").class_names == ("ape", "cat")


def test_classes_in_another_order_are_matched_by_name(tmp_path, make_dataset):
    ours = arrays(tmp_path / "a.npz", [0, 1, 2], ["cat", "ape", "dog"])
    theirs = arrays(tmp_path / "b.npz", [0, 1, 1, 2], ["ape", "dog", "cat"])
    dataset = make_dataset(ours, evaluate_on=theirs, normalization=PLAIN)
    counts = prepare(dataset, tmp_path / "o.h5")["counts"]
    assert counts["test"] == {"cat": 1, "ape": 1, "dog": 2}
    assert read_split(tmp_path / "o.h5", "test").labels.tolist() == [1, 2, 2, 0]


PLAIN = {"mean": (0.0,) * 3, "std": (1.0,) * 3}


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ({"ape": APE, "cat": CAT}, {"ape": APE}, "only {ours} has cat; allowed: the same cl"),
        ({"ape": APE}, {"ape": APE, "dog": DOG}, "only {theirs} has dog; allowed: the same"),
        ({"ape": APE}, {"dog": DOG}, "only {ours} has ape; only {theirs} has dog; allowed"),
        (
            {f"c{i:02}": APE for i in range(9)},
            {"c00": APE},
            "only {ours} has c01, c02, c03, c04, c05, ... (8 in all); allowed: the same",
        ),
    ],
)
def test_a_class_that_either_lacks_is_named(tmp_path, make_dataset, ours, theirs, said):
    roots = {"ours": tmp_path / "ours", "theirs": tmp_path / "theirs"}
    both = [folder(roots[key], **each) for key, each in (("ours", ours), ("theirs", theirs))]
    message = fails(make_dataset, tmp_path, *both)
    assert message.startswith(f"{roots['theirs']}: is evaluate_on of {roots['ours']}; ")
    assert said.format(**roots) in message


def test_further_labels_of_several_are_left_out_and_printed(tmp_path, make_dataset, capsys):
    ours = arrays(tmp_path / "a.npz", [[1, 0], [0, 1], [0, 0]], ["b", "a"])
    theirs = arrays(tmp_path / "b.npz", [[1, 0, 0], [1, 1, 0], [0, 0, 1]], ["a", "x", "b"])
    dataset = make_dataset(ours, evaluate_on=theirs, normalization=PLAIN)
    summary = prepare(dataset, tmp_path / "o.h5")
    assert read_split(tmp_path / "o.h5", "test").labels.tolist() == [[0, 1], [0, 1], [1, 0]]
    assert summary["evaluate_on"] == {"source": "arrays", "labels_left_out": ["x"]}
    assert f"b.npz: left out labels that {ours['path']} does not have: x\n" in (
        capsys.readouterr().err
    )
    message = fails(make_dataset, tmp_path, theirs, ours)
    assert message.endswith(f"only {theirs['path']} has x; allowed: all labels of the dataset")


def test_a_class_without_test_images_is_named_with_the_source_that_lacks_it(
    tmp_path, make_dataset
):
    ours = arrays(tmp_path / "a.npz", [0, 1], ["ape", "cat"])
    theirs = arrays(tmp_path / "b.npz", [0, 1], ["cat", "ape"])
    with np.load(theirs["path"]) as file:
        write(tmp_path / "b.npz", {**file, "test_labels": np.array([0, 0])})
    message = fails(make_dataset, tmp_path, ours, theirs)
    assert message.startswith(f"{theirs['path']}: found no test images of class 'ape'; every")


def test_images_get_the_channels_of_the_training_source(tmp_path, make_dataset, monkeypatch):
    monkeypatch.chdir(tmp_path)
    grey = arrays(tmp_path / "grey.npz", [0, 1], ["ape", "cat"], value=77)
    colour = folder(tmp_path / "colour", ape=APE, cat=(10, 200, 30))
    dataset = make_dataset(colour, evaluate_on=grey)
    prepare(dataset, tmp_path / "o.h5")
    test = read_split(tmp_path / "o.h5", "test").images
    assert test.shape == (2, 8, 8, 3)
    assert (test == 77).all()


def test_colour_becomes_luminance_for_a_grey_training_source(tmp_path, make_dataset, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_images(write_lists(write_tables(tmp_path / "nih")) / "images")
    nih = nih_source(tmp_path / "nih")
    prepare(make_dataset(nih, image_size=16), tmp_path / "alone.h5")
    names = read_metadata(tmp_path / "alone.h5").class_names
    labels = np.eye(len(names), dtype=np.uint8)
    colour = arrays(tmp_path / "c.npz", labels, names, colour=(200, 100, 50))
    prepare(make_dataset(nih, evaluate_on=colour, image_size=16), tmp_path / "o.h5")
    with open_prepared(tmp_path / "o.h5", "train", "test") as file:
        test = file["test/images"][:]
        assert "boxes" not in file["test"]
        assert "patients" not in file["test"]
    assert test.shape == (14, 16, 16, 1)
    assert abs(test.astype(int) - round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)).max() <= 1
    assert not (tmp_path / "work").exists() or list((tmp_path / "work").iterdir()) == []


def nih_source(root):
    return {
        "name": "nih",
        "root": str(root),
        "task": {"name": "multilabel", "include_no_finding": False},
        "require_complete": False,
        "split": {"test_share": 0.5, "seed": 0},
        "digest": None,
    }


def test_both_sources_are_finished(tmp_path, make_dataset, monkeypatch):
    """Neither leaves decoded images, of which NIH keeps those of each folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        write_images(write_lists(write_tables(tmp_path / name)) / "images")
    one, two = (nih_source(tmp_path / name) for name in ("one", "two"))
    summary = prepare(make_dataset(one, evaluate_on=two, image_size=16), tmp_path / "o.h5")
    assert list((tmp_path / "work").iterdir()) == []
    assert summary["evaluate_on"]["split_by"] == "official lists"
    assert summary["evaluate_on"]["labels_left_out"] == []


def with_groups(root, groups, **more):
    """Lay out two classes of two images, each image with a group by its split and number."""
    source = folder(root, ape=APE, cat=CAT, groups="g.csv", **more)
    rows = [
        f"{split}/{name}/{i}.png,{groups(split, i)}"
        for split in ("train", "test")
        for name in ("ape", "cat")
        for i in range(2)
    ]
    (root / "g.csv").write_text("\n".join(["file,group", *rows]), encoding="utf-8")
    return source


def test_groups_of_two_sources_are_never_the_same(tmp_path, make_dataset):
    ours = with_groups(tmp_path / "ours", lambda split, i: f"{split}{i}")
    theirs = with_groups(tmp_path / "theirs", lambda split, i: f"{split}{i}")
    prepare(make_dataset(ours, evaluate_on=theirs), tmp_path / "o.h5")
    with open_prepared(tmp_path / "o.h5", "train", "test") as file:
        train, test = (file[f"{split}/patients"][:].tolist() for split in ("train", "test"))
    assert train == [0, 1, 0, 1]
    assert test == [2, 3, 2, 3]
    without = folder(tmp_path / "theirs", ape=APE, cat=CAT)
    summary = prepare(make_dataset(ours, evaluate_on=without), tmp_path / "o.h5")
    assert summary["patients"] == {"train": 2}


def by_table(root, split, *, at="", group=None, folder="pictures"):
    """Write a table of eight images, of which every second one is a test image, or another."""
    pictures = root / folder
    rows = []
    for i in range(8):
        save(pictures / f"{i}.png", (20 * i, 9 * i, 5 + i))
        rows.append(f"{i}.png,{'ab'[i % 2]},{split(i)},{group(i) if group else ''}")
    at = root / f"{at}.csv"
    at.write_text("\n".join(["path,label,split,patient", *rows]), encoding="utf-8")
    return {
        "name": "table",
        "root": str(pictures),
        "table": str(at),
        "images": {"kind": "files", "column": "path"},
        "labels": {"kind": "class", "column": "label", "classes": None},
        "split": {"kind": "column", "column": "split"},
        "group": "patient" if group else None,
        "view": None,
        "boxes": None,
        "channels": 3,
        "window": "full",
        "digest": None,
    }


def halves(i):
    return "test" if i % 4 > 1 else "train"


def thirds(i):
    return {0: "train", 1: "train", 2: "test", 3: "test"}.get(i, "val")


def test_a_test_image_that_is_a_training_image_of_the_source_is_refused(tmp_path, make_dataset):
    ours = by_table(tmp_path, halves, at="ours")
    theirs = by_table(tmp_path, lambda i: {"train": "test", "test": "train"}[halves(i)], at="b")
    theirs["root"] = f"{tmp_path}/pictures/../pictures"
    message = fails(make_dataset, tmp_path, ours, theirs)
    assert message.endswith(
        "of its test images 4 are training images there, such as "
        f"{tmp_path}/pictures/0.png; allowed: none; give both sources one split"
    )
    aside = {"share": None, "seed": 0}
    dataset = make_dataset(by_table(tmp_path, thirds, at="c"), evaluate_on=ours, validation=aside)
    with pytest.raises(InputError, match="of its test images 2 are validation images there, suc"):
        prepare(dataset, tmp_path / "o.h5")
    prepare(make_dataset(by_table(tmp_path, thirds, at="c"), evaluate_on=ours), tmp_path / "o.h5")


@pytest.mark.parametrize("same", [True, False])
def test_a_group_of_both_sources_is_refused_in_one_folder(tmp_path, make_dataset, capsys, same):
    ours = by_table(tmp_path, halves, at="ours", group=lambda i: f"p{i % 4 // 2}.0")
    other = "pictures/deeper" if same else "elsewhere"
    theirs = by_table(
        tmp_path,
        halves,
        at="b",
        group=lambda i: "" if i > 5 else f"p{1 - i % 4 // 2}.0",
        folder=other,
    )
    said = "images and the training images there have 1 groups of one name, such as 'p0.0'; "
    if same:
        assert f"{said}allowed: none in one folder" in fails(make_dataset, tmp_path, ours, theirs)
    else:
        prepare(make_dataset(ours, evaluate_on=theirs), tmp_path / "o.h5")
        assert f"{said}they are taken for different ones" in capsys.readouterr().err


def test_boxes_come_with_the_images_and_get_the_labels_of_the_training_source(
    tmp_path, make_dataset
):
    ours = arrays(tmp_path / "a.npz", [0, 1, 2], ["dog", "cat", "ape"], colour=CAT)
    theirs = folder(tmp_path / "b", ape=APE, cat=CAT, dog=DOG, boxes="b.csv")
    (tmp_path / "b/b.csv").write_text(
        "file,label,x,y,w,h\ntest/dog/1.png,dog,1,2,3,4\ntest/ape/0.png,ape,0,0,8,8\n"
        "train/ape/0.png,ape,0,0,2,2\n",
        encoding="utf-8",
    )
    dataset = make_dataset(ours, evaluate_on=theirs, normalization=PLAIN)
    summary = prepare(dataset, tmp_path / "o.h5")
    assert read_boxes(tmp_path / "o.h5", "test").tolist() == [
        [0, 2, 0, 0, 8, 8],
        [5, 0, 1, 2, 3, 4],
    ]
    assert summary["boxes"] == {"train": 0, "test": 2}


def split(labels, boxes=None):
    """A split of black images with some boxes of each, whatever positions are asked for."""
    return SourceSplit(
        labels=np.array(labels, np.int64 if boxes is None else np.uint8),
        names=[str(row) for row in range(len(labels))],
        read=lambda positions: np.zeros((len(positions), 8, 8, 3), np.uint8),
        boxes=None if boxes is None else lambda _: np.array(boxes, dtype=np.int64).reshape(-1, 6),
    )


def test_boxes_of_a_label_left_out_go_with_it():
    ours = split([[1, 0]], [[0, 0, 0, 0, 1, 1]])
    theirs = split([[1, 1, 1]], [[0, 0, 1, 2, 3, 4], [0, 1, 2, 2, 2, 2], [0, 2, 5, 6, 1, 2]])
    source, other = (
        Source(place=place, class_names=names, train=each, test=each, task="multilabel")
        for place, names, each in (("one", ("a", "b"), ours), ("two", ("b", "x", "a"), theirs))
    )
    test = evaluate_on(source, other, name="arrays").test
    boxes = test.boxes(np.array([0]))
    assert boxes.tolist() == [[0, 1, 1, 2, 3, 4], [0, 0, 5, 6, 1, 2]]
    assert test.labels.tolist() == [[1, 1]]


def test_what_is_not_known_goes_with_its_label():
    ours = split([[1, 0]], [])
    theirs = replace(split([[1, 1, 0]], []), unknown=np.array([[False, True, True]]))
    source, other = (
        Source(place=place, class_names=names, train=each, test=each, task="multilabel")
        for place, names, each in (("one", ("a", "b"), ours), ("two", ("b", "x", "a"), theirs))
    )
    test = evaluate_on(source, other, name="table").test
    assert test.labels.tolist() == [[0, 1]]
    assert test.unknown.tolist() == [[True, False]]


@given(permutation=st.permutations(range(4)), labels=st.lists(st.integers(0, 3), min_size=1))
def test_whatever_the_order_of_the_other_source_each_image_keeps_its_class(permutation, labels):
    names = ("a", "b", "c", "d")
    theirs = tuple(names[label] for label in permutation)
    labels = [*labels, 0, 1, 2, 3]
    one, two = (
        Source(place="x", class_names=each, train=split(labels), test=split(labels))
        for each in (names, theirs)
    )
    found = evaluate_on(one, two, name="arrays").test.labels
    assert [names[new] for new in found] == [theirs[old] for old in labels]


def test_sources_of_other_tasks_are_refused(tmp_path, make_dataset):
    ours = arrays(tmp_path / "a.npz", [0, 1], ["ape", "cat"])
    theirs = arrays(tmp_path / "b.npz", [[0, 1], [1, 1]], ["ape", "cat"])
    assert fails(make_dataset, tmp_path, ours, theirs) == (
        f"{theirs['path']}: evaluate_on has the task 'multilabel'; allowed: 'multiclass', that of "
        f"{ours['path']}"
    )


def test_the_digest_covers_the_images_of_both(tmp_path, make_dataset):
    ours = folder(tmp_path / "ours", ape=APE, cat=CAT)
    theirs = folder(tmp_path / "theirs", ape=APE, cat=CAT)
    path = tmp_path / "o.h5"
    digest = prepare(make_dataset(ours, evaluate_on=theirs), path)["digest"]
    prepare(make_dataset(ours | {"digest": digest}, evaluate_on=theirs), path)
    generated = {"name": "cifar10", "root": "x", "download": False}
    dataset = make_dataset(generated, evaluate_on=theirs | {"digest": digest})
    assert dataset.expected_digest == ("evaluate_on.digest", digest)
    save(tmp_path / "theirs/test/cat/0.png", (1, 1, 1))
    with pytest.raises(InputError, match=r"o.*: found images of .*, source\.digest is"):
        prepare(make_dataset(ours | {"digest": digest}, evaluate_on=theirs), path)


def test_the_stage_prepares_images_of_two_sources(tmp_path, monkeypatch):
    """What a source may leave out, it may leave out here too."""
    monkeypatch.chdir(tmp_path)
    folder(tmp_path / "ours", n=4, ape=APE, cat=CAT)
    folder(tmp_path / "theirs", n=1, ape=APE, cat=CAT)
    source = {"name": "folder", "root": "ours", "digest": None}
    both = {"source": source, "evaluate_on": source | {"root": "theirs"}}
    load_changed(tmp_path, at("datasets", "mine", **both, image_size=8, imbalance=NATURAL))
    prepare_stage.main(["mine"])
    summary = json.loads((tmp_path / "metrics/prepare/mine.json").read_text(encoding="utf-8"))
    assert summary["images"] == {"train": 8, "test": 2}
    assert summary["evaluate_on"] == {"source": "folder"}
    assert summary["duplicates"]["test"]["train"] == {"images": 2, "other_labels": 0}
