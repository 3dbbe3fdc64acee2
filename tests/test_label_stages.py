"""Archetypes, adversaries and feature overlap of images that have several labels, or none."""

import json

import numpy as np
import pandas as pd
import pytest

from imbalens.analysis.adversaries.baselines import (
    fdr_distribution,
    prior_distribution,
    uniform_distribution,
)
from imbalens.analysis.adversaries.distributions import adversary_distribution, error_distribution
from imbalens.analysis.adversaries.scores import Prediction, score_prediction
from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES, find_archetypes, find_prototypes
from imbalens.analysis.common.neighbors import find_neighbors
from imbalens.analysis.feature_overlap import density_ratio, pair_overlap, top_features
from imbalens.dumps.files import FEATURES, FEATURES_VERSION, read_features
from imbalens.errors import InputError
from imbalens.store.files import jsonable
from imbalens.store.hdf5 import create
from imbalens.store.prepared import PREPARED, PREPARED_VERSION
from stages import adversaries, archetypes, feature_overlap
from tests.tiny import method_of, setting_name, tiny_params, write_params

LABELS = {
    "chest-bce": ("Edema", "Hernia", "Mass", "Nodule"),  # no training image has Hernia
    "sick-bce": ("Unhealthy",),
}
NAMES = {
    "chest-bce": (*LABELS["chest-bce"], "No Finding"),
    "sick-bce": ("Unhealthy", "Healthy"),
}
TASKS = {"chest-bce": "multilabel", "sick-bce": "binary"}
RUNS = tuple(LABELS)
SIZES = {"train": 60, "test": 40}
N_FEATURES = 12


def experiment():
    values = tiny_params(("planted-ce",))
    run, dataset = values["runs"]["planted-ce"], values["datasets"]["planted"]
    selection = dataset["imbalance"]["selection"]
    imbalance = {"kind": "natural", "n_max": None, "selection": selection}
    counts = {"train_images": SIZES["train"], "test_images": SIZES["test"]}
    method_of(values, "planted-ce")["loss"] = {"name": "bce"}
    values["datasets"], values["runs"] = {}, {}
    for name in RUNS:
        extra = {"include_no_finding": False} if TASKS[name] == "multilabel" else {}
        task = {"name": TASKS[name], **extra}
        source = {"name": "phantom_cxr", "task": task, "seed": 0, **counts}
        values["datasets"][TASKS[name]] = dataset | {"source": source, "imbalance": imbalance}
        values["runs"][name] = run | {"dataset": TASKS[name]}
    values["focus"], values["false_positives"] = setting_name(values, RUNS[0]), {}
    for dump in ("saliency", "maps"):
        values["dumps"][dump]["runs"] = []
    return values


def write_data(folder, name):
    """Grey noise, and features and scores that lean on the labels."""
    rng = np.random.default_rng(0)
    m = len(LABELS[name])
    labels = {split: rng.random((n, m)) < 0.35 for split, n in SIZES.items()}
    if m > 1:
        labels["train"][:, 1] = labels["test"][:, 1] = False
        labels["test"][0, 1] = True
    both = {
        "class_names": LABELS[name],
        "task": TASKS[name],
        "counts": labels["train"].sum(axis=0),
        "splits": list(SIZES),
        "digest": "made up",
    }
    of_prepared = {"mean": np.zeros(3), "std": np.ones(3), "source": "noise", "n_train": 60}
    of_dump = {"run": name, "loss": "bce", "head": "linear", "logit_scale": 1.0}
    with (
        create(folder / f"data/prepared/{TASKS[name]}.h5", PREPARED, PREPARED_VERSION) as prepared,
        create(folder / f"data/dumps/features/{name}.h5", FEATURES, FEATURES_VERSION) as dump,
    ):
        prepared.attrs.update(both | of_prepared)
        dump.attrs.update(both | of_dump)
        dump["head/weight"] = np.zeros((m, N_FEATURES), np.float32)
        dump["head/bias"] = np.zeros(m, np.float32)
        dump["head/offset"] = np.zeros(m, np.float32)
        for split, has in labels.items():
            n = len(has)
            index = rng.permutation(1000)[:n]
            features = rng.random((n, N_FEATURES)) + 0.5 * has @ np.eye(m, N_FEATURES)
            prepared[f"{split}/images"] = rng.integers(0, 256, (n, 8, 8, 1), dtype=np.uint8)
            prepared[f"{split}/names"] = [f"{place:04}.png" for place in index]
            prepared[f"{split}/labels"] = dump[f"{split}/targets"] = has.astype(np.uint8)
            prepared[f"{split}/index"] = dump[f"{split}/index"] = index
            dump[f"{split}/features"] = features.astype(np.float32)
            scores = rng.normal(size=has.shape) + has - 0.5
            dump[f"{split}/logits"] = scores.astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels")
    write_params(folder, experiment())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in RUNS:
            write_data(folder, name)
            for stage in (archetypes, adversaries, feature_overlap):
                stage.main([name])
    return folder


def read(folder, name):
    """Features, and the classes that images have and are taken for, written anew."""
    dump = read_features(folder / f"data/dumps/features/{name}.h5", list(SIZES), decision="half")
    train, found = dump.splits["train"], {}
    for split, part in dump.splits.items():
        has = part.targets > 0
        taken = np.zeros_like(has)
        for label in range(has.shape[1]):
            n_positive = int(train.targets[:, label].sum())
            if n_positive:
                last = sorted(train.scores[:, label])[-n_positive]
                taken[:, label] = part.scores[:, label] >= last
        found[split] = [np.column_stack([each, ~each.any(axis=1)]) for each in (has, taken)]
    return train, found


def metrics(folder, stage, name):
    return json.loads((folder / "metrics" / stage / f"{name}.json").read_text())


