import gzip
import importlib.util
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.data import csv_tables
from imbalens.data.nih_tables import (
    FINDINGS,
    label_matrix,
    label_names,
    read_tables,
)
from imbalens.errors import InputError
from imbalens.params.sources import Binary, Multilabel
from tests.data.nih_layout import BOXES, ENTRIES, write_tables

BINARY = Binary(name="binary")
PLAIN = Multilabel(name="multilabel", include_no_finding=False)
WITH_NO_FINDING = Multilabel(name="multilabel", include_no_finding=True)
POSITIVES = {
    "Atelectasis": 11559,
    "Cardiomegaly": 2776,
    "Consolidation": 4667,
    "Edema": 2303,
    "Effusion": 13317,
    "Emphysema": 2516,
    "Fibrosis": 1686,
    "Hernia": 227,
    "Infiltration": 19894,
    "Mass": 5782,
    "Nodule": 6331,
    "Pleural_Thickening": 3385,
    "Pneumonia": 1431,
    "Pneumothorax": 5302,
    "No Finding": 60361,
}
BOXES_OF = {
    "Atelectasis": 180,
    "Cardiomegaly": 146,
    "Effusion": 153,
    "Infiltration": 123,
    "Mass": 85,
    "Nodule": 79,
    "Pneumonia": 120,
    "Pneumothorax": 98,
}


@pytest.fixture(scope="module")
def full():
    return read_tables(None)


def test_the_full_table_has_the_published_counts(full):
    assert full.origin == "torchxrayvision"
    assert len(full.names) == len(set(full.names)) == 112_120
    assert len(np.unique(full.patients)) == 30_805
    counts = label_matrix(full, WITH_NO_FINDING).sum(0, dtype=int).tolist()
    assert dict(zip(label_names(WITH_NO_FINDING), counts, strict=True)) == POSITIVES
    assert label_matrix(full, BINARY).sum() == 112_120 - 60_361
    assert {view: full.views.count(view) for view in set(full.views)} == {"PA": 67310, "AP": 44810}


def test_the_full_box_list_has_the_published_counts(full):
    assert len(full.boxes) == 984
    images, per_image = np.unique(full.box_images, return_counts=True)
    assert len(images) == 880
    assert (per_image > 1).sum() == 93
    found = np.bincount(full.box_findings, minlength=14).tolist()
    assert dict(zip(FINDINGS, found, strict=True)) == dict.fromkeys(FINDINGS, 0) | BOXES_OF
    # every box is of a finding that its image has
    assert full.labels[full.box_images, full.box_findings].all()


def test_the_first_rows_of_the_full_tables_are_as_they_stand_there(full):
    assert full.names[1] == "00000001_001.png"
    assert np.flatnonzero(full.labels[1]).tolist() == [1, 5]
    assert (full.patients[1], full.views[1]) == (1, "PA")
    assert full.names[full.box_images[0]] == "00013118_008.png"
    assert FINDINGS[full.box_findings[0]] == "Atelectasis"
    assert full.boxes[0].tolist() == [
        225.084745762712,
        547.019216763771,
        86.7796610169491,
        79.1864406779661,
    ]


def test_the_package_is_not_imported():
    program = (
        "import sys; from imbalens.data.nih_tables import read_tables; read_tables(None); "
        "print({'torchxrayvision', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", "_v2020.csv"])
def test_tables_of_ones_own_are_read_by_column_name(tmp_path, suffix):
    tables = read_tables(write_tables(tmp_path, suffix=suffix))
    assert tables.origin == f"Data_Entry_2017{suffix}"
    assert tables.names == tuple(name for name, *_ in ENTRIES)
    assert [[FINDINGS[i] for i in np.flatnonzero(row)] for row in tables.labels] == [
        ["Cardiomegaly", "Emphysema"],
        [],
        [],
        ["Infiltration"],
        ["Effusion", "Infiltration", "Mass"],
        ["Hernia"],
    ]
    assert tables.patients.tolist() == [1, 1, 2, 3, 3, 4]
    assert tables.views == ("PA", "AP", "PA", "AP", "PA", "PA")
    assert tables.box_images.tolist() == [4, 5, 4]
    assert [FINDINGS[i] for i in tables.box_findings] == ["Infiltration", "Effusion", "Mass"]
    assert tables.boxes[1].tolist() == [100.5, 200, 64, 32.25]


def test_labels_of_each_task(tmp_path):
    tables = read_tables(write_tables(tmp_path))
    assert (label_matrix(tables, PLAIN) == tables.labels).all()
    both = label_matrix(tables, WITH_NO_FINDING)
    assert both.shape == (6, 15)
    assert both[:, 14].tolist() == [0, 1, 1, 0, 0, 0]
    assert label_matrix(tables, BINARY).tolist() == [[1], [0], [0], [1], [1], [1]]
    assert label_names(PLAIN) == FINDINGS
    assert label_names(WITH_NO_FINDING)[14:] == ("No Finding",)
    assert label_names(BINARY) == ("Unhealthy",)


def test_a_list_without_boxes_has_none(tmp_path):
    assert read_tables(write_tables(tmp_path, boxes=())).boxes.shape == (0, 4)


