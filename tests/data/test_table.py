"""Images by a table of one's own: what each column says, and what is refused."""

import importlib
import json
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import ExifTags, Image
from pydantic import ValidationError

from imbalens.data.nih_tables import FINDINGS, read_tables
from imbalens.data.prepare import prepare
from imbalens.data.table import open_table
from imbalens.errors import InputError
from imbalens.params.datasets import Dataset
from imbalens.params.loading import load_params, read_experiment, validate
from imbalens.params.sources import Table
from imbalens.store.prepared import read_boxes, read_split
from tests.data.test_nih import nih
from tests.tiny import ROOT

REAL = Path(os.environ.get("IMBALENS_REAL_DATA", Path(__file__).parents[2] / "../shared/data"))
HEADER = "path,label,findings,split,patient,view,a,b"
ROWS = (
    "in/0.jpg,cat,Mass|Edema,train,P-a,PA,1,1",
    "in/1.jpg,ape,none,train,P-a,AP,0,0",
    "in/2.jpg,cat,Mass,train,P-b,PA,1,0",
    "in/3.jpg,ape,Edema,train,,PA,0,1",
    "in/4.jpg,cat, Mass ,test,P-c,PA,1,0",
    "in/5.jpg,ape,none,test,P-c,AP,0,0",
    "in/6.jpg,ape,Edema,validation,P-d,AP,0,1",
)
SIZE = (40, 20)  # width and height of the stored images
JOINED = {"kind": "joined", "column": "findings", "separator": "|", "none": "none"}
JOINED |= {"classes": None, "merged_as": None}
HOT = {"kind": "multi_hot", "columns": ("a", "b"), "blank": None, "uncertain": None}
HOT |= {"merged_as": None}
ONE = {"kind": "class", "column": "label", "classes": None}
BOXES = {"kind": "xywh", "file": "boxes.csv", "label": "label", "columns": None, "sides": None}
ANNOTATION = {"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 1, 2, 2]}


@pytest.fixture
def root(tmp_path):
    """A table, and oblong JPEG files that it names."""
    folder = tmp_path / "root"
    (folder / "in").mkdir(parents=True)
    for i in range(len(ROWS)):
        Image.new("RGB", SIZE, (30 * i, 0, 0)).save(folder / f"in/{i}.jpg", quality=100)
    write(folder / "labels.csv", HEADER, *ROWS)
    write(
        folder / "boxes.csv",
        "path,label,x,y,w,h",
        "in/4.jpg,cat,10,5,20,10",
        "in/0.jpg,ape,0,0,40,20",
    )
    return folder


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def table(root, **changes):
    return Table.model_validate(
        {
            "name": "table",
            "root": str(root),
            "table": "labels.csv",
            "images": {"kind": "files", "column": "path"},
            "labels": ONE,
            "split": {"kind": "column", "column": "split"},
            "group": None,
            "view": None,
            "boxes": None,
            "channels": 3,
            "window": "full",
            "digest": None,
        }
        | changes
    )


def joined(**changes):
    return JOINED | changes


def reds(split):
    return np.round(split.read(np.arange(len(split.names)))[:, 0, 0, 0] / 30).tolist()


def test_classes_splits_groups_and_views_are_read(root):
    source = open_table(table(root, group="patient", view="view"), 8)
    assert (source.place, source.task, source.channels) == (str(root), "multiclass", 3)
    assert source.class_names == ("ape", "cat")
    assert source.train.names == [f"in/{i}.jpg" for i in range(4)]
    assert source.train.labels.tolist() == [1, 0, 1, 0]
    assert source.test.labels.tolist() == [1, 0]
    assert source.validation.labels.tolist() == [0]
    assert source.train.patients.tolist() == [0, 0, 1, 2]
    assert source.test.patients.tolist() == [3, 3]
    assert source.test.views == ["PA", "AP"]
    assert source.train.boxes is None
    assert [reds(each) for each in (source.train, source.test)] == [[0, 1, 2, 3], [4, 5]]
    source = open_table(table(root), 8, validation=False)
    assert (source.validation, source.n_unread) == (None, 1)


def test_labels_joined_in_one_value(root):
    source = open_table(table(root, labels=joined()), 8)
    assert (source.task, source.class_names) == ("multilabel", ("Edema", "Mass"))
    assert source.train.labels.tolist() == [[1, 1], [0, 0], [0, 1], [1, 0]]
    assert source.test.labels.tolist() == [[0, 1], [0, 0]]
    source = open_table(table(root, labels=joined(classes=("Mass", "none", "Edema"))), 8)
    assert source.train.labels.tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert source.class_names == ("Mass", "No Finding", "Edema")  # as measures know it
    source = open_table(table(root, labels=joined(merged_as="Sick")), 8)
    assert (source.task, source.class_names) == ("binary", ("Sick",))
    assert source.train.labels.tolist() == [[1], [0], [1], [1]]
    text = (
        (root / "labels.csv").read_text(encoding="utf-8").replace("none", "").replace("|", " ; ")
    )
    (root / "labels.csv").write_text(text, encoding="utf-8")
    source = open_table(table(root, labels=joined(none="", separator=";")), 8)
    assert source.train.labels.tolist() == [[1, 1], [0, 0], [0, 1], [1, 0]]


def test_columns_of_zeros_and_ones(root):
    source = open_table(table(root, labels=HOT), 8)
    assert (source.task, source.class_names) == ("multilabel", ("a", "b"))
    assert source.train.labels.tolist() == [[1, 1], [0, 0], [1, 0], [0, 1]]
    assert source.train.unknown is None
    write(
        root / "labels.csv",
        "path,split,a,b",
        "in/0.jpg,train,1.0,",
        "in/1.jpg,train,-1.0,false",
        "in/2.jpg,train,-1,True",
        "in/3.jpg,test,0,0.0",
    )
    source = open_table(
        table(root, labels=HOT | {"blank": "negative", "uncertain": "positive"}), 8
    )
    assert source.train.labels.tolist() == [[1, 0], [1, 0], [1, 1]]
    assert source.train.unknown is None
    rules = HOT | {"blank": "ignore", "uncertain": "ignore"}
    source = open_table(table(root, labels=rules), 8)
    assert source.train.labels.tolist() == [[1, 0], [0, 0], [0, 1]]
    assert source.train.unknown.tolist() == [[False, True], [True, False], [True, False]]
    assert source.test.unknown.tolist() == [[False, False]]
    source = open_table(table(root, labels=rules | {"merged_as": "any"}), 8)
    assert source.train.labels.tolist() == [[1], [0], [1]]
    assert source.train.unknown.tolist() == [[False], [True], [False]]


def test_one_column_of_several_is_the_class(root):
    rows = ("in/0.jpg,train,1,0", "in/1.jpg,train,0,1", "in/2.jpg,test,0.0,1.0")
    write(root / "labels.csv", "path,split,a,b", *rows)
    source = open_table(table(root, labels={"kind": "one_hot", "columns": ("b", "a")}), 8)
    assert (source.task, source.class_names) == ("multiclass", ("b", "a"))
    assert source.train.labels.tolist() == [1, 0]
    write(root / "labels.csv", "path,split,a,b", *rows, "in/3.jpg,test,1,1")
    with pytest.raises(
        InputError, match=r"line 5: found 1 in 2 columns \(b, a\); allowed: in one"
    ):
        open_table(table(root, labels={"kind": "one_hot", "columns": ("b", "a")}), 8)


def test_whole_numbers_are_in_their_order(root):
    rows = [
        f"in/{i}.jpg,{label},{'test' if i > 2 else 'train'}"
        for i, label in enumerate((10, 9, 2, 10))
    ]
    write(root / "labels.csv", "path,label,split", *rows)
    source = open_table(table(root), 8)
    assert source.class_names == ("2", "9", "10")
    assert source.train.labels.tolist() == [2, 1, 0]
    source = open_table(table(root, labels=ONE | {"classes": ("10", "9", "2", "7")}), 8)
    assert source.train.labels.tolist() == [0, 1, 2]
    assert source.class_names == ("10", "9", "2", "7")


def test_tables_of_their_own_for_each_split(root):
    for name, part in (("a", ROWS[:4]), ("b", ROWS[4:6]), ("c", ROWS[6:])):
        write(root / f"{name}.csv", HEADER, *part)
    split = {"kind": "tables", "val": "c.csv", "test": str(root / "b.csv")}
    source = open_table(table(root, table="a.csv", split=split), 8)
    assert [len(each.names) for each in (source.train, source.validation, source.test)] == [
        4,
        1,
        2,
    ]
    assert not table(root, split=split | {"val": None}).may_set_aside
    assert table(root, split=split).may_set_aside
    write(root / "b.csv", HEADER, *ROWS[3:6])
    with pytest.raises(
        InputError, match=r"b\.csv, line 2: found 'in/3.jpg' again, after .*a\.csv, line 5"
    ):
        open_table(table(root, table="a.csv", split=split), 8)


def labelled(root, labels, *groups):
    """Write a table of images with some labels, the last two for testing."""
    rows = [
        f"in/{i}.jpg,{label},{'test' if i >= len(labels) - 2 else 'train'},{group}"
        for i, (label, group) in enumerate(zip(labels, groups or labels, strict=True))
    ]
    write(root / "labels.csv", "path,label,split,patient", *rows)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("11.0", "2.0", "0.0", "2.0", "11"), ("0", "2", "11")),
        (("-1", "-2", "10", "9.0", "0"), ("-2", "-1", "0", "9", "10")),
        (("1.5", "2.0", "2", "1.5", "10"), ("1.5", "10", "2")),
        (("v1.0", "v2.0", "v1.0", "v1.0", "v2.0"), ("v1.0", "v2.0")),
    ],
)
def test_whole_numbers_that_became_floats_are_whole_and_in_their_order(root, labels, names):
    labelled(root, labels)
    source = open_table(table(root), 8)
    assert source.class_names == names
    found = [names[label] for label in [*source.train.labels, *source.test.labels]]
    assert found == [text if "v" in text else text.removesuffix(".0") for text in labels]


