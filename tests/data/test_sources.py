"""What each source states of itself is what its prepared images show."""

import numpy as np
import pytest
from PIL import ExifTags, Image

from imbalens.data.prepare import prepare
from imbalens.errors import InputError
from imbalens.params.source import Files
from imbalens.params.sources import sources
from imbalens.store.prepared import open_prepared, read_metadata, read_split
from tests.data import test_inaturalist as inaturalist
from tests.data import test_places365 as places365
from tests.data.nih_layout import write_images, write_lists, write_tables
from tests.data.test_arrays import write
from tests.data.test_cifar import place
from tests.data.test_folder import save

EACH = {"name": "multilabel", "include_no_finding": False}


def lay_out(name, folder, monkeypatch):
    """Lay out what a source reads; return the source's parameters, without a digest."""
    match name:
        case "planted":
            return {
                "train_per_class": 3,
                "test_per_class": 2,
                "mislabelled": 0.0,
                "subconcept": 0.0,
                "seed": 0,
            }
        case "phantom_cxr":
            return {"task": EACH, "train_images": 20, "test_images": 8, "seed": 0}
        case "folder":
            for split in ("train", "test"):
                for label, colour in (("cat", (250, 0, 0)), ("ape", (0, 250, 9))):
                    save(folder / split / label / "a.png", colour)
            return {"root": str(folder), "split": None, "groups": None, "boxes": None}
        case "arrays":
            images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
            labels = np.array([0, 1, 0, 1])
            arrays = {f"{split}_images": images for split in ("train", "test")}
            arrays |= {f"{split}_labels": labels for split in ("train", "test")}
            folder.mkdir()
            write(folder / "a.npz", arrays)
            return {"path": str(folder / "a.npz"), "task": "multiclass"}
        case "lists":
            for split in ("train", "test"):
                rows = [f"{split}/ape/a.png 0", f"{split}/cat/a.png 1"]
                for row, colour in zip(rows, ((250, 0, 0), (0, 250, 9)), strict=True):
                    save(folder / row[:-2], colour)
                (folder / f"{split}.txt").write_text("\n".join(rows), encoding="utf-8")
            lists = {"train": "train.txt", "val": None, "test": "test.txt", "categories": None}
            return {"root": str(folder), **lists}
        case "table":
            rows = []
            for split in ("train", "test"):
                for label, colour in (("ape", (0, 250, 9)), ("cat", (250, 0, 0))):
                    save(folder / split / f"{label}.png", colour)
                    rows.append(f"{split}/{label}.png,{label},{split}")
            (folder / "t.csv").write_text("\n".join(["path,label,split", *rows]), encoding="utf-8")
            return {
                "root": str(folder),
                "table": "t.csv",
                "images": {"kind": "files", "column": "path"},
                "labels": {"kind": "class", "column": "label", "classes": None},
                "split": {"kind": "column", "column": "split"},
                **dict.fromkeys(("group", "view", "boxes")),
                "channels": 3,
                "window": "full",
            }
        case "features":
            rows = []
            for split in ("train", "test"):
                for label, colour in (("ape", (0, 250, 9)), ("cat", (250, 0, 0))):
                    save(folder / split / f"{label}.png", colour)
                    rows.append(f"{split}/{label}.png,{label},{split},0.5,{len(rows)}")
            header = "path,label,split,feature_0,feature_1"
            (folder / "t.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
            return {
                "file": str(folder / "t.csv"),
                "task": "multiclass",
                "columns": {},
                **dict.fromkeys(("classes", "blank", "uncertain", "split")),
                "images": str(folder),
                "channels": 3,
            }
        case "places365":
            places365.lay_out(folder, "archives")
            return {"root": str(folder), "classes": "all", "test_per_class": None, "seed": 0}
        case "inaturalist":
            inaturalist.lay_out(folder, 2017)
            capped = {"boxes": False, "max_test_per_class": None, "seed": 0}
            return {"root": str(folder), "version": 2017, "level": "super", **capped}
        case "cifar10" | "cifar100":
            place(folder, monkeypatch, name, labels=[0, 1, 0, 1], n_classes=2)
            return {"root": str(folder), "download": False}
        case "nih":
            write_images(write_lists(write_tables(folder)) / "images")
            split = {"test_share": 0.5, "seed": 0}
            return {
                "root": str(folder),
                "task": EACH,
                "require_complete": False,
                "split": split,
            }
        case _:
            raise AssertionError(f"no layout of {name}")


@pytest.mark.parametrize(("name", "kind"), sources().items())
def test_what_a_source_states_is_what_its_images_show(
    tmp_path, monkeypatch, make_dataset, name, kind
):
    monkeypatch.chdir(tmp_path)
    given = {"name": name, **lay_out(name, tmp_path / "source", monkeypatch)}
    if issubclass(kind, Files):
        given["digest"] = None
    path = tmp_path / "some.h5"
    dataset = make_dataset(given, image_size=16)
    summary = prepare(dataset, path)
    prepared = read_metadata(path)
    assert (prepared.task != "multiclass") == dataset.source.several_labels
    assert prepared.generated == kind.generated
    with open_prepared(path, "test") as file:
        assert ("boxes" in file["test"]) == dataset.source.has_boxes
    if issubclass(kind, Files):
        prepare(make_dataset(given | {"digest": summary["digest"]}, image_size=16), path)
        with pytest.raises(InputError, match=r"source\.digest is 0000"):
            prepare(make_dataset(given | {"digest": "0000"}, image_size=16), path)


FILES = ["folder", "lists", "table", "features", "places365", "inaturalist", "nih"]


@pytest.fixture(params=FILES)
def of_files(request, tmp_path, monkeypatch):
    """A source of image files: its parameters, and one of its training images."""
    monkeypatch.chdir(tmp_path)
    name = request.param
    given = {"name": name, "digest": None, **lay_out(name, tmp_path / "in", monkeypatch)}
    images = [path for path in (tmp_path / "in").rglob("*.*g") if "val" not in path.name]
    if name == "nih":
        listed = (tmp_path / "in/train_val_list.txt").read_text(encoding="utf-8").split()
        images = [path for path in images if path.name in listed]
    return given, min(path for path in images if "test" not in path.parts)


def stored(tmp_path, path):
    """Return the prepared image of a training file, in 8 bits a channel."""
    arrays = read_split(tmp_path / "out.h5", "train")
    row = [path.as_posix().endswith(f"/{name}") for name in arrays.names].index(True)
    return arrays.images[row]


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "RGBA", "I;16"])
def test_images_of_every_kind_are_read(tmp_path, make_dataset, of_files, mode):
    given, path = of_files
    if given["name"] == "nih" and mode == "CMYK":
        pytest.skip("NIH's are PNG files, which have no CMYK")
    image = Image.new("RGB", (20, 20), "white")
    if mode == "I;16":
        image = Image.fromarray(np.full((20, 20), 255 * 256, np.uint16))
    else:
        image = image.convert(mode)
    jpeg = mode in ("L", "CMYK") and given["name"] != "nih"
    image.save(path, "JPEG" if jpeg else "PNG")
    prepare(make_dataset(given), tmp_path / "out.h5")
    assert (stored(tmp_path, path) == 255).all()


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_images_that_exif_turns_stand_upright(tmp_path, make_dataset, of_files, form):
    given, path = of_files
    if given["name"] == "nih" and form == "JPEG":
        pytest.skip("NIH's are PNG files")
    values = np.zeros((20, 20, 3), np.uint8)
    values[:10, :10] = 255  # upper left, which is upper right once it is turned
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(values).save(path, form, exif=exif)
    prepare(make_dataset(given), tmp_path / "out.h5")
    image = stored(tmp_path, path)
    assert image[:3, -3:].min() > 245
    assert image[:3, :3].max() < 10
    assert image[-3:].max() < 10


