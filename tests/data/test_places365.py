import re
import shutil

import numpy as np
import pytest
from PIL import Image

from imbalens.data import places365
from imbalens.data.choosing import choose_images
from imbalens.data.places365 import open_places365
from imbalens.data.prepare import prepare
from imbalens.errors import InputError
from imbalens.params.loading import load_params
from imbalens.params.sources import Places365
from imbalens.store.prepared import read_metadata, read_split
from tests.data.test_folder import save
from tests.params.test_loading import at, load_changed
from tests.tiny import ROOT

CLASSES = ("a/airfield", "d/desert/sand", "d/desert/vegetation", "d/desert_road")
NAMES = ("airfield", "desert-sand", "desert-vegetation", "desert_road")
TRAIN, VAL = 5, 2  # images of a class


def lay_out(root, layout):
    """Write Places365 as torchvision, its archives or the easyformat has it."""
    train = {"torchvision": "data_256_standard", "archives": "data_256"}.get(layout)
    lists = {"train_standard": [], "val": []}
    for label, folder in enumerate(CLASSES):
        for i in range(TRAIN):
            path = f"{folder}/{i:08d}.jpg"
            lists["train_standard"].append(f"/{path} {label}")
            easy = f"train/{NAMES[label]}/{i:08d}.jpg"
            save(root / (f"{train}/{path}" if train else easy), (60 * label, 50 * i, 0))
        for i in range(label, VAL * len(CLASSES), len(CLASSES)):  # classes are mixed there
            name = f"Places365_val_{i:08d}.jpg"
            lists["val"].append(f"{name} {label}")
            easy = f"val/{NAMES[label]}/{name}"
            save(root / (f"val_256/{name}" if train else easy), (60 * label, 50 * i, 99))
    if train:
        for name, lines in lists.items():
            text = "\n".join(sorted(lines)) + "\n"
            (root / f"places365_{name}.txt").write_text(text, encoding="utf-8")
        rows = [f"/{folder} {label}" for label, folder in enumerate(CLASSES)]
        (root / "categories_places365.txt").write_text("\n".join(rows), encoding="utf-8")
    return root


def of(root, **changes):
    given = {"name": "places365", "root": str(root), "classes": "all", "test_per_class": None}
    return Places365.model_validate({**given, "seed": 0, "digest": None, **changes})


LAYOUTS = pytest.mark.parametrize("layout", ["torchvision", "archives", "easyformat"])


@LAYOUTS
def test_every_layout_has_the_same_classes_and_images(tmp_path, make_dataset, layout):
    root = lay_out(tmp_path / "in", layout)
    prepare(make_dataset(of(root)), tmp_path / "out.h5")
    assert read_metadata(tmp_path / "out.h5").class_names == NAMES
    for split, n, blue in (("train", TRAIN, 0), ("test", VAL, 99)):
        arrays = read_split(tmp_path / "out.h5", split)
        red, _, found = np.moveaxis(arrays.images[:, 4, 4].astype(int), 1, 0)
        assert np.bincount(arrays.labels).tolist() == [n] * 4
        assert (np.abs(red - 60 * arrays.labels) < 4).all()
        assert (np.abs(found - blue) < 4).all()
        for name, image in zip(arrays.names, arrays.images, strict=True):
            with Image.open(root / name) as stored:
                assert (np.asarray(stored) == image).all()


@LAYOUTS
def test_test_images_are_cut_from_the_training_images(tmp_path, layout):
    root = lay_out(tmp_path, layout)
    source = open_places365(of(root, test_per_class=2), 8)
    assert np.bincount(source.train.labels).tolist() == [TRAIN - 2] * 4
    assert np.bincount(source.test.labels).tolist() == [2] * 4
    assert not set(source.train.names) & set(source.test.names)
    again, other = (open_places365(of(root, test_per_class=2, seed=s), 8) for s in (0, 1))
    assert again.test.names == source.test.names != other.test.names


@LAYOUTS
@pytest.mark.parametrize(
    ("classes", "names"),
    [
        (2, NAMES[:2]),
        (("desert_road", "desert/sand"), ("desert_road", "desert-sand")),
        (("/d/desert/vegetation",), ("desert-vegetation",)),
    ],
)
def test_classes_are_the_first_or_in_the_order_given(tmp_path, layout, classes, names):
    source = open_places365(of(lay_out(tmp_path, layout), classes=classes), 8)
    assert source.class_names == names
    for split in (source.train, source.test):
        red = split.read(np.arange(len(split.labels)))[:, 4, 4, 0].astype(int)
        official = np.array([NAMES.index(names[label]) for label in split.labels])
        assert (np.abs(red - 60 * official) < 4).all()


def replaced(name, before, after):
    def change(root):
        text = (root / name).read_text(encoding="utf-8")
        assert before in text
        (root / name).write_text(text.replace(before, after, 1), encoding="utf-8")

    return change


