"""Maps of annotated images, and how well they agree with boxes, from networks to tables."""

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from imbalens.analysis.cam_alignment.alignment import MEASURES
from imbalens.analysis.common.boxes import shift_boxes
from imbalens.dumps.map_files import read_maps_about
from imbalens.errors import InputError
from imbalens.models.build import build_model
from imbalens.models.checkpoint import save_weights
from imbalens.params.loading import load_params
from imbalens.reports.common.sampling import choose_samples
from imbalens.store.prepared import read_names
from stages import cam_alignment, concepts, dump_maps, prepare
from tests.map_cases import (
    ALL,
    BCE,
    CE,
    EXAMPLES,
    HARD,
    SEED,
    SOFT,
    experiment,
    read_cams,
    union_of,
)
from tests.tiny import tiny_params, write_params


def slow_alignment(cams, boxes, *, size, relu, normalize_before_resize, threshold):
    """Paper A, section 4, pair by pair: IoBB, IoR, IoU, pointing game and whether all is zero."""
    rows = []
    pairs = sorted({(box[0], box[1]) for box in boxes.tolist()})
    for cam, (image, label) in zip(cams, pairs, strict=True):
        cam = torch.from_numpy(np.maximum(cam, 0) if relu else cam)[None, None].double()
        for step in ("n", "r") if normalize_before_resize else ("r", "n"):
            if step == "r":
                cam = torch.nn.functional.interpolate(cam, (size, size), mode="bilinear")
            elif cam.max() > cam.min():
                cam = (cam - cam.min()) / (cam.max() - cam.min())
            else:
                cam = torch.zeros_like(cam)
        cam = cam[0, 0].numpy()
        if threshold is not None:
            cam = (cam >= threshold).astype(float)
        mask = union_of(boxes, image, label, size)
        common, total, area = cam[mask].sum(), cam.sum(), mask.sum()
        peak = cam >= cam.max() - 1e-7
        pointing = (peak & mask).sum() / peak.sum()
        if total:
            union = total + area - common
            rows.append((label, common / area, common / total, common / union, pointing, 0))
        else:
            rows.append((label, 0, 0, 0, 0, 1))
    return np.array(rows)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("hard", [False, True], ids=["soft", "hard"])
def test_alignment_is_that_of_the_dump_in_every_part(maps_folder, name, hard):
    path = maps_folder / f"data/dumps/maps/{name}.h5"
    about = read_maps_about(path)
    found = json.loads(
        (maps_folder / ("hard" if hard else "metrics/cam_alignment") / f"{name}.json").read_text()
    )
    options = {key: (HARD if hard else SOFT)[key] for key in ("relu", "normalize_before_resize")}
    shifted = shift_boxes(
        about.boxes, image_size=about.image_size, rng=np.random.default_rng(SEED)
    )
    trained, untrained = (read_cams(path, untrained=which) for which in (False, True))
    parts = {
        None: (trained, about.boxes, None),
        "untrained": (untrained, about.boxes, None),
        "shifted": (trained, shifted, None),
    }
    if hard:
        parts["hard"] = (trained, about.boxes, HARD["threshold"])
    for part, (cams, boxes, threshold) in parts.items():
        rows = slow_alignment(cams, boxes, size=about.image_size, threshold=threshold, **options)
        figures = found if part is None else found[part]
        means = dict(zip(MEASURES, rows[:, 1:].mean(0), strict=True))
        if part == "hard":
            assert means.pop("pointing") == pytest.approx(means["ior"]), "which is left out"
        if part is not None:
            assert set(figures) == set(means)
        assert {key: figures[key] for key in means} == pytest.approx(means, abs=2e-5), part
        if part is None:
            for label, place in zip(about.class_names, range(14), strict=False):
                own = rows[rows[:, 0] == place]
                assert (label in found["class"]) == bool(len(own))
                if len(own):
                    expected = dict(zip(MEASURES, own[:, 1:].mean(0), strict=True))
                    expected["pairs"] = len(own)
                    assert found["class"][label] == pytest.approx(expected, abs=2e-5)
    assert found["pairs"] == len(rows)
    assert found["images"] == len(about.row)
    assert ("hard" in found) == hard
    assert found["iobb"] != pytest.approx(found["untrained"]["iobb"], abs=1e-4)


def lay_out_boxed_folder(root):
    """Oblong images of two classes, some with a box; return label and box of these by file."""
    boxes = {}
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for label in ("ape", "cat"):
            for i in range(4):
                file = root / split / label / f"{i}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(0, 256, (32, 64, 3), dtype=np.uint8)).save(file)
                if split == "test" and i % 2:
                    boxes[file.relative_to(root).as_posix()] = (label, 8 * i, 4, 16, 4 * (i + 1))
    lines = [",".join(map(str, (file, *box))) for file, box in boxes.items()]
    text = "\n".join(["file,label,x,y,w,h", *lines])
    (root / "boxes.csv").write_text(text, encoding="utf-8")
    return boxes


