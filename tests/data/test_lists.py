import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from imbalens.data import lists
from imbalens.data.lists import open_lists
from imbalens.data.prepare import prepare
from imbalens.errors import InputError
from imbalens.params.sources import Lists
from imbalens.store.prepared import read_metadata, read_split
from tests.data.test_folder import save

REAL = Path(os.environ.get("IMBALENS_REAL_DATA", Path(__file__).parents[2] / "../shared/data"))
FIRST = {  # the same images in both dialects of the literature
    "train": ["train/alley/1.jpg 0", "train/desert_road/2.jpg 1", "train/desert-sand/3.jpg 2"],
    "test": ["val/alley/V_1.jpg 0", "val/desert_road/V_2.jpg 1", "val/desert-sand/V_3.jpg 2"],
}
SECOND = {
    "train": [
        "data_256/a/alley/1.jpg 0",
        "data_256/d/desert_road/2.jpg 1",
        "data_256/d/desert/sand/3.jpg 2",
    ],
    "test": ["val_256/V_1.jpg 0", "val_256/V_2.jpg 1", "val_256/V_3.jpg 2"],
}
SPECIES = {
    "train": [
        "train_val2018/Plantae/2/a.jpg 2",
        "train_val2018/Aves/0/b.jpg 0",
        "train_val2018/Aves/1/c.jpg 1",
        "train_val2018/Plantae/2/d.jpg 2",
    ],
    "test": [
        f"train_val2018/{name}/e.jpg {name[-1]}" for name in ("Plantae/2", "Aves/0", "Aves/1")
    ],
}
MOMENTS = {"mean": (0.5,) * 3, "std": (0.5,) * 3}
OFFICIAL = ["/a/alley 0", "/d/desert/sand 1", "/d/desert_road 2"]


def lay_out(root, rows, *, images=True):
    root.mkdir(exist_ok=True)
    for split, lines in rows.items():
        (root / f"{split}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for i, line in enumerate(lines if images else ()):
            save(root / line.rsplit(" ", 1)[0], (60 * i, 9, 40 if split == "test" else 0))
    return root


def of(root, **changes):
    given = {"name": "lists", "root": str(root), "train": "train.txt", "test": "test.txt"}
    without = {"val": None, "categories": None, "digest": None}
    return Lists.model_validate({**given, **without, **changes})


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        (FIRST, ("alley", "desert_road", "desert-sand")),
        (SECOND, ("alley", "desert_road", "desert-sand")),
        (SPECIES, ("Aves-0", "Aves-1", "Plantae-2")),
        ({split: lines[:1] for split, lines in FIRST.items()}, ("alley",)),
    ],
    ids=["easyformat", "archives", "iNaturalist", "one class"],
)
def test_classes_are_called_as_their_folders(tmp_path, make_dataset, rows, names):
    dataset = make_dataset(of(lay_out(tmp_path / "in", rows)), normalization=MOMENTS)
    prepare(dataset, tmp_path / "out.h5")
    assert read_metadata(tmp_path / "out.h5").class_names == names
    for split in ("train", "test"):
        arrays = read_split(tmp_path / "out.h5", split)
        said = dict(zip(arrays.names, arrays.labels.tolist(), strict=True))
        assert {f"{path} {label}" for path, label in said.items()} == set(rows[split])


def test_images_are_those_of_their_paths(tmp_path, make_dataset):
    dataset = make_dataset(of(lay_out(tmp_path / "in", FIRST)), normalization=MOMENTS)
    prepare(dataset, tmp_path / "out.h5")
    for split, blue in (("train", 0), ("test", 40)):
        images = read_split(tmp_path / "out.h5", split).images[:, 4, 4].astype(int)
        assert np.abs(images - [[60 * i, 9, blue] for i in range(3)]).max() < 4


ASIDE = {
    "first": ["train/alley/7.jpg 0", "train/desert_road/8.jpg 1", "train/desert-sand/9.jpg 2"],
    "second": ["data_256/d/desert_road/8.jpg 1", "data_256/a/alley/7.jpg 0"],
}


