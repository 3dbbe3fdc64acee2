import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imbalens.data.nih import open_nih
from imbalens.data.nih_tables import FINDINGS
from imbalens.data.prepare import prepare
from imbalens.errors import InputError
from imbalens.params.sources import Nih
from imbalens.store.prepared import read_split
from tests.data.nih_layout import (
    ENTRIES,
    TEST,
    TRAIN,
    write_image,
    write_images,
    write_lists,
    write_tables,
)

REAL = Path(os.environ.get("IMBALENS_REAL_DATA", Path(__file__).parents[2] / "../shared/data"))
SPLIT = {"test_share": 0.5, "seed": 0}


def nih(root, *, binary=False, no_finding=False, complete=False, split=None):
    task = {"name": "binary"}
    if not binary:
        task = {"name": "multilabel", "include_no_finding": no_finding}
    return Nih.model_validate(
        {
            "name": "nih",
            "root": str(root),
            "task": task,
            "require_complete": complete,
            "split": split or SPLIT,
            "digest": None,
        }
    )


@pytest.fixture
def root(tmp_path):
    """All images, tables and lists."""
    folder = write_lists(write_tables(tmp_path / "nih"))
    write_images(folder / "images")
    return folder


def test_everything_is_read(root, capsys):
    source = open_nih(nih(root, complete=True), 8)
    assert (source.place, source.task, source.channels) == (str(root), "multilabel", 1)
    assert source.class_names == FINDINGS
    assert source.train.names == list(TRAIN)
    assert source.test.names == list(TEST)
    assert source.train.labels.sum(0).tolist() == [0, 1, 0, 0, 0, 1, *[0] * 8]
    assert source.test.labels.sum(1).tolist() == [1, 3, 1]
    assert source.train.patients.tolist() == [1, 1, 2]
    assert source.test.views == ["AP", "PA", "PA"]
    assert source.train.boxes(np.arange(3)).shape == (0, 6)
    assert source.test.boxes(np.array([2, 1]))[:, :2].tolist() == [[0, 4], [1, 8], [1, 9]]
    assert source.facts == {
        "tables": "Data_Entry_2017.csv",
        "split_by": "official lists",
        "absent": {"train": 0, "test": 0},
        "unlisted": 0,
        "unknown": 0,
    }
    assert capsys.readouterr().err == ""
    assert source.test.read(np.array([2, 0]))[:, 0, 0, 0].tolist() == [50, 30]
    assert source.train.read(np.array([1])).shape == (1, 8, 8, 1)
    source.finish()
    assert not list(Path("work").iterdir())


@pytest.mark.parametrize(
    "layout",
    [
        {"images": TRAIN + TEST},
        {"images_001/images": TRAIN, "images_012/images": TEST},
        {".": TRAIN + TEST},
    ],
    ids=["images", "images_001", "root"],
)
def test_images_are_found_in_each_layout(tmp_path, layout):
    root = write_lists(write_tables(tmp_path / "nih"))
    for folder, names in layout.items():
        write_images(root / folder, names)
    source = open_nih(nih(root, complete=True), 8)
    assert source.test.read(np.arange(3))[:, 0, 0, 0].tolist() == [30, 40, 50]


def test_other_tasks(root):
    source = open_nih(nih(root, binary=True), 8)
    assert (source.task, source.class_names) == ("binary", ("Unhealthy",))
    assert source.train.labels.tolist() == [[1], [0], [0]]
    assert set(source.test.boxes(np.arange(3))[:, 1].tolist()) == {0}
    source = open_nih(nih(root, no_finding=True), 8)
    assert source.class_names == (*FINDINGS, "No Finding")
    assert source.train.labels[:, 14].tolist() == [0, 1, 1]


