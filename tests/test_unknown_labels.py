"""Images of which some labels are not known, from prepared data through dumps and stages."""

import json
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from imbalens.analysis.common.neighbors import find_neighbors
from imbalens.analysis.performance.performance import performance
from imbalens.classes import UNKNOWN, known_classes, true_classes
from imbalens.dumps.features import dump_features
from imbalens.dumps.files import read_features
from imbalens.dumps.trained import load_trained
from imbalens.errors import InputError
from imbalens.models.build import build_model
from imbalens.models.checkpoint import save_weights
from imbalens.params.runs import Bce, CifarResnet, Run
from imbalens.store.prepared import read_metadata, read_split
from stages import adversaries, archetypes, changes, differences, explore, feature_overlap
from stages import performance as performance_stage
from tests.browser import needs_browser
from tests.dump_cases import BASE, DATASET, LABELS, RUNS, SEED1, SIZES, draw_members, write_all

ALL_RUNS = (*RUNS, SEED1)
NAMES = (*LABELS, "No Finding")
OPTIONS = {"n_bins": 15, "many_above": 100, "few_below": 20, "min_images": 5}


def draw_unknown(split):
    """A third of all labels, and all of the first images."""
    unknown = np.random.default_rng(len(split)).random((SIZES[split], len(LABELS))) < 0.3
    unknown[:3] = True
    return unknown


def expected_targets(split):
    labels = draw_members("multilabel")[split].astype(np.uint8)
    return np.where(draw_unknown(split), np.uint8(UNKNOWN), labels)


def hide(path, name):
    """Let labels in a file not be known."""
    with h5py.File(path, "r+") as file:
        for split in SIZES:
            unknown = draw_unknown(split)
            labels = file[f"{split}/{name}"][:]
            labels[unknown] = 0
            file[f"{split}/{name}"][:] = labels
            file[f"{split}/unknown"] = unknown
            if split == "train":
                file.attrs["counts"] = labels.sum(axis=0, dtype=np.int64)


def read_table(path):
    return pd.read_csv(path, keep_default_na=False)  # a label is called NA