@pytest.mark.parametrize(("dialect", "rows"), [("first", FIRST), ("second", SECOND)])
def test_a_list_of_validation_images_is_used_where_asked_for(
    tmp_path, make_dataset, capsys, dialect, rows
):
    root = lay_out(tmp_path / "in", rows | {"val": ASIDE[dialect]})
    n = len(ASIDE[dialect])
    aside = {"share": None, "seed": 0}
    dataset = make_dataset(of(root, val="val.txt"), validation=aside, normalization=MOMENTS)
    assert prepare(dataset, tmp_path / "o.h5")["images"] == {"train": 3, "val": n, "test": 3}
    val = read_split(tmp_path / "o.h5", "val")
    assert [f"{path} {label}" for path, label in zip(val.names, val.labels, strict=True)] == (
        ASIDE[dialect]
    )
    assert "left out" not in capsys.readouterr().err
    for path in ASIDE[dialect]:
        (root / path.rsplit(" ", 1)[0]).unlink()  # not read, not missed
    left_out = make_dataset(of(root, val="val.txt"), normalization=MOMENTS)
    prepared = prepare(left_out, tmp_path / "o.h5")
    assert prepared["images"] == {"train": 3, "test": 3}
    assert f"in: left out {n} validation images; set " in capsys.readouterr().err
    with pytest.raises(InputError, match=r"8\.jpg|7\.jpg"):
        prepare(dataset, tmp_path / "o.h5")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("train/alley/1.jpg 0", r"'train/alley/1\.jpg', which is in .*train\.txt, line 1 too"),
        ("val/alley/V_1.jpg 0", r"test\.txt, line 1: found 'val/alley/V_1\.jpg', which is in .*v"),
        ("train/alley/7.jpg 3", r"val\.txt, line 1: found label 3, but no image of label 3 in"),
        ("train/alley/7.jpg 1", r"val\.txt, line 1: found label 1, which is 'desert_road' amo"),
    ],
)
def test_a_wrong_line_of_validation_images_is_named(tmp_path, row, message):
    root = lay_out(tmp_path, FIRST | {"val": [row, "train/desert_road/8.jpg 1"]})
    with pytest.raises(InputError, match=message):
        open_lists(of(root, val="val.txt"), 8)


def test_lists_without_one_have_no_validation_images(tmp_path):
    source = open_lists(of(lay_out(tmp_path, FIRST)), 8)
    assert (source.validation, source.n_unread) == (None, 0)


def test_categories_in_another_order_are_said_and_not_taken(tmp_path, make_dataset, capsys):
    root = lay_out(tmp_path / "in", FIRST | {"official": OFFICIAL}, images=False)
    lay_out(root, FIRST)
    dataset = make_dataset(of(root, categories="official.txt"), normalization=MOMENTS)
    assert prepare(dataset, tmp_path / "out.h5")["other_categories"] == 2
    assert read_metadata(tmp_path / "out.h5").class_names[1:] == ("desert_road", "desert-sand")
    assert (
        "calls 2 classes otherwise than the folders of their images, whose names are taken: "
        "1 'desert_road' (there 'desert-sand'), 2 'desert-sand' (there 'desert_road')"
    ) in capsys.readouterr().err


def test_categories_that_agree_are_not_spoken_of(tmp_path, capsys):
    rows = [line.replace("sand 1", "sand 2").replace("road 2", "road 1") for line in OFFICIAL]
    root = lay_out(tmp_path, {"right": rows}, images=False)
    lay_out(root, SECOND)
    assert open_lists(of(root, categories="right.txt"), 8).facts == {"other_categories": 0}
    assert capsys.readouterr().err == ""


FLAT = {
    "train": ["images/1.png 0", "images/2.png 1"],
    "test": ["images/3.png 0", "images/4.png 1"],
}


def test_categories_name_what_folders_do_not(tmp_path):
    root = lay_out(tmp_path, {"names": ["cat 0", "big dog 1"]}, images=False)
    lay_out(root, FLAT)
    with pytest.raises(InputError, match=r"line 2: label 1 is in 'images', as is label 0, so "):
        open_lists(of(root), 8)
    assert open_lists(of(root, categories="names.txt"), 8).class_names == ("cat", "big dog")


