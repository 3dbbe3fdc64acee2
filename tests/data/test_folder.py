import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imbalens.data.choosing import choose_images
from imbalens.data.folder import open_folder
from imbalens.data.prepare import prepare
from imbalens.errors import InputError
from imbalens.params.sources import Folder
from imbalens.store.prepared import read_metadata, read_split
from tests.data.decoding_cases import read_image

REAL = Path(os.environ.get("IMBALENS_REAL_DATA", Path(__file__).parents[2] / "../shared/data"))
PLAIN = {"mean": (0.0,) * 3, "std": (1.0,) * 3}
REAL_SIZES = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]


def save(path, colour=(200, 10, 10), mode="RGB", size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).convert(mode).save(path)


@pytest.fixture
def root(tmp_path):
    for split in ("train", "test"):
        for name, colour in {"cat": (250, 0, 0), "ape": (0, 250, 9)}.items():
            for i in range(3):
                save(tmp_path / split / name / f"{i}.png", colour)
    return tmp_path


def folder(root, digest=None, split=None, groups=None, boxes=None):
    return Folder(
        name="folder", root=str(root), digest=digest, split=split, groups=groups, boxes=boxes
    )


def test_classes_and_files_come_in_the_order_of_their_names(root):
    save(root / "train/ape/00.JPEG")
    (root / "train/ape/notes.txt").touch()
    (root / "train/ape/.hidden.png").touch()
    (root / "train/.cache").mkdir()
    source = open_folder(folder(root), 8)
    assert source.class_names == ("ape", "cat")
    assert source.train.names[:3] == ["train/ape/0.png", "train/ape/00.JPEG", "train/ape/1.png"]
    assert source.train.labels.tolist() == [0, 0, 0, 0, 1, 1, 1]


def test_what_is_left_out_is_counted_in_one_line(root, capsys):
    open_folder(folder(root), 8)
    assert capsys.readouterr().err == ""
    for name in ("train/ape/a.TIF", "test/cat/b.tif", "train/cat/notes", "test/ape/.hidden.bmp"):
        (root / name).touch()
    open_folder(folder(root), 8)
    assert capsys.readouterr().err == (
        f"{root}: left out 2 .tif, 1 without suffix; read: .jpeg, .jpg, .png in class folders\n"
    )


def test_images_in_folders_of_a_class_are_its_own(root):
    """As in tiny-imagenet, and in classes of classes."""
    for i in (1, 0):
        save(root / f"train/ape/images/ape_{i}.JPEG", (1, i, 3))
    (root / "train/ape/ape_boxes.txt").touch()
    save(root / "train/ape/.cache/a.png")
    save(root / "train/cat/big/lion/a.png")
    source = open_folder(folder(root), 8)
    assert source.class_names == ("ape", "cat")
    assert np.bincount(source.train.labels).tolist() == [5, 4]
    within = ["2.png", "images/ape_0.JPEG", "images/ape_1.JPEG"]
    assert source.train.names[2:5] == [f"train/ape/{name}" for name in within]
    assert source.train.names[-1] == "train/cat/big/lion/a.png"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_folder_that_links_to_one_above_it_is_named(root):
    (root / "train/cat/again").symlink_to(root / "train", target_is_directory=True)
    with pytest.raises(InputError, match=r"again/cat: links to a folder that it is in; remove"):
        open_folder(folder(root), 8)


COMPOSED, APART = "caf\u00e9", "cafe\u0301"


@pytest.mark.skipif(sys.platform == "darwin", reason="file names have one spelling there")
def test_names_that_unicode_spells_in_two_ways_are_the_same(root):
    for split, name in (("train", COMPOSED), ("test", APART)):
        save(root / split / name / f"{name}.png")
    source = open_folder(folder(root), 8)
    assert source.class_names == ("ape", COMPOSED, "cat")
    assert source.test.names[3] == f"test/{COMPOSED}/{COMPOSED}.png"
    assert source.test.read(np.array([3])).shape == (1, 8, 8, 3)
    save(root / "test" / COMPOSED / "b.png")
    with pytest.raises(InputError, match=r"test: classes 1 and 2 have one name, 'cafe\\u0301' or"):
        open_folder(folder(root), 8)


