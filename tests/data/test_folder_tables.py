"""Groups and boxes of images in class folders, from their CSV files to what is prepared."""

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from imbalens.data.folder import open_folder
from imbalens.data.image_table import boxes_at
from imbalens.data.prepare import prepare
from imbalens.errors import InputError
from imbalens.store.prepared import read_boxes
from tests.data.test_folder import HALF, folder, save

TRACKS = {"ape": "aabbccdd", "cat": "eeffgghhii"}
SIZE = (40, 20)  # width and height of the stored images
GROUPS, BOXES = "file,group", "file,label,x,y,w,h"


@pytest.fixture
def root(tmp_path):
    """One tree of images in tracks, with tables beside the class folders."""
    lines = []
    for label, tracks in TRACKS.items():
        for i, track in enumerate(tracks):
            save(tmp_path / f"{label}/{i}.png", (9 * i, 5 * i, 5 * len(tracks)), size=SIZE)
            lines.append(f"{label}/{i}.png,{track},x")
    table(tmp_path, "groups", f"{GROUPS},more", *lines)
    boxes = ("cat/3.png,cat,10,5,20,10", "ape/0.png,ape,0,0,40,20")
    table(tmp_path, "boxes", BOXES, *boxes)
    return tmp_path


def table(root, name, *lines):
    (root / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def add(root, name, *lines):
    with (root / f"{name}.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def with_groups(root, **changes):
    return folder(root, **({"split": HALF, "groups": "groups.csv"} | changes))


def with_boxes(root, **changes):
    return folder(root, **({"split": HALF, "boxes": "boxes.csv"} | changes))


def test_a_group_is_on_one_side_of_every_split(root, tmp_path, make_dataset):
    dataset = make_dataset(with_groups(root), validation={"share": 0.3, "seed": 0})
    summary = prepare(dataset, tmp_path / "out.h5")
    assert summary["images"].keys() == {"train", "val", "test"}
    assert sum(summary["patients"].values()) == 9
    track_of = {f"{c}/{i}.png": t for c, ts in TRACKS.items() for i, t in enumerate(ts)}
    with h5py.File(tmp_path / "out.h5") as file:
        tracks = [{track_of[name] for name in file[f"{s}/names"].asstr()[:]} for s in file]
        assert len(file["test/patients"]) == summary["images"]["test"] == 10
    assert all(tracks)
    assert sum(map(len, tracks)) == len(set.union(*tracks)) == 9


def test_a_class_far_from_its_share_is_printed(root, tmp_path, make_dataset, capsys):
    lines = [f"ape/{i}.png,{'a' if i < 5 else 'b'}" for i in range(8)]
    table(root, "groups", GROUPS, *lines, *(f"cat/{i}.png,{i // 2}" for i in range(10)))
    source = with_groups(root, split={"test_share": 0.1, "seed": 0})
    dataset = make_dataset(source, validation={"share": 0.25, "seed": 0})
    prepare(dataset, tmp_path / "out.h5")
    said = "a share of {} is to be set aside; whole groups are far from it in ape ({})"
    err = capsys.readouterr().err
    assert f"{root}: {said.format(0.1, '3 of 8')}: their groups are few, or large\n" in err
    assert f"{root}: {said.format(0.25, '0 of 5')}: their groups are few, or large\n" in err


def test_a_class_of_one_group_cannot_be_split(root, tmp_path, make_dataset):
    lines = [f"ape/{i}.png,a" for i in range(8)]
    table(root, "groups", GROUPS, *lines, *(f"cat/{i}.png,{i}" for i in range(10)))
    with pytest.raises(InputError) as caught:
        prepare(make_dataset(with_groups(root)), tmp_path / "out.h5")
    assert str(caught.value) == (
        f"{root}: found no test images of class 'ape'; every class needs at least one, and groups "
        "are not divided: give it one more group, or try another source.split.seed"
    )


def test_an_image_without_a_group_is_one_by_itself(root):
    apes = [f"ape/{i}.png,{'a' if i < 4 else ' '}" for i in range(8)]
    table(root, "groups", GROUPS, *apes, *(f"cat\\{i}.png," for i in range(10)))
    source = open_folder(with_groups(root, split={"test_share": 0.2, "seed": 1}), 8)
    groups = np.concatenate([source.train.patients, source.test.patients])
    assert sorted(np.bincount(groups).tolist()) == [1] * 14 + [4]
    assert np.bincount(source.test.labels)[1] == 2


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(18)), st.integers(0, 3))
def test_the_order_of_the_rows_of_groups_changes_nothing(root, order, seed):
    lines = [f"{c}/{i}.png,{t}" for c, ts in TRACKS.items() for i, t in enumerate(ts)]
    assert len(lines) == 18
    splits = []
    for rows in (range(18), order):
        table(root, "groups", GROUPS, *(lines[row] for row in rows))
        source = open_folder(with_groups(root, split={"test_share": 0.3, "seed": seed}), 8)
        splits.append(
            [(each.names, each.patients.tolist()) for each in (source.train, source.test)]
        )
    assert splits[0] == splits[1]