def test_boxes_and_classes_given_name_whole_numbers_either_way(root):
    labelled(root, ("1.0", "2", "1", "2.0"))
    write(root / "boxes.csv", "path,label,x,y,w,h", "in/2.jpg,1.0,0,0,40,20", "in/3.jpg,2,0,0,9,9")
    for classes in (None, ("1", "2"), ("1.0", "2.0")):
        source = open_table(table(root, labels=ONE | {"classes": classes}, boxes=BOXES), 8)
        assert source.train.labels.tolist() == source.test.labels.tolist() == [0, 1]
        assert source.test.boxes(np.arange(2))[:, 1].tolist() == [0, 1]


def test_a_group_is_one_where_a_gap_made_floats_of_numbers(root):
    labelled(root, ("a", "b", "a", "b"), "12.0", "", "13", "12")
    with pytest.raises(InputError, match=r"in/0\.jpg \(train\) and in/3\.jpg \(test\) are of one"):
        open_table(table(root, group="patient"), 8)


@pytest.mark.parametrize("merged", [None, "Sick"])
def test_a_table_without_any_label_is_refused(root, merged):
    text = (root / "labels.csv").read_text(encoding="utf-8")
    for each in ("Mass|Edema", "Mass", "Edema"):
        text = text.replace(each, "none")
    (root / "labels.csv").write_text(text, encoding="utf-8")
    with pytest.raises(
        InputError, match=r"line 2: found no label in any of 7 rows, but 'none' or"
    ):
        open_table(table(root, labels=joined(merged_as=merged)), 8)


