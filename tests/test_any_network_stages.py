"""Networks of others, from their names to the tables and figures of every question."""

import importlib
import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from imbalens.attribution.grad_cam import grad_cams
from imbalens.dumps.map_files import read_maps_about
from imbalens.dumps.trained import load_trained
from imbalens.errors import InputError
from imbalens.params.loading import load_params
from imbalens.reading.changes import read_annotated
from stages import dump_maps, train
from tests.tiny import ROOT, tiny_params, vary, write_params

pytestmark = pytest.mark.slow

OWN = {"name": "python", "arguments": {}}
MODELS = {
    "resnet18": {"name": "torchvision", "architecture": "resnet18"},
    "transformer": OWN
    | {"factory": "tests.own_networks:transformer", "arguments": {"image_size": 32}},
    "own": OWN | {"factory": "tests.own_networks:build", "arguments": {"width": 16}},
    "timm": {"name": "timm", "architecture": "resnet10t"},
}
DRAWN = "transformer"  # whose figures are; drawing takes longer than all else
POOLED = {"own"}  # whose last maps' means the head is applied to, at 32 pixels
RUNS = (*MODELS, "transformer_ldam")
OF_RUN = (
    *("trained_code", "train", "dump_features", "dump_saliency", "dump_maps", "performance"),
    *("archetypes", "adversaries", "feature_overlap", "saliency_colours", "cam_alignment"),
    "concepts",
)
OF_DATASET = ["gather", "compare", "differences", "changes", "claims", "explore"]


def experiment(models=MODELS):
    values = tiny_params(("planted-ce", "planted-ldam_drw"))
    runs = values["runs"]
    for name, model in models.items():
        vary(values, name, "planted-ce", model=model)
    vary(values, "transformer_ldam", "planted-ldam_drw", model=models["transformer"])
    values["runs"] = {name: run for name, run in runs.items() if not name.startswith("planted")}
    for name in ("saliency", "maps"):
        values["dumps"][name]["runs"] = [*values["runs"]]
    values["methods"] = {name: values["methods"][name] for name in values["runs"]}
    values["baselines"], values["false_positives"] = [], {}
    values["focus"] = "planted/transformer"
    values["recipes"]["quick"] |= {"epochs": 2, "batch_size": 16}
    values["recipes"]["quick"]["optimizer"]["lr"] = 0.01
    values["analyses"]["explore"]["embedding"] = {"name": "pca"}
    return values


def save_quickly(_figure, path, **_):
    Image.new("RGB", (8, 8)).save(path, format="png")


