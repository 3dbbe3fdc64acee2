"""Features and predictions without a network through every stage: whole, and in parts."""

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from imbalens.dumps.files import read_features
from imbalens.errors import InputError
from imbalens.params.dvc_yaml import read_yaml
from imbalens.store.prepared import read_images
from tests.given_cases import (
    DATASET,
    OF_RUNS,
    SEEDS,
    experiment,
    outputs,
    run,
    run_all,
    save_npz,
)
from tests.tiny import ROOT, write_params

ALL = ("features", "logits", "labels", "group")
PARTS = {
    "whole": ("multilabel", ALL, ("train", "test")),
    "predictions": ("multilabel", ("logits", "labels", "group"), ("test",)),
    "classes": ("multiclass", ("logits", "labels"), ("test",)),
    "features": ("multiclass", ("features", "labels"), ("train", "test")),
}


def save_all(folder, task, keys, splits):
    for seed in SEEDS:
        for name in ("base", "better"):
            found = outputs(task, seed, better=name == "better")
            save_npz(folder / f"{name}_{seed}.npz", found, keys=keys, splits=splits)


@pytest.fixture(scope="module", params=PARTS)
def project(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    save_all(folder, *PARTS[request.param])
    values = experiment(folder, PARTS[request.param][0])
    with pytest.MonkeyPatch.context() as patch:
        run_all(folder, values, patch)
    return request.param, folder, values


def metrics_of(folder, stage, name="base-0"):
    return json.loads((folder / f"metrics/{stage}/{name}.json").read_text(encoding="utf-8"))


def test_every_output_that_dvc_waits_for_is_there(project):
    _, folder, values = project
    keys = {"runs": list(values["runs"]), "datasets": [DATASET]}
    for name, stage in read_yaml(ROOT / "dvc.yaml")["stages"].items():
        over = str(stage.get("foreach", "")).strip("${}")
        if name == "trained_code" or over not in keys:
            continue
        stage = stage["do"]
        for kind in ("outs", "metrics", "plots"):
            for out in stage.get(kind, []):
                path = out if isinstance(out, str) else next(iter(out))
                for key in keys[over]:
                    assert (folder / path.replace("${key}", key)).exists(), (name, path)


def test_what_cannot_be_asked_says_why(project):
    part, folder, _ = project
    reasons = {
        stage: metrics_of(folder, stage).get("reason")
        for stage in ("performance", "archetypes", "adversaries", "feature_overlap")
    }
    nothing, no_logits = "base-0 has no training images", "base-0 has no logits"
    asked = dict.fromkeys(reasons)
    assert (
        reasons
        == {
            "whole": asked,
            "predictions": asked | dict.fromkeys(list(asked)[1:], nothing),
            "classes": asked | dict.fromkeys(list(asked)[1:], nothing),
            "features": asked | {"performance": no_logits, "adversaries": no_logits},
        }[part]
    )
    for stage, reason in reasons.items():
        table = pd.read_csv(folder / f"plots/{stage}/base-0.csv")
        assert table.empty == (reason is not None)
        assert len(table.columns) > 1
    page = (folder / f"plots/explore/{DATASET}.html").read_text(encoding="utf-8")
    assert ("There is no map of these images" in page) == (nothing in reasons.values())


def test_runs_hold_what_their_files_say(project):
    part, folder, _ = project
    task, keys, splits = PARTS[part]
    for name in ("base", "better"):
        for seed in SEEDS:
            wanted = outputs(task, seed, better=name == "better")
            with h5py.File(folder / f"data/dumps/features/{name}-{seed}.h5") as file:
                assert list(file.attrs["splits"]) == list(splits)
                for split in splits:
                    at = file[f"{split}/index"][:]
                    for key in {"features", "logits"} & {*keys}:
                        np.testing.assert_array_equal(
                            file[f"{split}/{key}"][:], wanted[split][key][at]
                        )
                    np.testing.assert_array_equal(
                        file[f"{split}/targets"][:], wanted[split]["labels"][at]
                    )


def test_performance_is_that_of_the_scores(project):
    part, folder, _ = project
    if part in ("features", "classes"):
        pytest.skip("no AUROC without logits, or of classes that exclude each other")
    found, test = metrics_of(folder, "performance"), outputs("multilabel", 0)["test"]
    for label in range(3):
        wanted = roc_auc_score(test["labels"][:, label], test["logits"][:, label])
        assert found["class"][str(label)]["auroc"] == pytest.approx(wanted, abs=1e-9)
    assert found.get("decision") == (
        None if part == "whole" else "half, for there are no training images"
    )


def test_seeds_are_repeats_and_patients_are_drawn(project):
    part, folder, _ = project
    table = pd.read_csv(folder / f"plots/differences/{DATASET}.csv")
    if part == "features":
        assert table.empty
        assert metrics_of(folder, "differences", DATASET)["status"] == "not applicable"
        return
    assert {*table["setting"]} == {"given/better"}
    assert {*table["seeds"]} == {2}
    unit = "images" if part == "classes" else "patients"
    assert {*table["over"]} == {f"{unit} and seeds"}
    if part == "classes":  # no class has few training images where there are none
        assert not table["measure"].str.contains("few|medium|many").any()
    setup = pd.read_csv(folder / f"plots/differences/{DATASET}-paper_b_table_1.csv")
    assert setup["Input dim (pixels)"].isna().all()
    assert setup["FE dim"].tolist() == [12] if part == "whole" else setup["FE dim"].isna().all()


def test_claims_about_what_is_not_there_are_not_judged(project):
    part, folder, _ = project
    table = pd.read_csv(folder / f"plots/claims/{DATASET}.csv")
    verdicts = table.groupby("claim")["verdict"].agg(set)
    about_training = ["safe_border_hold_true_positives", "adversaries_beat_random"]
    for claim in about_training:
        assert (verdicts[claim] == {"not measured"}) == (part != "whole")
    if part == "predictions":
        assert verdicts["recall_rises"] == {"not measured"}
        assert verdicts["auroc_marginal"] != {"not measured"}


def test_features_are_compared_where_there_are_some(project):
    part, folder, _ = project
    table = pd.read_csv(folder / f"plots/changes/{DATASET}-similarity.csv")
    assert table.empty == (part in ("predictions", "classes"))
    if not table.empty:
        assert len(table) == 16
        assert (table.loc[table["run"] == table["other"], "cka"].round(9) == 1).all()


def test_the_report_is_there(project):
    _, folder, _ = project
    page = (folder / "plots/report.html").read_text(encoding="utf-8")
    assert "better-1" in page
    assert json.loads((folder / "metrics/focus.json").read_text(encoding="utf-8"))


def prepare_one(folder, values, patch):
    patch.chdir(folder)
    write_params(folder, values)
    run("check")
    run("prepare", DATASET)


def test_a_table_with_images_shows_them(tmp_path, monkeypatch):
    """A CSV with ids, splits, probabilities of its own, and the files of a second method."""
    found = outputs("multiclass", 0)
    rows = []
    for split, part in found.items():
        for at, (features, logits) in enumerate(
            zip(part["features"], part["logits"], strict=True)
        ):
            exponentials = np.exp(logits)
            row = {"id": f"{split}{at}", "split": split, "path": f"{split}{at}.png"}
            row |= {f"feature_{i}": value for i, value in enumerate(features)}
            row |= {
                f"prob_{name}": value
                for name, value in zip("abc", exponentials / exponentials.sum(), strict=True)
            }
            rows.append(row | {"label": "abc"[part["labels"][at]]})
            Image.new("L", (10, 10), 20 + at).save(tmp_path / row["path"])
    table = pd.DataFrame(rows)
    table.to_csv(tmp_path / "own.csv", index=False)
    shuffled = table.drop(columns=["label", "path"]).sample(frac=1, random_state=0)
    shuffled.to_csv(tmp_path / "other.csv", index=False)
    values = experiment(
        tmp_path,
        "multiclass",
        source={"file": str(tmp_path / "own.csv"), "images": str(tmp_path), "channels": 1},
        files={"base": None, "better": "other.csv"},
        seeds=(0,),
    )
    values["datasets"][DATASET]["image_size"] = 8
    run_all(tmp_path, values, monkeypatch)
    data, kept = Path(f"data/prepared/{DATASET}.h5"), Path("data/dumps/features/base-0.h5")
    assert read_images(data, "test", np.array([3]))[3].shape == (8, 8, 1)
    own, other = (
        read_features(path, ["train", "test"], decision="half").splits
        for path in (kept, kept.with_name("better-0.h5"))
    )
    for split in ("train", "test"):
        np.testing.assert_array_equal(own[split].logits, other[split].logits)
        np.testing.assert_array_equal(own[split].features, other[split].features)
    names = metrics_of(tmp_path, "prepare", DATASET)["counts"]["train"]
    assert list(names) == ["a", "b", "c"]
    page = Path(f"plots/explore/{DATASET}.html").read_text(encoding="utf-8")
    assert "background-image: url(data:" in page
    report = Path("plots/report.html").read_text(encoding="utf-8")
    assert report.count("data:image") > 10


BAD_FILES = {
    "an id is missing": ("id", lambda ids: np.where(ids == "x3", "x99", ids), "lacks 1 of the 45"),
    "labels differ": ("labels", lambda labels: np.roll(labels, 1), "are not the dataset's"),
    "a column more": ("logits", lambda logits: logits[:, [0, 1, 2, 2]], "4 columns for the 3"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_of_other_images_is_refused(tmp_path, monkeypatch, case):
    key, change, message = BAD_FILES[case]
    test = outputs("multiclass", 0)["test"]
    held = {"logits": test["logits"], "labels": test["labels"]}
    held["id"] = np.array([f"x{i}" for i in range(len(test["labels"]))])
    np.savez(tmp_path / "base_0.npz", **held)
    np.savez(tmp_path / "better_0.npz", **held | {key: change(held[key])})
    values = experiment(tmp_path, "multiclass", seeds=(0,))
    prepare_one(tmp_path, values, monkeypatch)
    run("train", "base-0")
    with pytest.raises(InputError, match=message):
        run("train", "better-0")
    assert not Path("data/models/better-0.pt").exists()


def test_rows_without_ids_must_be_as_many(tmp_path, monkeypatch):
    save_all(tmp_path, "multiclass", ALL, ("train", "test"))
    found = outputs("multiclass", 0, better=True)
    found["test"] = {key: values[:-1] for key, values in found["test"].items()}
    save_npz(tmp_path / "better_0.npz", found, keys=ALL)
    prepare_one(tmp_path, experiment(tmp_path, "multiclass"), monkeypatch)
    with pytest.raises(InputError, match="44 rows without ids for the 45 test images"):
        run("train", "better-0")


@pytest.mark.parametrize(
    ("splits", "source", "message"),
    [
        (("train",), {}, "found no test images among 60 rows"),
        (("test",), {"columns": {"labels": "y"}}, r"no array 'test_y'"),
        (("test",), {"images": "/"}, "image_size: found null; allowed: 8 to 1024"),
    ],
)
def test_a_source_that_lacks_something_is_refused(tmp_path, monkeypatch, splits, source, message):
    save_all(tmp_path, "multiclass", ALL, splits)
    with pytest.raises(InputError, match=message):
        prepare_one(tmp_path, experiment(tmp_path, "multiclass", source=source), monkeypatch)
    assert not Path(f"data/prepared/{DATASET}.h5").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda values: values["dumps"]["maps"].update(runs=["base-0"]),
            "dumps.maps.runs: found 'base-0', which has no network",
        ),
        (
            lambda values: values["methods"]["base"].update(model={"name": "resnet8"}),
            "methods.base.model.name: found 'resnet8'; allowed for dataset 'given', which has no",
        ),
        (
            lambda values: values["methods"]["base"].update(checkpoint="a.pt"),
            "methods.base.checkpoint: found 'a.pt'; allowed for the model 'given': null",
        ),
        (
            lambda values: values["methods"]["base"]["model"].update(file="one.npz"),
            "runs.base-1: takes the same features and predictions as runs.base-0; write {seed}",
        ),
        (
            lambda values: values["datasets"]["given"].update(image_size=32),
            "datasets.given.image_size: found 32; allowed: null",
        ),
    ],
)
def test_an_experiment_that_does_not_fit_is_refused(tmp_path, monkeypatch, change, message):
    save_all(tmp_path, "multiclass", ALL, ("train", "test"))
    values = experiment(tmp_path, "multiclass")
    change(values)
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, values)
    with pytest.raises(InputError) as caught:
        run("check")
    assert message in str(caught.value)


def test_stages_of_runs_are_all_tried():
    stages = read_yaml(ROOT / "dvc.yaml")["stages"]
    of_runs = {name for name, stage in stages.items() if stage.get("foreach") == "${runs}"}
    assert of_runs == {*OF_RUNS}
