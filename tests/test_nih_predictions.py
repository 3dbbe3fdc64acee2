"""Predictions of others for real X-rays, by the profile and the script of docs/results."""

import json
import os
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.given_cases import run
from tests.tiny import ROOT

REAL = Path(os.environ.get("IMBALENS_REAL_DATA", Path(__file__).parents[1] / "../shared/data"))
SCRIPT = runpy.run_path(str(ROOT / "docs/results/nih_predictions_tables.py"))

pytestmark = pytest.mark.skipif(
    not (REAL / "nih_predictions.csv").is_file(),
    reason="needs nih_predictions.csv in $IMBALENS_REAL_DATA or ../shared/data",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMBALENS_NIH_PREDICTIONS", str(REAL.resolve()))
    shutil.copy(ROOT / "profiles/nih_predictions.yaml", tmp_path / "params.yaml")
    shutil.copy(ROOT / "analyses.yaml", tmp_path)
    return tmp_path


def measure(dataset, name):
    run("prepare", dataset)
    for stage in ("train", "dump_features", "performance"):
        run(stage, name)
    path = Path(f"metrics/performance/{name}.json")
    return json.loads(path.read_text(encoding="utf-8"))["class"]


@pytest.mark.usefixtures("folder")
def test_the_public_network_has_the_published_areas():
    pytest.importorskip("torchxrayvision", reason="its table has the labels")
    SCRIPT["write_labelled"](REAL)
    found = measure("nih", "public")
    assert len(found) == 14
    assert f"{found['Atelectasis']['auroc']:.4f}" == "0.8180"
    assert f"{found['Hernia']['auroc']:.4f}" == "0.9175"
    assert found["Hernia"]["n_positives"] == 42


@pytest.mark.skipif(
    not (REAL / "nih_28px_predictions").is_dir(),
    reason="needs nih_28px_predictions/ in $IMBALENS_REAL_DATA or ../shared/data",
)
@pytest.mark.usefixtures("folder")
def test_averaged_seeds_differ_as_published():
    SCRIPT["write_averaged"](REAL / "nih_28px_predictions")
    means = [
        np.mean([one["auroc"] for one in measure("nih_28px_averaged", f"{network}-mean").values()])
        for network in ("densenet121", "searched_nonrec")
    ]
    assert f"{means[1] - means[0]:.4f}" == "0.0031"
