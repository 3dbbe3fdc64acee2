"""What the pages to look at images with are given, and the list of labels in doubt."""

import base64
import io
import json
import re
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.special import expit, softmax

from imbalens.analysis.common.neighbors import find_neighbors
from imbalens.dumps.files import read_features
from imbalens.errors import InputError
from imbalens.store.prepared import read_split, read_truth
from stages import explore
from tests.explore_cases import HOSTILE, N_WRONG, NAMES, RUNS, SIZES, experiment, write_all
from tests.tiny import write_params

K = 5
KINDS = ["outlier", "rare", "border", "border", "safe", "safe"]  # by neighbours of the class
SMALL = {"train_images": 12, "evaluation_images": 6, "neighbor_images": 7}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explore")
    write_params(folder, experiment())
    write_all(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in (*NAMES, "unused"):
            explore.main([name])
    return folder


def page_data(folder, name):
    text = (folder / f"plots/explore/{name}.html").read_text()
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found[1])


def slow_doubts(train):
    """Per label: given, suggested, its probability and score, and the archetype, in plain words.

    Of one class per image the label is the image's; of several each column is one."""
    near = find_neighbors(train.features, train.targets, n_neighbors=K).nearest
    found = []
    if train.targets.ndim == 1:
        network = softmax(train.scores.astype(float), axis=1)
        for i, own in enumerate(train.targets.tolist()):
            votes = [train.targets[near[i]].tolist().count(c) / K for c in range(3)]
            mean = [(a + b) / 2 for a, b in zip(votes, network[i], strict=True)]
            other = max((c for c in range(3) if c != own), key=lambda c: mean[c])
            kind = KINDS[round(votes[own] * K)]
            found.append((i, own, other, mean[own], mean[other] > mean[own], kind, own))
    else:
        for i, j in np.ndindex(train.targets.shape):
            own = int(train.targets[i, j])
            vote = train.targets[near[i], j].mean()
            mean = (vote + expit(float(train.scores[i, j]))) / 2
            given = mean if own else 1 - mean
            kind = KINDS[round(vote * K)] if own else ""
            found.append((i, j, 1 - own, given, given < 0.5, kind, (j, own)))
    usual = {alike: np.mean([f[3] for f in found if f[6] == alike]) for *_, alike in found}
    return [(*f[:6], usual[f[6]]) for f in found]


@pytest.mark.parametrize("name", NAMES)
def test_the_table_lists_the_most_suspicious_labels_of_each_run(folder, name):
    table = pd.read_csv(folder / f"plots/explore/{name}-label_errors.csv", keep_default_na=False)
    names, images = NAMES[name], read_split(folder / f"data/prepared/{name}.h5", "train")
    doubts = {}
    for run in RUNS[name]:
        dump = read_features(folder / f"data/dumps/features/{run}.h5", ["train"], decision="half")
        doubts[run] = slow_doubts(dump.splits["train"])
    named = [doubt[:2] for each in doubts.values() for doubt in each if doubt[4]]
    figures = json.loads((folder / f"metrics/explore/{name}.json").read_text())["run"]
    assert set(table["run"]) == set(figures) == set(RUNS[name])
    for run, each in doubts.items():
        candidates = sorted((d for d in each if d[4]), key=lambda d: d[3] - d[6])
        assert figures[run]["candidates"] == len(candidates)
        listed = table[table["run"] == run]
        assert listed["rank"].tolist() == list(range(1, min(6, len(candidates)) + 1))
        for (_, line), doubt in zip(listed.iterrows(), candidates, strict=False):
            row, label, other, probability, _, kind, usual = doubt
            assert (line["row"], line["archetype"]) == (row, kind)
            assert (line["index"], line["name"]) == (images.index[row], images.names[row])
            if name == "shapes":
                words = (names[label], names[other])
            else:
                words = (f"not {names[label]}", names[label])[:: 1 if other else -1]
            assert (line["given"], line["suggested"]) == words
            assert line["probability"] == pytest.approx(probability, abs=1e-6)
            assert line["score"] == pytest.approx(usual - probability, abs=2e-6)
            assert line["runs"] == named.count((row, label))


