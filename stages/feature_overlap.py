"""Find the features that stand for each class, and how far classes share them."""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

from imbalens.analysis.common.recovery import pair_recovery
from imbalens.analysis.feature_overlap import feature_overlap
from imbalens.dumps.files import read_features
from imbalens.errors import InputError
from imbalens.not_applicable import empty_where_not_applicable
from imbalens.reports import feature_overlap as report
from imbalens.store.files import write_json
from imbalens.store.prepared import read_truth
from imbalens.store.tables import write_table
from imbalens.tables.feature_overlap import PAIRS, TABLES, TOP_FEATURES

FIGURES = Path("plots/figures/feature_overlap")


@empty_where_not_applicable(TABLES, "", "-pairs")
def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, the top features, the pairs of classes and their figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, top_k = pick(params.runs, "runs", name), params.analyses.feature_overlap.top_k
    decision = params.analyses.labels.decision
    path = Path(f"data/dumps/features/{name}.h5")
    dump = read_features(path, ["train"], decision=decision, needs=["features"])
    train, about = dump.splits["train"], (dump.class_names, dump.class_counts)
    if top_k > train.features.shape[1]:
        raise InputError(
            f"analyses.yaml: feature_overlap.top_k: found {top_k}; allowed: at most the "
            f"{train.features.shape[1]} features of the network"
        )
    n_classes = len(dump.class_names)
    found = feature_overlap(train.features, train.classes, n_classes=n_classes, top_k=top_k)
    metrics = report.feature_overlap_metrics(found, *about)
    truth = read_truth(Path(f"data/prepared/{run.dataset}.h5"), "train")
    if truth:
        metrics["recovery"] = pair_recovery(found.pairs.jaccard, truth.pairs)
    write_json(Path(f"metrics/feature_overlap/{name}.json"), metrics)
    top, pairs = report.top_feature_table(found.top, *about), report.overlap_table(found, *about)
    write_table(TOP_FEATURES, name, top)
    write_table(PAIRS, name, pairs)
    report.draw_top_features(top, FIGURES / f"{name}.png", run=name, top_k=top_k)
    report.draw_pairs(pairs, FIGURES / f"{name}-pairs.png", run=name)


if __name__ == "__main__":
    run_stage(main)
