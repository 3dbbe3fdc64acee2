"""`imbalens.analyze`: what the stages compute, and nothing half-written."""

import inspect
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import imbalens
from imbalens.api.analysis import file_of
from imbalens.errors import InputError
from imbalens.params.dvc_yaml import read_yaml
from imbalens.store.prepared import read_names
from imbalens.tables import adversaries, archetypes, feature_overlap, performance
from imbalens.tables.explore import CANDIDATES
from imbalens.validation.pinned import DUMPS, RESULTS, read_experiments
from tests.analyze_cases import BIRDS, birds, of_dump, options_of
from tests.tiny import ROOT

ANALYSES = {name: one["analyses"] for name, one in read_experiments(ROOT).items()}
RUNS = ("planted-ce", "phantom-bce")
TABLES = (
    *(performance.CLASSES, performance.CONFUSION),
    *(archetypes.ARCHETYPES, archetypes.INSTANCES, archetypes.PROTOTYPES),
    *(adversaries.ADVERSARIES, adversaries.PREDICTORS, adversaries.CLASS_SCORES),
    *(feature_overlap.TOP_FEATURES, feature_overlap.PAIRS),
    CANDIDATES,
)
QUESTIONS = ("performance", "archetypes", "adversaries", "feature_overlap")


def close(value, rel=1e-6):
    if isinstance(value, dict):
        return {key: close(item, rel) for key, item in value.items()}
    if isinstance(value, list):
        return [close(item, rel) for item in value]
    return pytest.approx(value, rel=rel, abs=1e-9) if isinstance(value, float) else value


def page_data(text):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found[1])


def kept(choice, path):
    return ROOT / RESULTS / choice / path


def check_against_stages(folder, run, choice):
    """What a folder holds is what the stages wrote of the same features, to 1e-6."""
    dataset = run.split("-")[0]
    for question in QUESTIONS:
        found = json.loads((folder / f"metrics/{question}.json").read_text())
        wanted = json.loads(kept(choice, f"metrics/{question}/{run}.json").read_text())
        wanted.pop("recovery", None)  # of what was planted, which only the stage knows
        assert found == close(wanted), question
    found = json.loads((folder / "metrics/explore.json").read_text())["run"][run]
    wanted = json.loads(kept(choice, f"metrics/explore/{dataset}.json").read_text())["run"][run]
    wanted.pop("recovery", None)
    assert found == close(wanted)
    for table in TABLES:
        of_dataset = table is CANDIDATES
        found = pd.read_csv(folder / f"tables/{file_of(table)}.csv")
        wanted = pd.read_csv(kept(choice, table.path_of(dataset if of_dataset else run)))
        if of_dataset:
            wanted = wanted[wanted["run"] == run].reset_index(drop=True)
        assert [*found] == [*wanted]
        # of the place in the source; and `runs` of further runs of the dataset
        others = [column for column in ("index", "name", "runs") if column in found]
        pd.testing.assert_frame_equal(
            *(each.drop(columns=others) for each in (found, wanted)),
            rtol=1e-6,
            atol=1e-9,
            check_dtype=False,
        )
        if "index" in found:
            assert found["index"].equals(found["row"])  # for training images come first


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("choice", ANALYSES)
def test_metrics_and_tables_are_those_of_the_stages(run, choice, tmp_path):
    analyses = ANALYSES[choice]
    given, _ = of_dump(run, analyses["labels"]["decision"])
    out = tmp_path / "out"
    found = imbalens.analyze(**given, out=out, title=run, **options_of(analyses))
    check_against_stages(out, run, choice)
    files = {path.relative_to(out).as_posix() for path in out.rglob("*.*")}
    tables = {f"tables/{file_of(table)}.csv" for table in TABLES}
    metrics = {f"metrics/{question}.json" for question in (*QUESTIONS, "explore")}
    assert files == {"index.html", "analyze.json", *tables, *metrics}
    for question in QUESTIONS:
        assert found.metrics[question] == json.loads(
            (out / f"metrics/{question}.json").read_text()
        )
    for table in TABLES:
        assert len(found.table(file_of(table))) == len(
            pd.read_csv(out / f"tables/{file_of(table)}.csv")
        )
    assert (out / "index.html").read_text(encoding="utf-8") == found.page


@pytest.mark.parametrize("run", RUNS)
def test_the_page_shows_what_that_of_the_stage_shows(run):
    given, n_train = of_dump(run, "prevalence")
    data = page_data(imbalens.analyze(**given, title=run, **options_of(ANALYSES["default"])).page)
    path = kept("default", f"plots/explore/{run.split('-')[0]}.page.json")
    wanted = json.loads(path.read_text())
    assert data["nTrain"] == wanted["nTrain"] == n_train
    same = ("classes", "legend", "archetypes", "given", "exclusive", "split", "embedding")
    assert {key: data[key] for key in same} == {key: wanted[key] for key in same}
    found, own = data["runs"][run], wanted["runs"][run]
    for each in (found, own):
        del each["recovery"], each["cams"]  # which nobody gave
        for candidate in each["candidates"]:
            del candidate["runs"]
    assert found == close(own)


