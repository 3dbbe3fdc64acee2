"""Count the concepts that a run's channels detect in the boxes of annotated images."""

from collections.abc import Sequence
from pathlib import Path

from imbalens.analysis.concepts.channels import fire_shares, summarize_concepts, top_channels
from imbalens.analysis.concepts.counting import ConceptCounts, count_concepts
from imbalens.dumps.files import MapsAbout, read_maps_about, read_maps_by_channel
from imbalens.reports.concepts.figures import (
    ActiveImage,
    ChannelRow,
    channel_text,
    draw_channels,
    draw_concepts,
)
from imbalens.reports.concepts.tables import (
    channel_table,
    concept_metrics,
    concept_table,
    instance_table,
)
from imbalens.stage import parse_stage, pick, run_stage
from imbalens.store.files import write_csv, write_json
from imbalens.store.prepared import open_prepared

CHANNELS_SHOWN = 8
IMAGES_SHOWN = 5


def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, the tables per class, channel and pair, and the figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, options = pick(params.runs, "runs", name), params.analyses.concepts
    path = Path(f"data/dumps/maps/{name}.h5")
    about = read_maps_about(path)
    names = about.class_names
    which, shape = (
        ("maps", about.shape) if about.layer_shape is None else ("layer_maps", about.layer_shape)
    )
    counts = count_concepts(
        read_maps_by_channel(path, which),
        about.boxes,
        n_images=shape[0],
        n_channels=shape[1],
        n_classes=len(names),
        image_size=about.image_size,
        q=options.q[about.network],
        threshold_scope=options.threshold_scope,
        batch_size=options.batch_size,
        space=options.space,
        component=options.component,
        connectivity=options.connectivity,
        count_holes=options.count_holes,
        n_peaks=IMAGES_SHOWN,
    )
    summary = summarize_concepts(counts, normalize_by=options.normalize_by)
    write_json(Path(f"metrics/concepts/{name}.json"), concept_metrics(summary, names))
    instances = instance_table(counts, about.row, names)
    write_csv(Path(f"data/instances/concepts/{name}.csv"), instances)
    plots, figures = Path("plots/concepts"), Path("plots/figures/concepts")
    table = concept_table(summary, names)
    write_csv(plots / f"{name}.csv", table)
    write_csv(plots / f"{name}-channels.csv", channel_table(counts, names))
    draw_concepts(table, figures / f"{name}.png", run=name)
    rows = channel_rows(counts, about, Path(f"data/prepared/{run.dataset}.h5"))
    draw_channels(rows, figures / f"{name}-channels.png", run=name)


def channel_rows(counts: ConceptCounts, about: MapsAbout, data: Path) -> list[ChannelRow]:
    """Return the channels that fire most, each with the images that excite it most."""
    names, shares, rows = about.class_names, fire_shares(counts), []
    with open_prepared(data, about.split) as file:
        images = file[f"{about.split}/images"]
        for channel, label in top_channels(counts, n=CHANNELS_SHOWN).tolist():
            pictures = []
            peaks = zip(counts.peak_images[channel], counts.peak_active[channel], strict=True)
            for image, active in peaks:
                boxes = about.boxes[about.boxes[:, 0] == image]
                classes = dict.fromkeys(names[place] for place in boxes[:, 1])
                pictures.append(
                    ActiveImage(
                        image=images[about.row[image]],
                        active=active,
                        boxes=boxes[:, 2:],
                        text=", ".join(classes),
                    )
                )
            text = channel_text(channel, names[label], float(shares[channel, label]))
            rows.append(ChannelRow(text=text, images=pictures))
    return rows


if __name__ == "__main__":
    run_stage(main)