def test_planted_wrong_labels_are_judged_where_there_are_some(folder):
    figures = json.loads((folder / "metrics/explore/shapes.json").read_text())["run"]
    for run in RUNS["shapes"]:
        assert figures[run]["recovery"]["chance"] == pytest.approx(N_WRONG / 60)
        assert figures[run]["recovery"]["average_precision"] > 0.8
        assert 0 < figures[run]["explained_variance"] <= 1
    chest = json.loads((folder / "metrics/explore/chest.json").read_text())["run"]
    assert "recovery" not in chest["chest-bce"]


@pytest.mark.parametrize("name", NAMES)
def test_the_page_knows_labels_predictions_and_neighbours(folder, name):
    data, prepared = page_data(folder, name), folder / f"data/prepared/{name}.h5"
    parts = {split: read_split(prepared, split) for split in SIZES}
    names = [*parts["train"].names, *parts["test"].names]
    assert data["names"] == names
    assert (data["nTrain"], data["nPoints"], data["nPictured"]) == (60, 84, 84)
    assert data["classes"] == [*NAMES[name], *(["No Finding"] if name == "chest" else [])]
    labels = [*parts["train"].labels.tolist(), *parts["test"].labels.tolist()]
    if name == "shapes":
        expected = [[own] for own in labels]
    else:
        expected = [[c for c in range(2) if own[c]] or [2] for own in labels]
    assert data["given"] == expected
    for run, values in data["runs"].items():
        dump = read_features(
            folder / f"data/dumps/features/{run}.h5", list(SIZES), decision="half"
        )
        train, test = dump.splits["train"], dump.splits["test"]
        near = [
            sorted(range(60), key=lambda j: (np.linalg.norm(train.features[j] - one), j))[:K]
            for one in test.features.astype(float)
        ]
        assert values["neighbors"][60:] == near
        own = find_neighbors(train.features, train.targets, n_neighbors=K).nearest
        assert values["neighbors"][:60] == own.tolist()
        if name == "shapes":
            taken = [*train.predictions.tolist(), *test.predictions.tolist()]
            assert values["predicted"] == [[code] for code in taken]
        assert len(values["x"]) == len(values["y"]) == 84
        rows = [candidate["picture"] for candidate in values["candidates"]]
        table = pd.read_csv(folder / f"plots/explore/{name}-label_errors.csv")
        assert rows == table.loc[table["run"] == run, "row"].tolist()
        kinds = [data["archetypes"][values["archetypes"][row][0]] for row in rows]
        if name == "shapes":
            assert kinds == table.loc[table["run"] == run, "archetype"].tolist()


def slow_cam(maps, weights):
    """Sum of the maps by the head's weights, negative parts cut, stretched to 0 .. 1."""
    cam = np.maximum(sum(w * one for w, one in zip(weights, maps, strict=True)), 0)
    span = cam.max() - cam.min()
    return (cam - cam.min()) / span if span else cam * 0


def test_annotated_images_come_with_maps_and_boxes(folder):
    data = page_data(folder, "chest")
    cams = data["runs"]["chest-bce"]["cams"]
    with h5py.File(folder / "data/dumps/maps/chest-bce.h5") as file:
        maps, head, pairs = (file[key][:] for key in ("maps", "head/weight", "pairs"))
    assert cams["side"] == 4
    assert cams["pairs"] == [[60 + row, code] for row, code in pairs.tolist()]
    for (row, code), cells in zip(pairs, cams["cells"], strict=True):
        expected = slow_cam(maps[row].astype(float), head[code].astype(float)).ravel()
        assert cells == pytest.approx(expected, abs=0.0051)
    assert data["boxes"] == [[60 + row, code, 0.5, 0.5, 0.5, 0.25] for row, code in pairs.tolist()]
    shapes = page_data(folder, "shapes")
    assert shapes["boxes"] == []
    assert {run["cams"] for run in shapes["runs"].values()} == {None}
    text = " ".join((folder / "plots/explore/chest.html").read_text().split())
    assert f"of all {len(pairs)} pairs of an annotated image and a finding" in text


