"""Boxes of iNaturalist 2017, in files of annotations beside the others."""

import json

import pytest
from PIL import ExifTags, Image

from imbalens.data.inaturalist import open_inaturalist
from imbalens.data.prepare import prepare
from imbalens.errors import InputError
from imbalens.store.prepared import open_prepared, read_boxes, read_split
from tests.data.test_folder import save
from tests.data.test_inaturalist import SPECIES, category, lay_out, of

TRAIN, VAL = "train_2017_bboxes.json", "val_2017_bboxes.json"
PRUNELLA = "train_val_images/Plantae/Prunella vulgaris"
SPARROW = "train_val_images/Aves/Prunella modularis"
TRAINED = [
    (f"{PRUNELLA}/train1.jpg", 0, [1, 2, 3, 4]),
    (f"{SPARROW}/train0.jpg", 1, [0, 0, 8, 8]),
    (f"{PRUNELLA}/train1.jpg", 0, [0, 0, 2, 2]),
]
TESTED = [(f"{SPARROW}/val1.jpg", 1, [4, 4, 4, 4])]


def annotate(root, name, boxes, *, sides=(8, 8)):
    """Write a file as of COCO with some boxes: image, category, x, y, width, height."""
    ids = {image: 7 * number for number, image in enumerate(dict.fromkeys(b[0] for b in boxes))}
    images = [
        {"id": key, "file_name": image, "width": sides[0], "height": sides[1]}
        for image, key in ids.items()
    ]
    annotations = [
        {"id": number, "image_id": ids[image], "category_id": species, "bbox": box, "iscrowd": 0}
        for number, (image, species, box) in enumerate(boxes)
    ]
    categories = [category(number, ranks=False) for number in SPECIES]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / name).write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(params=["archives", "torchvision"])
def root(request, tmp_path):
    root = lay_out(tmp_path / "in", 2017, request.param)
    annotate(root, TRAIN, TRAINED)
    annotate(root, VAL, TESTED)
    return root


def found(path, split):
    """Return image, species' folder and box of each box, by names instead of numbers."""
    arrays = read_split(path, split)
    return [
        (*arrays.names[row].split("/")[-2:], label, *box)
        for row, label, *box in read_boxes(path, split).tolist()
    ]


@pytest.mark.parametrize(("level", "labels"), [("super", (1, 0)), ("full", (0, 1))])
def test_boxes_stand_with_their_images_and_classes(tmp_path, make_dataset, root, level, labels):
    prepare(make_dataset(of(root, level=level, boxes=True)), tmp_path / "o.h5")
    plant, bird = labels
    assert sorted(found(tmp_path / "o.h5", "train")) == [
        ("Prunella modularis", "train0.jpg", bird, 0, 0, 8, 8),
        ("Prunella vulgaris", "train1.jpg", plant, 0, 0, 2, 2),
        ("Prunella vulgaris", "train1.jpg", plant, 1, 2, 3, 4),
    ]
    assert found(tmp_path / "o.h5", "test") == [
        ("Prunella modularis", "val1.jpg", bird, 4, 4, 4, 4)
    ]


def test_boxes_follow_images_that_are_stored_smaller_than_they_were_annotated(
    tmp_path, make_dataset, root
):
    annotate(root, VAL, [(image, species, [40, 20, 20, 40]) for image, species, _ in TESTED])
    with pytest.raises(InputError, match=r"val_2017_bboxes\.json, annotations\[0\]: found box x"):
        prepare(make_dataset(of(root, boxes=True)), tmp_path / "o.h5")
    boxes = [(image, species, [40, 20, 20, 40]) for image, species, _ in TESTED]
    annotate(root, VAL, boxes, sides=(80, 80))
    prepare(make_dataset(of(root, boxes=True)), tmp_path / "o.h5")
    assert read_boxes(tmp_path / "o.h5", "test")[:, 2:].tolist() == [[4, 2, 2, 4]]


def test_boxes_are_not_read_unasked(tmp_path, make_dataset, root):
    (root / TRAIN).write_text("no JSON", encoding="utf-8")
    prepare(make_dataset(of(root)), tmp_path / "o.h5")
    with open_prepared(tmp_path / "o.h5", "test") as file:
        assert "boxes" not in file["test"]


def test_boxes_of_images_that_are_not_used_are_counted(tmp_path, make_dataset, root, capsys):
    annotate(root, TRAIN, [*TRAINED, ("train_val_images/Aves/Gone/x.jpg", 1, [0, 0, 1, 1])])
    summary = prepare(make_dataset(of(root, boxes=True)), tmp_path / "o.h5")
    assert summary["boxes"] == {"train": 3, "test": 1}
    assert f"{root}: left out 1 boxes of images that are not used\n" in capsys.readouterr().err


def unlink(root):
    (root / VAL).unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (unlink, "val_2017_bboxes.json: file not found; bring it"),
        (
            lambda root: annotate(root, TRAIN, [("a/b.jpg", 1, [0, 0, 1, 1])]),
            "train_2017_bboxes.json: none of its 1 boxes is of an image that is used; bring",
        ),
        (
            lambda root: annotate(root, TRAIN, [(TRAINED[0][0], 1, [7, 7, 2, 2])]),
            "train_2017_bboxes.json, annotations[0]: found box x 7, y 7, w 2, h 2; allowed: boxes",
        ),
        (
            lambda root: annotate(root, TRAIN, [(TRAINED[0][0], 9, [0, 0, 1, 1])]),
            "train_2017_bboxes.json, annotations[0]: found category_id 9, which the file does n",
        ),
        (
            lambda root: (root / TRAIN).write_text("[", encoding="utf-8"),
            "train_2017_bboxes.json: cannot be read as JSON (",
        ),
    ],
)
def test_wrong_boxes_are_named_and_nothing_is_left(tmp_path, make_dataset, root, change, message):
    change(root)
    with pytest.raises(InputError) as caught:
        prepare(make_dataset(of(root, boxes=True)), tmp_path / "out/o.h5")
    assert str(caught.value).startswith(f"{root}/{message}")
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_two_species_of_one_name_cannot_be_told(root):
    for name in ("train2017.json", "val2017.json"):
        content = json.loads((root / name).read_text(encoding="utf-8"))
        for each in content["categories"]:
            each["name"] = "Prunella"
        (root / name).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match="two species are called 'Prunella', whose boxes cannot"):
        open_inaturalist(of(root, boxes=True), 8)


def test_turned_images_turn_their_boxes(tmp_path, make_dataset, root):
    path = next(path for path in root.rglob("val1.jpg") if "modularis" in str(path))
    save(path, size=(8, 8))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    with Image.open(path) as image:
        image.save(path, exif=exif)
    annotate(root, VAL, [(TESTED[0][0], 1, [0, 0, 2, 4])])
    prepare(make_dataset(of(root, boxes=True)), tmp_path / "o.h5")
    assert read_boxes(tmp_path / "o.h5", "test")[:, 2:].tolist() == [[4, 0, 4, 2]]
