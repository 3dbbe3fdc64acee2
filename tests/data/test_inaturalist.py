import json
import shutil

import numpy as np
import pytest
from PIL import Image

from imbalens.data.choosing import choose_images
from imbalens.data.imbalance import class_sizes
from imbalens.data.inaturalist import open_inaturalist
from imbalens.data.listed import draw_per_class
from imbalens.data.prepare import prepare
from imbalens.errors import InputError
from imbalens.params.loading import load_params
from imbalens.params.sources import Inaturalist
from imbalens.store.prepared import read_metadata, read_split
from tests.data.test_folder import save
from tests.tiny import ROOT

# id: super-category, taxonomy, species. Prunella is a genus of plants, and one of birds
SPECIES = {
    0: ("Plantae", "Plantae_Tracheophyta_Magnoliopsida_Lamiales_Lamiaceae_Prunella", "vulgaris"),
    1: ("Aves", "Animalia_Chordata_Aves_Passeriformes_Prunellidae_Prunella", "modularis"),
    2: ("Plantae", "Plantae_Tracheophyta_Magnoliopsida_Lamiales_Lamiaceae_Lamium", "album"),
}
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")
TRAIN, VAL = 3, 2  # images of a species
TORCHVISION = {"train": "2021_train", "train_mini": "2021_train_mini", "val": "2021_valid"}


def category(number, *, ranks):
    group, taxonomy, epithet = SPECIES[number]
    named = dict(zip(RANKS, taxonomy.split("_"), strict=True))
    name = f"{named['genus']} {epithet}"
    return {"id": number, "name": name, "supercategory": group, **(named if ranks else {})}


def lay_out(root, version, layout="archives"):
    """Write iNaturalist as its archives unpack, or as torchvision renames their folders."""
    folder = {2017: "train_val_images", 2018: "train_val2018"}.get(version)
    train = "train_mini" if version == "2021_mini" else "train"
    for split, n in ((train, TRAIN), ("val", VAL)):
        images, annotations = [], []
        # ids of JSON are in no order of the files
        for number in reversed(SPECIES):
            group, taxonomy, epithet = SPECIES[number]
            genus = taxonomy.rpartition("_")[2]
            for i in range(n):
                name = f"{split}{i}.jpg"
                if version == 2017:
                    path = f"{folder}/{group}/{genus} {epithet}/{name}"
                elif version == 2018:
                    path = f"{folder}/{group}/{number}/{name}"
                else:
                    path = f"{split}/{number:05d}_{taxonomy}_{epithet}/{name}"
                first, _, within = path.partition("/")
                other = TORCHVISION[first] if first in TORCHVISION else str(version)
                on_disk = f"{other}/{within}" if layout == "torchvision" else path
                save(root / on_disk, (80 * number, 60 * i, 0 if split == train else 99))
                key = 1000 * (split == "val") + 10 * number + i
                images.append({"id": key, "file_name": path, "width": 8, "height": 8})
                annotations.append({"id": key, "image_id": key, "category_id": number})
        content = {
            "info": {"year": version},
            "images": images,
            "annotations": annotations[::-1],
            "categories": [category(number, ranks=folder is None) for number in SPECIES],
        }
        file = root / (f"{split}{version}.json" if folder else f"{split}.json")
        file.write_text(json.dumps(content), encoding="utf-8")
    if version == 2018:  # where names were numbers, until they were published
        named = [category(number, ranks=True) for number in SPECIES]
        (root / "categories.json").write_text(json.dumps(named), encoding="utf-8")
    return root


def of(root, version=2017, level="super", **changes):
    given = {"name": "inaturalist", "root": str(root), "version": version, "level": level}
    given |= {"boxes": False, "max_test_per_class": None, "seed": 0, "digest": None}
    return Inaturalist.model_validate({**given, **changes})


@pytest.mark.parametrize("layout", ["archives", "torchvision"])
@pytest.mark.parametrize("version", [2017, 2018, 2021, "2021_mini"])
def test_every_layout_has_the_same_classes_and_images(tmp_path, make_dataset, version, layout):
    root = lay_out(tmp_path / "in", version, layout)
    for level, names, numbers in (
        ("super", ("Aves", "Plantae"), ((1,), (0, 2))),
        ("full", ("Prunella vulgaris", "Prunella modularis", "Lamium album"), ((0,), (1,), (2,))),
    ):
        prepare(make_dataset(of(root, version, level)), tmp_path / "out.h5")
        assert read_metadata(tmp_path / "out.h5").class_names == names
        for split, n, blue in (("train", TRAIN, 0), ("test", VAL, 99)):
            arrays = read_split(tmp_path / "out.h5", split)
            assert np.bincount(arrays.labels).tolist() == [n * len(each) for each in numbers]
            for name, label, image in zip(arrays.names, arrays.labels, arrays.images, strict=True):
                with Image.open(root / name) as stored:
                    assert (np.asarray(stored) == image).all()
                assert np.round(image[4, 4, 0] / 80) in numbers[label]
                assert abs(int(image[4, 4, 2]) - blue) < 4


@pytest.mark.parametrize("version", [2018, 2021])
@pytest.mark.parametrize(
    ("level", "names"),
    [
        ("kingdom", ("Animalia", "Plantae")),
        ("family", ("Prunellidae", "Lamiaceae")),
        (
            "genus",
            (
                "Animalia-Chordata-Aves-Passeriformes-Prunellidae-Prunella",
                "Lamium",
                "Plantae-Tracheophyta-Magnoliopsida-Lamiales-Lamiaceae-Prunella",
            ),
        ),
    ],
)
def test_groups_of_one_name_are_told_apart(tmp_path, version, level, names):
    assert open_inaturalist(of(lay_out(tmp_path, version), version, level), 8).class_names == names