@pytest.mark.parametrize(
    "rows", [["1.png 0"], ["1.png 0", "a/2.png 1"], ["a/1.png 0", "a/b/2.png 1"]]
)
def test_images_beside_the_folders_of_others_have_no_name(tmp_path, rows):
    root = lay_out(tmp_path, {"train": rows, "test": [f"test/{row}" for row in rows]})
    with pytest.raises(
        InputError, match=r"train\.txt, line 1: label 0 is right in '[.a]', so fold"
    ):
        open_lists(of(root), 8)


def test_folders_that_unicode_spells_in_two_ways_are_one_class(tmp_path, monkeypatch):
    monkeypatch.setattr(lists, "require_files", lambda *_: None)  # a system has its own spelling
    one, other = "train/caf\u00e9", "train/cafe\u0301"
    rows = {
        "train": [f"{one}/1.jpg 0", f"{other}/2.jpg 0", "train/alley/1.jpg 1"],
        "test": ["test/cafe\u0301/3.jpg 0", "test/alley/V_2.jpg 1"],
        "names": ["cafe\u0301 0", "alley 1"],
    }
    root = lay_out(tmp_path, rows, images=False)
    source = open_lists(of(root, categories="names.txt"), 8)
    assert source.class_names == ("caf\u00e9", "alley")
    assert source.facts == {"other_categories": 0}
    lay_out(root, {"test": [f"{other}/1.jpg 0", "test/alley/V_2.jpg 1"]}, images=False)
    with pytest.raises(
        InputError, match=r"test\.txt, line 1: found .* is in .*train\.txt, line 1"
    ):
        open_lists(of(root), 8)
    both = [f"{one}/1.jpg 0", f"{other}/2.jpg 1"]
    lay_out(root, rows | {"train": both}, images=False)
    with pytest.raises(InputError, match="line 2: label 1 is in 'train/caf\u00e9', as is label 0"):
        open_lists(of(root), 8)


def test_lists_may_lie_elsewhere(tmp_path, monkeypatch):
    root = lay_out(tmp_path / "in", FIRST)
    shutil.move(root / "test.txt", tmp_path / "t.txt")
    monkeypatch.setenv("MY_LISTS", str(tmp_path))
    assert len(open_lists(of(root, test="$MY_LISTS/t.txt"), 8).test.names) == 3


def test_blank_lines_and_slashes_in_front_are_passed_over(tmp_path):
    root = lay_out(tmp_path, FIRST)
    lines = ["", *(f" /./{line}\r" for line in FIRST["train"]), "", ""]
    (root / "train.txt").write_bytes("\n".join(lines).encode())
    assert open_lists(of(root), 8).train.names[1] == "train/desert_road/2.jpg"


def replaced(split, row, line):
    def change(root):
        file = root / f"{split}.txt"
        lines = file.read_text(encoding="utf-8").splitlines()
        lines[row : row + 1] = [line]
        file.write_text("\n".join(lines), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: (root / "train/alley/1.jpg").unlink(), "train.txt, line 1: found no file"),
        (lambda root: shutil.rmtree(root / "val"), "test.txt, line 1: found no file 'val/alley/V"),
        (lambda root: (root / "test.txt").unlink(), "test.txt: file not found"),
        (lambda root: (root / "train.txt").write_bytes(b"\n"), "train.txt: found no images"),
        (lambda root: (root / "train.txt").write_bytes(b"\xff 1"), "train.txt, line 1: is not U"),
        (replaced("train", 1, "train/x/1.jpg"), "train.txt, line 2: found 'train/x/1.jpg'; allow"),
        (replaced("train", 1, "../../x.jpg 1"), "line 2: found '../../x.jpg 1'; allowed: a path "),
        (replaced("train", 1, "train/x/1.jpg -1"), "train.txt, line 2: found label '-1'"),
        (replaced("train", 1, "train/x/1.jpg ²"), "train.txt, line 2: found label '²'"),
        (replaced("train", 1, "train/x/1.jpg 99999999999"), "line 2: found label '99999999999'"),
        (replaced("train", 1, "train/x/1.jpg 7"), "line 2: found label 7, but no image of label"),
        (replaced("test", 2, "val/x/1.jpg 3"), "test.txt, line 3: found label 3, but no image of"),
        (replaced("train", 2, FIRST["train"][0]), "train.txt, line 3: found 'train/alley/1.jpg'"),
        (replaced("test", 2, FIRST["train"][2]), "test.txt, line 3: found 'train/desert-sa"),
        (replaced("test", 2, "val/alley/V_9.jpg 2"), "line 3: found label 2, which is 'desert-"),
        (replaced("test", 2, "val/sand/V_9.jpg 2"), "line 3: found label 2, which is 'desert-"),
        (
            replaced("train", 2, "train/desert-sand/3.jpg 2\ntrain/alley/9.jpg 2"),
            "line 4: label 2 is in 'train/alley', before it in 'train/desert-sand', so folders do",
        ),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named_and_nothing_is_left(tmp_path, make_dataset, change, message):
    root = lay_out(tmp_path / "in", FIRST)
    change(root)
    with pytest.raises(InputError) as caught:
        prepare(make_dataset(of(root)), tmp_path / "out/d.h5")
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a 0", "b 0"], "names.txt, line 2: found label 0 again, of 'a'"),
        (["a 0", "b 2", "c 3"], "names.txt: found no name of label 1"),
        (["a 0", "b 1"], "names.txt: names 2 labels, "),
    ],
)
def test_categories_that_cannot_be_right_are_refused(tmp_path, lines, message):
    root = lay_out(tmp_path, {"names": lines}, images=False)
    lay_out(root, FIRST)
    with pytest.raises(InputError) as caught:
        open_lists(of(root, categories="names.txt"), 8)
    assert message in str(caught.value)