def run_stages(of_run, of_dataset):
    """Run stages; figures stay blank."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FigureCanvasAgg, "print_figure", lambda _, path, **__: Path(path).touch())
        for run in ALL_RUNS:
            for stage in of_run:
                stage.main([run])
        for stage in of_dataset:
            stage.main([DATASET])


def measured():
    """What stages wrote that no score of a label that is not known may change."""
    files = sorted(Path("metrics/performance").iterdir())
    files += [Path(f"plots/explore/{DATASET}-label_errors.csv")]
    tables = {str(path): path.read_text() for path in files}
    compared = read_table(f"plots/differences/{DATASET}.csv")
    # intervals and corrected p depend on all measures, so also on who is taken for No Finding
    values = ["setting", "measure", "class", "baseline_value", "value", "difference"]
    tables["differences"] = compared[compared["stage"] == "performance"][values].to_csv()
    return tables


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unknown")
    write_all(folder, "multilabel")
    hide(folder / f"data/prepared/{DATASET}.h5", "labels")
    for run in ALL_RUNS:
        hide(folder / f"data/dumps/features/{run}.h5", "targets")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        of_run = (performance_stage, archetypes, adversaries, feature_overlap)
        run_stages(of_run, (differences, changes, explore))
    return folder


def test_what_is_read_tells_what_is_known(folder):
    data = folder / f"data/prepared/{DATASET}.h5"
    dump = read_features(
        folder / f"data/dumps/features/{BASE}.h5", list(SIZES), decision="prevalence"
    )
    for split, part in dump.splits.items():
        targets = expected_targets(split)
        assert (part.targets == targets).all()
        assert (read_split(data, split).labels == targets).all()
        assert (read_split(data, split, first=5).labels == targets[:5]).all()
        assert (part.classes == true_classes(targets, LABELS)).all()
        assert not part.classes[:3].any()
        decided = part.scores >= dump.thresholds
        assert (part.predictions[:, :3] == decided & (targets != UNKNOWN)).all()
        certain = (targets == 1).any(axis=1) | (targets != UNKNOWN).all(axis=1)
        assert (part.predictions[:, 3] == certain & ~decided.any(axis=1)).all()
    about, targets = read_metadata(data), expected_targets("train")
    assert about.counts.tolist() == (targets == 1).sum(axis=0).tolist()
    assert about.negatives.tolist() == (targets == 0).sum(axis=0).tolist()


def test_performance_is_that_of_each_label_on_the_images_that_tell_it(folder):
    path = folder / f"data/dumps/features/{BASE}.h5"
    dump = read_features(path, ["test"], decision="prevalence")
    seen = dump.splits["test"]
    metrics = json.loads((folder / f"metrics/performance/{BASE}.json").read_text())
    for label, name in enumerate(LABELS):
        rows = seen.targets[:, label] != UNKNOWN
        column = (np.flatnonzero(rows)[:, None], [label])
        alone = performance(
            *(seen.scores[column], seen.targets[column], dump.label_counts[[label]], [name]),
            thresholds=dump.thresholds[[label]],
            **OPTIONS,
        )
        found = metrics["class"][name]
        for measure, values in alone.each.items():
            assert found[measure] == pytest.approx(values[0], rel=1e-5), measure
        assert found["n_unknown"] == (~rows).sum() > 0


def test_archetypes_and_overlap_are_of_the_classes_that_images_are_known_to_have(folder):
    classes = true_classes(expected_targets("train"), LABELS)
    table = read_table(folder / f"data/instances/archetypes/{BASE}.csv")
    assert table["row"].tolist() == np.nonzero(classes)[0].tolist()
    assert table["label"].tolist() == [NAMES[c] for c in np.nonzero(classes)[1]]
    counts = read_table(folder / f"plots/archetypes/{BASE}.csv").groupby("class")["count"].sum()
    assert counts.to_dict() == dict(zip(NAMES, classes.sum(axis=0).tolist(), strict=True))


@pytest.mark.parametrize("decision", ["half", "prevalence"])
def test_errors_are_of_pairs_that_are_known(folder, decision):
    path = folder / f"data/dumps/features/{BASE}.h5"
    seen = read_features(path, ["test"], decision=decision).splits["test"]
    known = seen.targets != UNKNOWN
    assert not (seen.predictions[:, :3] & ~known).any()
    wrong = seen.predictions & ~seen.classes
    assert (seen.targets[wrong[:, :3]] == 0).all()
    # nothing is said of the images of which nothing is known
    assert not wrong[:3].any()


@pytest.mark.parametrize("run", ALL_RUNS)
def test_adversaries_are_neighbours_that_are_known_to_lack_the_class(folder, run):
    path = folder / f"data/dumps/features/{run}.h5"
    train = read_features(path, ["train"], decision="prevalence").splits["train"]
    known = known_classes(train.targets, LABELS)
    counts = np.zeros((4, 4))
    for row, near in enumerate(find_neighbors(train.features, known, n_neighbors=5).nearest):
        for c in np.flatnonzero(train.classes[row] & ~train.predictions[row]):
            for other in near[known[near, c] & ~train.classes[near, c]]:
                own = train.classes[other]
                counts[c] += own / max(own.sum(), 1)
    table = read_table(folder / f"plots/adversaries/{run}.csv")
    table = table[table["kind"] == "neighbours"].set_index(["class", "adversary"])["share"]
    for (own, other), share in table.items():
        c, a = NAMES.index(own), NAMES.index(other)
        expected = counts[c, a] / counts[c].sum() if counts[c].sum() else np.nan
        assert pd.to_numeric(share) == pytest.approx(expected, rel=1e-5, nan_ok=True), (own, other)


def test_labels_that_are_not_known_are_no_candidates(folder):
    table = read_table(folder / f"plots/explore/{DATASET}-label_errors.csv")
    targets = expected_targets("train")
    names = table["given"].str.removeprefix("not ")
    place = {name: label for label, name in enumerate(LABELS)}
    assert len(table) > 10
    for row, name, given in zip(table["row"], names, table["given"], strict=True):
        assert targets[row, place[name]] == (not given.startswith("not "))


def page_data(folder):
    page = (folder / f"plots/explore/{DATASET}.html").read_text(encoding="utf-8")
    return json.loads(re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0])


def test_the_page_knows_which_classes_are_known(folder):
    data = page_data(folder)
    targets = expected_targets("train")
    known = known_classes(targets, LABELS)
    place = {
        index: row
        for row, index in enumerate(
            read_split(folder / f"data/prepared/{DATASET}.h5", "train").index.tolist()
        )
    }
    for index, codes in zip(data["index"][: data["nTrain"]], data["known"], strict=False):
        assert codes == np.flatnonzero(known[place[index]]).tolist()
    assert [] in data["known"]


@needs_browser
def test_the_page_says_what_is_not_known(browser, folder):
    data = page_data(folder)
    nothing = data["known"].index([])
    label = 0
    asked = [id for id, codes in enumerate(data["known"]) if label in codes]
    having = [id for id in asked if label in data["given"][id]]
    lacking = next(id for id in range(data["nPoints"]) if id not in asked)
    page = browser.new_page()
    page.goto((folder / f"plots/explore/{DATASET}.html").as_uri())
    words = page.evaluate("ids => book.count(ids, [0])", [lacking, *having[:1], *asked[:3]])
    n_having = sum(id in having for id in [*having[:1], *asked[:3]])
    assert words == f"Of the 4 nearest of which it is known, {n_having} have {LABELS[label]}"
    words = page.evaluate("ids => book.count(ids, [0])", asked[:2])
    assert words.startswith("Of the 2 nearest, ")
    page.evaluate("id => explorePage.show(id)", nothing)
    assert "nothing that is known\n" in page.inner_text("#chosen dl")
    assert "right" not in page.inner_text("#chosen dl")
    page.select_option("#subject", str(label))
    page.select_option("#colour", "right")
    words = page.inner_text("#legend")
    assert "not known" in words
    assert "neither has it" in words
    page.select_option("#outcome", index=1)
    judged = page.inner_text("#n-matching")
    page.select_option("#outcome", "")
    assert int(judged.split()[0]) <= len(asked), "what is not known is neither right nor wrong"
    page.close()


def test_scores_of_labels_that_are_not_known_change_no_measure(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    before = measured()
    assert len(before) == len(ALL_RUNS) + 2
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for run in ALL_RUNS:
        with h5py.File(f"data/dumps/features/{run}.h5", "r+") as file:
            for split in SIZES:
                logits, unknown = file[f"{split}/logits"][:], draw_unknown(split)
                noise = np.random.default_rng(9).normal(0, 5, logits.shape)
                logits[unknown] = noise[unknown]
                file[f"{split}/logits"][:] = logits
    run_stages([performance_stage], [differences, explore])
    assert measured() == before


@pytest.mark.parametrize("known", [True, False])
def test_features_with_labels_that_another_run_does_not_know_are_refused(
    folder, tmp_path, monkeypatch, known
):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    path = Path(f"data/dumps/features/{SEED1}.h5")
    with h5py.File(path, "r+") as file:
        if known:
            del file["test/unknown"]
        else:
            file["test/unknown"][-1] = ~file["test/unknown"][-1]
    for stage in (differences, changes):
        with pytest.raises(InputError) as caught:
            stage.main([DATASET])
        assert str(caught.value) == (
            f"{path}: the labels of test are not those of {BASE}; "
            f"run: dvc repro dump_features@{BASE} dump_features@{SEED1}"
        )


def test_a_dump_holds_what_is_not_known_where_something_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_all(tmp_path, "multilabel")
    network, loss = CifarResnet(name="resnet8"), Bce(name="bce")
    run = Run(
        method="bce",
        dataset=DATASET,
        model=network,
        loss=loss,
        drw=None,
        recipe="quick",
        seed=0,
        checkpoint=None,
    )
    save_weights(build_model(network, loss, len(LABELS)), Path("data/models/a.pt"), metadata={})
    dumps = {known: Path(f"data/dumps/features/{known}.h5") for known in ("all", "some")}
    for known, path in dumps.items():
        if known == "some":
            hide(f"data/prepared/{DATASET}.h5", "labels")
        trained = load_trained("a", run, device_name="cpu", splits=None)
        dump_features(trained, path, run="a", loss="bce", batch_size=32)
    with h5py.File(dumps["all"]) as plain, h5py.File(dumps["some"]) as file:
        for split in SIZES:
            assert "unknown" not in plain[split]
            assert set(file[split]) == {*plain[split], "unknown"}
            assert (file[f"{split}/unknown"][:] == draw_unknown(split)).all()
            assert file[f"{split}/targets"][:].max() == 1
            assert (file[f"{split}/logits"][:] == plain[f"{split}/logits"][:]).all()
    for split, part in read_features(dumps["some"], list(SIZES), decision="half").splits.items():
        assert (part.targets == expected_targets(split)).all()