def test_labels_in_doubt_that_are_points_are_told_listed_or_not(folder):
    data = page_data(folder, "shapes")
    for run, values in data["runs"].items():
        dump = read_features(folder / f"data/dumps/features/{run}.h5", ["train"], decision="half")
        expected = [doubt[0] for doubt in slow_doubts(dump.splits["train"]) if doubt[4]]
        assert values["doubted"] == expected
        assert len(expected) == values["nCandidates"]


def options(text, name):
    part = text.split(f'<select id="{name}">')[1].split("</select>")[0]
    return re.findall(r'<option value="([^"]*)"( selected)?>', part)


def test_the_page_opens_on_the_baseline_and_what_differs_most_from_it(folder):
    text = (folder / "plots/explore/shapes.html").read_text()
    assert options(text, "run-a") == [("shapes-ce", " selected"), ("shapes-focal", "")]
    assert options(text, "run-b") == [("shapes-ce", ""), ("shapes-focal", " selected"), ("", "")]
    assert ("class", " selected") in options(text, "colour")
    assert '<a href="../report.html">' in text
    text = (folder / "plots/explore/chest.html").read_text()
    assert "run-a" not in re.findall(r'id="([^"]*)"', text)
    counts = dict(re.findall(r'"(\d)"(?: selected)?>\w+ \((\d+) for training', text))
    frequent = max(("0", "1"), key=lambda code: int(counts[code]))
    assert (frequent, " selected") in options(text, "subject")
    assert ("right", " selected") in options(text, "colour")


def test_the_page_tells_the_planted_truth(folder):
    truth = read_truth(folder / "data/prepared/shapes.h5", "train")
    expected = np.where(truth.mislabelled, truth.labels, -1).tolist() + [-1] * 24
    assert page_data(folder, "shapes")["planted"] == expected
    assert set(page_data(folder, "chest")["planted"]) == {-1}


@pytest.mark.parametrize("name", NAMES)
def test_pictures_stand_where_the_page_looks_for_them(folder, name):
    text, data = (folder / f"plots/explore/{name}.html").read_text(), page_data(folder, name)
    code = re.search(r"url\(data:image/webp;base64,([^)]+)\)", text)[1]
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(code))).convert("RGB"), dtype=float)
    columns, rows, pitch, size = data["sprite"]
    assert sheet.shape == (rows * pitch, columns * pitch, 3)
    prepared = folder / f"data/prepared/{name}.h5"
    images = np.concatenate([read_split(prepared, split).images for split in SIZES])
    for place in range(data["nPictured"]):
        y, x = place // columns * pitch, place % columns * pitch
        found = sheet[y : y + size, x : x + size].mean(axis=(0, 1))
        assert np.abs(found - images[place].mean(axis=(0, 1))).max() < 20


