"""Measure how well a run classifies: metrics/performance/RUN.json and its plots."""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

from imbalens.analysis.common.recovery import prediction_recovery
from imbalens.analysis.performance.performance import performance
from imbalens.dumps.files import read_features
from imbalens.not_applicable import empty_where_not_applicable
from imbalens.reports.performance import tables
from imbalens.reports.performance.figures import draw_performance
from imbalens.store.files import write_json
from imbalens.store.prepared import read_truth
from imbalens.store.tables import write_table
from imbalens.tables.performance import CLASSES, CONFUSION, TABLES


@empty_where_not_applicable(TABLES, "", "-confusion")
def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, the table per class, the confusion matrix and their figures."""
    name, params = parse_stage(__doc__, "run", argv)
    data = Path(f"data/prepared/{pick(params.runs, 'runs', name).dataset}.h5")
    options, path = params.analyses.performance, Path(f"data/dumps/features/{name}.h5")
    split, decision = options.split, params.analyses.labels.decision
    dump = read_features(path, [split], decision=decision, needs=["logits"])
    seen = dump.splits[split]
    result = performance(
        *(seen.scores, seen.targets, dump.label_counts, dump.label_names),
        thresholds=dump.thresholds,
        n_bins=options.ece_bins,
        many_above=options.many_above,
        few_below=options.few_below,
        min_images=params.analyses.compare.min_images,
    )
    planted = read_truth(data, split) if result.exclusive else None
    recovery = planted and prediction_recovery(
        seen.predictions, seen.targets, planted.subconcept, planted.mislabelled
    )
    table = tables.performance_table(result, dump.label_counts)
    confusion = tables.confusion_table(result, dump.class_counts)
    metrics = tables.performance_metrics(result, recovery) | dump.remarks
    write_json(Path(f"metrics/performance/{name}.json"), metrics)
    write_table(CLASSES, name, table)
    write_table(CONFUSION, name, confusion)
    draw_performance(result, table, confusion, Path("plots/figures/performance"), run=name)


if __name__ == "__main__":
    run_stage(main)