def test_what_is_absent_unlisted_or_unknown_is_counted_and_printed(tmp_path, capsys):
    root = write_lists(write_tables(tmp_path / "nih"), train=TRAIN[:2], test=TEST)
    write_images(root / "images", (TRAIN[0], TRAIN[2], TEST[2]))
    write_image(root / "images/00009999_000.png")
    (root / "images/._hidden.png").touch()
    source = open_nih(nih(root), 8)
    assert source.facts["absent"] == {"train": 1, "test": 2}
    assert source.facts["unlisted"] == 1
    assert source.facts["unknown"] == 1
    assert source.train.names == [TRAIN[0]]
    assert source.test.names == [TEST[2]]
    assert source.test.boxes(np.array([0]))[:, 0].tolist() == [0]
    assert capsys.readouterr().err == (
        f"{root}: 1 train images absent, 2 test images absent, 1 images that no list names, "
        "1 PNG files that the table lacks (split by official lists)\n"
    )
    with pytest.raises(InputError) as caught:
        open_nih(nih(root, complete=True), 8)
    assert f"3 images are absent, such as {TRAIN[1]}, {TEST[0]}, {TEST[1]}; bring" in str(
        caught.value
    )


def test_without_lists_patients_are_split_and_boxes_are_in_test(root):
    for path in root.glob("*_list.txt"):
        path.unlink()
    # patients 3 and 4 have boxes: 3 of 6 images
    source = open_nih(nih(root), 8)
    assert source.facts["split_by"] == "patients"
    assert source.train.names == list(TRAIN)
    assert source.test.names == list(TEST)
    for seed in range(4):
        source = open_nih(nih(root, split={"test_share": 0.6, "seed": seed}), 8)
        assert set(TEST) < set(source.test.names)
        assert not set(source.train.patients) & set(source.test.patients)


def test_a_patient_stays_on_a_side_whichever_images_are_there(root):
    for path in root.glob("*_list.txt"):
        path.unlink()
    whole = open_nih(nih(root, split={"test_share": 0.6, "seed": 1}), 8)
    (root / "images" / TEST[1]).unlink()
    part = open_nih(nih(root, split={"test_share": 0.6, "seed": 1}), 8)
    assert part.train.names == whole.train.names
    assert part.facts["absent"] == {"train": 0, "test": 1}


def test_no_annotated_image_is_no_error(tmp_path, make_dataset):
    root = write_lists(write_tables(tmp_path / "nih"))
    write_images(root, (*TRAIN, TEST[0]))
    summary = prepare(make_dataset(nih(root)), tmp_path / "out.h5")
    assert summary["boxes"] == {"train": 0, "test": 0}


def test_a_missing_root_says_what_to_set(tmp_path, monkeypatch):
    monkeypatch.delenv("IMBALENS_NIH_ROOT", raising=False)
    with pytest.raises(
        InputError, match=r"IMBALENS_NIH_ROOT is not set; run: export IMBALENS_NIH"
    ):
        open_nih(nih("$IMBALENS_NIH_ROOT"), 8)
    monkeypatch.setenv("IMBALENS_NIH_ROOT", str(tmp_path / "nowhere"))
    with pytest.raises(
        InputError, match=r"nowhere: folder not found; .*export IMBALENS_NIH_ROOT="
    ):
        open_nih(nih("$IMBALENS_NIH_ROOT"), 8)


def test_a_list_naming_an_image_that_the_table_lacks_is_refused(root):
    write_lists(root, train=(*TRAIN, "00000077_000.png"))
    with pytest.raises(InputError, match=r"train_val_list.txt, line 4: found '00000077_000.png'"):
        open_nih(nih(root), 8)


def test_a_box_outside_the_image_is_refused(root):
    write_tables(root, boxes=[(TEST[0], "Infiltrate", 900, 0, 200, 50)])
    with pytest.raises(InputError, match=r"csv, line 2: found box x 900, y 0, w 200, h"):
        open_nih(nih(root), 8)


def test_an_image_in_two_places_is_refused(root):
    write_images(root / "images_003/images", TRAIN[:1])
    with pytest.raises(InputError, match=r"images/00000001_000.png and .*images_003/images/0000"):
        open_nih(nih(root), 8)


def test_no_image_or_none_of_a_split_is_refused(tmp_path):
    root = write_lists(write_tables(tmp_path / "nih"))
    with pytest.raises(InputError, match=r"found 0 PNG files, none of them an image of the table"):
        open_nih(nih(root), 8)
    write_images(root / "images", TRAIN[:2])
    with pytest.raises(
        InputError, match=r"found 2 images of the table but none of the test split"
    ):
        open_nih(nih(root), 8)


