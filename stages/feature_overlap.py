"""Find the features that stand for each class, and how far classes share them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbalens.analysis.common.counting import divide
from imbalens.analysis.common.recovery import pair_recovery
from imbalens.analysis.feature_overlap import density_ratio, pair_overlap, top_features
from imbalens.classes import (
    pair_features,
)
from imbalens.dumps.files import read_features
from imbalens.errors import InputError
from imbalens.reports.feature_overlap import (
    draw_pairs,
    draw_top_features,
    overlap_table,
    top_feature_table,
)
from imbalens.stage import parse_stage, pick, run_stage
from imbalens.store.files import write_csv, write_json
from imbalens.store.prepared import read_truth


def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, the top features, the pairs of classes and their figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, options = pick(params.runs, "runs", name), params.analyses.feature_overlap
    decision = params.analyses.labels.decision
    dump = read_features(Path(f"data/dumps/features/{name}.h5"), ["train"], decision=decision)
    split, names, counts = dump.splits["train"], dump.class_names, dump.class_counts
    n_classes, n_features = len(names), split.features.shape[1]
    if options.top_k > n_features:
        raise InputError(
            f"analyses.yaml: feature_overlap.top_k: found {options.top_k}; allowed: at most the "
            f"{n_features} features of the network"
        )
    features, labels = pair_features(split.features, split.classes)

    top = top_features(features, labels, n_classes=n_classes, top_k=options.top_k)
    pairs = pair_overlap(top.indices)
    density = density_ratio(features, labels, top.indices, n_classes=n_classes)

    # classes without a training image have no features: no pair with one is averaged
    present = counts > 0
    other = np.outer(present, present) & ~np.eye(n_classes, dtype=bool)
    n_other = other.sum()
    metrics = {
        "mean_shared": divide(pairs.shared[other].sum(), n_other),
        "max_shared": pairs.shared[other].max() if n_other else None,
        "mean_jaccard": divide(pairs.jaccard[other].sum(), n_other),
        "mean_density_ratio": divide(density[other].sum(), n_other),
        "own_density_ratio": divide(np.diag(density)[present].sum(), present.sum()),
        "class_shared": dict(
            zip(names, divide((pairs.shared * other).sum(1), other.sum(1)), strict=True)
        ),
    }
    truth = read_truth(Path(f"data/prepared/{run.dataset}.h5"), "train")
    if truth:
        metrics["recovery"] = pair_recovery(pairs.jaccard, truth.pairs)
    write_json(Path(f"metrics/feature_overlap/{name}.json"), metrics)

    strongest = top_feature_table(top, names, counts)
    overlap = overlap_table(pairs, density, names, counts)
    overlap = overlap.assign(shared=overlap["shared"].where(overlap["jaccard"].notna()))
    plots, figures = Path("plots/feature_overlap"), Path("plots/figures/feature_overlap")
    write_csv(plots / f"{name}.csv", strongest)
    write_csv(plots / f"{name}-pairs.csv", overlap)
    draw_top_features(strongest, figures / f"{name}.png", run=name)
    draw_pairs(overlap, figures / f"{name}-pairs.png", run=name)


if __name__ == "__main__":
    run_stage(main)
