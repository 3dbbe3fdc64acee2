import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.classes import UNKNOWN
from imbalens.data.duplicates import SplitHashes, count_duplicates, hash_images
from imbalens.data.prepare import prepare
from tests.data.test_folder import folder, save

NONE = {"images": 0, "other_labels": 0}


def paint(codes):
    """Return images that are alike where their codes are."""
    codes = np.array(codes, dtype=np.uint8)
    return np.broadcast_to(codes[:, None, None, None], (len(codes), 2, 2, 3))


def splits_of(**given):
    return {
        split: SplitHashes(
            bytearray(hash_images(paint(codes))), np.array(labels), [f"{split}{c}" for c in codes]
        )
        for split, (codes, labels) in given.items()
    }


codes = st.lists(st.integers(0, 9), min_size=1, max_size=12)


@settings(deadline=None, max_examples=50)
@given(codes, codes, codes, st.integers(2, 4))
def test_counts_are_those_of_comparing_each_with_each(train, val, test, modulus):
    images = {"train": train, "val": val, "test": test}
    given = {
        split: (each, [position % modulus for position in range(len(each))])
        for split, each in images.items()
    }
    counts = count_duplicates(splits_of(**given), "memory")
    for before, split in (("train", "val"), ("train", "test"), ("val", "test")):
        (there, labels_there), (here, labels_here) = given[before], given[split]
        first = [there.index(code) if code in there else None for code in here]
        differ = [
            at is not None and labels_there[at] != label
            for at, label in zip(first, labels_here, strict=True)
        ]
        assert counts[split][before] == {
            "images": sum(code in there for code in here),
            "other_labels": sum(differ),
        }


def test_some_are_named_in_one_line(capsys):
    given = splits_of(train=([5, 1, 2, 3, 4], [0] * 5), test=([9, 5, 4, 3, 1], [0, 0, 1, 1, 0]))
    counts = count_duplicates(given, "some/place")
    assert counts == {"test": {"train": {"images": 4, "other_labels": 2}}}
    assert capsys.readouterr().err == (
        "some/place: 4 images of test are in train too, pixel for pixel, 2 of them with another "
        "label, such as test5 (train5), test4 (train4), test3 (train3)\n"
    )


def test_of_several_labels_one_that_differs_is_another(capsys):
    hashes = bytearray(hash_images(paint([1, 2])))
    train = SplitHashes(hashes, np.array([[0, 1], [0, 1]], np.uint8), ["a", "b"])
    test = SplitHashes(hashes, np.array([[0, 1], [1, 1]], np.uint8), ["c", "d"])
    counts = count_duplicates({"train": train, "test": test}, "memory")
    assert counts["test"]["train"] == {"images": 2, "other_labels": 1}
    assert "c (a), d (b)" in capsys.readouterr().err


def test_a_label_that_is_not_known_contradicts_none():
    hashes = bytearray(hash_images(paint([1, 2, 3])))
    train = SplitHashes(hashes, np.array([[1, UNKNOWN], [1, 0], [UNKNOWN, 0]], np.uint8), "abc")
    test = SplitHashes(hashes, np.array([[1, 0], [1, UNKNOWN], [1, 1]], np.uint8), "def")
    counts = count_duplicates({"train": train, "test": test}, "memory")
    assert counts["test"]["train"] == {"images": 3, "other_labels": 1}


def test_of_classes_none_stands_for_what_is_not_known():
    counts = count_duplicates(splits_of(train=([1], [UNKNOWN]), test=([1], [0])), "memory")
    assert counts["test"]["train"] == {"images": 1, "other_labels": 1}


def test_without_any_nothing_is_printed(capsys):
    given = splits_of(train=([1], [0]), val=([2], [0]), test=([3], [0]))
    assert count_duplicates(given, "memory") == {
        "val": {"train": NONE},
        "test": {"train": NONE, "val": NONE},
    }
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("count", [0, 1, 300])
def test_images_have_a_hash_each_whatever_their_layout(count):
    images = np.random.default_rng(0).integers(0, 256, (count, 4, 6, 3), dtype=np.uint8)
    hashes = hash_images(images)
    assert len(hashes) == 16 * count
    assert hash_images(np.asfortranarray(images)) == hashes
    assert len({hashes[at : at + 16] for at in range(0, len(hashes), 16)}) == count


def test_an_image_that_was_trained_on_and_is_tested_on_is_in_the_metrics(
    tmp_path, make_dataset, capsys
):
    for split, shift in (("train", 0), ("test", 100)):
        for label, colour in {"ape": (10, 20, 30), "cat": (40, 50, 60)}.items():
            for i in range(3):
                save(tmp_path / split / label / f"{i}.png", (*colour[:2], colour[2] + shift + i))
    save(tmp_path / "train/ape/9.png", (7, 7, 7))
    save(tmp_path / "test/cat/9.jpg.png", (7, 7, 7), size=(16, 16))
    summary = prepare(make_dataset(folder(tmp_path)), tmp_path / "out.h5")
    assert summary["duplicates"] == {"test": {"train": {"images": 1, "other_labels": 1}}}
    assert capsys.readouterr().err.endswith("test/cat/9.jpg.png (train/ape/9.png)\n")
