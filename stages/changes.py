"""Compare what a dataset's runs learned: features, archetypes, adversaries and colours."""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from imbalens.analysis.changes.activation import compare_activation
from imbalens.analysis.changes.measures import find_changes
from imbalens.analysis.changes.predictions import compare_predictions
from imbalens.params.experiment import first_baselines, trainings_beside_baselines
from imbalens.reading import changes as reading
from imbalens.reports.changes import figures, tables
from imbalens.reports.common.titles import dataset_title
from imbalens.store.prepared import read_metadata
from imbalens.store.tables import write_table
from imbalens.tables.changes import TABLES


def main(argv: Sequence[str] | None = None) -> None:
    """Write the tables of all changes and their figures."""
    name, params = parse_stage(__doc__, "dataset", argv)
    pick(params.datasets, "datasets", name)
    runs, first = reading.having_features(name, params), first_baselines(params, name)
    baselines = {run: base for run, base in first.items() if {run, base} <= {*runs}}
    images = reading.read_images(name, runs, params)
    learned = {run: reading.read_learned(run, images, params) for run in runs}
    found = find_changes(
        *(images, learned, baselines, partial(reading.read_part, params=params)),
        top_k=params.analyses.feature_overlap.top_k,
        min_images=params.analyses.compare.min_images,
    )
    sides = trainings_beside_baselines(params, name)
    predicted = compare_predictions(*reading.read_predictions(sides, params), sides)
    maps = reading.read_annotated(name, sides, params)
    asked = {"relu", "normalize_before_resize", "shift_seed"}
    how = params.analyses.cam_alignment.model_dump(include=asked)
    added = compare_activation(maps.cams, maps.boxes, sides, image_size=maps.image_size, **how)
    changed = tables.changes_tables(found, runs, images.names, images.train_counts)
    changed["predictions"] = tables.prediction_table(predicted, images.names)
    changed["activation"] = tables.activation_table(added, maps.pairs, maps.names)
    for table, rows in changed.items():
        write_table(TABLES[table], name, rows)
    generated = read_metadata(Path(f"data/prepared/{name}.h5")).generated
    title, path = dataset_title(name, generated=generated), f"plots/figures/changes/{name}"
    figures.draw_all(changed, path, dataset=title, baselines=list(baselines.values()))


if __name__ == "__main__":
    run_stage(main)