TRAINED, VALIDATED = places365.LISTS["train"], places365.LISTS["val"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda root: (root / TRAINED).unlink(), f"{TRAINED}: file not found"),
        (lambda root: (root / "categories_places365.txt").unlink(), "places365.txt: file not fou"),
        (lambda root: (root / VALIDATED).write_bytes(b""), f"{VALIDATED}: found no images"),
        (
            lambda root: shutil.rmtree(root / "val_256"),
            "found no folder of val images; allowed: v",
        ),
        (
            lambda root: (root / "data_256/a/airfield/00000003.jpg").unlink(),
            f"{TRAINED}, line 4: found no file 'data_256/a/airfield/00000003.jpg'",
        ),
        (
            replaced(TRAINED, "/a/airfield/00000000.jpg 0", "/a/airfield/00000000.jpg 1"),
            "line 1: ",
        ),
        (replaced(TRAINED, "00000000.jpg 0", "00000000.jpg 9"), "label 9, which is none in categ"),
        (
            replaced(VALIDATED, "00.jpg 0", "00.jpg 4"),
            f"{VALIDATED}, line 1: found 'Places365_val",
        ),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_left(tmp_path, make_dataset, change, message):
    root = lay_out(tmp_path / "in", "archives")
    change(root)
    with pytest.raises(InputError) as caught:
        prepare(make_dataset(of(root)), tmp_path / "out/d.h5")
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_images_of_classes_that_are_not_wanted_may_be_absent(tmp_path):
    root = lay_out(tmp_path, "archives")
    shutil.rmtree(root / "data_256/d")
    assert len(open_places365(of(root, classes=1, test_per_class=1), 8).train.names) == 4


def test_an_empty_folder_of_the_easyformat_is_named(tmp_path):
    root = lay_out(tmp_path, "easyformat")
    shutil.rmtree(root / "val/desert-sand")
    with pytest.raises(InputError, match=r"val/desert-sand: found no images; bring"):
        open_places365(of(root), 8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ("desert_raod",)}, "found 'desert_raod'; did you mean 'desert_road'? allowe"),
        ({"classes": ("airfield", "/a/airfield")}, "source.classes: found 'airfield' twice"),
        ({"classes": 5}, "source.classes: found 5; allowed: up to 4"),
        ({"test_per_class": 5}, "class 'airfield' has 5 training images, and source.test_per_cl"),
    ],
)
def test_classes_that_there_are_not_and_tests_too_large_are_refused(tmp_path, changes, message):
    with pytest.raises(InputError, match=re.escape(message)):
        open_places365(of(lay_out(tmp_path, "easyformat"), **changes), 8)


def test_classes_are_given_by_name_in_a_file(tmp_path):
    source = {"name": "places365", "root": "x", "classes": ["desert/sand", "airfield"]}

    def change(values):
        at("datasets", "planted", source=source | {"digest": None})(values)
        at("dumps", "maps", runs=[])(values)

    params = load_changed(tmp_path, change)
    found = params.datasets["planted"].source
    assert found.classes == ("desert/sand", "airfield")
    assert (found.test_per_class, found.seed) == (None, 0), "the defaults"


@pytest.mark.parametrize("classes", [0, 366, "some", [], [1], True, None])
def test_what_cannot_be_classes_is_one_error(tmp_path, classes):
    source = {"name": "places365", "root": "x", "classes": classes, "test_per_class": None}
    source |= {"seed": 0, "digest": None}
    with pytest.raises(InputError) as caught:
        load_changed(tmp_path, at("datasets", "planted", source=source))
    said = [line for line in str(caught.value).splitlines() if "classes" in line]
    assert len(said) == 1
    assert said[0].endswith(
        f"planted.source.classes: found {classes!r}; allowed: all, 1 to 365, or a list of names"
    )


@pytest.mark.parametrize(
    ("profile", "head", "tail", "train", "test"),
    [("places10", 2500, 500, 15_000, 5_000), ("places100", 2500, 250, 98_072, 15_000)],
)
def test_the_profiles_have_the_sizes_of_the_paper(
    tmp_path, monkeypatch, profile, head, tail, train, test
):
    with monkeypatch.context() as there:
        there.chdir(ROOT)  # where analyses.yaml lies beside it
        dataset = load_params(ROOT / f"profiles/{profile}.yaml").datasets[profile]
    names = [f"/x/x{label:03d}" for label in range(101)]
    rows = [f"{name}/{i}.jpg {label}" for label, name in enumerate(names) for i in range(3068)]
    (tmp_path / "data_256").mkdir()
    (tmp_path / TRAINED).write_text("\n".join(rows), encoding="utf-8")
    lines = [f"{name} {label}" for label, name in enumerate(names)]
    (tmp_path / "categories_places365.txt").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setattr(places365, "require_files", lambda *_: None)  # too many to write
    monkeypatch.setenv("IMBALENS_PLACES365", str(tmp_path))
    assert isinstance(dataset.source, Places365)
    splits = choose_images(open_places365(dataset.source, 256), dataset)
    sizes = {split: np.bincount(data.labels[rows]) for split, (data, rows) in splits.items()}
    assert (sizes["train"][0], sizes["train"][-1], sizes["train"].sum()) == (head, tail, train)
    assert set(sizes["test"].tolist()) == {test // len(sizes["test"])}
    assert sizes["test"].sum() == test