needs_lists = pytest.mark.skipif(
    not (REAL / "lists").is_dir(),
    reason="needs the real lists: lists/ in $IMBALENS_REAL_DATA or ../shared/data",
)


@needs_lists
@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Places_LT_train.txt", "Places_LT_test.txt"),
        ("Places_LT_v2_train.txt", "Places_LT_v2_val.txt"),
    ],
)
def test_the_real_lists_of_places_name_their_classes(monkeypatch, train, test):
    monkeypatch.setattr(lists, "require_files", lambda *_: None)  # nobody has the images here
    source = open_lists(of(REAL / "lists", train=train, test=test), 8)
    assert len(source.class_names) == 365
    assert source.class_names[116:119] == ("desert_road", "desert-sand", "desert-vegetation")
    assert source.class_names[141:143] == ("field_road", "field-wild")
    sizes = np.bincount(source.train.labels)
    assert (sizes.sum(), sizes.max(), sizes.min()) == (62_500, 4_980, 5)
    assert [(sizes > 100).sum(), ((sizes >= 20) & (sizes <= 100)).sum()] == [131, 163]
    tested = np.bincount(source.test.labels)
    assert set(tested.tolist()) == {100 if "v2" not in test else 20}


@needs_lists
def test_the_real_list_of_inaturalist_names_its_classes(monkeypatch, tmp_path):
    monkeypatch.setattr(lists, "require_files", lambda *_: None)
    real = REAL / "lists/iNaturalist18_val.txt"
    lines = real.read_text(encoding="utf-8").splitlines()
    firsts = {int(line.split()[1]): line.replace(".jpg", "-x.jpg") for line in lines}
    lay_out(tmp_path, {"test": list(firsts.values())}, images=False)
    source = open_lists(of(tmp_path, train=str(real.resolve())), 8)
    assert len(source.class_names) == 8_142
    assert source.class_names[7291] == "Plantae-7291"
    assert np.bincount(source.train.labels).tolist() == [3] * 8_142


@needs_lists
def test_the_real_validation_images_of_places_lt_are_20_a_class_and_apart(monkeypatch):
    monkeypatch.setattr(lists, "require_files", lambda *_: None)
    given = {"train": "Places_LT_train.txt", "test": "Places_LT_test.txt"}
    root = REAL / "lists"
    source = open_lists(of(root, **given, val="Places_LT_val.txt"), 8, bits=16)
    assert np.bincount(source.validation.labels).tolist() == [20] * 365
    left_out = open_lists(of(root, **given, val="Places_LT_val.txt"), 8, bits=16, validation=False)
    assert (left_out.validation, left_out.n_unread) == (None, 7_300)