def test_defaults_are_those_of_the_parameter_files():
    chosen = options_of(read_yaml(ROOT / "analyses.yaml"))
    parameters = inspect.signature(imbalens.analyze).parameters
    assert chosen.pop("adversary_neighbors") == chosen["n_neighbors"]  # as None says
    assert {name: parameters[name].default for name in chosen} == chosen
    others = set(parameters) - set(chosen) - {"title", "progress"}
    assert {parameters[name].default for name in others - {"features", "labels"}} == {None}


# --- what is given


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_images_does_not_matter(seed):
    given = birds()
    order = np.random.default_rng(seed).permutation(60)
    mixed = {key: value if key == "names" else value[order] for key, value in given.items()}
    one, other = imbalens.analyze(**given), imbalens.analyze(**mixed)
    assert other.metrics == close(one.metrics)
    prototypes = other.table("archetypes-prototypes")
    index = prototypes["index"].dropna().to_numpy(dtype=int)
    assert sorted(order[index].tolist()) == sorted(
        one.table("archetypes-prototypes")["index"].dropna().tolist()
    )


def test_probabilities_say_what_logits_say():
    given = birds()
    odds = np.exp(given.pop("logits"))
    given["probabilities"] = odds / odds.sum(axis=1, keepdims=True)
    found, wanted = imbalens.analyze(**given), imbalens.analyze(**birds())
    assert found.metrics == close(wanted.metrics, rel=1e-5)  # single precision


REASON = "there are neither logits nor probabilities"


def test_features_and_labels_alone_answer_what_they_can():
    given = birds()
    found = imbalens.analyze(given["features"], np.array(BIRDS)[given["labels"]])
    for question in ("performance", "adversaries"):
        assert found.metrics[question] == {"status": "not applicable", "reason": REASON}
    assert not [name for name in found.tables if name.startswith(("performance", "adversaries"))]
    assert found.names == BIRDS
    table = found.table("archetypes")
    assert table["count"].sum() == 60
    assert table["true_positives"].isna().all()
    assert set(found.metrics["archetypes"]["true_positive_rate"].values()) == {None}
    assert (found.table("archetypes-instances")["prediction"] == "").all()
    whole = imbalens.archetypes(given["features"], given["labels"], given["labels"])
    assert table["count"].tolist() == whole.table()["count"].tolist()
    assert sum(line.startswith("left out: performance, adversaries") for line in found.headline)
    data = page_data(found.page)
    (run,) = data["runs"].values()
    assert run["predicted"] is None
    assert 'value="right"' not in found.page


def test_without_images_to_evaluate_errors_are_left_out():
    given = birds() | {"split": None}
    found = imbalens.analyze(**given)
    reason = "no image is of the split 'test'"
    for question in ("performance", "adversaries"):
        assert found.metrics[question] == {"status": "not applicable", "reason": reason}
    assert found.table("archetypes")["true_positives"].notna().all()
    assert "accuracy" not in "".join(found.headline)


def test_more_top_features_than_features_leave_out_feature_overlap():
    given = birds()
    few = imbalens.analyze(**given | {"features": given["features"][:, :5]})
    assert few.metrics["feature_overlap"] == {
        "status": "not applicable",
        "reason": "the largest 10 of 5 features cannot be taken",
    }
    assert "feature_overlap" not in few.tables


