"""What the analysis stages hand to the analyses: true labels where labels are meant."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest

from imbalens.analysis.adversaries.baselines import fdr_distribution
from imbalens.analysis.adversaries.chance import random_prediction
from imbalens.analysis.adversaries.distributions import adversary_distribution, error_distribution
from imbalens.analysis.adversaries.scores import Prediction, score_prediction, smooth
from imbalens.analysis.archetypes.judging import find_archetypes
from imbalens.analysis.common.neighbors import find_neighbors
from imbalens.analysis.feature_overlap import density_ratio, pair_overlap, top_features
from imbalens.dumps.files import FEATURES, FEATURES_VERSION, read_features
from imbalens.store.files import jsonable
from imbalens.store.hdf5 import create
from imbalens.tables.adversaries import ADVERSARIES
from imbalens.tables.matrices import pair_matrix
from stages import adversaries, archetypes, feature_overlap, performance, prepare
from tests.tiny import tiny_params, write_params

RUN = "planted-ce"
CLASSES = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A prepared tiny dataset, and a made-up dump of it whose predictions are mostly wrong."""
    folder = tmp_path_factory.mktemp("analyses")
    write_params(folder, tiny_params((RUN,)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        prepare.main(["planted"])
        rng = np.random.default_rng(0)
        path = folder / "data" / "dumps" / "features" / f"{RUN}.h5"
        with (
            h5py.File("data/prepared/planted.h5") as prepared,
            create(path, FEATURES, FEATURES_VERSION) as file,
        ):
            for key in ("class_names", "task", "counts", "splits"):
                file.attrs[key] = prepared.attrs[key]
            file.attrs["run"], file.attrs["loss"], file.attrs["head"] = RUN, "ldam", "cosine"
            file.attrs["logit_scale"] = 2.0
            offset = rng.normal(size=CLASSES).astype(np.float32)
            head = {"weight": np.zeros((CLASSES, 12)), "bias": np.zeros(CLASSES), "offset": offset}
            for key, value in head.items():
                file[f"head/{key}"] = value.astype(np.float32)
            for split in ("train", "test"):
                labels = prepared[f"{split}/labels"][:]
                centres = np.eye(CLASSES, 12)[labels]
                noise = rng.random((len(labels), 12))
                file[f"{split}/features"] = (centres + noise).astype(np.float32)
                logits = rng.normal(size=(len(labels), CLASSES))
                file[f"{split}/logits"] = logits.astype(np.float32)
                file[f"{split}/targets"] = labels
                file[f"{split}/index"] = prepared[f"{split}/index"][:]
        for stage in (performance, archetypes, adversaries, feature_overlap):
            stage.main([RUN])
        yield folder


@pytest.fixture(scope="module")
def dump(folder):
    path = folder / "data" / "dumps" / "features" / f"{RUN}.h5"
    return read_features(path, ["train", "test"], decision="half")


def metrics(folder, stage):
    return json.loads((folder / "metrics" / stage / f"{RUN}.json").read_text())


def test_performance_decides_on_scaled_logits_plus_offset(folder, dump):
    with h5py.File(folder / "data" / "dumps" / "features" / f"{RUN}.h5") as file:
        scores = 2.0 * file["test/logits"][:] + file["head/offset"][:]
        hits = scores.argmax(1) == file["test/targets"][:]
    assert metrics(folder, "performance")["accuracy"] == pytest.approx(hits.mean())
    assert dump.splits["test"].predictions.tolist() == scores.argmax(1).tolist()


def test_archetypes_compare_true_labels(folder, dump):
    split, options = dump.splits["train"], tiny_params()["analyses"]["archetypes"]
    n_neighbors = options.pop("n_neighbors")
    neighbors = find_neighbors(split.features, split.targets, n_neighbors=n_neighbors)
    expected = find_archetypes(neighbors, split.targets, **options)
    assert len(set(expected.tolist())) > 1
    table = pd.read_csv(folder / "data" / "instances" / "archetypes" / f"{RUN}.csv")
    kinds = np.array(["safe", "border", "rare", "outlier"])
    assert table["archetype"].tolist() == kinds[expected].tolist()
    names = np.array(dump.class_names)
    assert table["label"].tolist() == names[split.targets].tolist()
    assert table["prediction"].tolist() == names[split.predictions].tolist()


def test_adversaries_and_training_confusion_come_from_the_training_images(folder, dump):
    train, test = dump.splits["train"], dump.splits["test"]
    neighbors = find_neighbors(train.features, train.targets, n_neighbors=5)
    errors = error_distribution(
        test.targets, test.predictions, n_classes=CLASSES, errors="by_actual"
    )
    predicted = {
        "nearest adversaries": adversary_distribution(
            neighbors,
            train.targets,
            train.predictions,
            n_classes=CLASSES,
            instances="misclassified_by_actual",
            among=np.ones(len(train.targets), dtype=bool),
        ),
        "training confusion": error_distribution(
            train.targets, train.predictions, n_classes=CLASSES, errors="by_actual"
        ),
    }
    table = pd.read_csv(folder / "plots" / "adversaries" / f"{RUN}-predictors.csv")
    found = table.set_index("predictor")
    for name, distribution in predicted.items():
        both = Prediction(distribution.share, smooth(distribution.counts, alpha=0.5))
        judged = ~np.isnan(predicted["nearest adversaries"].share).any(axis=1)
        expected = score_prediction(errors.counts, both, judged=judged, eps=1e-5)
        for score in ("log_loss", "jensen_shannon", "kld", "rank_correlation", "top1"):
            assert found.loc[name, score] == pytest.approx(getattr(expected, score)), name
    pairs = pd.read_csv(folder / "plots" / "adversaries" / f"{RUN}.csv")
    written = {
        "errors": errors.share,
        "neighbours": predicted["nearest adversaries"].share,
        "FDR": fdr_distribution(train.features, train.targets, n_classes=CLASSES),
        "random": random_prediction(np.ones(CLASSES), eps=1e-5, alpha=0.5).share,
    }
    assert pairs["kind"].unique().tolist() == list(written)
    for kind, share in written.items():
        of_kind = pairs[pairs["kind"] == kind]
        names = list(dump.class_names)
        np.testing.assert_array_equal(
            pair_matrix(
                ADVERSARIES,
                RUN,
                of_kind,
                "share",
                rows=("class", names),
                columns=("adversary", names),
            ),
            share,
        )
    counts = metrics(folder, "adversaries")["class_instances"]
    wrong = np.bincount(train.targets[train.targets != train.predictions], minlength=CLASSES)
    assert counts == dict(zip(dump.class_names, wrong.tolist(), strict=True))


def test_feature_overlap_is_that_of_the_training_images(folder, dump):
    split = dump.splits["train"]
    top = top_features(split.features, split.targets, n_classes=CLASSES, top_k=10)
    shared = pair_overlap(top.indices).shared
    density = density_ratio(split.features, split.targets, top.indices, n_classes=CLASSES)
    other = ~np.eye(CLASSES, dtype=bool)
    found = metrics(folder, "feature_overlap")
    assert found["mean_shared"] == pytest.approx(shared[other].mean())
    assert found["mean_density_ratio"] == pytest.approx(jsonable(density[other].mean()))
