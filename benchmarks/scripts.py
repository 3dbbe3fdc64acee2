"""Plain scripts after paper B: CSV read by pandas, scikit-learn, Python loops, CSV written.

Written by us from sections 3.2-3.4 of the paper, they are no one's published code. Like the
analyses that they are compared with, each reads its input and searches neighbours for itself.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from sklearn.metrics import pairwise_distances

from benchmarks.baselines import brute_force_neighbors
from benchmarks.generated import CLASS_NAMES
from imbalens.dumps.files import FeatureSplit

N_NEIGHBORS = 5
TOP_K = 10
EPS = 1e-5
KINDS = ("safe", "border", "rare", "outlier")
CLASSES = range(len(CLASS_NAMES))


def write_inputs(folder: Path, train: FeatureSplit, test: FeatureSplit) -> None:
    """Write train.csv, with label, prediction and features, and test.csv, without features."""
    columns = [f"feature {index}" for index in range(train.features.shape[1])]
    features = pd.DataFrame(train.features, columns=columns)
    _labels(train).join(features).to_csv(folder / "train.csv", index=False)
    _labels(test).to_csv(folder / "test.csv", index=False)


def analyse(inputs: Path, out: Path) -> Path:
    """Run the three scripts, writing their tables to the folder `out`."""
    out.mkdir(exist_ok=True)
    archetypes(inputs, out)
    adversaries(inputs, out)
    feature_overlap(inputs, out)
    return out


def archetypes(inputs: Path, out: Path) -> None:
    """Judge instances by their neighbours, and find each group's medoid (section 3.2)."""
    features, labels, predictions = _read_train(inputs)
    neighbors = brute_force_neighbors(features, N_NEIGHBORS)
    kinds = []
    for row, label in enumerate(labels):
        same = 0
        for neighbor in neighbors[row]:
            if labels[neighbor] == label:
                same += 1
        if same >= 4:
            kinds.append("safe")
        elif same >= 2:
            kinds.append("border")
        elif same == 1:
            kinds.append("rare")
        else:
            kinds.append("outlier")
    instances = {"label": [CLASS_NAMES[label] for label in labels], "archetype": kinds}
    _write(out / "instances.csv", instances)

    rows, prototypes = [], []
    for label in CLASSES:
        size = (labels == label).sum()
        for kind in KINDS:
            group = [row for row in np.flatnonzero(labels == label) if kinds[row] == kind]
            hits = sum(predictions[row] == label for row in group)
            rows.append(
                {
                    "class": CLASS_NAMES[label],
                    "archetype": kind,
                    "count": len(group),
                    "share": len(group) / size,
                    "true_positives": hits,
                    "true_positive_rate": hits / len(group) if group else math.nan,
                }
            )
            medoid = -1
            if group:
                sums = pairwise_distances(features[group]).sum(axis=1)
                tied = np.flatnonzero(np.isclose(sums, sums.min(), rtol=1e-12, atol=0))
                medoid = min(
                    (group[place] for place in tied),
                    key=lambda row: tuple(features[row].tolist()),
                )
            prototypes.append({"class": CLASS_NAMES[label], "archetype": kind, "row": medoid})
    _write(out / "archetypes.csv", rows)
    _write(out / "prototypes.csv", prototypes)


def adversaries(inputs: Path, out: Path) -> None:
    """Compare the neighbours of misclassified instances with unseen errors (section 3.3)."""
    features, labels, predictions = _read_train(inputs)
    neighbors = brute_force_neighbors(features, N_NEIGHBORS)
    near = np.zeros((len(CLASSES), len(CLASSES)))
    for row, label in enumerate(labels):
        if predictions[row] != label:
            for neighbor in neighbors[row]:
                if labels[neighbor] != label:
                    near[label, labels[neighbor]] += 1
    test = pd.read_csv(inputs / "test.csv")
    errors = np.zeros_like(near)
    for label, prediction in zip(test["label"], test["prediction"], strict=True):
        if label != prediction:
            errors[label, prediction] += 1
    rows, divergences = [], []
    for label in CLASSES:
        p, q = _normalized(errors[label]), _normalized(near[label])
        divergence = 0.0
        for other in CLASSES:
            divergence += (p[other] + EPS) * math.log((p[other] + EPS) / (q[other] + EPS))
            if other != label:
                pair = {"class": CLASS_NAMES[label], "adversary": CLASS_NAMES[other]}
                rows.append({**pair, "errors": p[other], "neighbours": q[other]})
        divergences.append({"class": CLASS_NAMES[label], "kld": divergence})
    _write(out / "adversaries.csv", rows)
    _write(out / "kld.csv", divergences)


def feature_overlap(inputs: Path, out: Path) -> None:
    """Find each class's largest mean features, and how far classes share them (section 3.4)."""
    features, labels, _ = _read_train(inputs)
    tops, rows = [], []
    for label in CLASSES:
        means = features[labels == label].mean(axis=0)
        top = np.argsort(-means, kind="stable")[:TOP_K]
        tops.append(set(top.tolist()))
        for position, index in enumerate(top):
            feature = {"feature": index, "mean": means[index]}
            share = means[index] / means[top].sum()
            place = {"class": CLASS_NAMES[label], "position": position + 1}
            rows.append({**place, **feature, "share": share})
    _write(out / "top_features.csv", rows)

    hits = np.zeros((len(CLASSES), len(CLASSES)))
    for row, label in enumerate(labels):
        own = set(np.argsort(-features[row], kind="stable")[:TOP_K].tolist())
        for reference in CLASSES:
            hits[reference, label] += len(own & tops[reference])
    pairs = []
    for label in CLASSES:
        for other in CLASSES:
            if other != label:
                density = hits[label, other] / (TOP_K * (labels == other).sum())
                shared = len(tops[label] & tops[other])
                pairs.append(
                    {
                        "class": CLASS_NAMES[label],
                        "other": CLASS_NAMES[other],
                        "shared": shared,
                        "jaccard": shared / len(tops[label] | tops[other]),
                        "density_ratio": density,
                    }
                )
    _write(out / "overlap.csv", pairs)


def _labels(split: FeatureSplit) -> pd.DataFrame:
    return pd.DataFrame({"label": split.targets, "prediction": split.predictions})


def _read_train(
    folder: Path,
) -> tuple[Float[np.ndarray, "n d"], Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    table = pd.read_csv(folder / "train.csv")
    # exactly the single-precision values that were written
    features = table.filter(like="feature").to_numpy(np.float32).astype(np.float64)
    return features, table["label"].to_numpy(), table["prediction"].to_numpy()


def _normalized(counts: Float[np.ndarray, " c"]) -> Float[np.ndarray, " c"]:
    return counts / counts.sum() if counts.sum() else np.full(len(counts), np.nan)


def _write(path: Path, table: list[dict[str, Any]] | Mapping[str, list[str]]) -> None:
    pd.DataFrame(table).to_csv(path, index=False)
