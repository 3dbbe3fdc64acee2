import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.data.group_splits import draw_groups
from imbalens.data.nih_splits import boxed_patients, read_lists
from imbalens.data.nih_tables import read_tables
from imbalens.errors import InputError
from tests.data.nih_layout import TEST, TRAIN, write_lists, write_tables

REAL = Path(os.environ.get("IMBALENS_REAL_DATA", Path(__file__).parents[2] / "../shared/data"))


@st.composite
def patients_and_boxes(draw):
    patients = np.array(draw(st.lists(st.integers(1, 12), min_size=1, max_size=40)))
    images = draw(st.lists(st.integers(0, len(patients) - 1), max_size=4))
    return patients, np.isin(np.arange(len(patients)), images)


@settings(deadline=None, max_examples=50)
@given(patients_and_boxes(), st.floats(0.01, 0.99), st.integers(0, 1000))
def test_no_patient_is_in_two_splits_and_boxes_are_in_test(table, share, seed):
    patients, boxed = table
    tested = draw_groups(patients, share=share, seed=seed, first=boxed)
    assert not set(patients[tested]) & set(patients[~tested])
    assert set(patients[boxed]) <= set(patients[tested])
    assert tested.sum() >= share * len(patients)
    # no patient without a box is there beyond what the share asks for
    drawn = set(patients[tested]) - set(patients[boxed])
    sizes = [int((patients == patient).sum()) for patient in drawn]
    assert not sizes or tested.sum() - max(sizes) < share * len(patients)
    again = draw_groups(patients, share=share, seed=seed, first=boxed)
    assert (tested == again).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_patient_of_the_full_table_is_in_two_splits(full, seed):
    tested = draw_groups(full.patients, share=0.2, seed=seed, first=boxed_patients(full))
    assert not set(full.patients[tested].tolist()) & set(full.patients[~tested].tolist())
    assert tested[full.box_images].all()
    assert 0.2 <= tested.mean() < 0.202


def test_seeds_draw_different_patients(full):
    splits = [
        draw_groups(full.patients, share=0.2, seed=seed, first=boxed_patients(full))
        for seed in (0, 1)
    ]
    assert (splits[0] != splits[1]).mean() > 0.05


def test_boxed_are_all_images_of_a_patient_with_a_box(tmp_path):
    tables = read_tables(write_tables(tmp_path))
    assert boxed_patients(tables).tolist() == [False, False, False, True, True, True]


@pytest.fixture(scope="module")
def full():
    return read_tables(None)


@pytest.mark.skipif(
    not (REAL / "nih_sample").is_dir(),
    reason="needs the official lists: nih_sample/ in $IMBALENS_REAL_DATA or ../shared/data",
)
def test_the_official_lists_have_the_published_counts(full):
    lists = read_lists(REAL / "nih_sample", full)
    assert lists is not None
    train, test = lists
    assert (len(train), len(test)) == (86_524, 25_596)
    assert (np.sort(np.concatenate(lists)) == np.arange(112_120)).all()
    assert not set(full.patients[train].tolist()) & set(full.patients[test].tolist())
    assert np.isin(full.box_images, test).all()
    assert len(np.unique(full.box_images)) == 880


def test_lists_are_read_in_the_order_of_the_table(tmp_path):
    tables = read_tables(write_tables(tmp_path))
    assert read_lists(tmp_path, tables) is None
    write_lists(tmp_path, train=(*TRAIN[::-1], "", " "), test=TEST)
    train, test = read_lists(tmp_path, tables)
    assert train.tolist() == [0, 1, 2]
    assert test.tolist() == [3, 4, 5]


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (
            (*TRAIN, "00000008_000.png"),
            TEST,
            "train_val_list.txt, line 4: found '00000008_000.png', which the table of "
            "Data_Entry_2017.csv lacks; allowed",
        ),
        (TRAIN, (*TEST, TEST[0]), f"test_list.txt, line 4: found {TEST[0]!r} again, after line 1"),
        (
            (*TRAIN, TEST[0]),
            TEST[1:],
            f"{TEST[0]} (train) and {TEST[1]} (test) are of one group '3'; groups in both: 1",
        ),
        ((*TRAIN, TEST[2]), TEST, f"{TEST[2]} (train) and {TEST[2]} (test) are of one gr"),
    ],
    ids=["unknown", "twice", "patient in both", "image in both"],
)
def test_wrong_lists_are_refused(tmp_path, train, test, message):
    tables = read_tables(write_tables(tmp_path))
    write_lists(tmp_path, train, test)
    with pytest.raises(InputError) as caught:
        read_lists(tmp_path, tables)
    assert message in str(caught.value)


def test_one_list_alone_is_refused(tmp_path):
    tables = read_tables(write_tables(tmp_path))
    (write_lists(tmp_path) / "test_list.txt").unlink()
    with pytest.raises(InputError, match=r"found one official list but no test_list.txt"):
        read_lists(tmp_path, tables)


def test_a_list_that_is_no_text_is_refused(tmp_path):
    tables = read_tables(write_tables(tmp_path))
    (write_lists(tmp_path) / "test_list.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(
        InputError, match=r"list.txt, line 1: is not UTF-8 text .*; save it as UTF-8"
    ):
        read_lists(tmp_path, tables)