def test_of_many_classes_the_first_are_named_and_how_many_there_are(root):
    for i in range(200):
        save(root / f"train/n{i:03}/a.png")
    with pytest.raises(InputError) as caught:
        open_folder(folder(root), 8)
    assert str(caught.value) == (
        f"{root}: train/ and test/ need the same class folders; only train/ has n000, n001, n002, "
        "n003, n004, ... (200 in all)"
    )


def test_a_folder_of_validation_images_is_used_where_asked_for(root, tmp_path, make_dataset):
    for name in ("ape", "cat"):
        save(root / f"val/{name}/v.png", (1, 2, 3))
    given = make_dataset(folder(root), validation={"share": None, "seed": 0})
    assert prepare(given, tmp_path / "o.h5")["images"] == {"train": 6, "val": 2, "test": 6}
    assert read_split(tmp_path / "o.h5", "val").names == ("val/ape/v.png", "val/cat/v.png")
    save(root / "val/dog/v.png")
    with pytest.raises(InputError, match=r"train/ and val/ need the same .*; only val/ has dog"):
        open_folder(folder(root), 8)


def test_a_folder_of_validation_images_that_is_not_meant_is_only_counted(
    root, make_dataset, capsys
):
    """As tiny-imagenet's, whose images have no class folders."""
    expected = open_folder(folder(root), 8)
    for name in ("images/a.JPEG", "images/b.JPEG", "dog/.hidden.png"):
        save(root / "val" / name)
    (root / "val/annotations.txt").touch()
    (root / "val/empty").mkdir()
    with pytest.raises(InputError, match="need the same class folders"):
        open_folder(folder(root), 8)
    lines = [f"{name},{i}" for i, name in enumerate(expected.train.names + expected.test.names)]
    lines = ["file,group", "val/images/a.JPEG,0", "val/images/a.JPEG,1", *lines]
    (root / "groups.csv").write_text("\n".join(lines), encoding="utf-8")
    boxes = [
        "file,label,x,y,w,h",
        "val/images/b.JPEG,dog,0,0,9999,1",
        "train/ape/0.png,ape,0,0,8,8",
    ]
    (root / "boxes.csv").write_text("\n".join(boxes), encoding="utf-8")
    given = folder(root, groups="groups.csv", boxes="boxes.csv")
    source = open_folder(given, 8, validation=False)
    assert source.validation is None
    assert source.class_names == ("ape", "cat")
    assert source.train.names == expected.train.names
    assert source.train.boxes(np.arange(6)).tolist() == [[0, 0, 0, 0, 8, 8]]
    capsys.readouterr()
    splits = choose_images(source, make_dataset(given))
    assert list(splits) == ["train", "test"]
    assert capsys.readouterr().err == (
        f"{root}: left out 2 validation images; set validation.share to null to use them\n"
    )
    aside = make_dataset(given, validation={"share": 0.5, "seed": 0})
    with pytest.raises(InputError, match=r"has validation images, but validation\.share is 0\.5"):
        choose_images(source, aside)


def test_one_tree_may_have_a_class_called_val(root):
    save(root / "train/val/a.png")
    source = open_folder(folder(root / "train", split=HALF), 8, validation=False)
    assert source.class_names == ("ape", "cat", "val")


HALF = {"test_share": 0.5, "seed": 0}


def test_one_tree_is_split_by_share_in_every_class(root):
    for i in range(3, 6):
        save(root / f"train/cat/{i}.png", (250, i, 0))
    source = open_folder(folder(root / "train", split=HALF), 8)
    assert source.class_names == ("ape", "cat")
    assert np.bincount(source.train.labels).tolist() == [2, 3]
    assert np.bincount(source.test.labels).tolist() == [1, 3]
    names = [*source.train.names, *source.test.names]
    assert sorted(names) == [f"{c}/{i}.png" for c, n in (("ape", 3), ("cat", 6)) for i in range(n)]
    for split in (source.train, source.test):
        images = split.read(np.arange(len(split.names)))
        for name, image in zip(split.names, images, strict=True):
            with Image.open(root / "train" / name) as stored:
                assert (np.asarray(stored) == image).all()
    again = open_folder(folder(root / "train", split=HALF), 8)
    assert again.test.names == source.test.names
    tried = [open_folder(folder(root / "train", split=HALF | {"seed": s}), 8) for s in range(5)]
    assert len({tuple(each.test.names) for each in tried}) > 1


