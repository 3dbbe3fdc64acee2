"""Count the concepts that a run's channels detect in the boxes of annotated images."""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

from imbalens.analysis.concepts.concepts import concepts
from imbalens.dumps.map_files import read_maps_about, read_maps_by_channel
from imbalens.reports.concepts import figures, tables
from imbalens.store.files import write_json
from imbalens.store.prepared import read_images, read_metadata
from imbalens.store.tables import write_table
from imbalens.tables.concepts import CHANNELS, CLASSES, COUNTS


def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, the tables per class, channel and pair, and the figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, options = pick(params.runs, "runs", name), params.analyses.concepts
    path, plots = Path(f"data/dumps/maps/{name}.h5"), Path("plots/figures/concepts")
    about = read_maps_about(path)
    names, layer = about.class_names, about.layer_shape
    found = concepts(
        read_maps_by_channel(path, "layer_maps" if layer else "maps"),
        about.boxes,
        n_images=len(about.row),
        n_channels=(layer or about.shape)[1],
        n_classes=len(names),
        image_size=about.image_size,
        q=options.q_of(about.network),
        n_peaks=figures.IMAGES_SHOWN,
        n_top=figures.CHANNELS_SHOWN,
        **options.model_dump(exclude={"q"}),
    )
    write_json(Path(f"metrics/concepts/{name}.json"), tables.concept_metrics(found.summary, names))
    write_table(COUNTS, name, tables.instance_table(found.counts, about.row, names))
    write_table(CHANNELS, name, tables.channel_table(found.counts, names))
    table = tables.concept_table(found.summary, names)
    write_table(CLASSES, name, table)
    prepared = Path(f"data/prepared/{run.dataset}.h5")
    order = read_metadata(prepared).head_first
    figures.draw_concepts(table, plots / f"{name}.png", order=order, run=name)
    shown = about.row[found.counts.peak_images[found.top[:, 0]]]
    images = read_images(prepared, about.split, shown)
    rows = figures.channel_rows(found, images, about.row, about.boxes, names)
    figures.draw_channels(rows, plots / f"{name}-channels.png", run=name)


if __name__ == "__main__":
    run_stage(main)