@pytest.mark.parametrize("twice", [("a", "a", "b"), ("b", "\u00e9", "e\u0301")])
@pytest.mark.parametrize("labels", [ONE, JOINED])
def test_a_class_given_twice_is_refused(root, labels, twice):
    with pytest.raises(ValidationError, match=r"allowed: each name once; names \d and \d are one"):
        table(root, labels=labels | {"classes": twice})


def test_what_tables_call_no_finding_is_called_so_and_never_merged(root):
    names = ("No finding", "a")
    write(
        root / "labels.csv", "path,split,No finding,a", "in/0.jpg,train,1,0", "in/1.jpg,test,0,1"
    )
    labels = HOT | {"columns": names}
    assert open_table(table(root, labels=labels), 8).class_names == ("No Finding", "a")
    with pytest.raises(
        InputError, match=r"merged_as: 'No Finding' is among the labels that would"
    ):
        open_table(table(root, labels=labels | {"merged_as": "Sick"}), 8)


def test_a_blank_among_columns_of_one_class_has_no_rule(root):
    write(root / "labels.csv", "path,split,a,b", "in/0.jpg,train,1,0", "in/1.jpg,test,,1")
    with pytest.raises(InputError, match=r"line 3: found '' in column 'a'; allowed: 0 and 1$"):
        open_table(table(root, labels={"kind": "one_hot", "columns": ("a", "b")}), 8)


def test_a_pattern_finds_groups_in_a_column(root):
    group = {"column": "path", "pattern": "in/([0-4])?"}
    source = open_table(table(root, group=group), 8)
    assert source.train.groups == ["0", "1", "2", "3"]
    assert source.test.groups == ["4", ""]
    add(root, "labels.csv", "elsewhere/8.jpg,cat,none,test,,PA,0,0")
    (root / "elsewhere").mkdir()
    shutil.copy(root / "in/0.jpg", root / "elsewhere/8.jpg")
    with pytest.raises(InputError) as caught:
        open_table(table(root, group=group), 8)
    assert str(caught.value) == (
        f"{root}/labels.csv, line 9: found 'elsewhere/8.jpg' in column 'path', in which "
        "source.group.pattern, 'in/([0-4])?', finds nothing; allowed: a group in each, or a blank"
    )
    group = {"column": "path", "pattern": "(in)"}
    write(root / "labels.csv", HEADER, *ROWS)
    with pytest.raises(InputError, match="are of one group 'in'; groups in both: 1"):
        open_table(table(root, group=group), 8)


@pytest.mark.parametrize(
    "group", [{"column": "path", "pattern": each} for each in ("(", "a", "(a)(b)", "")] + ["", 5]
)
def test_a_group_that_is_neither_a_column_nor_a_pattern_is_refused(root, group):
    with pytest.raises(
        ValidationError, match=r"^1 validation error .*\n.*\n.*allowed: a column, or"
    ):
        table(root, group=group)


@pytest.mark.parametrize("group", [None, "patient"])
def test_a_share_drawn_without_groups_is_said(root, capsys, group):
    split = {"kind": "share", "test_share": 0.4, "seed": 0}
    open_table(table(root, labels=HOT, split=split, group=group), 8)
    said = f"{root}: split by image: no group is given; images of one patient, or"
    assert capsys.readouterr().err.count(said) == (group is None)


@pytest.mark.parametrize("labels", [ONE, joined(), HOT])
@pytest.mark.parametrize("seed", range(5))
def test_shares_are_drawn_in_whole_groups(root, labels, seed):
    split = {"kind": "share", "test_share": 0.4, "seed": seed}
    source = open_table(table(root, labels=labels, split=split, group="patient"), 8)
    assert len(source.train.names) + len(source.test.names) == len(ROWS)
    assert not {*source.train.patients.tolist()} & {*source.test.patients.tolist()}
    again = open_table(table(root, labels=labels, split=split, group="patient"), 8)
    assert source.test.names == again.test.names


