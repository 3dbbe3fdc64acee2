"""Maps of the annotated images, and reading them within a budget of memory."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from imbalens.dumps import files, maps
from imbalens.dumps.map_files import (
    MAP_ATTRIBUTES,
    open_maps,
    read_maps_about,
    read_maps_by_channel,
    read_maps_by_image,
)
from imbalens.dumps.maps import dump_maps
from imbalens.errors import InputError
from imbalens.models.build import build_model
from imbalens.params.runs import Ce, CifarResnet
from imbalens.store.prepared import read_boxes
from tests.dumps.cases import N_CLASSES, break_maps, random_network

SPLIT = "train"
K = 64  # channels of the last layer


@pytest.fixture(scope="module")
def boxes(data):
    """Boxes of some images only, in no order, one image having two of one class."""
    found = read_boxes(data, SPLIT)
    chosen = np.random.default_rng(0).permutation(len(found))[:37]
    again = found[chosen[5]] + [0, 0, 0, 0, 0, -1]
    return np.concatenate([found[chosen], [again]])


@pytest.fixture
def dump(load, boxes, tmp_path):
    def dump(*, untrained=None, layer=None, batch_size=16, name="run", trained=None):
        path = tmp_path / "maps" / f"{name}.h5"
        dump_maps(
            trained or load("ce", [SPLIT]),
            untrained,
            boxes,
            path,
            run=name,
            split=SPLIT,
            layer=layer,
            batch_size=batch_size,
        )
        return path

    return dump


def maps_one_by_one(model, image_batches, boxes):
    """The maps of the annotated images, each computed on its own."""
    images = image_batches(SPLIT)
    with torch.no_grad():
        found = [model.eval().forward_maps(images[row]) for row in sorted(set(boxes[:, 0]))]
    return torch.cat(found).numpy()


def assert_close(found, expected):
    assert expected.std() > 0.01, "images must differ for their order to show"
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_maps_are_those_of_the_annotated_images_in_the_order_of_the_split(
    dump, boxes, image_batches
):
    with h5py.File(dump()) as file:
        expected = maps_one_by_one(random_network("ce"), image_batches, boxes)
        assert_close(file["maps"][:], expected)
        assert set(file) == {"maps", "head", "boxes", "pairs", "row", "index"}


def test_boxes_are_renumbered_and_nothing_else_changes(dump, boxes, data):
    about = read_maps_about(dump())
    assert about.row.tolist() == sorted(set(boxes[:, 0].tolist()))
    assert len(about.row) < len(boxes)
    with h5py.File(dump()) as file:
        pairs = sorted({(row, label) for row, label, *_ in about.boxes.tolist()})
        assert file["pairs"][:].tolist() == [list(pair) for pair in pairs]
        assert len(pairs) == len(boxes) - 1
    back = np.column_stack([about.row[about.boxes[:, 0]], about.boxes[:, 1:]])
    np.testing.assert_array_equal(back, boxes)
    with h5py.File(data) as prepared, h5py.File(dump()) as file:
        index = prepared[f"{SPLIT}/index"][:]
        np.testing.assert_array_equal(file["index"][:], index[about.row])


def test_what_holds_for_all_images(dump, data):
    path, model = dump(), random_network("ce")
    about = read_maps_about(path)
    with h5py.File(data) as prepared, h5py.File(path) as file:
        assert about.class_names == tuple(prepared.attrs["class_names"])
        assert file.attrs["digest"] == prepared.attrs["digest"]
        assert file.attrs["run"] == "run"
        np.testing.assert_array_equal(file["head/bias"][:], model.linear.bias.detach())
    assert (about.network, about.split, about.image_size) == ("cifar_resnet", SPLIT, 8)
    assert about.shape == (len(about.row), K, 2, 2)
    assert about.layer_shape is about.untrained_cams is None
    np.testing.assert_array_equal(about.head, model.linear.weight.detach())


def test_the_head_of_ldam_has_unit_rows(dump, load):
    about = read_maps_about(dump(trained=load("ldam", [SPLIT])))
    np.testing.assert_allclose(np.linalg.norm(about.head, axis=1), 1, rtol=1e-5)


def test_the_logits_are_those_of_the_mean_of_the_maps(dump, one_by_one):
    path = dump()
    about = read_maps_about(path)
    with h5py.File(path) as file:
        found = file["maps"][:].mean((2, 3)) @ about.head.T + file["head/bias"][:]
    assert_close(found, one_by_one("ce", SPLIT)[1][about.row])


@pytest.mark.parametrize("batch_size", [1, 17, 1000])
@pytest.mark.parametrize(("rows", "size"), [(16, 2**20), (3, 100)])
def test_batches_and_chunks_change_nothing_but_rounding(dump, monkeypatch, batch_size, rows, size):
    options = {"untrained": random_network("ce"), "layer": "layer2"}
    with h5py.File(dump(**options, name="a")) as a:
        monkeypatch.setattr(maps, "CHUNK_ROWS", rows)
        monkeypatch.setattr(maps, "CHUNK_BYTES", size)
        with h5py.File(dump(**options, name="b", batch_size=batch_size)) as b:
            assert set(a) == set(b)
            for name in ("maps", "layer_maps", "untrained_cams"):
                np.testing.assert_allclose(b[name][:], a[name][:], rtol=1e-4, atol=1e-5)
            assert b["maps"].chunks[0] <= rows
            for name in ("boxes", "pairs", "row", "index"):
                np.testing.assert_array_equal(b[name][:], a[name][:])


def test_a_rerun_gives_the_same_bytes(dump):
    assert dump().read_bytes() == dump().read_bytes()


def test_of_the_untrained_network_class_activation_maps_are_kept(dump, boxes, image_batches):
    torch.manual_seed(5)
    untrained = build_model(CifarResnet(name="resnet8"), Ce(name="ce"), N_CLASSES)
    path = dump(untrained=untrained)
    alone = maps_one_by_one(untrained, image_batches, boxes)
    weight = untrained.linear.weight.detach().numpy()
    with h5py.File(path) as file:
        expected = [
            sum(w * one for w, one in zip(weight[label], alone[row], strict=True))
            for row, label in file["pairs"][:]
        ]
    found = read_maps_about(path).untrained_cams
    assert_close(found, np.array(expected))
    assert (found < 0).any(), "as they are, without ReLU"


@pytest.mark.parametrize("layer", ["bn1", "layer1", "layer2.0.conv1", "layer3"])
def test_a_further_layer_is_found_by_its_name(dump, boxes, image_batches, layer):
    path, model = dump(layer=layer), random_network("ce")
    seen = []
    model.get_submodule(layer).register_forward_hook(lambda *given: seen.append(given[2]))
    last = maps_one_by_one(model, image_batches, boxes)
    expected = torch.cat(seen).detach().numpy()
    with h5py.File(path) as file:
        assert_close(file["layer_maps"][:], expected)
        assert_close(file["maps"][:], last)
    assert read_maps_about(path).layer_shape == expected.shape
    assert (layer == "layer3") == (expected.shape[1] == K)


def test_what_follows_a_layer_in_place_does_not_change_its_maps(dump, load):
    """As the ReLU after DenseNet's last normalisation, which overwrites what that gave."""
    trained, normalization = load("ce", [SPLIT]), nn.BatchNorm2d(K)
    nn.init.constant_(normalization.bias, -0.5)
    model = random_network("ce")
    model.layer3 = nn.Sequential(model.layer3, normalization, nn.ReLU(inplace=True))
    path = dump(trained=replace(trained, model=model.eval()), layer="layer3.1")
    with h5py.File(path) as file:
        assert file["layer_maps"][:].min() < 0
        np.testing.assert_array_equal(np.maximum(file["layer_maps"][:], 0), file["maps"][:])


