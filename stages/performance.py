"""Measure how well a run classifies: metrics/performance/RUN.json and its plots."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbalens.analysis.common.counting import divide
from imbalens.analysis.common.recovery import prediction_recovery
from imbalens.analysis.performance.classes import measure_performance
from imbalens.analysis.performance.labels import measure_label_performance
from imbalens.classes import (
    class_names,
    count_members,
    label_thresholds,
    predicted_classes,
    true_classes,
)
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
    if read_features(features, []).task == "multiclass":
        dump = read_features(features, [split])
        judge_classes(name, dump, Path(f"data/prepared/{run.dataset}.h5"), params.analyses)
    else:
        judge_labels(name, read_features(features, sorted({"train", split})), params.analyses)


def judge_classes(name: str, dump: FeatureDump, data: Path, analyses: Analyses) -> None:
    """Judge a run whose images have one class each."""
    options = analyses.performance
    split, names, counts = dump.splits[options.split], dump.class_names, dump.counts
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
    options, decision = analyses.performance, analyses.labels.decision
    train, split, names = dump.splits["train"], dump.splits[options.split], dump.class_names
    result = measure_label_performance(
        split.scores,
        split.targets,
        n_bins=options.ece_bins,
        thresholds=label_thresholds(train.scores, train.targets, decision=decision),
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

    classes = class_names(names, task=dump.task)
    actual = true_classes(split.targets, names)
    predicted = predicted_classes(
        split.scores,
        names,
        train_scores=train.scores,
        train_targets=train.targets,
        decision=decision,
    )
    # off the diagonal, what images of a class are taken for without having it
    hits, mistakes = actual & predicted, predicted & ~actual
    counts = np.diag(hits.sum(axis=0)) + actual.T.astype(int) @ mistakes.astype(int)
    confusion = matrix_table(
        {"count": counts, "share": divide(counts, actual.sum(axis=0)[:, None])},
        classes,
        count_members(true_classes(train.targets, names), n_classes=len(classes)),
        rows="actual",
        columns="predicted",
    )
    table = label_performance_table(result, names, dump.counts)
    write_csv(PLOTS / f"{name}.csv", table)
    write_csv(PLOTS / f"{name}-confusion.csv", confusion)
    draw_label_performance(table, FIGURES / f"{name}.png", run=name)
    draw_confusion(confusion, FIGURES / f"{name}-confusion.png", run=name)


if __name__ == "__main__":
    run_stage(main)
