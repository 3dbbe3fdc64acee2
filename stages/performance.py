"""Measure how well a run classifies: metrics/performance/RUN.json and its plots."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbalens.analysis.common.counting import divide
from imbalens.analysis.common.recovery import prediction_recovery
from imbalens.analysis.performance.classes import measure_performance
from imbalens.analysis.performance.labels import measure_label_performance
from imbalens.dumps.files import FeatureDump, read_features
from imbalens.params.analyses import Analyses
from imbalens.reports.common.tables import matrix_table
from imbalens.reports.performance.classes import (
    draw_confusion,
    draw_performance,
    performance_table,
)
from imbalens.reports.performance.labels import draw_label_performance, label_performance_table
from imbalens.stage import parse_stage, pick, run_stage
from imbalens.store.files import write_csv, write_json
from imbalens.store.prepared import read_truth

PLOTS = Path("plots/performance")
FIGURES = Path("plots/figures/performance")


def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, the table per class, the confusion matrix and their figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, split = pick(params.runs, "runs", name), params.analyses.performance.split
    features = Path(f"data/dumps/features/{name}.h5")
    dump = read_features(features, [split], decision=params.analyses.labels.decision)
    if dump.task == "multiclass":
        judge_classes(name, dump, Path(f"data/prepared/{run.dataset}.h5"), params.analyses)
    else:
        judge_labels(name, dump, params.analyses)


def judge_classes(name: str, dump: FeatureDump, data: Path, analyses: Analyses) -> None:
    """Judge a run whose images have one class each."""
    options = analyses.performance
    split, names, counts = dump.splits[options.split], dump.class_names, dump.class_counts
    result = measure_performance(
        split.scores,
        split.targets,
        counts,
        n_bins=options.ece_bins,
        many_above=options.many_above,
        few_below=options.few_below,
    )
    figures = ("accuracy", "balanced_accuracy", "ece", "many", "medium", "few", "n")
    metrics = {figure: getattr(result, figure) for figure in figures}
    for figure in ("recall", "precision", "f1"):
        metrics[figure] = dict(zip(names, getattr(result, figure), strict=True))
    truth = read_truth(data, options.split)
    if truth:
        metrics["recovery"] = prediction_recovery(
            split.predictions, split.targets, truth.subconcept, truth.mislabelled
        )
    write_json(Path(f"metrics/performance/{name}.json"), metrics)

    classes = performance_table(result, names, counts)
    sizes = result.confusion.sum(axis=1, keepdims=True)
    pairs = {"count": result.confusion, "share": divide(result.confusion, sizes)}
    confusion = matrix_table(pairs, names, counts, rows="actual", columns="predicted")
    write_csv(PLOTS / f"{name}.csv", classes)
    write_csv(PLOTS / f"{name}-confusion.csv", confusion)
    draw_performance(classes, FIGURES / f"{name}.png", run=name)
    draw_confusion(confusion, FIGURES / f"{name}-confusion.png", run=name)


def judge_labels(name: str, dump: FeatureDump, analyses: Analyses) -> None:
    """Judge a run whose images have any of several labels; undefined figures are null."""
    assert dump.thresholds is not None
    options = analyses.performance
    split, names, classes = dump.splits[options.split], dump.label_names, dump.class_names
    result = measure_label_performance(
        split.scores,
        split.targets,
        n_bins=options.ece_bins,
        thresholds=dump.thresholds,
    )
    figures = ("auroc", "ap", "probability_positives", "probability", "ece", "recall", "precision")
    metrics: dict[str, object] = dict(result.means)
    metrics |= {
        "n": len(split.scores),
        "undefined": [names[label] for label in result.undefined],
        "class": {
            label: {
                figure: getattr(result, figure)[place]
                for figure in (*figures, "n_positives", "prevalence")
            }
            for place, label in enumerate(names)
        },
    }
    write_json(Path(f"metrics/performance/{name}.json"), metrics)

    actual, predicted = split.classes, split.predictions
    # off the diagonal, what images of a class are taken for without having it
    hits, mistakes = actual & predicted, predicted & ~actual
    counts = np.diag(hits.sum(axis=0)) + actual.T.astype(int) @ mistakes.astype(int)
    confusion = matrix_table(
        {"count": counts, "share": divide(counts, actual.sum(axis=0)[:, None])},
        classes,
        dump.class_counts,
        rows="actual",
        columns="predicted",
    )
    table = label_performance_table(result, names, dump.label_counts)
    write_csv(PLOTS / f"{name}.csv", table)
    write_csv(PLOTS / f"{name}-confusion.csv", confusion)
    draw_label_performance(table, FIGURES / f"{name}.png", run=name)
    draw_confusion(confusion, FIGURES / f"{name}-confusion.png", run=name)


if __name__ == "__main__":
    run_stage(main)