def test_blanks_around_files_and_labels_do_not_count_where_no_name_has_them(root):
    table(root, "boxes", "file, label, x, y, w, h", " cat/3.png , cat , 10, 5, 20, 10")
    save(root / "cat/ 1.png")
    names = ["ape/0.png ", " cat\\3.png", *(f"ape/{i}.png" for i in range(1, 8))]
    names += [f"cat/{i}.png" for i in (*range(3), *range(4, 10), " 1")]
    table(root, "groups", GROUPS, *(f"{name},{i}" for i, name in enumerate(names)))
    source = open_folder(with_groups(root, boxes="boxes.csv"), 8)
    boxes = [each.boxes(np.arange(len(each.names))) for each in (source.train, source.test)]
    assert np.concatenate(boxes)[:, 1:].tolist() == [[1, 2, 2, 4, 4]]


def test_a_group_on_both_sides_of_a_given_split_is_named(tmp_path):
    for split in ("train", "test"):
        save(tmp_path / f"{split}/cat/{split}.png")
    table(tmp_path, "groups", GROUPS, "train/cat/train.png,a", "test/cat/test.png,a")
    with pytest.raises(InputError) as caught:
        open_folder(with_groups(tmp_path, split=None), 8)
    assert str(caught.value) == (
        f"{tmp_path}: train/cat/train.png (train) and test/cat/test.png (test) are of one group "
        "'a'; groups in both: 1; allowed: none"
    )
    table(tmp_path, "groups", GROUPS, "train/cat/train.png,a", "test/cat/test.png,b")
    assert open_folder(with_groups(tmp_path, split=None), 8).test.patients.tolist() == [1]


def test_boxes_are_in_pixels_of_the_image_as_stored(root, tmp_path, make_dataset):
    dataset = make_dataset(with_boxes(root))
    assert dataset.source.has_boxes
    summary = prepare(dataset, tmp_path / "out.h5")
    assert sum(summary["boxes"].values()) == 2
    found = []
    with h5py.File(tmp_path / "out.h5") as file:
        for split in ("train", "test"):
            names = file[f"{split}/names"].asstr()[:]
            for row, label, *box in file[f"{split}/boxes"][:].tolist():
                found.append((names[row], label, *box))
    # 8 x 8 of 40 x 20
    assert sorted(found) == [("ape/0.png", 0, 0, 0, 8, 8), ("cat/3.png", 1, 2, 2, 4, 4)]


def test_boxes_come_with_the_images_chosen_in_their_order(root):
    add(root, "boxes", *(f"cat/{i}.png,ape,{i},0,5,5" for i in (7, 2, 7)))
    source = open_folder(with_boxes(root), 40)
    n_boxes = 0
    for split in (source.train, source.test):
        order = np.random.default_rng(0).permutation(len(split.names))
        whole = split.boxes(np.arange(len(order))).tolist()
        expected = [
            [place, *box[1:]]
            for place, position in enumerate(order[:4].tolist())
            for box in whole
            if box[0] == position
        ]
        assert split.boxes(order[:4]).tolist() == expected
        n_boxes += len(whole)
    assert n_boxes == 5


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), max_size=30),
    st.lists(st.integers(0, 20), min_size=1, unique=True),
)
def test_boxes_of_chosen_images_are_those_of_a_search(pairs, rows):
    boxes = [[row, label, 0, 0, 1, i] for i, (row, label) in enumerate(pairs)]
    expected = [
        [place, *box[1:]] for place, row in enumerate(rows) for box in boxes if box[0] == row
    ]
    given_boxes = np.array(boxes, dtype=np.int64).reshape(-1, 6)
    assert boxes_at(given_boxes, np.array(rows)).tolist() == expected


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
def test_a_box_is_where_its_rectangle_is_in_the_prepared_image(root, resize, orientation):
    pixels = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    pixels[6:14, 16:26] = 255
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(pixels).save(root / "cat/3.png", exif=exif)
    table(root, "boxes", BOXES, "cat/3.png,cat,16,6,10,8")
    source = open_folder(with_boxes(root), 40, resize=resize)
    (split,) = (each for each in (source.train, source.test) if "cat/3.png" in each.names)
    position = np.array([list(split.names).index("cat/3.png")])
    ((_, label, x, y, w, h),) = split.boxes(position).tolist()
    assert source.class_names[label] == "cat"
    bright = Image.fromarray(split.read(position)[0, :, :, 0]).point(lambda value: value > 127)
    assert np.abs(np.subtract(bright.getbbox(), (x, y, x + w, y + h))).max() <= 1


