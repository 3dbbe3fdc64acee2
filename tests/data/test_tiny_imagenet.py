"""Tiny-imagenet as its archive unpacks, through the source `folder`."""

import numpy as np
import pytest

from imbalens.data.folder import open_folder
from imbalens.data.prepare import prepare
from imbalens.errors import InputError
from imbalens.store.prepared import read_split
from tests.data.test_folder import folder, save

APE, CAT = "n02480495", "n02123045"
ANNOTATIONS = [
    f"val_0.JPEG\t{APE}\t0\t32\t44\t62",
    f"val_1.JPEG\t{CAT}\t1\t2\t3\t4",
    f"val_2.JPEG\t{CAT}\t5\t6\t7\t8",
    f"val_10.JPEG\t{APE}\t0\t0\t63\t63",
]


@pytest.fixture
def root(tmp_path):
    """Lay out `tiny-imagenet-200/` with two classes."""
    root = tmp_path / "tiny-imagenet-200"
    for name, grey in ((APE, 40), (CAT, 200)):
        for i in range(3):
            save(root / f"train/{name}/images/{name}_{i}.JPEG", (grey, i, 0), size=(64, 64))
        boxes = "".join(f"{name}_{i}.JPEG\t0\t10\t63\t58\n" for i in range(3))
        (root / f"train/{name}/{name}_boxes.txt").write_text(boxes, encoding="utf-8")
    for i in range(2):
        save(root / f"test/images/test_{i}.JPEG", size=(64, 64))
    for i in (0, 1, 2, 10):
        save(root / f"val/images/val_{i}.JPEG", (10 * i, 0, 0), size=(64, 64))
    annotate(root, ANNOTATIONS)
    (root / "wnids.txt").write_text(f"{CAT}\n{APE}\n", encoding="utf-8")
    (root / "words.txt").write_text(f"{APE}\tchimpanzee\n", encoding="utf-8")
    return root


def annotate(root, lines):
    (root / "val/val_annotations.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_annotated_images_are_the_test_images(root, make_dataset, tmp_path, capsys):
    summary = prepare(make_dataset(folder(root)), tmp_path / "o.h5")
    assert summary["counts"] == {"train": {CAT: 3, APE: 3}, "test": {CAT: 2, APE: 2}}
    test = read_split(tmp_path / "o.h5", "test")
    assert [name.rpartition("/")[2] for name in test.names] == [
        "val_1.JPEG",
        "val_2.JPEG",
        "val_0.JPEG",
        "val_10.JPEG",
    ]
    assert np.abs(test.images[:, 4, 4, 0].astype(int) - [10, 20, 0, 100]).max() <= 2
    said = capsys.readouterr().err
    assert "left out 2 .txt; " in said
    assert (
        f"{root}: test images are those of val/, by val_annotations.txt; left out 2 images of "
        "test/, which have no class\n"
    ) in said
    assert "validation images" not in said


def test_they_are_no_validation_images_too(root, make_dataset, tmp_path):
    given = make_dataset(folder(root), validation={"share": None, "seed": 0})
    with pytest.raises(InputError, match=r"has no validation images, but validation\.share is nu"):
        prepare(given, tmp_path / "o.h5")


def test_test_folders_with_classes_count_for_more_than_annotations(root):
    for name in (APE, CAT):
        save(root / f"test/{name}/a.png")
        save(root / f"val/{name}/b.png")
    for path in (root / "test/images").iterdir():
        path.unlink()
    (root / "test/images").rmdir()
    source = open_folder(folder(root), 8, validation=False)
    assert source.test.names == [f"test/{name}/a.png" for name in (CAT, APE)]
    assert source.n_unread == 6


def test_without_a_folder_of_unlabelled_images_the_annotated_are_read(root):
    for path in (root / "test/images").iterdir():
        path.unlink()
    (root / "test/images").rmdir()
    (root / "test").rmdir()
    assert len(open_folder(folder(root), 8).test.names) == 4


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([*ANNOTATIONS, "", f"val_3.JPEG\t{APE}"], "line 6: found image 'val_3.JPEG', which is "),
        (["val_0.JPEG\tn0\t1\t2\t3\t4"], f"line 1: found class 'n0'; allowed: {CAT}, {APE}"),
        (["val_0.JPEG"], f"line 1: found class ''; allowed: {CAT}, {APE}"),
        ([*ANNOTATIONS, ANNOTATIONS[0]], "line 5: found image 'val_0.JPEG' again; allowed: each"),
        (ANNOTATIONS[1:3], "val_annotations.txt: has no line of val_0.JPEG, val_10.JPEG; allow"),
        ([f"../images/val_0.JPEG\t{APE}"], "line 1: found image '../images/val_0.JPEG', which is"),
    ],
)
def test_annotations_that_do_not_go_with_the_images_are_named(root, lines, message):
    annotate(root, lines)
    with pytest.raises(InputError) as caught:
        open_folder(folder(root), 8)
    assert str(caught.value).startswith(str(root / "val/val_annotations.txt"))
    assert message in str(caught.value)