@pytest.mark.parametrize("suffix", [".tsv", ".csv.gz", ".parquet"])
def test_other_kinds_of_tables_hold_the_same(root, suffix):
    import pandas as pd

    expected = open_table(table(root, labels=HOT, group="patient"), 8)
    frame = pd.read_csv(root / "labels.csv", dtype={"patient": "str"})
    frame.loc[6, "a"] = None  # the column becomes one of floats
    path = root / f"labels{suffix}"
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
    else:
        frame.to_csv(path, sep="\t" if suffix == ".tsv" else ",", index=False)
    labels = HOT | {"blank": "negative"}
    source = open_table(table(root, table=path.name, labels=labels, group="patient"), 8)
    for split, other in ((source.train, expected.train), (source.test, expected.test)):
        assert split.labels.tolist() == other.labels.tolist()
        assert split.names == other.names
        assert split.patients.tolist() == other.patients.tolist()


def test_parquet_of_lists_and_bytes_is_refused(root):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = [line.split(",") for line in ROWS]
    columns = dict(zip(HEADER.split(","), map(list, zip(*rows, strict=True)), strict=True))
    lists = [text.split("|") for text in columns["findings"]]
    for kind, held in (
        ("list<", lists),
        ("large_list<", pa.array(lists, pa.large_list(pa.string()))),
        ("struct<", [{"a": 1}] * 7),
        ("binary", [b"a"] * 7),
    ):
        parquet.write_table(pa.table(columns | {"findings": held}), root / "a.parquet")
        with pytest.raises(InputError) as caught:
            open_table(table(root, table="a.parquet", labels=joined()), 8)
        start = f"{root}/a.parquet: column 'findings' holds values of {kind}"
        assert str(caught.value).startswith(start)
        assert str(caught.value).endswith("write it as text, several labels joined by a separator")
        assert open_table(table(root, table="a.parquet"), 8).class_names == ("ape", "cat")


def test_full_paths_within_the_root_are_read(root):
    text = (root / "labels.csv").read_text(encoding="utf-8")
    (root / "labels.csv").write_text(text.replace("in/", f"{root}/./in/"), encoding="utf-8")
    assert open_table(table(root), 8).test.names == ["in/4.jpg", "in/5.jpg"]


def test_a_table_too_large_as_text_is_told_of_parquet(root, monkeypatch):
    monkeypatch.setattr("imbalens.data.csv_tables.MAX_BYTES", 9)  # of other files
    open_table(table(root), 8)
    monkeypatch.setattr("imbalens.data.table_rows.MAX_BYTES", 9)
    with pytest.raises(InputError, match=r"than the 9 bytes .* or a table of your own as parquet"):
        open_table(table(root), 8)


