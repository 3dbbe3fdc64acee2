"""The tables beside the traffic signs, which docs/results/gtsrb_tables.py writes."""

import csv
import runpy
from pathlib import Path

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parents[1] / "docs/results/gtsrb_tables.py"))
COLUMNS = ("path", "split", "label", "group", "width", "height", "x", "y", "w", "h")


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


@pytest.mark.parametrize(
    ("box", "rebuilt"),
    [
        ((5, 6, 22, 20), (5, 6, 22, 20)),  # of 32 x 32
        ((5, 5, 54, 54), (2.5, 2.5, 27, 27)),  # a tenth is 5.4, rounded
        ((11, 11, 106, 106), (2.75, 2.75, 26.5, 26.5)),  # of 128 x 128
        ((4, 5, 39, 39), None),
        ((16, 8, 150, 146), None),
    ],
)
def test_a_box_is_scaled_as_its_image_unless_the_border_is_cut(box, rebuilt):
    assert SCRIPT["rebuild"](*map(float, box)) == rebuilt


def test_the_tables_hold_all_images_the_tracked_ones_and_the_boxes(tmp_path):
    images = [
        ("train/00001/00000_00000.jpg", "train", 1, "00001_00000", 32, 32, 5.0, 6.0, 22.0, 20.0),
        ("train/00001/00000_00003.jpg", "train", 1, "00001_00000", 32, 32, 4.0, 6.0, 22.0, 20.0),
        ("test/00042/00007.jpg", "test", 42, "", 32, 32, 5.0, 5.0, 22.0, 22.0),
    ]
    with (tmp_path / "annotations.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *images])
    SCRIPT["main"](tmp_path)
    labels = rows_of(tmp_path / "labels.csv")
    assert labels == [
        ["train/00001/00000_00000.jpg", "train", "01 limit 30", "00001_00000"],
        ["train/00001/00000_00003.jpg", "train", "01 limit 30", "00001_00000"],
        ["test/00042/00007.jpg", "test", "42 end no passing trucks", ""],
    ]
    assert rows_of(tmp_path / "tracks.csv") == labels[:2]
    assert [row[:2] for row in rows_of(tmp_path / "boxes.csv")] == [
        ["train/00001/00000_00000.jpg", "01 limit 30"],
        ["test/00042/00007.jpg", "42 end no passing trucks"],
    ]


def test_there_are_43_names_apart():
    assert len(set(SCRIPT["NAMES"])) == len(SCRIPT["NAMES"]) == 43
