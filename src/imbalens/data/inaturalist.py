"""iNaturalist 2017, 2018 and 2021, by their official JSON files and folders.

Of 2017 and 2018, training and validation images share one tree, `train_val_images/` and
`train_val2018/` (torchvision: `2017/`, `2018/`), and only `train2017.json` and `val2017.json` tell
them apart; `categories.json`, published later, names the species of 2018. Of 2021 they have
folders of their own, `train/` or `train_mini/` and `val/` (torchvision: `2021_train/`,
`2021_train_mini/`, `2021_valid/`), in folders of species that are called after their taxonomy.

Source: Van Horn et al. 2018, The iNaturalist Species Classification and Detection Dataset.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from imbalens.data.decoding import FORMATS
from imbalens.data.image_files import measure
from imbalens.data.inaturalist_boxes import read_inaturalist_boxes
from imbalens.data.listed import draw_per_class, find_absent, list_images, open_parts
from imbalens.data.names import composed
from imbalens.data.source import Source
from imbalens.errors import InputError
from imbalens.params.datasets import Resize
from imbalens.params.paths import expand_path
from imbalens.params.sources import Inaturalist

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")
TREES = {2017: ("train_val_images", "2017"), 2018: ("train_val2018", "2018")}
FOLDERS = {
    "train": ("train", "2021_train"),
    "train_mini": ("train_mini", "2021_train_mini"),
    "val": ("val", "2021_valid"),
}
CATEGORIES = "categories.json"  # of 2018
NAMED = 3  # files named in a message

Taxon = Mapping[str, str]  # what a species is called, and what it belongs to, by rank


@dataclass(frozen=True)
class Listed:
    """Images of one split.

    Attributes:
        files: Path of each image within the root folder.
        species: Category id of each image.
        taxa: Each category, by id.
    """

    files: list[str]
    species: Int[np.ndarray, " n"]
    taxa: Mapping[int, Taxon]


def open_inaturalist(
    params: Inaturalist,
    image_size: int,
    *,
    resize: Resize = "squash",
    bits: int | None = None,
) -> Source:
    """List the images; they are decoded when they are read.

    The test images are the official validation images. Classes of `full` are in the order of the
    official ids, others in that of their names. A name that several groups have, as genera of
    plants and of animals may, goes with those that the groups belong to.

    Args:
        params: Root folder, version, level of the classes, how many test images of each, and
            whether images have boxes.
        image_size: Side in pixels of the squares that images become.
        resize: How oblong images become squares.
        bits: Of 16-bit grey, how many of each value are used; None to look.

    Raises:
        InputError: naming what is missing or not as it was shipped.
    """
    root = expand_path(params.root)
    if isinstance(params.version, int) and params.version in TREES:
        train, test = (_list_by_json(root, params.version, split) for split in ("train", "val"))
    else:
        splits = ("train_mini" if params.version == "2021_mini" else "train", "val")
        train, test = (_list_folders(root, split) for split in splits)
    if shared := set(train.files) & set(test.files):
        raise InputError(
            f"{root}: {len(shared)} images are training and validation images, such as "
            f"{min(shared)}; bring the JSON files as they were shipped"
        )
    taxa = {**train.taxa, **test.taxa}
    if params.version == 2018 and (root / CATEGORIES).is_file():
        taxa |= _read_taxa(root / CATEGORIES, _read_json(root / CATEGORIES))
    if params.version in (2021, "2021_mini") and params.level == "super":
        taxa = _read_taxa(root / "val.json", _categories(root / "val.json"))
    groups = {
        species: _group(root, species, taxa, params.level)
        for species in sorted({*train.species.tolist(), *test.species.tolist()})
    }
    order = sorted(set(groups.values()))
    label_of = {group: label for label, group in enumerate(order)}
    names = [group[-1] for group in order]
    often = Counter(names)
    names = ["-".join(map(str, group)) if often[group[-1]] > 1 else group[-1] for group in order]

    def choose(listed: Listed, most: int | None) -> tuple[list[str], Int[np.ndarray, " k"]]:
        labels = np.array([label_of[groups[id_]] for id_ in listed.species.tolist()])
        rows = np.arange(len(labels))
        if most is not None:
            rows = np.flatnonzero(draw_per_class(labels, most, seed=params.seed))
        return [listed.files[row] for row in rows.tolist()], labels[rows]

    parts = {"train": choose(train, None), "test": choose(test, params.max_test_per_class)}
    boxes = None
    if params.boxes:
        files = [file for part, _ in parts.values() for file in part]
        boxes = read_inaturalist_boxes(
            root,
            files,
            _labels_by_name(root, taxa, {id_: label_of[group] for id_, group in groups.items()}),
            stored=lambda row: measure(root / files[row], formats=FORMATS),
            resize=resize,
            size=image_size,
        )
    return open_parts(root, names, parts, image_size, resize=resize, bits=bits, boxes=boxes)


def _labels_by_name(
    root: Path, taxa: Mapping[int, Taxon], label_of: Mapping[int, int]
) -> dict[str, int]:
    """Return the label of each species by its name, which boxes are of."""
    labels: dict[str, int] = {}
    for species, label in label_of.items():
        name = composed(taxa[species]["full"])
        if labels.setdefault(name, label) != label:
            raise InputError(
                f"{root}: two species are called {name!r}, whose boxes cannot be told; set "
                "source.boxes to false"
            )
    return labels


def _group(root: Path, species: int, taxa: Mapping[int, Taxon], level: str) -> tuple[Any, ...]:
    """Return what tells the class of a species from others: its name last, before it the order."""
    taxon = taxa.get(species, {})
    path = RANKS[: RANKS.index(level)] if level in RANKS else ()
    missing = [rank for rank in (*path, level) if rank not in taxon]
    if missing:
        known = ", ".join(taxon) or "nothing"
        raise InputError(
            f"{root}: category {species} has no {missing[0]!r} (known: {known}); put {CATEGORIES} "
            "of 2018 there, or set source.level to what is known"
        )
    if level == "full":
        return species, taxon["full"]
    return (*(taxon[rank] for rank in path), taxon[level])


def _list_by_json(root: Path, version: int, split: str) -> Listed:
    """List the images of a split whose tree is shared with the other."""
    file = root / f"{split}{version}.json"
    content = _read_json(file)
    try:
        names = {image["id"]: image["file_name"] for image in content["images"]}
        species = {each["image_id"]: each["category_id"] for each in content["annotations"]}
        n_images, n_species = len(content["images"]), len(content["annotations"])
        categories = content["categories"]
        within = [name.split("/", 1)[1] for name in names.values()]
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise _wrong(file, f"an entry lacks what it must have ({error!r})") from error
    taxa = _read_taxa(file, categories)
    if not names:
        raise _wrong(file, "found no images")
    if len(set(within)) < n_images or len(species) < n_species:
        raise _wrong(file, "an image stands there twice")
    if other := sorted(names.keys() ^ species.keys(), key=str):
        lacking = "category" if other[0] in names else "file name"
        raise _wrong(file, f"image {other[0]!r} has no {lacking}")
    if unknown := sorted(set(species.values()) - taxa.keys(), key=str):
        raise _wrong(file, f"found category {unknown[0]!r}, which is none of its {len(taxa)}")
    tree = _find_folder(root, TREES[version])
    files = [f"{tree}/{path}" for path in within]
    if absent := find_absent(root, files):
        some = ", ".join(files[row] for row in absent[:NAMED])
        raise InputError(
            f"{file}: names {len(files):,} images, of which {len(absent):,} are absent, such as "
            f"{some}; bring them, or a file without them"
        )
    return Listed(files, np.array([species[image] for image in names]), taxa)


def _list_folders(root: Path, split: str) -> Listed:
    """List the images of a split of 2021, by species and name."""
    tree = _find_folder(root, FOLDERS[split])
    files: list[str] = []
    species: list[int] = []
    taxa: dict[int, Taxon] = {}
    folders = sorted(entry.name for entry in (root / tree).iterdir() if entry.is_dir())
    for name in (name for name in folders if not name.startswith(".")):
        parts = name.split("_")
        if len(parts) != len(RANKS) + 2 or not (parts[0].isascii() and parts[0].isdigit()):
            raise InputError(
                f"{root / tree / name}: is not called as a species of 2021; allowed: number, "
                f"{', '.join(RANKS)} and species, joined by _"
            )
        images = list_images(root / tree / name)
        files += [f"{tree}/{name}/{image}" for image in images]
        species += [int(parts[0])] * len(images)
        taxa[int(parts[0])] = {
            **dict(zip(RANKS, parts[1:-1], strict=True)),
            "full": " ".join(parts[-2:]),
        }
    if not files:
        raise InputError(f"{root / tree}: found no images; allowed: folders of species")
    return Listed(files, np.array(species), taxa)


def _find_folder(root: Path, names: Sequence[str]) -> str:
    found = next((name for name in names if (root / name).is_dir()), None)
    if found is None:
        raise InputError(
            f"{root}: found no folder {' or '.join(names)}; it is source.root, and holds the "
            "images as they were unpacked"
        )
    return found


def _categories(file: Path) -> Any:  # noqa: ANN401 - whatever JSON can hold
    content = _read_json(file)
    if not isinstance(content, dict) or "categories" not in content:
        raise _wrong(file, "found no 'categories'")
    return content["categories"]


def _read_taxa(file: Path, categories: Any) -> dict[int, Taxon]:  # noqa: ANN401 - as above
    """Return each category by its id."""
    taxa: dict[int, Taxon] = {}
    try:
        for each in categories:
            ranks = {rank: str(each[rank]) for rank in RANKS if rank in each}
            said = {"super": str(each["supercategory"]), "full": str(each["name"])}
            taxa[int(each["id"])] = {**ranks, **said}
    except (KeyError, TypeError, ValueError) as error:
        raise _wrong(file, f"a category lacks what it must have ({error!r})") from error
    return taxa


def _read_json(file: Path) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if not file.is_file():
        raise InputError(
            f"{file}: file not found; bring it from the page of the competition: folders alone do "
            "not tell what it tells"
        )
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise _wrong(file, f"cannot be read ({error})") from error


def _wrong(file: Path, what: str) -> InputError:
    return InputError(f"{file}: {what}; bring the file as it was shipped")
