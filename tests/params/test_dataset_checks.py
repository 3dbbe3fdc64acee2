"""Datasets evaluated on another source, and what does not go with it."""

import pytest

from tests.params.test_checks import FOLDER, NIH, SEEDED, messages_of
from tests.params.test_loading import SHIPPED, at, load_changed

ARRAYS = {"name": "arrays", "path": "a.npz", "digest": None}
TABLE = {
    "name": "table",
    "root": "x",
    "table": "t.csv",
    "images": {"kind": "array", "file": "x.npz", "array": "x"},
    "labels": {"kind": "class", "column": "label"},
    "split": {"kind": "column", "column": "split"},
    "digest": None,
}
PLANTED = SHIPPED["datasets"]["planted"]["source"]
PHANTOM = SHIPPED["datasets"]["phantom"]["source"]
INATURALIST = {"name": "inaturalist", "root": "x", "version": 2017, "digest": None}
NATURAL = {"kind": "natural", "n_max": None, "selection": SEEDED}
KEY = "datasets.mine.evaluate_on"


def mine(source, other, **changes):
    """A change: a dataset of one source that is evaluated on another."""
    given = {"source": source, "evaluate_on": other, "image_size": 8, "imbalance": NATURAL}
    return at("datasets", "mine", **given | changes)


@pytest.mark.parametrize(
    ("source", "other"),
    [
        (FOLDER, FOLDER | {"root": "y"}),
        (FOLDER, ARRAYS),
        ({"name": "cifar10", "root": "x", "download": False}, FOLDER | {"digest": "a1"}),
        (FOLDER | {"digest": "a1"}, FOLDER | {"root": "y"}),
        (PLANTED, PLANTED | {"seed": 5}),
        (PHANTOM, PHANTOM | {"seed": 5}),
        (NIH, ARRAYS | {"task": "multilabel"}),
        (FOLDER, None),
    ],
)
def test_what_goes_together_is_valid(tmp_path, source, other):
    dataset = load_changed(tmp_path, mine(source, other)).datasets["mine"]
    assert dataset.source_of("train") == dataset.source
    assert dataset.source_of("test") == (dataset.evaluate_on or dataset.source)
    assert list(dataset.sources) == ["source", *(["evaluate_on"] if other else [])]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            mine(FOLDER, FOLDER),
            f"{KEY}: is the same as source; name another source, or null",
        ),
        (
            mine(FOLDER, NIH),
            f"{KEY}: has several labels per image; allowed: one class, as source",
        ),
        (
            mine(NIH, FOLDER),
            f"{KEY}: has one class per image; allowed: several labels, as source",
        ),
        (
            mine(PLANTED, FOLDER),
            f"{KEY}.name: found 'folder'; allowed for source 'planted': planted",
        ),
        (
            mine(PLANTED, PHANTOM),
            f"{KEY}.name: found 'phantom_cxr'; allowed for source 'planted': planted",
        ),
        (
            mine(FOLDER, PLANTED),
            f"{KEY}.name: found 'planted'; allowed for source 'folder': folder, arrays, ",
        ),
        (
            mine(FOLDER | {"digest": "a1"}, ARRAYS | {"digest": "b2"}),
            f"{KEY}.digest: found 'b2'; allowed: null, for source.digest covers the images of "
            "both",
        ),
        (
            mine(FOLDER, INATURALIST | {"level": "genus"}),
            f"{KEY}.level: found 'genus'; allowed for 2017: 'super', 'full'",
        ),
        (
            mine(INATURALIST | {"level": "full", "version": 2018, "boxes": True}, None),
            "datasets.mine.source.boxes: found true; allowed for 2018: false",
        ),
        (
            mine(TABLE, ARRAYS, bits=12),
            "datasets.mine.bits: found 12; allowed for source 'table' with images of an array and "
            "'arrays': null",
        ),
        (
            mine(ARRAYS, {"name": "cifar10", "root": "x", "download": False}, bits=12),
            "datasets.mine.bits: found 12; allowed for source 'arrays' and 'cifar10': null",
        ),
        (
            mine(FOLDER, FOLDER | {"rot": "y"}),
            f"{KEY}.rot: unknown key; did you mean 'root'? allowed: ",
        ),
        (mine(FOLDER, "other"), f"{KEY}: found 'other'; "),
        (mine(FOLDER, {"name": "foldr"}), f"{KEY}.name: found 'foldr'; allowed: 'planted', "),
        (mine(FOLDER, {}), f"{KEY}: has no name; found {{}}; allowed as name: 'planted', "),
    ],
)
def test_what_does_not_go_together_is_said_in_full(tmp_path, change, message):
    (found,) = messages_of(tmp_path, change)
    assert found == message or (message.endswith((" ", ": ")) and found.startswith(message))


def test_bits_serve_where_either_source_takes_them(tmp_path):
    load_changed(tmp_path, mine(FOLDER, ARRAYS, bits=12))
    load_changed(tmp_path, mine(ARRAYS, FOLDER, bits=12, resize="pad"))


def test_another_source_takes_the_defaults_that_go_with_its_name(tmp_path):
    other = load_changed(tmp_path, mine(FOLDER, ARRAYS)).datasets["mine"].evaluate_on
    assert other.task == "multiclass"


@pytest.mark.parametrize(("split", "needed"), [("test", "evaluate_on"), ("train", "source")])
def test_maps_need_boxes_of_the_source_that_the_split_comes_from(tmp_path, split, needed):
    boxed, plain = FOLDER | {"boxes": "b.csv"}, FOLDER | {"root": "y"}
    sides = (plain, boxed) if needed == "evaluate_on" else (boxed, plain)

    def change(source, other):
        def apply(values):
            at("datasets", "planted", source=source, evaluate_on=other)(values)
            at("analyses", "dump_maps", split=split)(values)
            runs = [name for name in values["runs"] if name == "planted-ce"]
            at("dumps", "maps", runs=runs)(values)

        return apply

    load_changed(tmp_path, change(*sides))
    (message,) = messages_of(tmp_path, change(*reversed(sides)))
    assert message.startswith(
        f"dumps.maps.runs: found 'planted-ce', whose {needed} 'folder' has no boxes; allowed: "
    )
    assert message.endswith(f", or give {needed}.boxes")