def test_a_truncated_image_leaves_nothing_half_written(root, make_dataset):
    path = root / "images" / TEST[1]
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match=rf"{TEST[1]}: cannot be decoded"):
        prepare(make_dataset(nih(root)), Path("out/d.h5"))
    assert not list(Path("out").iterdir())
    write_images(root / "images", (TEST[1],))
    summary = prepare(make_dataset(nih(root)), Path("out/d.h5"))
    assert summary["images"] == {"train": 3, "test": 3}
    assert list(read_split(Path("out/d.h5"), "test").names) == list(TEST)


def test_an_image_that_is_not_square_is_refused(root):
    Image.new("L", (32, 30)).save(root / "images" / TEST[1])
    source = open_nih(nih(root), 8)
    with pytest.raises(InputError, match=rf"{TEST[1]}: found an image of 32 x 30 pixels"):
        source.test.read(np.arange(3))


def test_12_bits_in_files_of_16_keep_their_brightness(root, capsys):
    for name, value in zip(TRAIN + TEST, range(1000, 4000, 500), strict=True):
        Image.fromarray(np.full((32, 32), value, np.uint16)).save(root / "images" / name)
    source = open_nih(nih(root), 8)
    assert source.facts["bits"] == 12
    assert "read as 12 bits" in capsys.readouterr().err
    assert source.test.read(np.arange(3))[:, 0, 0, 0].tolist() == [2500 >> 4, 3000 >> 4, 3500 >> 4]
    source = open_nih(nih(root), 8, bits=13)
    assert source.test.read(np.arange(3))[:, 0, 0, 0].tolist() == [2500 >> 5, 3000 >> 5, 3500 >> 5]
    assert len(list(Path("work").iterdir())) == 2
    assert capsys.readouterr().err == ""


def test_the_table_gives_the_order(root):
    write_lists(root, train=TRAIN[::-1], test=TEST[::-1])
    source = open_nih(nih(root), 8)
    assert [*source.train.names, *source.test.names] == [name for name, *_ in ENTRIES]


@pytest.mark.skipif(
    not (REAL / "nih_sample").is_dir(),
    reason="needs the real images: nih_sample/ in $IMBALENS_REAL_DATA or ../shared/data",
)
def test_the_real_sample_is_read(capsys):
    root = REAL / "nih_sample"
    source = open_nih(nih(root), 64)
    train, test = source.train, source.test
    assert (len(train.names), len(test.names)) == (70, 74)
    assert source.facts["tables"] == "torchxrayvision"
    assert source.facts["absent"] == {"train": 86_524 - 70, "test": 25_596 - 74}
    assert "86454 train images absent, 25522 test images absent" in capsys.readouterr().err
    assert train.labels.sum(0).tolist() == [8, 6, 7, 5, 10, 5, 7, 4, 16, 7, 15, 5, 7, 6]
    assert test.labels.sum(0).tolist() == [18, 13, 4, 4, 27, 0, 0, 1, 29, 23, 21, 5, 13, 18]
    assert not set(train.patients.tolist()) & set(test.patients.tolist())
    assert train.boxes(np.arange(70)).shape == (0, 6)
    boxes = test.boxes(np.arange(74))
    assert len(boxes) == 99
    assert len(np.unique(boxes[:, 0])) == 74
    per_class = np.bincount(boxes[:, 1], minlength=14)
    assert per_class.tolist() == [12, 11, 0, 0, 16, 0, 0, 0, 15, 14, 9, 0, 12, 10]
    assert (boxes[:, 2:4] + boxes[:, 4:] <= 64).all()
    # the box list has 339.17, 119.20, 172.29, 351.09 for the first
    assert boxes[0].tolist() == [0, 8, 21, 7, 11, 22]
    for name in ("00014426_000.png", "00007188_006.png", "00005813_000.png"):
        split = train if name in train.names else test
        with Image.open(root / "images" / name) as image:
            assert image.mode == "RGBA"
            expected = image.getchannel("R").resize((64, 64), Image.Resampling.BILINEAR)
        decoded = split.read(np.array([split.names.index(name)]))
        assert (decoded[0, ..., 0] == np.asarray(expected)).all()