def test_a_box_that_touches_the_edge_within_rounding_is_cut(root):
    add(root, "boxes", "cat/1.png,cat,0.342245989304813,-0.0004,39.65775401069519,20.0005")
    source = open_folder(with_boxes(root), 40)
    splits = (source.train, source.test)
    boxes = np.concatenate([each.boxes(np.arange(len(each.names))) for each in splits])
    assert [0, 0, 40, 40] in boxes[:, 2:].tolist()
    assert (boxes[:, 2:4] + boxes[:, 4:] <= 40).all()


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("groups", "cat/0.png,z", "found image 'cat/0.png' again; allowed: each image once"),
        ("groups", "cat/99.png,z", "found 'cat/99.png', which is none of the images; allowed: "),
        ("groups", "cat/0.png", "found 1 fields; allowed: at least 2"),
        ("boxes", "cat/99.png,cat,1,1,2,2", "found 'cat/99.png', which is none of the images"),
        ("boxes", "cat/0.png,dog,1,1,2,2", "found label 'dog'; allowed: ape, cat"),
        ("boxes", "cat/0.png,cat,1,1,2,x", "found box 1, 1, 2, x; allowed: 4 numbers"),
        (
            "boxes",
            "cat/0.png,cat,1,1,39.002,2",
            "found box x 1, y 1, w 39.002, h 2; allowed: boxes with an area, inside the 40 x 20 "
            "pixels of their image",
        ),
        ("boxes", "cat/0.png,cat,1,1,2,0", "found box x 1, y 1, w 2, h 0; allowed: boxes with"),
        ("boxes", "cat/0.png,cat,-1,1,2,2", "found box x -1, y 1, w 2, h 2; allowed: boxes with"),
        ("boxes", "cat/0.png,cat,1,19,2,2", "found box x 1, y 19, w 2, h 2; allowed: boxes with"),
        ("boxes", "cat/0.png,cat,nan,1,2,2", "found box x nan, y 1, w 2, h 2; allowed: boxes"),
        ("boxes", "cat/0.png,cat,1,1,inf,2", "found box x 1, y 1, w inf, h 2; allowed: boxes"),
        ("boxes", "cat/0.png,cat,inf,1,-inf,2", "found box x inf, y 1, w -inf, h 2; allowed"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_left(
    root, tmp_path, make_dataset, name, line, message
):
    add(root, name, line)
    number = len((root / f"{name}.csv").read_text(encoding="utf-8").splitlines())
    with pytest.raises(InputError) as caught:
        prepare(make_dataset(with_groups(root, boxes="boxes.csv")), tmp_path / "out/a.h5")
    place = root / f"{name}.csv"
    assert str(caught.value).startswith(f"{place}, line {number}: {message}")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("groups", [GROUPS, "cat/0.png,a"], r"has no row of ape/0\.png, .*, \.\.\. \(17 in all"),
        ("groups", ["file,track"], "has no column 'group'; found: file, track"),
        ("boxes", ["file,label,x,y,w,height"], "has no column 'h'; found: file, label"),
        ("boxes", [f"{BOXES},x"], "has several columns 'x'"),
    ],
)
def test_a_table_that_lacks_something_is_named(root, name, lines, message):
    table(root, name, *lines)
    with pytest.raises(InputError, match=rf"{name}\.csv: {message}"):
        open_folder(with_groups(root, boxes="boxes.csv"), 8)


@pytest.mark.parametrize("key", ["groups", "boxes"])
def test_an_absent_table_is_named(root, key):
    message = rf"gone\.csv: file not found; give source\.{key} another path, or null"
    with pytest.raises(InputError, match=message):
        open_folder(folder(root, split=HALF, **{key: "gone.csv"}), 8)


def test_a_table_may_be_anywhere(root, tmp_path, monkeypatch):
    (tmp_path / "tables").mkdir()
    (root / "groups.csv").rename(tmp_path / "tables/elsewhere.csv")
    (tmp_path / "tables").rename(tmp_path.with_name(f"{tmp_path.name}-tables"))
    monkeypatch.setenv("TABLES", f"{tmp_path}-tables")
    source = open_folder(with_groups(root, groups="$TABLES/elsewhere.csv"), 8)
    assert source.train.patients is not None


def test_a_header_alone_is_no_boxes(root, tmp_path, make_dataset):
    table(root, "boxes", BOXES)
    prepare(make_dataset(with_boxes(root)), tmp_path / "out.h5")
    with pytest.raises(InputError, match=r"has no boxes in 'test'; take its runs out"):
        read_boxes(tmp_path / "out.h5", "test")


def test_images_that_look_alike_by_name_are_refused_where_tables_name_them(root):
    for name in ("caf\u00e9", "cafe\u0301"):
        save(root / f"cat/{name}.png")
    if len([*(root / "cat").glob("caf*")]) < 2:
        pytest.skip("file names have one spelling here")
    open_folder(folder(root, split=HALF), 8)
    with pytest.raises(
        InputError, match=r"groups\.csv: tells images by .* two look like 'cat/caf"
    ):
        open_folder(with_groups(root), 8)
