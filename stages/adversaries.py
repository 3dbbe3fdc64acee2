"""Compare nearest adversaries in the training images with the errors on unseen ones."""

from imbalens.stage import parse_stage, pick, require_neighbors, run_stage
from collections.abc import Sequence
from pathlib import Path

from imbalens.analysis.adversaries.adversaries import adversaries, adversaries_recovery
from imbalens.dumps.files import read_features
from imbalens.not_applicable import empty_where_not_applicable
from imbalens.reports import adversaries as report
from imbalens.store.files import write_json
from imbalens.store.prepared import read_truth
from imbalens.store.tables import write_table
from imbalens.tables.adversaries import TABLES

FIGURES = Path("plots/figures/adversaries")


@empty_where_not_applicable(TABLES, "", "-predictors")
def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, all distributions, the tables of predictors and of classes, and figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, options = pick(params.runs, "runs", name), params.analyses.adversaries
    path, of = Path(f"data/dumps/features/{name}.h5"), options.split
    dump = read_features(path, sorted({"train", of}), decision=params.analyses.labels.decision)
    train, unseen = dump.splits["train"], dump.splits[of]
    require_neighbors("adversaries.n_neighbors", options.n_neighbors, len(train.index))
    found = adversaries(
        *(train.features, train.classes, train.predictions, unseen.classes, unseen.predictions),
        n_classes=len(dump.class_names),
        known=train.known,
        **options.model_dump(exclude={"split"}),
    )
    metrics = report.adversary_metrics(found, dump.class_names)
    if truth := read_truth(Path(f"data/prepared/{run.dataset}.h5"), "train"):
        own, planted = (train.classes, train.predictions), (truth.mislabelled, truth.pairs)
        choice = options.model_dump(include={"instances", "eps", "alpha"})
        metrics["recovery"] = adversaries_recovery(found, *own, *planted, **choice)
    write_json(Path(f"metrics/adversaries/{name}.json"), metrics)
    about, why = (dump.class_names, dump.class_counts), found.undefined
    shares, predictors = report.share_table(found, *about), report.predictor_table(found.scores)
    by, tables = options.errors, (shares, predictors, report.class_score_table(found, *about))
    for table, rows in zip(TABLES, tables, strict=True):
        write_table(table, name, rows)
    report.draw_adversaries(shares, FIGURES / f"{name}.png", run=name, errors_by=by, split=of)
    report.draw_predictors(predictors, FIGURES / f"{name}-predictors.png", run=name, undefined=why)


if __name__ == "__main__":
    run_stage(main)