def call(stage, *names):
    importlib.import_module(f"stages.{stage}").main(list(names))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Everything that the stages make of one run of each network."""
    folder = tmp_path_factory.mktemp("any")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        shutil.copytree(ROOT / ".dvc/plots", folder / ".dvc/plots")
        try:
            import timm  # noqa: F401
        except ImportError:
            models = {name: model for name, model in MODELS.items() if name != "timm"}
        else:
            models = MODELS
        write_params(folder, experiment(models))
        for stage in ("check", "prepare"):
            call(stage, *(["planted"] if stage == "prepare" else []))
        for name in load_params().runs:
            with pytest.MonkeyPatch.context() as quick:
                if name != DRAWN:
                    quick.setattr("matplotlib.figure.Figure.savefig", save_quickly)
                for stage in OF_RUN:
                    call(stage, name)
        for stage in OF_DATASET:
            call(stage, "planted")
        call("report")
    return folder


@pytest.fixture
def workspace(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


def need(name):
    if name == "timm":
        pytest.importorskip("timm", reason="pip install timm")


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.usefixtures("workspace")
def test_every_question_is_answered(name):
    need(name)
    with h5py.File(f"data/dumps/features/{name}.h5") as file:
        features, logits = file["test/features"][:], file["test/logits"][:]
        weight, bias = file["head/weight"][:], file["head/bias"][:]
    if name.endswith("ldam"):
        features = features / np.linalg.norm(features, axis=1, keepdims=True)
    np.testing.assert_allclose(features @ weight.T + bias, logits, rtol=1e-3, atol=1e-4)
    for stage in ("performance", "archetypes", "adversaries", "feature_overlap", "concepts"):
        assert json.loads(Path(f"metrics/{stage}/{name}.json").read_text())
    assert len(Path(f"plots/saliency_colours/{name}.csv").read_text().splitlines()) > 1
    assert Path(f"plots/figures/cam_alignment/{name}-cams.png").stat().st_size
    assert name in Path("plots/report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.usefixtures("workspace")
def test_the_dump_says_what_its_maps_of_classes_are(name):
    need(name)
    path = Path(f"data/dumps/maps/{name}.h5")
    about = read_maps_about(path)
    metrics = json.loads(Path(f"metrics/cam_alignment/{name}.json").read_text())
    with h5py.File(path) as file:
        pairs, said = file["pairs"][:], file.attrs.get("cam")
        untrained = file["untrained_cams"][:]
    if name in POOLED:
        assert (about.cams, said, metrics.get("cam")) == (None, None, None)
        return
    assert (said, metrics["cam"]) == ("grad_cam", "grad_cam")
    assert about.cams.shape == untrained.shape == (len(pairs), *about.shape[2:])
    assert np.ptp(untrained, axis=(1, 2)).min() > 0
    trained = load_trained(name, load_params().runs[name], device_name="cpu", splits=["test"])
    split = trained.images["test"]
    for place in (0, len(pairs) - 1):
        image = split.normalized(split.images[about.row[pairs[place, 0]]][None])
        _, (cam,) = grad_cams(trained.model, image, torch.tensor([[0, pairs[place, 1]]]))
        np.testing.assert_allclose(about.cams[place], cam, rtol=1e-3, atol=1e-6)


@pytest.mark.usefixtures("workspace")
def test_what_changes_in_maps_is_read_of_the_dumps_own():
    pair = ("transformer_ldam", "transformer")
    found = read_annotated("planted", [pair], load_params()).cams
    for name in pair:
        about = read_maps_about(Path(f"data/dumps/maps/{name}.h5"))
        np.testing.assert_array_equal(found[name], about.cams)


@pytest.mark.usefixtures("workspace")
def test_an_interrupted_training_goes_on_to_the_same_weights(monkeypatch):
    """Dropout too is drawn anew in every epoch."""
    path = Path("data/models/own.pt")
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("imbalens.training.train.save_state", stop_after_an_epoch())
        with pytest.raises(KeyboardInterrupt):
            train.main(["own"])
    train.main(["own"])
    assert path.read_bytes() == before


def stop_after_an_epoch():
    from imbalens.training.resuming import save_state

    def save(*given):
        save_state(*given)
        raise KeyboardInterrupt

    return save


@pytest.mark.usefixtures("workspace")
def test_a_network_without_maps_is_dumped_but_for_them(tmp_path, monkeypatch):
    values = experiment({"transformer": OWN | {"factory": "tests.own_networks:mlp"}})
    values["analyses"]["feature_overlap"]["top_k"] = 5
    write_params(tmp_path, values)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/prepared").symlink_to(Path("data/prepared").resolve())
    monkeypatch.chdir(tmp_path)
    train.main(["transformer"])
    for stage in ("dump_features", "dump_saliency", "performance", "archetypes"):
        call(stage, "transformer")
    with pytest.raises(InputError, match=r"own_networks:mlp has no maps of more than one cell"):
        dump_maps.main(["transformer"])
    assert not [*Path("data/dumps").glob("maps/*")]


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (OWN | {"factory": "tests.own_networks:raising"}, r"raised RuntimeError"),
        (OWN | {"factory": "tests.own_networks:BothInTraining"}, r"gives tuple"),
        (OWN | {"factory": "tests.own_networks:all_frozen"}, r"no weight of the network .*frozen"),
        ({"name": "torchvision", "architecture": "vit_b_32"}, r"cannot see images of 32 x 32"),
    ],
)
def test_nothing_is_half_written(model, message, tmp_path, monkeypatch):
    write_params(tmp_path, experiment({"transformer": model}))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/prepared").symlink_to(Path("data/prepared").resolve())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        train.main(["transformer"])
    assert not [*tmp_path.glob("data/models/*"), *tmp_path.glob("metrics/**/*")]