def test_folders_of_2021_do_without_json(tmp_path):
    root = lay_out(tmp_path, 2021, "torchvision")
    for file in root.glob("*.json"):
        file.unlink()
    assert len(open_inaturalist(of(root, 2021, "full"), 8).class_names) == 3
    with pytest.raises(InputError, match=r"val\.json: file not found; bring it from"):
        open_inaturalist(of(root, 2021, "super"), 8)


def test_a_cap_leaves_so_many_test_images_of_a_class(tmp_path):
    root = lay_out(tmp_path, 2017)
    source = open_inaturalist(of(root, max_test_per_class=3), 8)
    assert np.bincount(source.test.labels).tolist() == [VAL, 3]
    assert set(source.test.names) < set(open_inaturalist(of(root), 8).test.names)
    drawn = {
        tuple(open_inaturalist(of(root, max_test_per_class=3, seed=seed), 8).test.names)
        for seed in range(6)
    }
    assert len(drawn) > 1


def edited(name, change):
    def edit(root):
        content = json.loads((root / name).read_text(encoding="utf-8"))
        change(content)
        (root / name).write_text(json.dumps(content), encoding="utf-8")

    return edit


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda root: (root / "val2017.json").unlink(), "val2017.json: file not found; bring it"),
        (lambda root: (root / "val2017.json").write_bytes(b"{"), "val2017.json: cannot be read ("),
        (lambda root: (root / "val2017.json").write_bytes(b"[]"), "an entry lacks what it must"),
        (
            lambda root: shutil.rmtree(root / "train_val_images"),
            "found no folder train_val_images",
        ),
        (
            lambda root: (root / "train_val_images/Aves/Prunella modularis/val1.jpg").unlink(),
            "names 6 images, of which 1 are absent, such as train_val_images/Aves/Prunella modul",
        ),
        (edited("val2017.json", lambda x: x.update(images=[], annotations=[])), "found no images"),
        (
            edited("val2017.json", lambda x: x.pop("categories")),
            "must have (KeyError('categories'))",
        ),
        (
            edited("val2017.json", lambda x: x["images"][0].pop("file_name")),
            "(KeyError('file_name'))",
        ),
        (edited("val2017.json", lambda x: x["images"].pop()), "image 1001 has no file name"),
        (edited("val2017.json", lambda x: x["annotations"].pop()), "image 1020 has no category"),
        (edited("val2017.json", lambda x: x["categories"].pop()), "category 2, which is none of"),
        (edited("val2017.json", lambda x: x["images"].append(x["images"][0])), "there twice"),
        (
            edited("val2017.json", lambda x: x["annotations"].append(x["annotations"][0])),
            "an image stands there twice",
        ),
        (
            lambda root: shutil.copy(root / "train2017.json", root / "val2017.json"),
            "9 images are training and validation images, such as train_val_images/Aves/Prunella",
        ),
    ],
)
def test_a_damaged_file_is_named_and_nothing_is_left(tmp_path, make_dataset, damage, message):
    root = lay_out(tmp_path / "in", 2017)
    damage(root)
    with pytest.raises(InputError) as caught:
        prepare(make_dataset(of(root)), tmp_path / "out/d.h5")
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_levels_that_are_not_known_are_refused(tmp_path):
    root = lay_out(tmp_path, 2018)
    (root / "categories.json").unlink()
    with pytest.raises(
        InputError, match=r"category 0 has no 'kingdom' \(known: super, full\); put"
    ):
        open_inaturalist(of(root, 2018, "genus"), 8)


def test_a_folder_of_2021_that_is_no_species_is_named(tmp_path):
    root = lay_out(tmp_path, 2021)
    (root / "train/00009_Animalia").mkdir()
    with pytest.raises(InputError, match=r"train/00009_Animalia: is not called as a species"):
        open_inaturalist(of(root, 2021, "full"), 8)


def test_the_profile_makes_fifty_to_one_of_the_real_counts(monkeypatch):
    monkeypatch.chdir(ROOT)  # where analyses.yaml lies beside it
    dataset = load_params(ROOT / "profiles/inat13.yaml").datasets["inat13"]
    train = [158407, 100479, 214295, 35201, 29333, 5826, 15318, 7536, 5228, 4873, 1982, 398, 308]
    val = [38206, 18076, 21226, 5680, 3490, 1780, 2385, 1841, 1362, 1086, 637, 144, 73]
    assert (sum(train), sum(val)) == (579_184, 95_986)
    sizes = class_sizes(np.array(train), dataset.imbalance, class_names=list("abcdefghijklm"))
    assert (sizes.max(), sizes.max() / sizes.min(), sizes.sum()) == (15_400, 50, 118_469)
    most = dataset.source.max_test_per_class
    assert draw_per_class(np.repeat(np.arange(13), val), most, seed=0).sum() == 14_018


def test_natural_sizes_are_capped(tmp_path, make_dataset):
    root = lay_out(tmp_path, 2017)
    natural = {"kind": "natural", "n_max": 4, "selection": {"name": "seeded", "seed": 0}}
    dataset = make_dataset(of(root), imbalance=natural)
    split, rows = choose_images(open_inaturalist(dataset.source, 8), dataset)["train"]
    assert np.bincount(split.labels[rows]).tolist() == [TRAIN, 4]