def test_12_bits_in_16_do_not_become_black(tmp_path, make_dataset, of_files):
    given, path = of_files
    ramp = np.linspace(0, 4095, 400).round().astype(np.uint16).reshape(20, 20)
    Image.fromarray(ramp).save(path, "PNG")
    found = [
        prepare(make_dataset(given, bits=bits), tmp_path / "out.h5")["digest"]
        for bits in (None, 12, 16)
    ]
    assert found[0] == found[1] != found[2]
    assert stored(tmp_path, path).max() <= 15  # by 16 bits
    summary = prepare(make_dataset(given), tmp_path / "out.h5")
    assert summary["bits"] == 12
    assert stored(tmp_path, path).max() > 240


@pytest.mark.parametrize("content", [b"", b"no image", b"\xff\xd8\xff\xe0\x00\x10JFIF"])
def test_a_damaged_image_is_named_and_nothing_is_left(tmp_path, make_dataset, of_files, content):
    given, path = of_files
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        prepare(make_dataset(given), tmp_path / "out/d.h5")
    assert str(caught.value).startswith(f"{path}: ")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("keep", [0, 100, -200])
def test_a_damaged_file_of_arrays_is_named_and_nothing_is_left(
    tmp_path, monkeypatch, make_dataset, keep
):
    given = {"name": "arrays", "digest": None, **lay_out("arrays", tmp_path / "in", monkeypatch)}
    path = tmp_path / "in/a.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError) as caught:
        prepare(make_dataset(given), tmp_path / "out/d.h5")
    assert str(caught.value).startswith(f"{path}: ")
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []
