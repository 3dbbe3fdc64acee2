"""Count the concepts that a run's channels detect in the boxes of annotated images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbalens.analysis.cams import resize_maps
from imbalens.analysis.concept_channels import (
    fire_shares,
    summarize_concepts,
    top_channels,
    top_images,
)
from imbalens.analysis.concepts import ConceptCounts, count_concepts
from imbalens.analysis.thresholds import find_threshold
from imbalens.data.prepared import open_prepared
from imbalens.dumps.files import MapsAbout, read_channel, read_maps_about, read_maps_by_channel
from imbalens.files import write_csv, write_json
from imbalens.reports.concepts import (
    ActiveImage,
    ChannelRow,
    channel_table,
    channel_text,
    concept_table,
    draw_channels,
    draw_concepts,
)
from imbalens.stage import parse_stage, pick, run_stage

CHANNELS_SHOWN = 8
IMAGES_SHOWN = 5


def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, the tables per class and channel, and their figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, options = pick(params.runs, "runs", name), params.analyses.concepts
    path = Path(f"data/dumps/maps/{name}.h5")
    about = read_maps_about(path)
    which, shape = (
        ("maps", about.shape) if about.layer_shape is None else ("layer_maps", about.layer_shape)
    )
    q = getattr(options.q, about.network)
    counts = count_concepts(
        read_maps_by_channel(path, which),
        about.boxes,
        n_images=shape[0],
        n_channels=shape[1],
        n_classes=len(about.class_names),
        image_size=about.image_size,
        q=q,
        threshold_scope=options.threshold_scope,
        batch_size=options.batch_size,
        space=options.space,
        component=options.component,
        connectivity=options.connectivity,
        count_holes=options.count_holes,
    )
    summary = summarize_concepts(counts, normalize_by=options.normalize_by)
    metrics = {
        "disjoint": summary.disjoint,
        "unique": summary.unique,
        "normalize_by": summary.normalize_by,
        "dead_channels": summary.n_dead,
        "channels": shape[1],
        "images": summary.n_images,
        "pairs": summary.n_pairs,
        "class": {
            label: {"disjoint": disjoint, "unique": unique, "pairs": n}
            for label, disjoint, unique, n in zip(
                about.class_names,
                summary.class_disjoint,
                summary.class_unique,
                summary.class_pairs,
                strict=True,
            )
            if n
        },
    }
    write_json(Path(f"metrics/concepts/{name}.json"), metrics)
    table = concept_table(summary, about.class_names)
    plots = Path("plots/concepts")
    write_csv(plots / f"{name}.csv", table)
    write_csv(plots / f"{name}-channels.csv", channel_table(counts, about.class_names))
    draw_concepts(table, plots / f"{name}.png", run=name)
    data = Path(f"data/prepared/{run.dataset}.h5")
    rows = channel_rows(path, which, about, counts, data, q=q, space=options.space)
    draw_channels(rows, plots / f"{name}-channels.png", run=name)


def channel_rows(
    path: Path,
    which: str,
    about: MapsAbout,
    counts: ConceptCounts,
    data: Path,
    *,
    q: float,
    space: str,
) -> list[ChannelRow]:
    """Return the channels that fire most, each with the images that excite it most."""
    shares, rows = fire_shares(counts), []
    with open_prepared(data, about.split) as file:
        images = file[f"{about.split}/images"]
        for channel, label in top_channels(counts, n=CHANNELS_SHOWN).tolist():
            maps, threshold = read_channel(path, which, channel), counts.tau[channel]
            if space == "upsampled":
                maps = resize_maps(maps, size=(about.image_size, about.image_size))
            if np.isnan(threshold):  # each batch has its own: draw that of all images
                threshold = find_threshold(maps, q=q, name=f"channel {channel}")
            pictures = []
            for image in top_images(maps, n=IMAGES_SHOWN).tolist():
                boxes = about.boxes[about.boxes[:, 0] == image]
                classes = dict.fromkeys(about.class_names[place] for place in boxes[:, 1])
                pictures.append(
                    ActiveImage(
                        image=images[about.row[image]],
                        active=maps[image] > threshold,
                        boxes=boxes[:, 2:],
                        text=", ".join(classes),
                    )
                )
            text = channel_text(channel, about.class_names[label], float(shares[channel, label]))
            rows.append(ChannelRow(text=text, images=pictures))
    return rows


if __name__ == "__main__":
    run_stage(main)
