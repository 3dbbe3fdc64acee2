"""Measure how well a run classifies: metrics/performance/RUN.json and its plots."""

from collections.abc import Sequence
from pathlib import Path

from imbalens.analysis.performance import measure_performance
from imbalens.analysis.recovery import prediction_recovery
from imbalens.data.prepared import read_truth
from imbalens.dumps.files import read_features
from imbalens.files import write_csv, write_json
from imbalens.reports.performance import draw_confusion, draw_performance, performance_table
from imbalens.reports.tables import matrix_table
from imbalens.stage import parse_stage, pick, run_stage


def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, the table per class, the confusion matrix and their figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, options = pick(params.runs, "runs", name), params.analyses.performance
    dump = read_features(Path(f"data/dumps/features/{name}.h5"), [options.split])
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
    truth = read_truth(Path(f"data/prepared/{run.dataset}.h5"), options.split)
    if truth:
        metrics["recovery"] = prediction_recovery(
            split.predictions, split.targets, truth.subconcept, truth.mislabelled
        )
    write_json(Path(f"metrics/performance/{name}.json"), metrics)

    classes = performance_table(result, names, counts)
    pairs = {"count": result.confusion}
    confusion = matrix_table(pairs, names, counts, rows="actual", columns="predicted")
    plots = Path("plots/performance")
    write_csv(plots / f"{name}.csv", classes)
    write_csv(plots / f"{name}-confusion.csv", confusion)
    draw_performance(classes, plots / f"{name}.png", run=name)
    draw_confusion(confusion, plots / f"{name}-confusion.png", run=name)


if __name__ == "__main__":
    run_stage(main)