def test_images_are_called_by_their_ids_and_have_their_groups():
    ids, groups = [f"bird {row}" for row in range(60)], np.arange(60) // 2
    found = imbalens.analyze(**birds(), ids=ids, groups=groups)
    instances = found.table("archetypes-instances")
    assert instances["name"].tolist() == [ids[index] for index in instances["index"]]
    assert instances["group"].tolist() == [str(index // 2) for index in instances["index"]]
    for name in ("archetypes-prototypes", "explore-label_errors"):
        known = found.table(name).dropna(subset="index")
        assert known["name"].tolist() == [ids[index] for index in known["index"]]
    data = page_data(found.page)
    assert data["names"] == [ids[index] for index in data["index"]]


def test_an_image_by_itself_has_a_blank_group(tmp_path):
    groups = [("", None, np.nan, pd.NA, 7.0)[row % 5] for row in range(60)]
    out = tmp_path / "out"
    found = imbalens.analyze(**birds(), groups=groups, out=out).table("archetypes-instances")
    known = np.where(found["index"] % 5 == 4, "7", "")
    assert found["group"].tolist() == known.tolist()
    written = pd.read_csv(
        out / "tables/archetypes-instances.csv", keep_default_na=False, dtype=str
    )
    assert written["group"].tolist() == known.tolist()


def test_labels_that_are_not_known_are_neither_there_nor_not():
    rng = np.random.default_rng(0)
    labels = (rng.random((60, 2)) < 0.4).astype(int)
    given = birds() | {"labels": labels, "names": ("a", "b"), "logits": rng.normal(size=(60, 2))}
    labels[:10, 0] = -1
    found = imbalens.analyze(**given, min_images=1)
    assert found.metrics["performance"]["class"]["a"]["n_unknown"] == 3  # of the test images
    assert found.names == ("a", "b", "No Finding")
    assert "mean AUROC" in "".join(found.headline)


def test_pictures_are_shown_where_there_are_files(tmp_path):
    paths = [tmp_path / f"{row}.png" for row in range(60)]
    for row, path in enumerate(paths):
        Image.new("RGB", (30, 20), (4 * row, 0, 0)).save(path)
    found = imbalens.analyze(**birds(), paths=paths, thumbnail=16)
    data = page_data(found.page)
    assert data["nPictured"] == len(data["names"]) == 60
    assert data["sprite"][3] == 16
    assert "url(data:image/webp;base64," in found.page
    without = imbalens.analyze(**birds())
    assert page_data(without.page)["sprite"] is None
    assert page_data(without.page)["nPictured"] == 0
    assert "data:image" not in without.page


# --- the folder


def listed(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files}


def test_a_folder_is_written_anew_where_it_holds_nothing_else(tmp_path):
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    imbalens.analyze(**birds(), out=out)
    given = birds()
    del given["logits"]
    imbalens.analyze(**given, out=out)
    assert not (out / "tables/performance.csv").exists()
    assert "not applicable" in (out / "metrics/performance.json").read_text()
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    before = listed(tmp_path)
    imbalens.analyze(**given, out=out)
    assert listed(tmp_path) == before


@pytest.mark.parametrize("place", ["notes.txt", "tables/mine.csv", ".git/config"])
def test_a_folder_with_anything_else_is_left_alone(tmp_path, place):
    out = tmp_path / "out"
    imbalens.analyze(**birds(), out=out)
    (out / place).parent.mkdir(exist_ok=True)
    (out / place).write_text("mine")
    before = listed(tmp_path)
    with pytest.raises(InputError, match=re.escape(f"holds '{place}', which analyze did not")):
        imbalens.analyze(**birds(), out=out)
    assert listed(tmp_path) == before


def test_no_file_and_not_the_folder_that_it_runs_in_is_replaced(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="is no folder"):
        imbalens.analyze(**birds(), out=tmp_path / "file")
    (tmp_path / "here/deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here/deep")
    for out in (".", ".."):
        with pytest.raises(InputError, match="is the folder that this runs in"):
            imbalens.analyze(**birds(), out=out)


def test_where_writing_fails_the_folder_is_as_it_was(tmp_path, monkeypatch):
    out = tmp_path / "out"
    imbalens.analyze(**birds(), out=out)
    before = listed(tmp_path)

    def full(_path, _text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("imbalens.api.analysis.write_text", full)
    for place in (out, tmp_path / "new"):
        with pytest.raises(InputError, match="cannot be written \\(No space left"):
            imbalens.analyze(**birds(seed=1), out=place)
        assert listed(tmp_path) == before


# --- what cannot be used


def with_nan(features):
    broken = features.copy()
    broken[3, 1] = np.nan
    return broken


def changed(**values):
    return lambda given: {**given, **values}


WRONG = {
    "NaN": (
        lambda given: {**given, "features": with_nan(given["features"])},
        "features must be finite; leave these images out; found nan at [3, 1]",
    ),
    "fewer labels": (
        lambda given: {**given, "labels": given["labels"][1:]},
        "features, labels, scores must be of the same images in one order, found 60, 59",
    ),
    "fewer ids": (changed(ids=["a"]), "ids"),
    "fractions": (
        lambda given: {**given, "labels": given["labels"] + 0.5},
        "labels must be whole numbers; found 0.5 at [0]",
    ),
    "text": (
        lambda given: {**given, "names": None, "labels": np.array(BIRDS)[given["labels"]]},
        "names are needed: of which class is each column of scores?",
    ),
    "other text": (
        lambda given: {**given, "labels": ["owl"] * 60},
        "labels: found 'owl' at row 0; allowed: coot, grebe, heron",
    ),
    "another class": (
        lambda given: {**given, "labels": given["labels"] + 1},
        "labels: found 3 at row 54; allowed: 0, 1, 2",
    ),
    "probabilities as logits": (
        lambda given: {**given, "logits": np.full((60, 3), 1 / 3)},
        "scores must be logits, found probabilities",
    ),
    "sums": (
        changed(logits=None, probabilities=np.full((60, 3), 0.5)),
        "probabilities: row 0 sums to 1.5; allowed: 1 within 0.001",
    ),
    "both": (changed(probabilities=np.full((60, 3), 1 / 3)), "found both; give one of them"),
    "one class": (
        changed(labels=np.zeros(60, int)),
        "labels: found one class alone, 'coot', in the training images; allowed: from 2",
    ),
    "adversaries": (changed(adversary_neighbors=45), "adversary_neighbors: found 45"),
    "neighbours": (
        changed(n_neighbors=45),
        "n_neighbors: found 45; allowed: below the 45 training images",
    ),
    "empty": (
        lambda _: {"features": np.empty((0, 3)), "labels": []},
        "features must have images, found an array of shape (0, 3)",
    ),
    "a tensor with gradients": (
        lambda given: {**given, "features": torch.ones(60, 12, requires_grad=True)},
        "features must be an array of numbers or of names: Can't call numpy() on Tensor",
    ),
    "no features": (
        changed(features=np.empty((60, 0))),
        "features must have features, found none",
    ),
    "one feature": (changed(features=np.ones((60, 1))), "at least two images and two features"),
    "a word": (changed(split=["valid"] * 60), "split: found 'valid'; allowed: train, val, test"),
    "no training": (changed(split=["test"] * 60), "split: found no 'train'"),
    "fewer words": (changed(split=["train"]), "split must have 60 words, one per image, found 1"),
    "an id twice": (changed(ids=["a"] * 60), "ids must differ, found 'a' twice"),
    "a carriage return": (
        changed(names=["a", "b\rc", "d"]),
        "names: name of class 1, 'b\\rc', has",
    ),
    "a blank name": (changed(names=["a", "", "d"]), "names: name of class 1, '', is empty"),
    "no file": (
        changed(paths=["no.png"] * 60),
        "paths: found 'no.png' at row 0, which is no file",
    ),
    "cuts": (changed(safe_from=9), "archetype cut points must satisfy"),
    "a word of a choice": (
        changed(decision="most"),
        "decision: found 'most'; allowed: half, prev",
    ),
    "a picture of nothing": (changed(thumbnail=0), "thumbnail: found 0; Input should be greater"),
    "pictures that fill memory": (
        changed(thumbnail=5000),
        "thumbnail: found 5000; Input should be less than or equal to 256",
    ),
    "fewer images than none": (changed(evaluation_images=-5), "evaluation_images: found -5"),
    "candidates": (changed(n_candidates=-1), "n_candidates: found -1; Input should be greater"),
    "a seed": (changed(seed=-1), "seed: found -1; Input should be greater than or equal to 0"),
    "bins": (changed(ece_bins=10**9), "ece_bins: found 1000000000; Input should be less"),
    "labels that are one as int64": (
        lambda given: {**given, "labels": given["labels"] * 1e300},
        "labels must be below 2 ** 63 in size; found 1e+300 at [",
    ),
    "unsigned labels": (
        lambda given: {**given, "labels": given["labels"].astype("u8") + np.uint64(2**63)},
        "labels must be below 2 ** 63 in size; found 9223372036854775808 at [0]",
    ),
    "half a neighbour": (changed(n_neighbors=2.5), "n_neighbors: found 2.5; allowed: a whole"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_used_is_one_clear_error_and_nothing_is_written(case, tmp_path):
    change, message = WRONG[case]
    with pytest.raises(InputError) as caught:
        imbalens.analyze(**change(birds()), out=tmp_path / "out")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300
    assert list(tmp_path.iterdir()) == []


def test_images_are_those_that_the_stage_names():
    data = ROOT / DUMPS / "data/prepared/planted.h5"
    ids = [f"{split}/{name}" for split in ("train", "test") for name in read_names(data, split)]
    given, _ = of_dump("planted-ce", "prevalence")
    found = imbalens.analyze(**given, ids=ids).table("archetypes-instances")
    wanted = pd.read_csv(kept("default", Path(archetypes.INSTANCES.path_of("planted-ce"))))
    assert found["name"].tolist() == [f"train/{name}" for name in wanted["name"]]


@pytest.mark.parametrize("several", [False, True])
def test_classes_that_no_training_image_has_are_said_and_do_no_harm(several):
    given = birds()
    given["logits"] = np.hstack([given["logits"], np.full((60, 1), -3.0)])
    given["names"] = (*BIRDS, "owl")
    if several:
        given["labels"] = np.eye(4, dtype=int)[given["labels"]]
    found = imbalens.analyze(**given)
    assert found.headline[0].endswith(f"; {4 + several} classes of 22 to 0 training images")
    (line,) = (line for line in found.headline if line.startswith("rare"))
    assert line.endswith("% of the smallest (heron, 5 images)")