def test_a_tree_in_splits_is_not_split_again(root):
    with pytest.raises(InputError, match=r"has train/ and test/, but source\.split is given; set"):
        open_folder(folder(root, split=HALF), 8)
    (root / "test").rename(root / "val")
    with pytest.raises(InputError, match=r"has train/ and val/, but source\.split is given; set"):
        open_folder(folder(root, split=HALF), 8)


def test_one_tree_may_have_a_class_called_train(root):
    save(root / "train/train/a.png")
    source = open_folder(folder(root / "train", split=HALF), 8)
    assert source.class_names == ("ape", "cat", "train")


def test_a_class_of_one_image_cannot_be_split(root, tmp_path, make_dataset):
    save(root / "train/dog/a.png")
    with pytest.raises(InputError, match=r"found no test images of class 'dog'"):
        prepare(make_dataset(folder(root / "train", split=HALF)), tmp_path / "out.h5")


def test_images_come_in_the_order_asked_for(root):
    images = open_folder(folder(root), 8).train.read(np.array([5, 0]))
    assert images[:, 4, 4].tolist() == [[250, 0, 0], [0, 250, 9]]


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1", "I;16"])
def test_every_kind_becomes_rgb(tmp_path, mode):
    if mode == "I;16":
        image = Image.fromarray(np.full((8, 8), 255 * 256 + 7, np.uint16))
    else:
        image = Image.new("RGB", (8, 8), "white").convert(mode)
    image.save(tmp_path / "a.png")
    pixels = read_image(tmp_path / "a.png", 8)
    assert pixels.shape == (8, 8, 3)
    assert (pixels == 255).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "RGB"])
def test_a_folder_of_any_kind_is_prepared_in_its_colours(root, tmp_path, make_dataset, kind, mode):
    if (kind, mode) in {("PNG", "CMYK"), ("JPEG", "P")}:
        pytest.skip(f"no {kind} has mode {mode}")
    colour = (90, 90, 90) if mode == "L" else (250, 40, 90)
    for path in root.rglob("*.png"):
        Image.new("RGB", (8, 8), colour).convert(mode, palette=Image.Palette.ADAPTIVE).save(
            path, kind
        )
    save(root / "train/ape/other.png", (0, 0, 0))  # else no channel would vary
    prepare(make_dataset(folder(root)), tmp_path / "out.h5")
    images = read_split(tmp_path / "out.h5", "test").images
    assert (np.abs(images - np.array(colour)) <= 3).all()


def save_deep(path, values):
    Image.fromarray(np.full((8, 8), values, np.uint16)).save(path)


def test_12_bits_in_files_of_16_keep_their_brightness(root, tmp_path, make_dataset, capsys):
    values = dict(zip(sorted(root.rglob("*.png")), range(95, 4096, 320), strict=False))
    for path, value in values.items():
        save_deep(path, value)
    assert max(values.values()) in range(2048, 4096)
    summary = prepare(make_dataset(folder(root)), tmp_path / "out.h5")
    assert summary["bits"] == 12
    assert "read as 12 bits" in capsys.readouterr().err
    for split in ("train", "test"):
        arrays = read_split(tmp_path / "out.h5", split)
        for name, image in zip(arrays.names, arrays.images, strict=True):
            assert (image == values[root / name] >> 4).all()


def test_bits_that_are_given_are_not_looked_for(root, tmp_path, make_dataset, capsys):
    for path in (root / "train").rglob("*.png"):
        save_deep(path, 4095)
    for path in (root / "test").rglob("*.png"):
        save_deep(path, 300)
    save_deep(root / "train/ape/0.png", 1000)
    summary = prepare(make_dataset(folder(root), bits=13), tmp_path / "out.h5")
    assert (summary["bits"], summary["largest_value"]) == (13, 127)
    assert capsys.readouterr().err == ""
    summary = prepare(make_dataset(folder(root), bits=16), tmp_path / "out.h5")
    assert "bits" not in summary
    assert summary["largest_value"] == 15
    assert capsys.readouterr().err == (
        f"{root}: no value of the training images is above 15 of 255, less than a quarter of the "
        "range; export them with the whole range, or set bits of the dataset where files of 16 "
        "bits use fewer\n"
    )
    with pytest.raises(InputError, match=r"\.png: found value 4095; allowed with 10 bits: at "):
        prepare(make_dataset(folder(root), bits=10), tmp_path / "more.h5")
    assert not (tmp_path / "more.h5").exists()


