"""Performance of runs on labels, from made-up dumps, against scikit-learn."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import (
    average_precision_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from imbalens.dumps.files import FEATURES, FEATURES_VERSION
from imbalens.params.loading import load_params
from imbalens.store.hdf5 import create
from stages import performance
from tests.tiny import LABEL_RUNS, tiny_params, write_params

MANY, ONE = LABEL_RUNS
# of the test images none has Hernia and all have Mass; no training image has Nodule
LABELS = {MANY: ("Edema", "Hernia", "Mass", "Nodule", "Pneumonia"), ONE: ("Unhealthy",)}
TASKS = {MANY: "multilabel", ONE: "binary"}
UNDEFINED = {MANY: ["Hernia", "Mass"], ONE: []}
SIZES = {"train": 60, "test": 45}
SCALE = 2.0
MIN_IMAGES = tiny_params(LABEL_RUNS)["analyses"]["compare"]["min_images"]


def make_arrays(name):
    rng = np.random.default_rng(len(name))
    m = len(LABELS[name])
    offset = rng.normal(size=m)
    arrays = {"offset": offset}
    for split, n in SIZES.items():
        has = (rng.random((n, m)) < 0.3).astype(np.uint8)
        if m > 1 and split == "test":
            has[:, 1], has[:, 2] = 0, 1
        elif m > 1:
            has[:, 3] = 0
        logits = (rng.normal(size=(n, m)) + has).astype(np.float32)
        scores = logits * np.float32(SCALE) + offset.astype(np.float32)
        arrays[split] = has, logits, scores
    return arrays


@pytest.fixture(scope="module", params=["half", "prevalence"])
def results(tmp_path_factory, request):
    """Metrics by run, and the folder."""
    folder = tmp_path_factory.mktemp(request.param)
    values = tiny_params(LABEL_RUNS)
    values["analyses"]["labels"]["decision"] = request.param
    write_params(folder, values)
    assert list(load_params(folder / "params.yaml").runs) == list(LABEL_RUNS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in LABEL_RUNS:
            write_dump(folder / f"data/dumps/features/{name}.h5", name)
            performance.main([name])
    read = {
        name: json.loads((folder / f"metrics/performance/{name}.json").read_text())
        for name in LABEL_RUNS
    }
    return folder, read, request.param


def write_dump(path, name):
    arrays, m = make_arrays(name), len(LABELS[name])
    with create(path, FEATURES, FEATURES_VERSION) as file:
        file.attrs.update(
            {"class_names": LABELS[name], "task": TASKS[name], "splits": list(SIZES)}
            | {"counts": arrays["train"][0].sum(0, dtype=np.int64), "logit_scale": SCALE}
        )
        file["head/weight"] = np.zeros((m, 4), np.float32)
        file["head/bias"] = np.zeros(m, np.float32)
        file["head/offset"] = arrays["offset"].astype(np.float32)
        for split, n in SIZES.items():
            has, logits, _ = arrays[split]
            file[f"{split}/features"] = np.zeros((n, 4), np.float32)
            file[f"{split}/logits"], file[f"{split}/targets"] = logits, has
            file[f"{split}/index"] = np.arange(n)


def decide(name, decision):
    """The labels that test images are taken to have."""
    arrays = make_arrays(name)
    (has, _, of_train), (_, _, scores) = arrays["train"], arrays["test"]
    taken = scores > 0
    if decision == "prevalence":
        for label, n in enumerate(has.sum(0).tolist()):
            least = sorted(of_train[:, label])[-n] if n else np.inf
            taken[:, label] = scores[:, label] >= least
    return taken


@pytest.mark.parametrize("name", LABEL_RUNS)
def test_figures_of_each_label_are_those_of_scikit_learn(results, name):
    _, read, decision = results
    has, _, scores = make_arrays(name)["test"]
    probability, taken = expit(scores.astype(np.float64)), decide(name, decision)
    found = read[name]["class"]
    assert list(found) == sorted(LABELS[name])
    for place, label in enumerate(LABELS[name]):
        own, positives = has[:, place], int(has[:, place].sum())
        expected = {
            "auroc": None,
            "ap": None,
            "recall": None,
            "precision": None,
            "probability_positives": None,
            "probability": probability[:, place].mean(),
            "n_positives": positives,
            "prevalence": positives / len(own),
        }
        if label not in UNDEFINED[name]:
            expected["auroc"] = roc_auc_score(own, scores[:, place])
        if positives:
            expected["ap"] = average_precision_score(own, scores[:, place])
            expected["recall"] = recall_score(own, taken[:, place])
            expected["probability_positives"] = probability[own == 1, place].mean()
        if taken[:, place].any():
            expected["precision"] = precision_score(own, taken[:, place])
        figures = dict(found[label])
        assert 0 <= figures.pop("ece") <= 1
        at_half = figures.pop("recall_half")
        assert at_half == (recall_score(own, scores[:, place] > 0) if positives else None)
        assert figures == pytest.approx(expected), label


@pytest.mark.parametrize("name", LABEL_RUNS)
def test_labels_without_positives_or_negatives_are_listed_and_left_out_of_means(results, name):
    _, read, decision = results
    metrics = read[name]
    assert metrics["undefined"] == UNDEFINED[name]
    assert metrics["n"] == SIZES["test"]
    counts = make_arrays(name)["test"][0].sum(axis=0)
    enough = np.minimum(counts, SIZES["test"] - counts) >= MIN_IMAGES
    for figure in ("auroc", "ap", "probability_positives", "probability", "recall", "precision"):
        rate = figure in ("recall", "precision")
        values = [
            metrics["class"][label][figure]
            for label, n, judged in zip(LABELS[name], counts, enough, strict=True)
            if (n if rate else judged)
        ]
        defined = [value for value in values if value is not None]
        assert metrics[figure] == pytest.approx(np.mean(defined)), figure
        assert metrics["classes"][figure] == len(defined)
    if name == MANY:
        none = {label for label in LABELS[name] if metrics["class"][label]["auroc"] is None}
        assert none == {"Hernia", "Mass"}
        assert metrics["class"]["Hernia"]["recall"] is None
        never = metrics["class"]["Nodule"]["precision"] is None
        assert never == (decision == "prevalence"), "of no training image, so never decided on"


@pytest.mark.parametrize("name", LABEL_RUNS)
def test_the_confusion_counts_what_images_of_a_class_are_taken_for_without_having_it(
    results, name
):
    folder, _, decision = results
    has, taken = make_arrays(name)["test"][0] == 1, decide(name, decision)
    without = "Healthy" if name == ONE else "No Finding"
    names = [*LABELS[name], without]
    actual, predicted = (np.column_stack([each, ~each.any(1)]) for each in (has, taken))
    table = pd.read_csv(folder / f"plots/performance/{name}-confusion.csv")
    assert len(table) == len(names) ** 2
    for _, row in table.iterrows():
        i, j = names.index(row["actual"]), names.index(row["predicted"])
        own = range(SIZES["test"]) if i == j else np.flatnonzero(~actual[:, j])
        count = sum(1 for image in own if actual[image, i] and predicted[image, j])
        assert row["count"] == count
        n = actual[:, i].sum()
        assert row["share"] == pytest.approx(count / n if n else np.nan, nan_ok=True)


@pytest.mark.parametrize("name", LABEL_RUNS)
def test_the_table_repeats_the_metrics_and_figures_are_written(results, name):
    folder, read, _ = results
    table = pd.read_csv(folder / f"plots/performance/{name}.csv").set_index("class")
    for label, figures in read[name]["class"].items():
        for column in ("auroc", "ap"):
            value = np.nan if figures[column] is None else figures[column]
            assert table.loc[label, column] == pytest.approx(value, nan_ok=True)
    for figure in (f"{name}.png", f"{name}-confusion.png"):
        assert (folder / "plots/figures/performance" / figure).stat().st_size > 0