def test_parquet_that_is_none_and_its_rows_are_named(root, monkeypatch):
    pytest.importorskip("pyarrow")
    import pandas as pd

    (root / "a.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(InputError, match=r"a\.parquet: cannot be read as parquet \("):
        open_table(table(root, table="a.parquet"), 8)
    frame = pd.read_csv(root / "labels.csv")
    frame.loc[2, "label"] = None
    frame.to_parquet(root / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet, row 3: found class ''; allowed"):
        open_table(table(root, table="a.parquet"), 8)
    with pytest.raises(InputError, match=r"a\.parquet: has no column 'l'; found: path, label, fi"):
        open_table(table(root, table="a.parquet", labels=ONE | {"column": "l"}), 8)
    real = importlib.import_module
    monkeypatch.setattr("imbalens.store.parquet.import_module", lambda name: real(f"{name}_"))
    with pytest.raises(InputError, match=r"not installed.*pip install 'imbalens\[parquet\]'"):
        open_table(table(root, table="a.parquet"), 8)


def test_images_of_an_array(root, make_dataset):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (len(ROWS), 10, 20, 3), dtype=np.uint8)
    np.savez(root / "x.npz", images=images)
    with h5py.File(root / "x.h5", "w") as file:
        file["images"] = images
    write(root / "boxes.csv", "row,label,x,y,w,h", "4,cat,10,5,10,5")
    expected = None
    for name in ("x.npz", "x.h5"):
        params = table(
            root, images={"kind": "array", "file": name, "array": "images"}, boxes=BOXES
        )
        source = open_table(params, 10)
        assert source.place == str(root / name)
        assert source.test.names == ["4", "5"]
        assert source.test.boxes(np.arange(2)).tolist() == [[0, 1, 5, 5, 5, 5]]
        assert source.train.boxes(np.arange(2)).shape == (0, 6)
        summary = prepare(make_dataset(params, image_size=10), root / "out.h5")
        assert expected in (None, summary["digest"])
        expected = summary["digest"]
        grey = open_table(params.model_copy(update={"channels": 1}), 10)
        assert grey.test.read(np.arange(2)).shape == (2, 10, 10, 1)
    with pytest.raises(InputError, match=r"x\.npz: has no array 'other'; give source\.images"):
        open_table(table(root, images={"kind": "array", "file": "x.npz", "array": "other"}), 8)
    np.savez(root / "x.npz", images=images[1:])
    with pytest.raises(InputError, match=r"images has 6 images, the table 7 rows; allowed: a row"):
        open_table(table(root, images={"kind": "array", "file": "x.npz", "array": "images"}), 8)


def coco(root, **changes):
    content = {
        "images": [
            {"id": 7, "file_name": "in/4.jpg", "width": 40, "height": 20},
            {"id": 1, "file_name": "in/0.jpg"},
            {"id": 9, "file_name": "elsewhere.jpg", "width": 9, "height": 9},
        ],
        "annotations": [
            {
                "id": 1,
                "image_id": 7,
                "category_id": 3,
                "bbox": [10, 5, 20.0, 10],
                "segmentation": [],
            },
            {"id": 2, "image_id": 1, "category_id": 5, "bbox": [0, 0, 40, 20], "iscrowd": 0},
            {"id": 3, "image_id": 1, "category_id": 5, "bbox": [0, 0, 1, 1], "iscrowd": 1},
        ],
        "categories": [{"id": 3, "name": "cat"}, {"id": 5, "name": "ape"}],
    } | changes
    (root / "boxes.json").write_text(json.dumps(content), encoding="utf-8")
    return table(root, boxes={"kind": "coco", "file": "boxes.json"})


def test_boxes_in_every_form_are_the_same(root):
    expected = [[0, 1, 2, 2, 4, 4]], [[0, 0, 0, 0, 8, 8]]
    lines = "in/4.jpg,10,5,30,15,cat", "in/0.jpg,0,0,40,20,ape"
    write(root / "corners.csv", "path,x_min,y_min,x_max,y_max,what", *lines)
    lines = "in/4.jpg,cat,256,128,512,256", "in/0.jpg,ape,0,0,1024,512", "in/1.jpg,none,,nan,,"
    write(root / "large.csv", "path,label,left,top,width,height", *lines)
    large = {"columns": ("left", "top", "width", "height"), "sides": (1024, 512)}
    forms = (
        BOXES,
        BOXES | {"kind": "corners", "file": "corners.csv", "label": "what"},
        BOXES | {"file": "large.csv", **large},
        coco(root).boxes.model_dump(),
    )
    for form in forms:
        params = table(root, boxes=form)
        assert params.has_boxes
        source = open_table(params, 8)
        assert source.test.boxes(np.arange(2)).tolist() == expected[0], form
        assert source.train.boxes(np.arange(4)).tolist() == expected[1], form
    merged = open_table(
        table(
            root,
            labels=joined(merged_as="Sick", classes=("cat", "ape", "Mass", "Edema")),
            boxes=BOXES,
        ),
        8,
    )
    assert merged.test.boxes(np.arange(2))[:, 1].tolist() == [0]


def test_boxes_follow_the_orientation_and_the_geometry(root):
    turn(root / "in/4.jpg")
    write(root / "boxes.csv", "path,label,x,y,w,h", "in/4.jpg,cat,0,0,20,20")
    source = open_table(table(root, boxes=BOXES), 8, resize="squash")
    assert source.test.boxes(np.arange(2)).tolist() == [[0, 1, 0, 0, 8, 4]]  # the upper half
    source = open_table(table(root, boxes=BOXES), 8, resize="pad")
    assert source.test.boxes(np.arange(2)).tolist() == [[0, 1, 2, 0, 4, 4]]


def turn(path, orientation=6):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.new("RGB", SIZE).save(path, exif=exif)


@pytest.mark.parametrize(
    "image",
    [
        {"file_name": "./in/4.jpg", "width": 80, "height": 40},
        {"file_name": "in\\4.jpg", "width": 80.0, "height": 40},
        {"file_name": " in/4.jpg ", "width": 81, "height": 40},  # rounded
        {"file_name": "in/4.jpg", "width": 10, "height": 5, "bbox": [2.5, 1.25, 5, 2.5]},
        {"file_name": "in/4.jpg", "width": None, "height": None, "bbox": [10, 5, 20, 10]},
    ],
)
def test_stated_sides_hold_however_path_and_numbers_are_written(root, image):
    box = {"bbox": image.pop("bbox", [20, 10, 40, 20])}
    params = coco(root, images=[image | {"id": 7}], annotations=[ANNOTATION | box])
    assert open_table(params, 8).test.boxes(np.arange(2)).tolist() == [[0, 1, 2, 2, 4, 4]]


@pytest.mark.parametrize(
    ("sides", "box"),
    [
        ((40, 20), [0, 0, 20, 20]),  # as the file holds it
        ((20, 40), [0, 0, 20, 20]),  # as it is shown
        ((200, 400), [0, 0, 200, 200]),
    ],
)
def test_sides_of_a_turned_file_say_which_way_its_boxes_are_meant(root, sides, box):
    turn(root / "in/4.jpg")
    image = {"id": 7, "file_name": "in/4.jpg", "width": sides[0], "height": sides[1]}
    params = coco(root, images=[image], annotations=[ANNOTATION | {"bbox": box}])
    # the upper half of the image upright, which is the left one of the file
    assert open_table(params, 8).test.boxes(np.arange(2)).tolist() == [[0, 1, 0, 0, 8, 4]]


@pytest.mark.parametrize("sides", [(20, 40), (1024, 1024), (40, 23)])
@pytest.mark.parametrize("kind", ["coco", "table"])
def test_sides_of_other_proportions_are_refused(root, sides, kind):
    image = {"id": 7, "file_name": "in/4.jpg", "width": sides[0], "height": sides[1]}
    if kind == "coco":
        params, place = coco(root, images=[image], annotations=[ANNOTATION]), "annotations[0]"
    else:
        params, place = table(root, boxes=BOXES | {"sides": sides}), "line 2"
    with pytest.raises(InputError) as caught:
        open_table(params, 8)
    assert (
        f"{place}: found a box in pixels of an image of {sides[0]} x {sides[1]}, but the file has "
        "40 x 20; allowed: sides of its proportions" in str(caught.value)
    )


def test_rows_of_a_box_table_without_a_box_are_passed_over_and_counted(root, capsys):
    add(root, "boxes.csv", "in/1.jpg,No finding,,,,")
    add(root, "boxes.csv", "elsewhere.jpg,,nan,NaN, ,")
    source = open_table(table(root, boxes=BOXES), 8)
    assert source.train.boxes(np.arange(4)).tolist() == [[0, 0, 0, 0, 8, 8]]
    assert f"{root}/boxes.csv: passed over 2 rows without a box\n" in capsys.readouterr().err


def add(root, name, line):
    with (root / name).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


@pytest.mark.parametrize(
    ("line", "labels", "message"),
    [
        ("in/9.jpg,cat,none,test,,PA,0,0", ONE, "found no file 'in/9.jpg' in "),
        ("in/0.jpg,cat,none,test,,PA,0,0", ONE, "found 'in/0.jpg' again, after "),
        ("./in/0.jpg,cat,none,test,,PA,0,0", ONE, "found 'in/0.jpg' again, after "),
        ("../0.jpg,cat,none,test,,PA,0,0", ONE, "found path '../0.jpg'; allowed: paths within"),
        ("/0.jpg,cat,none,test,,PA,0,0", ONE, "found path '/0.jpg'; allowed: paths within"),
        (",cat,none,test,,PA,0,0", ONE, "found path ''; allowed: paths within"),
        ("in/7.jpg,,none,test,,PA,0,0", ONE, "found class ''; allowed: a name for each"),
        ("in/7.jpg,NaN,none,test,,PA,0,0", ONE, "found class 'NaN'; allowed: a name for each"),
        (
            "in/7.jpg,dog,none,test,,PA,0,0",
            ONE | {"classes": ("ape", "cat")},
            "found class 'dog'; allowed: ape, cat",
        ),
        ("in/7.jpg,cat,,test,,PA,0,0", JOINED, "found label '' in ''; allowed: none alone, or"),
        ("in/7.jpg,cat,Mass|,test,,PA,0,0", JOINED, "found label '' in 'Mass|'; allowed: none"),
        ("in/7.jpg,cat,Mass|none,test,,PA,0,0", JOINED, "found label 'none' in 'Mass|none'"),
        (
            "in/7.jpg,cat,Mass|Lump,test,,PA,0,0",
            JOINED | {"classes": ("Mass", "Edema")},
            "found label 'Lump' in 'Mass|Lump'; allowed: none alone, or Mass, Edema",
        ),
        ("in/7.jpg,cat,none,test,,PA,2,0", HOT, "found '2' in column 'a'; allowed: 0 and 1"),
        (
            "in/7.jpg,cat,none,test,,PA,0,-1",
            HOT,
            "found '-1' in column 'b'; allowed: 0 and 1; for -1 set source.labels.uncertain",
        ),
        (
            "in/7.jpg,cat,none,test,,PA,,0",
            HOT,
            "found '' in column 'a'; allowed: 0 and 1; for blanks set source.labels.blank",
        ),
        ("in/7.jpg,cat,none,tset,,PA,0,0", ONE, "found split 'tset'; allowed: train, val, test, "),
        ("in/7.jpg,cat", ONE, "found 2 fields; allowed: at least "),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_left(root, make_dataset, line, labels, message):
    Image.new("RGB", SIZE).save(root / "in/7.jpg")
    add(root, "labels.csv", line)
    imbalance = {"kind": "natural", "n_max": None, "selection": {"name": "seeded", "seed": 0}}
    dataset = make_dataset(table(root, labels=labels), imbalance=imbalance)
    with pytest.raises(InputError) as caught:
        prepare(dataset, root / "out/a.h5")
    assert str(caught.value).startswith(f"{root}/labels.csv, line 9: {message}")
    assert not (root / "out").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("in/9.jpg,cat,1,1,2,2", "found a box of 'in/9.jpg', which is none of the images of"),
        ("in/0.jpg,dog,1,1,2,2", "found label 'dog'; allowed: ape, cat"),
        ("in/0.jpg,cat,1,1,40,2", "found box x 1, y 1, w 40, h 2; allowed: boxes with an area, "),
        ("in/0.jpg,cat,1,1,b,2", "found box 1, 1, b, 2; allowed: 4 numbers"),
        ("in/0.jpg,cat,1,1,,2", "found box 1, 1, , 2; allowed: 4 numbers"),
    ],
)
def test_a_wrong_box_is_named_and_nothing_is_left(root, make_dataset, line, message):
    add(root, "boxes.csv", line)
    with pytest.raises(InputError) as caught:
        prepare(make_dataset(table(root, boxes=BOXES)), root / "out/a.h5")
    assert str(caught.value).startswith(f"{root}/boxes.csv, line 4: {message}")
    assert not (root / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"annotations": [ANNOTATION | {"image_id": 8}]},
            "annotations[0]: found image_id 8, which",
        ),
        (
            {"annotations": [ANNOTATION | {"image_id": 9}]},
            "annotations[0]: found a box of 'elsewh",
        ),
        (
            {"annotations": [ANNOTATION | {"category_id": []}]},
            "annotations[0]: found category_id [",
        ),
        (
            {"annotations": [ANNOTATION | {"bbox": [1, 2]}]},
            "annotations[0]: found bbox [1, 2]; all",
        ),
        (
            {"annotations": [ANNOTATION | {"bbox": [1, 1, 2, None]}]},
            "annotations[0]: found box 1, 1",
        ),
        (
            {"annotations": [ANNOTATION | {"bbox": [1, 1, 40, 2]}]},
            "annotations[0]: found box x 1, y ",
        ),
        (
            {"annotations": [ANNOTATION | {"bbox": [1, 1, "\x1b" * 100_000, 2]}]},
            "annotations[0]: found '\\x1b",
        ),
        (
            {"annotations": [ANNOTATION], "categories": [{"id": 3, "name": "x" * 100_000}]},
            "annotations[0]: found 'xxx",
        ),
        (
            {"annotations": [ANNOTATION | {"bbox": ["y" * 255] * 4}]},
            "annotations[0]: found box yyy",
        ),
        (
            {
                "images": [{"id": 7, "file_name": "in/4.jpg", "width": "40", "height": 20}],
                "annotations": [],
            },
            "images[0]: found width '40'; allowed: whole numbers from 1 to 131,072, or none",
        ),
        (
            {
                "images": [{"id": 7, "file_name": "in/4.jpg", "width": 40, "height": 0.5}],
                "annotations": [],
            },
            "images[0]: found height 0.5; allowed: whole",
        ),
        ({"annotations": None}, "has no list 'annotations' of entries"),
        ({"categories": [{"id": 3}]}, "categories[0]: found {'id': 3}; allowed: an id and a text"),
        ({"categories": [{"id": 3, "name": "cat"}] * 2}, "categories[1]: found id 3 again"),
        (
            {"categories": [{"id": 3, "name": "dog"}], "annotations": [ANNOTATION]},
            "annotations[0]: found label 'dog'; allowed: ape, cat",
        ),
    ],
)
def test_a_wrong_file_of_annotations_is_named(root, changes, message):
    with pytest.raises(InputError) as caught:
        open_table(coco(root, **changes), 8)
    assert f"{root}/boxes.json" in str(caught.value)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 500 + len(str(root))
    params = coco(root)
    write(root / "boxes.json", "{")
    with pytest.raises(InputError, match=r"boxes\.json: cannot be read as JSON"):
        open_table(params, 8)


