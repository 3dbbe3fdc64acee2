"""Own images, own network: the profile for them, and what the README says to do."""

import json
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from imbalens.models.build import build_model
from imbalens.params.loading import load_params
from imbalens.params.runs import Ce, CifarResnet
from stages import archetypes, check, dump_features, explore, performance, prepare, train
from tests.tiny import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
(COMMANDS,) = re.findall(r"```\n(cp profiles/own_folder.*?)```", README, re.DOTALL)
RUN = "mine-own"


def test_the_readme_says_it_in_six_lines():
    lines = [line.split("#")[0].strip() for line in COMMANDS.splitlines()]
    assert len(lines) <= 6
    assert [line.split("=")[0] for line in lines if line.startswith("export")] == [
        "export MY_IMAGES",
        "export MY_CHECKPOINT",
    ]
    copied = lines[0].split()
    assert copied[0], copied[2] == ("cp", "params.yaml")
    profile = (ROOT / copied[1]).read_text(encoding="utf-8")
    assert profile.count("# yours: ") == 3


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Images in class folders, weights, and the parameters; the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MY_IMAGES", "images")
    monkeypatch.setenv("MY_CHECKPOINT", "models/own.pt")
    rng = np.random.default_rng(0)
    for split, n in (("train", 8), ("test", 3)):
        for name in ("cat", "dog", "owl"):
            for number in range(n):
                place = Path("images", split, name, f"{number}.png")
                place.parent.mkdir(parents=True, exist_ok=True)
                pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place)
    Path("models").mkdir()
    torch.manual_seed(5)
    model = build_model(CifarResnet(name="resnet32"), Ce(name="ce"), 3)
    torch.save(model.state_dict(), "models/own.pt")
    shutil.copy(ROOT / "analyses.yaml", tmp_path)
    shutil.copy(ROOT / "profiles/own_folder.yaml", "params.yaml")
    return model


def test_it_runs(folder):
    check.main([])
    prepare.main(["mine"])
    for stage in (train, dump_features, performance, archetypes):
        stage.main([RUN])
    explore.main(["mine"])
    assert "train/owl/7.png" in Path("plots/explore/mine.html").read_text(encoding="utf-8")
    with h5py.File(f"data/dumps/features/{RUN}.h5") as file:
        weight = folder.state_dict()["linear.weight"].numpy()
        np.testing.assert_array_equal(file["head/weight"][:], weight)
        assert len(file["train/targets"]) == 24
    assert set(json.loads(Path(f"metrics/performance/{RUN}.json").read_text())["recall"]) == {
        *("cat", "dog", "owl")
    }


@pytest.mark.usefixtures("folder")
def test_what_it_leaves_out_are_the_defaults():
    params = load_params()
    run, dataset, recipe = params.runs[RUN], params.datasets["mine"], params.recipes["default"]
    assert (run.seed, run.drw, run.checkpoint) == (0, None, "$MY_CHECKPOINT")
    assert (dataset.validation.share, dataset.resize) == (0, "squash")
    assert (recipe.optimizer.name, recipe.schedule.name, recipe.device) == (
        "sgd",
        "cosine",
        "auto",
    )