def table(folder, path):
    return pd.read_csv(folder / "plots" / path, keep_default_na=False)


@pytest.mark.parametrize("name", RUNS)
def test_archetypes_have_one_row_per_image_and_class(folder, name):
    train, found = read(folder, name)
    has, taken = found["train"]
    names, neighbors = NAMES[name], find_neighbors(train.features, has, n_neighbors=5)
    codes = find_archetypes(neighbors, has, safe_from=4, border_from=2, rare_from=1)
    expected = [
        (i, f"{train.index[i]:04}.png", names[c], "|".join(np.array(names)[taken[i]]))
        for i in range(len(has))
        for c in range(len(names))
        if has[i, c]
    ]
    instances = table(folder, f"../data/instances/archetypes/{name}.csv")
    columns = ["row", "name", "label", "prediction"]
    assert list(instances[columns].itertuples(index=False, name=None)) == expected
    assert instances["index"].tolist() == [int(train.index[i]) for i, *_ in expected]
    assert instances["archetype"].tolist() == [ARCHETYPE_NAMES[code] for code in codes]

    groups = table(folder, f"archetypes/{name}.csv")
    assert groups["count"].sum() == has.sum()
    assert groups["true_positives"].sum() == (has & taken).sum()
    prototypes = find_prototypes(train.features, has, codes, n_classes=len(names))
    listed = table(folder, f"archetypes/{name}-prototypes.csv").set_index(["class", "archetype"])
    for c, own in enumerate(names):
        for a, kind in enumerate(ARCHETYPE_NAMES):
            row = prototypes[c, a]
            assert str(listed.loc[(own, kind), "row"]) == ("" if row < 0 else str(row))
    assert set(metrics(folder, "archetypes", name)["class_share"]) == set(names)


@pytest.mark.parametrize("name", RUNS)
def test_adversaries_compare_memberships(folder, name):
    train, found = read(folder, name)
    has, taken = found["train"]
    c, neighbors = has.shape[1], find_neighbors(train.features, has, n_neighbors=5)
    near = adversary_distribution(
        neighbors,
        has,
        taken,
        n_classes=c,
        instances="misclassified_by_actual",
        among=np.ones(len(has), dtype=bool),
    )
    errors = error_distribution(*found["test"], n_classes=c, errors="by_actual")
    rows, codes = np.nonzero(has)
    predicted = {
        "nearest adversaries": near.share,
        "FDR": fdr_distribution(train.features[rows], codes, n_classes=c),
        "class prior": prior_distribution(has.sum(axis=0)),
    }
    judged = ~np.isnan(near.share).any(axis=1)
    listed = table(folder, f"adversaries/{name}-predictors.csv").set_index("predictor")["kld"]
    for predictor, share in predicted.items():
        both = Prediction(share, uniform_distribution(c))
        score = score_prediction(errors.counts, both, judged=judged, eps=1e-5)
        shown = float(listed[predictor] or "nan")
        assert shown == pytest.approx(score.kld, nan_ok=True), predictor
        assert np.isnan(shown) == (c == 2)
    figures = metrics(folder, "adversaries", name)
    assert ("undefined" in figures) == (c == 2)
    missed = (has & ~taken).sum(axis=0).tolist()
    assert figures["class_instances"] == dict(zip(NAMES[name], missed, strict=True))


def test_a_label_without_training_images_has_no_adversaries_and_no_features(folder):
    name, hernia = "chest-bce", "Hernia"
    figures = metrics(folder, "adversaries", name)
    assert figures["class_instances"][hernia] == 0
    assert figures["class_errors"][hernia] == 1
    assert figures["class_kld"][hernia] is None
    assert metrics(folder, "feature_overlap", name)["class_shared"][hernia] is None
    assert set(metrics(folder, "archetypes", name)["class_share"][hernia].values()) == {None}


@pytest.mark.parametrize("name", RUNS)
def test_feature_overlap_counts_an_image_for_each_of_its_classes(folder, name):
    train, found = read(folder, name)
    has, _ = found["train"]
    present = np.flatnonzero(has.any(axis=0))
    rows, codes = np.nonzero(has[:, present])
    features, c = train.features[rows], len(present)
    top = top_features(features, codes, n_classes=c, top_k=10)
    shared = pair_overlap(top.indices).shared
    density = density_ratio(features, codes, top.indices, n_classes=c)
    other = ~np.eye(c, dtype=bool)
    figures = metrics(folder, "feature_overlap", name)
    assert figures["mean_shared"] == pytest.approx(shared[other].mean())
    assert figures["max_shared"] == jsonable(shared[other].max())
    assert figures["mean_density_ratio"] == pytest.approx(density[other].mean())
    assert figures["own_density_ratio"] == pytest.approx(density[~other].mean())
    own = {
        NAMES[name][place]: (shared * other)[i].sum() / (c - 1) for i, place in enumerate(present)
    }
    defined = {key: value for key, value in figures["class_shared"].items() if value is not None}
    assert defined == pytest.approx(own)


@pytest.mark.parametrize("name", RUNS)
def test_figures_are_written(folder, name):
    for stage, files in (
        ("archetypes", ("", "-prototypes")),
        ("adversaries", ("", "-predictors")),
        ("feature_overlap", ("", "-pairs")),
    ):
        for file in files:
            assert (folder / "plots/figures" / stage / f"{name}{file}.png").stat().st_size > 0


def test_more_top_features_than_the_network_has(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    values = experiment()
    values["analyses"]["feature_overlap"]["top_k"] = N_FEATURES + 1
    write_params(tmp_path, values)
    with pytest.raises(InputError, match=r"top_k: found 13; allowed: at most the 12 features"):
        feature_overlap.main([RUNS[0], "--params", str(tmp_path / "params.yaml")])