def test_boxes_of_ones_own_folder_come_to_maps_and_alignment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    boxes = lay_out_boxed_folder(tmp_path / "mine")
    values = tiny_params((CE,))
    values["datasets"]["planted"] |= {
        "source": {"name": "folder", "root": "mine", "boxes": "boxes.csv", "digest": None},
        "imbalance": {
            "kind": "natural",
            "n_max": None,
            "selection": {"name": "seeded", "seed": 0},
        },
    }
    values["analyses"]["archetypes"]["n_neighbors"] = 5
    values["analyses"]["adversaries"]["n_neighbors"] = 5
    values["analyses"]["explore"]["embedding"] = {"name": "pca"}
    values["false_positives"] = {}
    write_params(tmp_path, values)
    prepare.main(["planted"])
    run = load_params().runs[CE]
    save_weights(build_model(run.model, run.loss, 2), Path(f"data/models/{CE}.pt"), metadata={})
    for stage in (dump_maps, cam_alignment, concepts):
        stage.main([CE])
    about = read_maps_about(Path(f"data/dumps/maps/{CE}.h5"))
    names = read_names(Path("data/prepared/planted.h5"), "test")
    found = {
        names[about.row[image]]: (about.class_names[label], *box)
        for image, label, *box in about.boxes.tolist()
    }
    # 32 x 32 of 64 x 32
    halved = {file: (label, x // 2, y, w // 2, h) for file, (label, x, y, w, h) in boxes.items()}
    assert found == halved
    metrics = json.loads(Path(f"metrics/cam_alignment/{CE}.json").read_text())
    assert (metrics["pairs"], set(metrics["class"])) == (4, {"ape", "cat"})
    assert json.loads(Path("metrics/prepare/planted.json").read_text())["boxes"] == {
        "train": 0,
        "test": 4,
    }


def test_the_untrained_network_is_that_of_the_runs_seed(maps_folder):
    """Its first weights, if the run starts from none."""
    run, path = load_params(maps_folder / "params.yaml").runs[CE], f"data/dumps/maps/{CE}.h5"
    torch.manual_seed(run.seed)
    model = build_model(run.model, run.loss, 10).eval()
    about = read_maps_about(maps_folder / path)
    with h5py.File(maps_folder / "data/prepared/planted.h5") as file:
        images = (file["test/images"][:] / 255 - file.attrs["mean"]) / file.attrs["std"]
    with h5py.File(maps_folder / path) as file, torch.no_grad():
        for place, (image, label) in enumerate(file["pairs"][:5]):
            pixels = torch.from_numpy(images[about.row[image]]).float().permute(2, 0, 1)
            maps = model.forward_maps(pixels[None])[0]
            cam = torch.einsum("khw,k->hw", maps, model.head_matrix()[0][label])
            np.testing.assert_allclose(about.untrained_cams[place], cam, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_example_maps_are_those_of_the_dump_as_numbers(maps_folder, name):
    path = maps_folder / f"data/dumps/maps/{name}.h5"
    about = read_maps_about(path)
    pairs = np.unique(about.boxes[:, :2], axis=0)
    shown = pairs[choose_samples(pairs[:, 1], n_samples=EXAMPLES)]
    table = pd.read_csv(maps_folder / f"plots/cam_examples/{name}.csv")
    assert list(table.columns) == ["example", "row", "class", "y", "x", "value"]
    with h5py.File(path) as file:
        maps = file["maps"][:]
    assert len(table) == len(shown) * maps[0, 0].size
    for example, (image, label) in enumerate(shown.tolist()):
        cells = table[table["example"] == example]
        assert set(cells["row"]) == {about.row[image]}
        assert set(cells["class"]) == {about.class_names[label]}
        cam = np.tensordot(about.head[label], maps[image], 1)
        np.testing.assert_allclose(
            cells["value"], cam[cells["y"], cells["x"]], rtol=1e-4, atol=1e-5
        )


def test_maps_without_an_untrained_network_have_no_such_part(maps_workspace):
    values = experiment()
    values["analyses"]["dump_maps"] |= {"untrained": False, "layer": {"cifar_resnet": "layer2"}}
    write_params(maps_workspace, values)
    dump_maps.main([CE])
    assert read_maps_about(Path(f"data/dumps/maps/{CE}.h5")).layer_shape[1:] == (32, 16, 16)
    cam_alignment.main([CE])
    found = json.loads(Path(f"metrics/cam_alignment/{CE}.json").read_text())
    assert "untrained" not in found
    assert set(found["shifted"]) == set(MEASURES)


def test_a_wrong_layer_leaves_the_maps_as_they_were(maps_workspace):
    path = Path(f"data/dumps/maps/{CE}.h5")
    before = path.read_bytes()
    values = experiment()
    values["analyses"]["dump_maps"]["layer"] = {"cifar_resnet": "layer9"}
    write_params(maps_workspace, values)
    message = r"^analyses\.yaml: dump_maps\.layer: found 'layer9'; allowed: conv1, "
    with pytest.raises(InputError, match=message):
        dump_maps.main([CE])
    assert [item.name for item in path.parent.glob(f"*{CE}*")] == [path.name]
    assert path.read_bytes() == before


@pytest.mark.usefixtures("maps_workspace")
def test_a_split_without_boxes_says_what_to_do_and_nothing_is_written():
    Path(f"data/dumps/maps/{BCE}.h5").unlink()
    with h5py.File("data/prepared/phantom.h5", "r+") as file:
        del file["test/boxes"]
    with pytest.raises(InputError, match=r"phantom\.h5 has no boxes in 'test'; take its runs out"):
        dump_maps.main([BCE])
    assert not list(Path("data/dumps/maps").glob(f"*{BCE}*"))


@pytest.mark.usefixtures("maps_workspace")
def test_missing_maps_say_what_to_run():
    Path(f"data/dumps/maps/{CE}.h5").unlink()
    with pytest.raises(InputError, match=rf"{CE}\.h5 is missing; run: dvc repro dump_maps@{CE}$"):
        cam_alignment.main([CE])


@pytest.mark.parametrize("stage", [cam_alignment, concepts])
@pytest.mark.usefixtures("maps_workspace")
def test_maps_of_images_that_are_not_there_are_refused(stage):
    with h5py.File(f"data/dumps/maps/{CE}.h5", "r+") as file:
        rows = file["row"][:]
        file["row"][:] = rows + 10_000
    message = r"planted\.h5 has \d+ images in 'test', but its runs' dumps tell of row 10\d\d\d"
    with pytest.raises(InputError, match=message):
        stage.main([CE])
