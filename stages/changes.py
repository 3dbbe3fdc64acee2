"""Compare what a dataset's runs learned: features, archetypes, adversaries and colours."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from imbalens.analysis.changes.activation import added_activation
from imbalens.analysis.changes.measures import Images, find_changes
from imbalens.analysis.changes.predictions import count_predictions
from imbalens.params.experiment import Params, baseline_of, trainings_beside_baselines
from imbalens.reading.changes import (
    read_annotated,
    read_images,
    read_learned,
    read_part,
    read_predictions,
)
from imbalens.reports.changes import figures, similarity, tables
from imbalens.reports.titles import dataset_title
from imbalens.stage import parse_stage, pick, run_stage
from imbalens.store.prepared import read_metadata
from imbalens.store.tables import write_table
from imbalens.tables.changes import (
    ACTIVATION,
    ADVERSARIES,
    CHANGES,
    FLOW,
    PREDICTIONS,
    SIMILARITY,
)


def main(argv: Sequence[str] | None = None) -> None:
    """Write the tables of all changes and their figures."""
    name, params = parse_stage(__doc__, "dataset", argv)
    pick(params.datasets, "datasets", name)
    runs = [run for run, options in params.runs.items() if options.dataset == name]
    baselines = {run: base for run in runs if (base := baseline_of(params, run)) != run}
    images = read_images(name, runs, params)
    found = find_changes(
        images,
        {run: read_learned(run, images, params) for run in runs},
        baselines,
        partial(read_part, params=params),
        top_k=params.analyses.feature_overlap.top_k,
        min_images=params.analyses.compare.min_images,
    )
    sides = trainings_beside_baselines(params, name)
    predictions = _compare_predictions(sides, params, images)
    activation = _compare_maps(name, sides, params)
    classes = (images.names, images.train_counts)
    alike = similarity.similarity_table(found.similarity, runs)
    changed = tables.change_table(found.measures, *classes)
    flow = tables.flow_table(found.flows, *classes)
    write_table(SIMILARITY, name, alike)
    write_table(CHANGES, name, changed)
    write_table(FLOW, name, flow)
    write_table(PREDICTIONS, name, predictions)
    write_table(ACTIVATION, name, activation)
    write_table(ADVERSARIES, name, tables.adversary_table(found.first_adversaries, *classes))
    generated = read_metadata(Path(f"data/prepared/{name}.h5")).generated
    title, path = dataset_title(name, generated=generated), f"plots/figures/changes/{name}"
    shown = ", ".join(dict.fromkeys(baselines.values()))
    similarity.draw_similarity(alike, Path(f"{path}-similarity.png"), dataset=title)
    figures.draw_changes(changed, Path(f"{path}.png"), dataset=title, baseline=shown)
    figures.draw_flows(flow, Path(f"{path}-flow.png"), dataset=title, baseline=shown)


def _compare_predictions(
    sides: Sequence[tuple[str, str]], params: Params, images: Images
) -> pd.DataFrame:
    compared = sides if images.evaluation.ndim == 1 else []
    runs = list(dict.fromkeys(run for pair in compared for run in pair))
    classes, predicted = read_predictions(runs, params)
    counts = {
        (run, base): count_predictions(classes, predicted[base], predicted[run])
        for run, base in compared
    }
    return tables.prediction_table(counts, images.names)


def _compare_maps(dataset: str, sides: Sequence[tuple[str, str]], params: Params) -> pd.DataFrame:
    mapped = [pair for pair in sides if set(pair) <= set(params.dumps.maps.runs)]
    found = read_annotated(dataset, list(dict.fromkeys(run for pair in mapped for run in pair)))
    options = params.analyses.cam_alignment.model_dump(
        include={"relu", "normalize_before_resize", "shift_seed"}
    )
    added = {
        (run, base): added_activation(
            found.cams[base],
            found.cams[run],
            found.boxes,
            image_size=found.image_size,
            **options,
        )
        for run, base in mapped
    }
    return tables.activation_table(added, found.pairs, found.names)


if __name__ == "__main__":
    run_stage(main)
