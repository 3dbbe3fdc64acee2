"""Compare what a dataset's runs learned: features, archetypes, adversaries and colours."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from imbalens.analysis.changes.measures import find_changes
from imbalens.params.experiment import baseline_of
from imbalens.reading.changes import read_images, read_learned, read_part
from imbalens.reports.changes import figures, similarity, tables
from imbalens.reports.common.titles import dataset_title
from imbalens.stage import parse_stage, pick, run_stage
from imbalens.store.prepared import read_metadata
from imbalens.store.tables import write_table
from imbalens.tables.changes import ADVERSARIES, CHANGES, FLOW, SIMILARITY


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
    classes = (images.names, images.train_counts)
    alike = similarity.similarity_table(found.similarity, runs)
    changed = tables.change_table(found.measures, *classes)
    flow = tables.flow_table(found.flows, *classes)
    write_table(SIMILARITY, name, alike)
    write_table(CHANGES, name, changed)
    write_table(FLOW, name, flow)
    write_table(ADVERSARIES, name, tables.adversary_table(found.first_adversaries, *classes))
    generated = read_metadata(Path(f"data/prepared/{name}.h5")).generated
    title, path = dataset_title(name, generated=generated), f"plots/figures/changes/{name}"
    shown = ", ".join(dict.fromkeys(baselines.values()))
    similarity.draw_similarity(alike, Path(f"{path}-similarity.png"), dataset=title)
    figures.draw_changes(changed, Path(f"{path}.png"), dataset=title, baseline=shown)
    figures.draw_flows(flow, Path(f"{path}-flow.png"), dataset=title, baseline=shown)


if __name__ == "__main__":
    run_stage(main)