@pytest.mark.parametrize("layer", ["layer4", "", "layer1.5"])
def test_a_name_of_no_layer_lists_the_names(dump, tmp_path, layer):
    names = [name for name, _ in random_network("ce").named_modules() if name]
    with pytest.raises(InputError) as caught:
        dump(layer=layer)
    assert str(caught.value) == (
        f"analyses.yaml: dump_maps.layer: found {layer!r}; allowed: {', '.join(names)}"
    )
    assert names[:3] == ["conv1", "bn1", "layer1"]
    assert list((tmp_path / "maps").iterdir()) == []


def test_a_layer_that_gives_no_maps_is_named_and_nothing_is_written(dump, tmp_path):
    with pytest.raises(InputError) as caught:
        dump(layer="linear")
    assert str(caught.value) == (
        "analyses.yaml: dump_maps.layer: found 'linear', which gives no maps; name a "
        "convolutional layer or block"
    )
    assert list((tmp_path / "maps").iterdir()) == []


def test_a_failure_amid_the_maps_leaves_nothing(dump, tmp_path, monkeypatch):
    before = dump(name="other").read_bytes()
    stored = maps._store

    def fail(file, name, values, rows, n, **chunks):
        if rows.start:
            raise MemoryError
        stored(file, name, values, rows, n, **chunks)

    monkeypatch.setattr(maps, "_store", fail)
    for name in ("run", "other"):
        with pytest.raises(MemoryError):
            dump(name=name)
    (left,) = (tmp_path / "maps").iterdir()
    assert left.read_bytes() == before


