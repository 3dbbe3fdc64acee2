"""Find the features that stand for each class, and how far classes share them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbalens.analysis.feature_overlap import density_ratio, pair_overlap, top_features
from imbalens.analysis.recovery import pair_recovery
from imbalens.data.prepared import read_truth
from imbalens.dumps.files import read_features
from imbalens.files import write_csv, write_json
from imbalens.reports.feature_overlap import (
    draw_pairs,
    draw_top_features,
    overlap_table,
    top_feature_table,
)
from imbalens.stage import parse_stage, pick, run_stage


def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, the top features, the pairs of classes and their figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, options = pick(params.runs, "runs", name), params.analyses.feature_overlap
    dump = read_features(Path(f"data/dumps/features/{name}.h5"), ["train"])
    split, names, counts = dump.splits["train"], dump.class_names, dump.counts
    features, labels, n_classes = split.features, split.targets, len(names)

    top = top_features(features, labels, n_classes=n_classes, top_k=options.top_k)
    pairs = pair_overlap(top.indices)
    density = density_ratio(features, labels, top.indices, n_classes=n_classes)

    other = ~np.eye(n_classes, dtype=bool)
    metrics = {
        "mean_shared": pairs.shared[other].mean(),
        "max_shared": pairs.shared[other].max(),
        "mean_jaccard": pairs.jaccard[other].mean(),
        "mean_density_ratio": density[other].mean(),
        "own_density_ratio": density[~other].mean(),
        "class_shared": dict(
            zip(names, (pairs.shared * other).sum(1) / (n_classes - 1), strict=True)
        ),
    }
    truth = read_truth(Path(f"data/prepared/{run.dataset}.h5"), "train")
    if truth:
        metrics["recovery"] = pair_recovery(pairs.jaccard, truth.pairs)
    write_json(Path(f"metrics/feature_overlap/{name}.json"), metrics)

    classes = top_feature_table(top, names, counts)
    overlap = overlap_table(pairs, density, names, counts)
    plots = Path("plots/feature_overlap")
    write_csv(plots / f"{name}.csv", classes)
    write_csv(plots / f"{name}-pairs.csv", overlap)
    draw_top_features(classes, plots / f"{name}.png", run=name)
    draw_pairs(overlap, plots / f"{name}-pairs.png", run=name)


if __name__ == "__main__":
    run_stage(main)