def entry(labels="Mass", name="00000009_000.png", patient=9):
    return (name, labels, patient, "PA")


def box(x=0, y=0, w=9, h=9, name="00000004_000.png", label="Mass"):
    return (name, label, x, y, w, h)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (entry("Cardiomegalie"), "found label 'Cardiomegalie' in 'Cardiomegalie'; allowed: No"),
        (entry("Mass|No Finding"), "found label 'No Finding' in 'Mass|No Finding'"),
        (entry(""), "found label '' in ''"),
        (entry(patient="x7"), "found Patient ID 'x7'; allowed: a whole number"),
        (
            entry(patient=10**19),
            f"found Patient ID '{10**19}'; allowed: a whole number of at most",
        ),
        (entry(patient="٣"), "found Patient ID '٣'; allowed: a whole number"),
        (entry(name="00000001_000.png"), "found image '00000001_000.png' again"),
    ],
)
def test_a_wrong_entry_is_named_with_its_line(tmp_path, row, message):
    write_tables(tmp_path, entries=(*ENTRIES, row))
    with pytest.raises(InputError) as caught:
        read_tables(tmp_path)
    assert f"{tmp_path}/Data_Entry_2017.csv, line 8: {message}" in str(caught.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (box(x=-1), "found box x -1, y 0, w 9, h 9; allowed: boxes with an area, inside"),
        (box(y=1020), "found box x 0, y 1020, w 9, h 9"),
        (box(x=1000, w=24.002), "found box x 1000, y 0, w 24.002, h 9; allowed"),
        (
            box(y=0.342245989304813, h="1023.6597540107"),
            "found box x 0, y 0.342245989304813, w 9, h 1023.6597540107; allowed",
        ),
        (box(x=-0.002), "found box x -0.002, y 0, w 9"),
        (box(x=-0.0009, w=0.0009), "found box x -0.0009, y 0, w 0.0009"),
        (box(w=0), "found box x 0, y 0, w 0, h 9"),
        (box(h="nan"), "found box x 0, y 0, w 9, h nan"),
        (box(h="tall"), "found box 0, 0, 9, tall; allowed: 4 numbers"),
        (box(label="Lump"), "found label 'Lump'; allowed: Atelectasis, "),
        (box(name="x.png"), "found a box of 'x.png', an image that the table of labels lacks"),
        (("x.png", "Mass"), "found 5 fields; allowed: at least 6"),
    ],
)
def test_a_wrong_box_is_named_with_its_line(tmp_path, row, message):
    write_tables(tmp_path, boxes=(*BOXES, row))
    with pytest.raises(InputError) as caught:
        read_tables(tmp_path)
    assert f"{tmp_path}/BBox_List_2017.csv, line 5: {message}" in str(caught.value)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (box(y=0.342245989304813, h="1023.6577540107"), [0, 0.342245989304813, 9, None]),
        (box(x=-0.0009, w=10), [0, 0, 9.9991, 9]),
        (box(x=1000, y=-1e-9, w=24.0009), [1000, 0, 24, 9]),
    ],
)
def test_a_box_that_rounding_put_outside_is_cut(tmp_path, row, expected):
    x, y, w, h = read_tables(write_tables(tmp_path, boxes=[row])).boxes[0].tolist()
    expected[3] = expected[3] or 1024 - expected[1]
    assert [x, y, w, h] == pytest.approx(expected, abs=1e-8)
    assert x >= 0
    assert y >= 0
    assert x + w <= 1024
    assert y + h <= 1024


@pytest.mark.parametrize("blank", ["\r\n\r\n", ",,,\r\n", "  \r\n \t\n", '"","",\n'])
def test_blank_lines_are_skipped_and_counted(tmp_path, blank):
    expected = read_tables(write_tables(tmp_path))
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes() + blank.encode())
    tables = read_tables(tmp_path)
    assert tables.names == expected.names
    assert (tables.boxes == expected.boxes).all()
    path = tmp_path / "Data_Entry_2017.csv"
    path.write_bytes(path.read_bytes() + b"x.png,Lump,0,9,58,M,PA")
    with pytest.raises(InputError, match=rf"line {8 + blank.count(chr(10))}: found label 'Lump'"):
        read_tables(tmp_path)


def test_blanks_around_what_is_known_do_not_count(tmp_path):
    expected = read_tables(write_tables(tmp_path))
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        for text in (b"Mass", b"No Finding", b"PA", b"3,"):
            content = content.replace(text, b" " + text)
        path.write_bytes(content)
    tables = read_tables(tmp_path)
    assert (tables.labels == expected.labels).all()
    assert (tables.box_findings == expected.box_findings).all()
    assert (tables.patients == expected.patients).all()
    assert tables.views == expected.views


def test_a_missing_column_is_named(tmp_path):
    write_tables(tmp_path)
    path = tmp_path / "Data_Entry_2017.csv"
    path.write_text(
        path.read_text(encoding="utf-8").replace("View Position", "View"), encoding="utf-8"
    )
    with pytest.raises(InputError, match=r"2017.csv: has no column 'View Position'; found: Image"):
        read_tables(tmp_path)