@pytest.mark.parametrize("budget", [1, 20_000, 2**28])
@pytest.mark.parametrize(("rows", "size"), [(16, 2**20), (5, 900)])
def test_reading_in_parts_covers_everything_within_the_budget(
    dump, monkeypatch, budget, rows, size
):
    monkeypatch.setattr(maps, "CHUNK_ROWS", rows)
    monkeypatch.setattr(maps, "CHUNK_BYTES", size)
    path = dump(layer="layer2")
    monkeypatch.setattr(files, "MAP_BUDGET", budget)
    with open_maps(path) as file:
        stored = {name: file[name][:] for name in ("maps", "layer_maps")}
    next_row, one_image = 0, stored["maps"][0].nbytes
    for where, part in read_maps_by_image(path):
        assert where.start == next_row
        np.testing.assert_array_equal(part, stored["maps"][where])
        assert part.nbytes <= max(budget, one_image)
        next_row = where.stop
    assert next_row == len(stored["maps"])
    for name in ("maps", "layer_maps"):
        next_channel, one_channel = 0, stored[name][:, 0].nbytes
        for first, part in read_maps_by_channel(path, name):
            assert first == next_channel
            np.testing.assert_array_equal(part, stored[name][:, first : first + part.shape[1]])
            assert part.nbytes <= max(budget, one_channel)
            next_channel = first + part.shape[1]
        assert next_channel == stored[name].shape[1]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("maps", None, "has no dataset 'maps' (found: 'boxes', 'head', 'index', 'pairs', 'row')"),
        (
            "boxes",
            np.ones((3, 5), np.int64),
            "has 6 = 5 in 'boxes' [b 6], but 6 in 'the schema'",
        ),
        (
            "head/bias",
            np.zeros(9, np.float32),
            "has m = 9 in 'head/bias' [m], but 10 in 'head/weight'",
        ),
        ("row", np.arange(3), "has n = 3 in 'row' [n], but {n} in 'maps'"),
    ],
)
def test_maps_that_are_not_as_declared_say_what_to_run(dump, name, value, message):
    path = dump()
    with h5py.File(path, "r+") as file:
        n = len(file["maps"])
        del file[name]
        if value is not None:
            file[name] = value
    with pytest.raises(InputError) as caught:
        read_maps_about(path)
    assert str(caught.value) == f"{path} {message.format(n=n)}; run: dvc repro dump_maps@run"


@pytest.mark.parametrize("name", MAP_ATTRIBUTES)
def test_maps_without_an_attribute_say_what_to_run(dump, name):
    path = dump()
    with h5py.File(path, "r+") as file:
        del file.attrs[name]
    with pytest.raises(InputError, match=rf"no attribute '{name}' .*; run: dvc repro dump_maps@"):
        read_maps_about(path)


def test_missing_maps_say_what_to_run(tmp_path):
    for read in (read_maps_about, lambda path: next(read_maps_by_image(path))):
        with pytest.raises(InputError, match=r"x\.h5 is missing; run: dvc repro dump_maps@x$"):
            read(tmp_path / "x.h5")


def test_maps_that_are_not_finite_are_not_written(dump, load, boxes, tmp_path):
    trained, rows = load("ce", [SPLIT]), sorted(set(boxes[:, 0].tolist()))
    break_maps(trained, SPLIT, rows[18], value=np.inf)
    with pytest.raises(InputError, match=rf"run: maps of row {rows[18]} of train are not finite"):
        dump(trained=trained)
    assert list((tmp_path / "maps").iterdir()) == []


def test_maps_of_a_further_layer_that_are_not_finite_are_not_written(dump, load, boxes):
    trained = load("ce", [SPLIT])
    trained.model.layer2.register_forward_hook(lambda *given: given[-1].fill_(np.nan))
    trained.model.layer3.register_forward_hook(lambda *given: torch.nan_to_num(given[-1]))
    first = min(boxes[:, 0])
    message = rf"run: maps of layer2 of row {first} of train are not finite"
    with pytest.raises(InputError, match=message):
        dump(trained=trained, layer="layer2")