def test_a_part_of_the_images_is_shown_where_there_are_many(folder, monkeypatch):
    monkeypatch.chdir(folder)
    write_params(folder, experiment(**SMALL))
    whole, files = page_data(folder, "shapes"), list(Path("plots/explore").glob("shapes*"))
    kept = {path: path.read_bytes() for path in files}
    try:
        explore.main(["shapes"])
        data = page_data(folder, "shapes")
        text = Path("plots/explore/shapes.html").read_text()
        assert Path("plots/explore/shapes-label_errors.csv").read_bytes() in kept.values()
    finally:
        write_params(folder, experiment())
        for path, content in kept.items():
            path.write_bytes(content)
    assert data["nPoints"] - data["nTrain"] == 6
    assert f"{data['nTrain']} of 60 training images and 6 of 24 images" in " ".join(text.split())
    train, points = data["names"][: data["nTrain"]], data["names"][: data["nPoints"]]
    candidates = [each["picture"] for run in data["runs"].values() for each in run["candidates"]]
    assert max(candidates) < data["nTrain"]
    assert len(set(train) - {train[place] for place in candidates}) <= 12
    given = [data["given"][place][0] for place in range(data["nTrain"], data["nPoints"])]
    assert sorted(given) == [0, 0, 1, 1, 2, 2], "as many of each class"
    assert data["nPictured"] == data["nPoints"] + 7
    for run, values in data["runs"].items():
        for place, name in enumerate(points):
            near = [data["names"][j] for j in values["neighbors"][place]]
            was = whole["names"].index(name)
            assert near == [whole["names"][j] for j in whole["runs"][run]["neighbors"][was]]
    shown = {j for values in data["runs"].values() for row in values["neighbors"] for j in row}
    assert max(shown) == len(data["names"]) - 1
    compared = {
        j
        for values in data["runs"].values()
        for candidate in values["candidates"]
        for j in values["neighbors"][candidate["picture"]]
        if j >= data["nPoints"]
    }
    first = set(range(data["nPoints"], data["nPictured"]))
    assert compared <= first or first <= compared, "those beside labels in doubt come first"
    nearest = {row[0] for values in data["runs"].values() for row in values["neighbors"]}
    further = sorted(j for j in nearest - compared if j >= data["nPoints"])
    behind = data["nPoints"] + len(compared)
    assert further == [*range(behind, behind + len(further))], "then the nearest"


def test_texts_of_the_data_are_escaped(folder):
    text = (folder / "plots/explore/shapes.html").read_text()
    assert HOSTILE not in text
    assert "<b>.png" not in text
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;" in text
    assert page_data(folder, "shapes")["classes"][1] == HOSTILE
    assert "generated, not photographs" in text
    assert "generated, not photographs" not in (folder / "plots/explore/chest.html").read_text()


def test_pages_are_small_and_the_same_each_time(folder, monkeypatch):
    monkeypatch.chdir(folder)
    page = Path("plots/explore/chest.html")
    before = page.read_bytes()
    explore.main(["chest"])
    assert page.read_bytes() == before
    assert len(before) < 15_000_000


def test_a_dataset_without_runs_has_an_empty_table_and_a_page_that_says_so(folder):
    assert "No run of params.yaml" in (folder / "plots/explore/unused.html").read_text()
    table = pd.read_csv(folder / "plots/explore/unused-label_errors.csv")
    assert list(table.columns)[:2] == ["run", "rank"]
    assert len(table) == 0
    assert json.loads((folder / "metrics/explore/unused.json").read_text()) == {"run": {}}


def change(values, *, split=None, **kinds):
    values["analyses"]["archetypes"] |= kinds
    if split:
        values["analyses"]["performance"]["split"] = split
    return values


def test_training_images_are_no_evaluation_images(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(folder / "data")
    write_params(tmp_path, change(experiment(), split="train"))
    explore.main(["chest"])
    data = page_data(tmp_path, "chest")
    assert data["nTrain"] == data["nPoints"] == 60
    assert 'id="evaluation"' not in Path("plots/explore/chest.html").read_text()


UMAP = {"name": "umap", "n_neighbors": 5, "min_dist": 0.1, "seed": 0}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            change(experiment(), n_neighbors=60),
            "analyses.yaml: archetypes.n_neighbors: found 60; allowed: below the 60 training",
        ),
        (
            experiment(embedding=UMAP | {"n_neighbors": 60}),
            "analyses.yaml: explore.embedding.n_neighbors: found 60; allowed: below the 60",
        ),
        (
            experiment(embedding=UMAP),
            "embedding: found 'umap', but umap is not installed; run: pip",
        ),
    ],
)
def test_what_cannot_be_done_says_what_to_change(folder, tmp_path, monkeypatch, values, message):
    def without(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("imbalens.analysis.explore.embedding.import_module", without)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(folder / "data")
    write_params(tmp_path, values)
    with pytest.raises(InputError) as caught:
        explore.main(["shapes"])
    assert str(caught.value).startswith(message)
    assert not Path("plots").exists()