def test_a_damaged_table_is_named(tmp_path):
    write_tables(tmp_path, suffix=".csv.gz")
    path = tmp_path / "BBox_List_2017.csv.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(InputError, match=r"BBox_List_2017.csv.gz: cannot be read .*; bring"):
        read_tables(tmp_path)


BOM = b"\xef\xbb\xbf"
DAMAGES = {
    "null": (lambda text: text.replace(b"Hernia", b"Her\0nia"), "line 7: found 'Her\\x00nia' (7 "),
    "line in a view": (lambda text: text.replace(b"PA", b'"P\nA"'), r"line 2: found 'P\nA' (3 "),
    "unclosed quote": (
        lambda text: text.replace(b"AP", b'"AP'),
        "line 3: cannot be read as a row",
    ),
    "quote within": (lambda text: text.replace(b"AP", b'"A"P'), "line 3: cannot be read as a row"),
    "huge value": (lambda text: text.replace(b"AP", b"A" * 10**6), "line 3: cannot be read as a "),
    "long value": (
        lambda text: text.replace(b"AP", b"A" * 999),
        "AAA... (999 characters); allowed: at",
    ),
    "lone return": (lambda text: text.replace(b"AP", b"A\rP"), "line 4: found 6 fields; allowed"),
    "UTF-16": (lambda text: text.decode().encode("utf-16"), "line 1: is not UTF-8 text"),
    "UTF-16 alone": (lambda text: text.decode().encode("utf-16-le"), "has no column 'Image Index"),
    "latin": (lambda text: text.replace(b"AP", b"\xe4"), "line 3: is not UTF-8 text"),
    "empty": (lambda _: b"", "has no column 'Image Index'; found: nothing"),
    "twice": (lambda text: text.replace(b"Follow-up #", b"Patient ID"), "has several columns 'Pa"),
    "bidi": (lambda text: text.replace(b"Hernia", b"\xe2\x80\xaeHernia"), r"found '\u202eHernia'"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_table_that_is_not_what_it_says_is_named_with_its_line(
    tmp_path, damage, message, suffix
):
    write_tables(tmp_path)
    plain = tmp_path / "Data_Entry_2017.csv"
    content = damage(plain.read_bytes())
    plain.unlink()
    path = tmp_path / f"Data_Entry_2017{suffix}"
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    with pytest.raises(InputError) as caught:
        read_tables(tmp_path)
    assert str(caught.value).startswith(f"{path}")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b"\r"])
def test_a_mark_of_the_encoding_and_the_line_ends_of_any_system_are_read(tmp_path, line_end):
    expected = read_tables(write_tables(tmp_path))
    path = tmp_path / "Data_Entry_2017.csv"
    path.write_bytes(BOM + path.read_bytes().replace(b"\r\n", line_end))
    tables = read_tables(tmp_path)
    assert tables.names == expected.names
    assert (tables.labels == expected.labels).all()


def test_a_table_larger_than_any_is_not_unpacked(tmp_path, monkeypatch):
    write_tables(tmp_path, suffix=".csv.gz")
    monkeypatch.setattr(csv_tables, "MAX_BYTES", 99)
    with pytest.raises(InputError, match=r"gz: is larger than the 99 bytes that are read"):
        read_tables(tmp_path)


def test_a_table_that_is_a_folder_is_named(tmp_path):
    write_tables(tmp_path)
    (tmp_path / "BBox_List_2017.csv").unlink()
    (tmp_path / "BBox_List_2017.csv").mkdir()
    with pytest.raises(InputError, match=r"2017\.csv: is no regular file; replace it"):
        read_tables(tmp_path)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_whatever_is_in_a_table_it_is_read_or_refused(tmp_path_factory, data):
    folder = write_tables(tmp_path_factory.mktemp("fuzzed"))
    for path in sorted(folder.iterdir()):
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(content)))
            end = at + data.draw(st.integers(0, 5))
            content[at:end] = data.draw(
                st.sampled_from([b"\0", b"\r", b"\n", b'"', b",", b"|", b"\xff", b"9" * 30, b"-"])
            )
        path.write_bytes(content)
    with suppress(InputError):
        tables = read_tables(folder)
        assert len(tables.names) == len(tables.labels) == len(tables.patients)


def test_one_table_alone_or_one_twice_is_refused(tmp_path):
    write_tables(tmp_path)
    write_tables(tmp_path, suffix=".csv.gz")
    with pytest.raises(InputError, match=r"found Data_Entry_2017.csv, Data_Entry_2017.csv.gz; le"):
        read_tables(tmp_path)
    for path in tmp_path.glob("*.gz"):
        path.unlink()
    (tmp_path / "BBox_List_2017.csv").unlink()
    with pytest.raises(InputError, match=r"found Data_Entry_2017\*.csv without BBox_List_2017\*"):
        read_tables(tmp_path)


def test_without_the_package_the_message_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"not installed; run: pip install torchxrayvision, or"):
        read_tables(tmp_path)
    assert read_tables(write_tables(tmp_path)).origin == "Data_Entry_2017.csv"
