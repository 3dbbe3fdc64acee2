"""A dataset of two classes, through all stages that read its nearest adversaries."""

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from imbalens.dumps.files import FEATURES, FEATURES_VERSION
from imbalens.store.hdf5 import create
from stages import (
    adversaries,
    archetypes,
    changes,
    claims,
    differences,
    feature_overlap,
    performance,
    prepare,
    report,
)
from tests.tiny import LABEL_RUNS, tiny_params, write_params

DATASET, N_FEATURES = "phantom", 12
WHY = "with two classes every error of a class goes to the other, whatever is foretold"


def experiment():
    values = tiny_params(LABEL_RUNS)
    values["datasets"][DATASET]["source"]["task"] = {"name": "binary"}
    for kind in ("maps", "saliency"):
        values["dumps"][kind]["runs"] = []
    return values


def write_dump(run, seed):
    """Features and scores that lean on the labels."""
    rng = np.random.default_rng(seed)
    with (
        h5py.File(f"data/prepared/{DATASET}.h5") as data,
        create(Path(f"data/dumps/features/{run}.h5"), FEATURES, FEATURES_VERSION) as dump,
    ):
        for key in ("class_names", "task", "counts", "digest", "splits"):
            dump.attrs[key] = data.attrs[key]
        dump.attrs["run"], dump.attrs["logit_scale"] = run, 1.0
        dump["head/weight"] = np.zeros((1, N_FEATURES), np.float32)
        dump["head/bias"] = dump["head/offset"] = np.zeros(1, np.float32)
        for split in data.attrs["splits"]:
            labels = data[f"{split}/labels"][:]
            features = rng.random((len(labels), N_FEATURES)) + labels
            logits = rng.normal(size=labels.shape) + labels - 0.5
            dump[f"{split}/targets"], dump[f"{split}/index"] = labels, data[f"{split}/index"][:]
            dump[f"{split}/features"] = features.astype(np.float32)
            dump[f"{split}/logits"] = logits.astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two_classes")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_params(folder, experiment())
        prepare.main([DATASET])
        for seed, run in enumerate(LABEL_RUNS):
            write_dump(run, seed)
            for stage in (performance, archetypes, adversaries, feature_overlap):
                stage.main([run])
        for stage in (changes, differences, claims):
            stage.main([DATASET])
        report.main([])
    return folder


def read(folder, path):
    return pd.read_csv(folder / "plots" / path)


@pytest.mark.parametrize("run", LABEL_RUNS)
def test_there_are_errors_but_no_score_of_any_predictor(folder, run):
    text = (folder / f"metrics/adversaries/{run}.json").read_text(encoding="utf-8")
    metrics = json.loads(text)
    assert metrics.pop("undefined") == WHY
    assert sum(metrics.pop("class_errors").values()) > 0
    assert sum(metrics.pop("class_instances").values()) > 0
    assert metrics.pop("classes") == 0
    scores = pd.json_normalize(metrics)
    assert {"log_loss", "kld", "top3", "baseline_kld.FDR", "class_kld.Healthy"} <= {*scores}
    assert scores.isna().all(axis=None)
    predictors = read(folder, f"adversaries/{run}-predictors.csv")
    assert len(predictors) == 7
    assert predictors.drop(columns=["predictor", "classes"]).isna().all(axis=None)
    classes = read(folder, f"adversaries/{run}-classes.csv")
    assert classes.drop(columns=["class", "instances", "errors"]).isna().all(axis=None)


def test_settings_are_not_told_apart_by_them(folder):
    table = read(folder, f"differences/{DATASET}.csv")
    rows = table[table["stage"] == "adversaries"]
    assert len(rows) == 6
    numbers = ["baseline_value", "value", "difference", "low", "high", "p", "p_adjusted"]
    assert rows[numbers].isna().all(axis=None)
    assert table.loc[table["stage"] == "performance", "value"].notna().any()
    text = (folder / f"plots/differences/{DATASET}.md").read_text(encoding="utf-8")
    assert f"or there are but two: {WHY}." in text
    moved = read(folder, f"changes/{DATASET}.csv").groupby("measure")["value"].count()
    assert (moved["adversaries"], moved["errors"]) == (0, 0)
    assert moved["archetypes_moved"] == 3


def test_claims_about_them_do_not_apply(folder):
    table = read(folder, f"claims/{DATASET}.csv")
    about = table[table["claim"].str.startswith("adversaries_")]
    assert len(about) == 3 * len(LABEL_RUNS)
    assert set(about["verdict"]) == {"not applicable"}
    assert set(about["reason"]) == {f"{WHY.capitalize()}."}


def test_the_page_says_why(folder):
    page = (folder / "plots/report.html").read_text(encoding="utf-8")
    assert f"<p>No prediction of errors is scored: {WHY}.</p>" in page
    assert "How well errors were foretold" not in page