def test_a_group_in_two_splits_is_named_with_both_images(root):
    add(root, "labels.csv", "in/7.jpg,cat,none,test,P-b,PA,0,0")
    Image.new("RGB", SIZE).save(root / "in/7.jpg")
    with pytest.raises(InputError) as caught:
        open_table(table(root, group="patient"), 8)
    assert str(caught.value) == (
        f"{root}: in/2.jpg (train) and in/7.jpg (test) are of one group 'P-b'; groups in both: 1; "
        "allowed: none"
    )
    # the same with images of which only the number is wanted
    write(root / "labels.csv", HEADER, *ROWS[:6], "in/6.jpg,ape,none,val,P-a,AP,0,1")
    with pytest.raises(InputError, match=r"in/0.jpg \(train\) and in/6.jpg \(val\) are of one"):
        open_table(table(root, group="patient"), 8, validation=False)


def test_a_table_without_rows_columns_or_a_split_is_named(root):
    with pytest.raises(
        InputError, match=r"labels\.csv: has no column 'pat'; found: path, label, f"
    ):
        open_table(table(root, group="pat"), 8)
    write(root / "labels.csv", HEADER, *ROWS[:4])
    with pytest.raises(
        InputError, match=r"labels\.csv: found no test images among 4 rows; allowed"
    ):
        open_table(table(root), 8)
    write(root / "labels.csv", HEADER)
    with pytest.raises(
        InputError, match=r"labels\.csv: has no rows; allowed: a row for each image"
    ):
        open_table(table(root), 8)
    with pytest.raises(InputError, match=r"none\.csv: file not found; give source\.table another"):
        open_table(table(root, table="none.csv"), 8)
    write(root / "labels.txt", HEADER)
    with pytest.raises(InputError, match=r"found suffix '\.txt'; allowed: \.csv, "):
        open_table(table(root, table="labels.txt"), 8)
    with pytest.raises(InputError, match=r"nowhere: folder not found; give source\.root another"):
        open_table(table(root / "nowhere"), 8)