@pytest.mark.parametrize(
    ("resize", "column"),
    [("squash", [250] * 2 + [0] * 4 + [250] * 2), ("crop", [0] * 8), ("pad", [0] * 8)],
)
def test_oblong_images_become_squares_as_asked(root, tmp_path, make_dataset, resize, column):
    tall = np.zeros((32, 16, 3), np.uint8)
    tall[:8] = tall[24:] = 250
    for path in root.rglob("*.png"):
        Image.fromarray(tall).save(path)
    prepare(make_dataset(folder(root), resize=resize, normalization=PLAIN), tmp_path / "out.h5")
    image = read_split(tmp_path / "out.h5", "test").images[0][..., 0].astype(int)
    assert (np.abs(image[:, 0] - column) < 40).all()
    middle = [250] * 2 + [0] * 4 + [250] * 2 if resize != "crop" else [0] * 8
    assert (np.abs(image[:, 4] - middle) < 40).all()


def test_what_is_transparent_becomes_white(tmp_path):
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png", 8) == 255).all()


def test_mixed_sizes_become_squares_without_losing_detail(tmp_path):
    stripes = np.zeros((64, 200, 3), np.uint8)
    stripes[:, ::2] = 200
    Image.fromarray(stripes).save(tmp_path / "a.png")
    pixels = read_image(tmp_path / "a.png", 10)
    assert pixels.shape == (10, 10, 3)
    assert (np.abs(pixels.astype(int) - 100) < 10).all()  # antialiased: grey, not stripes


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda _: b"", "is empty"),
        (lambda _: b"no image at all", "is no image that is known"),
        (lambda content: content[: len(content) // 2], "cannot be decoded"),
        (lambda content: content[:60] + b"\0" * 40 + content[100:], "cannot be decoded"),
    ],
    ids=["empty", "text", "truncated", "corrupt"],
)
def test_a_damaged_file_is_named_and_nothing_is_left(
    root, tmp_path, make_dataset, damage, message
):
    bad = root / "train/cat/bad.png"
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(bad)
    bad.write_bytes(damage(bad.read_bytes()))
    output = tmp_path / "out/d.h5"
    with pytest.raises(InputError) as caught:
        prepare(make_dataset(folder(root)), output)
    assert str(caught.value).startswith(f"{bad}: {message}")
    assert list(output.parent.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_file_name_that_is_not_utf8_is_escaped(root, tmp_path, make_dataset):
    os.rename(root / "test/cat/2.png", os.fsencode(root / "test/cat") + b"/\xff.png")  # noqa: PTH104
    prepare(make_dataset(folder(root)), tmp_path / "out.h5")
    assert read_split(tmp_path / "out.h5", "test").names[-1] == "test/cat/\\xff.png"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows refuses such names")
def test_characters_of_file_names_that_nobody_sees_are_escaped(root):
    (root / "test/cat/2.png").rename(root / "test/cat/2\n\r\u202e\u2028.png")
    assert open_folder(folder(root), 8).test.names[-1] == r"test/cat/2\n\r\u202e\u2028.png"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows refuses such names")
def test_a_class_with_a_character_that_nobody_sees_is_refused(root):
    for split in ("train", "test"):
        (root / split / "cat").rename(root / split / "cr\rx")
    with pytest.raises(InputError, match=r"name of class 1, 'cr\\rx', has '\\r'; allowed"):
        open_folder(folder(root), 8)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_two_classes_that_would_have_one_name_are_refused(root):
    for split in ("train", "test"):
        os.rename(os.fsencode(root / split / "cat"), os.fsencode(root / split) + b"/\xff")  # noqa: PTH104
        (root / split / "ape").rename(root / split / r"\xff")
    with pytest.raises(InputError, match="classes 0 and 1 have one name"):
        open_folder(folder(root), 8)


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes and links in folders")
def test_what_is_no_regular_file_is_left_out_and_counted(root, capsys):
    os.mkfifo(root / "train/cat/pipe.png")
    (root / "train/cat/notes").symlink_to("nowhere")
    (root / "train/cat/device.jpg").symlink_to("/dev/null")
    (root / "train/cat/folder.png").mkdir()
    assert len(open_folder(folder(root), 8).train.names) == 6
    assert capsys.readouterr().err.startswith(
        f"{root}: left out 1 broken link, 2 special file; read:"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_an_image_that_a_link_does_not_find_is_named(root):
    (root / "train/cat/a.png").symlink_to("gone.png")
    with pytest.raises(InputError, match=r"a\.png: links to gone\.png, which is not there; bring"):
        open_folder(folder(root), 8)


def test_classes_that_are_not_in_both_splits_are_named(root):
    save(root / "train/dog/a.png")
    save(root / "test/eel/a.png")
    with pytest.raises(InputError, match=r"only train/ has dog; only test/ has eel"):
        open_folder(folder(root), 8)


def test_a_class_without_images_is_named(root):
    for split in ("train", "test"):
        (root / split / "dog").mkdir()
    with pytest.raises(InputError, match=r"train/dog: found no images; allowed"):
        open_folder(folder(root), 8)


def test_an_absent_split_is_named(tmp_path):
    message = r"train: folder not found; .* or in <root>/<class>/ with a source\.split"
    with pytest.raises(InputError, match=message):
        open_folder(folder(tmp_path), 8)
    with pytest.raises(InputError, match=r"gone: folder not found; images belong in <root>/<cl"):
        open_folder(folder(tmp_path / "gone", split=HALF), 8)
    (tmp_path / "train").mkdir()
    with pytest.raises(InputError, match=r"train: found no class folders"):
        open_folder(folder(tmp_path), 8)


def test_the_root_may_name_environment_variables(root, monkeypatch):
    monkeypatch.setenv("MY_IMAGES", str(root.parent))
    assert open_folder(folder(f"$MY_IMAGES/{root.name}"), 8).class_names == ("ape", "cat")
    monkeypatch.delenv("MY_IMAGES")
    with pytest.raises(InputError, match=r"environment variable MY_IMAGES is not set"):
        open_folder(folder("${MY_IMAGES}/x"), 8)


def test_other_images_than_the_digest_says_are_an_error(root, tmp_path, make_dataset):
    output = tmp_path / "out/d.h5"
    digest = prepare(make_dataset(folder(root)), output)["digest"]
    prepare(make_dataset(folder(root, digest)), output)
    save(root / "train/cat/0.png", (1, 2, 3))
    output.unlink()
    with pytest.raises(InputError, match=rf"found images of digest \w+, .* is {digest}"):
        prepare(make_dataset(folder(root, digest)), output)
    assert list(output.parent.iterdir()) == []


def test_another_image_size_than_the_digest_covers_is_said_to_be_a_reason(
    root, tmp_path, make_dataset
):
    digest = prepare(make_dataset(folder(root)), tmp_path / "out/d.h5")["digest"]
    with pytest.raises(InputError, match="image_size, resize, bits, imbalance or"):
        prepare(make_dataset(folder(root, digest), image_size=16), tmp_path / "out/e.h5")


@pytest.mark.skipif(
    not (REAL / "cifar10_lt100.zip").is_file(),
    reason="needs the real images: cifar10_lt100.zip in $IMBALENS_REAL_DATA or ../shared/data",
)
def test_the_real_images_are_prepared(tmp_path, make_dataset):
    with zipfile.ZipFile(REAL / "cifar10_lt100.zip") as archive:
        files = sorted(archive.namelist())
        train = [name for name in files if name.startswith("train/")]
        classes = sorted({name.split("/")[1] for name in train})
        listed = {label: [n for n in train if n.split("/")[1] == label] for label in classes}
        assert [len(names) for names in listed.values()] == REAL_SIZES
        for label, names in listed.items():
            tested = [name for name in files if name.startswith(f"test/{label}/")]
            assert len(tested) == 1000
            archive.extractall(tmp_path, [*names[: len(names) // 50], *tested[:3]])
    output = tmp_path / "out.h5"
    summary = prepare(make_dataset(folder(tmp_path), image_size=32), output)
    assert summary["images"] == {"train": sum(n // 50 for n in REAL_SIZES), "test": 30}
    prepared = read_metadata(output)
    assert prepared.class_names == tuple(classes)
    assert prepared.counts.tolist() == [n // 50 for n in REAL_SIZES]
    arrays = read_split(output, "train")
    with Image.open(tmp_path / arrays.names[7]) as image:
        assert (np.asarray(image) == arrays.images[7]).all()
