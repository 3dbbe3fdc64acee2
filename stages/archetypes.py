"""Judge training images safe, border, rare or outlier, and find their prototypes.

Of several labels, each one that an image has is judged by itself.
"""

from imbalens.stage import parse_stage, pick, require_neighbors, run_stage
from collections.abc import Sequence
from pathlib import Path

from imbalens.analysis.archetypes.archetypes import archetypes
from imbalens.analysis.archetypes.recovery import archetype_recovery
from imbalens.dumps.files import read_features
from imbalens.not_applicable import empty_where_not_applicable
from imbalens.reports import archetypes as report
from imbalens.store.files import write_json
from imbalens.store.prepared import read_images, read_names, read_truth
from imbalens.store.tables import write_table
from imbalens.tables.archetypes import ARCHETYPES, INSTANCES, PROTOTYPES, TABLES


@empty_where_not_applicable(TABLES, "", "-prototypes")
def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, tables (per class, per image and class, prototypes) and figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, options = pick(params.runs, "runs", name), params.analyses.archetypes
    path, data = Path(f"data/dumps/features/{name}.h5"), Path(f"data/prepared/{run.dataset}.h5")
    decision, figures = params.analyses.labels.decision, Path("plots/figures/archetypes")
    dump = read_features(path, ["train"], decision=decision, needs=["features"])
    train, about = dump.splits["train"], (dump.class_names, dump.class_counts)
    require_neighbors("archetypes.n_neighbors", options.n_neighbors, len(train.index))
    seen, n_classes = (train.classes, train.seen.predictions), len(dump.class_names)
    found = archetypes(train.features, *seen, n_classes=n_classes, **options.model_dump())
    metrics, truth = report.archetype_metrics(found, dump.class_names), read_truth(data, "train")
    if truth:
        planted = (truth.subconcept, truth.mislabelled)
        metrics["recovery"] = archetype_recovery(found.codes, train.targets, *planted)
    write_json(Path(f"metrics/archetypes/{name}.json"), metrics)
    files, images = read_names(data, "train"), read_images(data, "train", found.prototypes)
    table = report.archetype_table(found.table, *about)
    instances = report.instance_table(found, *seen, train.index, files, dump.class_names)
    write_table(ARCHETYPES, name, table)
    write_table(INSTANCES, name, instances)
    prototypes = report.prototype_table(found.prototypes, train.index, files, *about)
    write_table(PROTOTYPES, name, prototypes)
    report.draw_true_positives(table, figures / f"{name}.png", run=name)
    report.draw_prototypes(prototypes, images, figures / f"{name}-prototypes.png", run=name)


if __name__ == "__main__":
    run_stage(main)