def test_a_name_is_one_however_unicode_spells_it(root):
    Image.new("RGB", SIZE).save(root / "in/e\u0301.jpg")
    add(root, "labels.csv", "in/\u00e9.jpg,cat,none,test,,PA,0,0")
    write(root / "boxes.csv", "path,label,x,y,w,h", "in/e\u0301.jpg,cat,0,0,40,20")
    source = open_table(table(root, boxes=BOXES), 8)
    assert source.test.names[-1] == "in/\u00e9.jpg"
    assert source.test.read(np.array([2])).shape == (1, 8, 8, 3)
    assert source.test.boxes(np.arange(3))[:, 0].tolist() == [2]


def test_the_profile_of_nih_cxr_lt_reads_its_tables(tmp_path, monkeypatch):
    monkeypatch.setenv("IMBALENS_NIH_ROOT", str(tmp_path))
    shutil.copy(ROOT / "analyses.yaml", tmp_path)
    dataset = load_params(ROOT / "profiles/nih_cxr_lt.yaml").datasets["nih_cxr_lt"]
    names = sorted(dataset.source.labels.columns)  # the tables have another order
    assert len({*names}) == 20
    for i, split in enumerate(("train", "balanced-val", "balanced-test")):
        lines = [f"id,{','.join(names)},subj_id"]
        for label in range(20):
            file = f"{20 * i + label:08}_000.png"
            hot = ",".join(str(int(each == label)) for each in range(20))
            lines.append(f"{file},{hot},{20 * i + label}")
            (tmp_path / "images").mkdir(exist_ok=True)
            Image.new("L", (32, 32), 5 * label).save(tmp_path / "images" / file)
        (tmp_path / "LongTailCXR").mkdir(exist_ok=True)
        write(tmp_path / f"LongTailCXR/nih-cxr-lt_single-label_{split}.csv", *lines)
    small = dataset.model_copy(update={"image_size": 8})
    summary = prepare(small, tmp_path / "out.h5")
    assert summary["images"] == {"train": 20, "val": 20, "test": 20}
    split = read_split(tmp_path / "out.h5", "val")
    assert [names[int(image[0, 0, 0]) // 5] for image in split.images] == [
        dataset.source.labels.columns[label] for label in split.labels
    ]


def test_what_a_short_section_leaves_out_is_filled_in(tmp_path):
    path = write(
        tmp_path / "params.yaml",
        "datasets:",
        "  mine:",
        "    source:",
        "      name: table",
        "      root: $MY_IMAGES",
        "      table: labels.csv",
        "      images: {kind: files}",
        "      labels: {kind: joined, column: findings}",
        "      split: {kind: tables, test: test.csv}",
        "      digest: null",
        "    image_size: 8",
        "    imbalance: {kind: natural, n_max: null, selection: {name: seeded, seed: 0}}",
    )
    problems = []
    dataset = validate(read_experiment(path)["datasets"]["mine"], Dataset, path, problems)
    assert problems == []
    source = dataset.source
    assert (source.images.column, source.boxes, source.group) == ("path", None, None)
    assert (source.labels.none, source.labels.separator) == ("No Finding", "|")
    assert (source.split.val, source.channels, source.window) == (None, 3, "full")


@pytest.mark.skipif(
    not (REAL / "nih_sample").is_dir(),
    reason="needs the real images: nih_sample/ in $IMBALENS_REAL_DATA or ../shared/data",
)
@pytest.mark.parametrize("merged", [False, True])
def test_the_real_nih_images_are_the_same_through_nih_and_through_a_table(
    tmp_path, make_dataset, merged
):
    root = REAL / "nih_sample"
    tables, lists = read_tables(None), {}
    for split, name in (("train", "train_val_list.txt"), ("test", "test_list.txt")):
        names = (root / name).read_text(encoding="utf-8").split()
        lists |= dict.fromkeys(names, split)
    there = {path.name: path.relative_to(root).as_posix() for path in root.rglob("*.png")}
    lines = []
    for row, name in enumerate(tables.names):
        if name in there:
            found = [FINDINGS[i] for i in np.flatnonzero(tables.labels[row])]
            who, view = f"patient {tables.patients[row]}", tables.views[row]
            text = "|".join(found) or "No Finding"
            lines.append(f"{there[name]},{text},{who},{view},{lists[name]}")
    assert len(lines) == 144
    write(tmp_path / "t.csv", "path,findings,patient,view,split", *lines)
    boxes = [
        f"{there[tables.names[image]]},{FINDINGS[label]},{','.join(map(repr, box.tolist()))}"
        for image, label, box in zip(
            tables.box_images.tolist(), tables.box_findings.tolist(), tables.boxes, strict=True
        )
        if tables.names[image] in there
    ]
    write(tmp_path / "b.csv", "path,label,x,y,w,h", *boxes)
    params = table(
        root,
        table=str(tmp_path / "t.csv"),
        labels=joined(
            none="No Finding", classes=FINDINGS, merged_as="Unhealthy" if merged else None
        ),
        group="patient",
        view="view",
        channels=1,
        boxes=BOXES | {"file": str(tmp_path / "b.csv"), "sides": (1024, 1024)},
    )
    of_table = prepare(make_dataset(params, image_size=64), tmp_path / "table.h5")
    of_nih = prepare(make_dataset(nih(root, binary=merged), image_size=64), tmp_path / "nih.h5")
    for key in ("counts", "boxes", "views", "patients", "imbalance_ratio", "negatives"):
        assert of_table[key] == of_nih[key], key
    for split in ("train", "test"):
        one, other = (read_split(tmp_path / f"{name}.h5", split) for name in ("table", "nih"))
        assert [Path(name).name for name in one.names] == list(other.names)
        assert (one.images == other.images).all()
        assert (one.labels == other.labels).all()
        with h5py.File(tmp_path / "table.h5") as a, h5py.File(tmp_path / "nih.h5") as b:
            assert a.attrs["class_names"].tolist() == b.attrs["class_names"].tolist()
            groups = [file[f"{split}/patients"][:] for file in (a, b)]
        first, second = (np.unique(each, return_inverse=True)[1] for each in groups)
        assert len({*zip(first.tolist(), second.tolist(), strict=True)}) == first.max() + 1
        assert first.max() == second.max()
    same = [read_boxes(tmp_path / f"{name}.h5", "test") for name in ("table", "nih")]
    assert len(same[0]) == 99
    assert (same[0] == same[1]).all()
