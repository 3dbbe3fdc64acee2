"""Name the colours of the pixels that a run's decisions depend on most, class by class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.common.recovery import box_recovery, colour_recovery, shares_in_boxes
from imbalens.analysis.saliency_colours import (
    COLOUR_GROUPS,
    classify_colours,
    tabulate_colours,
    top_pixels,
)
from imbalens.dumps.files import read_saliency_ranks
from imbalens.reports.common.tables import head_first
from imbalens.reports.saliency_colours import colour_table, draw_class_pages, draw_colours
from imbalens.stage import parse_stage, pick, run_stage
from imbalens.store.files import read_table, write_csv, write_json
from imbalens.store.prepared import read_boxes, read_metadata, read_split, read_truth


def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, the table of colours and its figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, options = pick(params.runs, "runs", name), params.analyses.saliency_colours
    data = Path(f"data/prepared/{run.dataset}.h5")
    prepared, split = read_metadata(data), read_split(data, "train")
    names, counts, c = prepared.class_names, prepared.counts, len(prepared.class_names)
    ranks = read_saliency_ranks(Path(f"data/dumps/saliency/{name}.h5"), "train")
    command = f"dvc repro archetypes@{name}"
    instances = read_table(Path(f"data/instances/archetypes/{name}.csv"), command=command)
    prototypes = read_table(Path(f"plots/archetypes/{name}-prototypes.csv"), command=command)
    archetypes = instances["archetype"].to_numpy()

    groups, salient = classify_colours(split.images), top_pixels(ranks, fraction=options.fraction)
    parts = {"any pixel": np.ones_like(salient), "all": salient}
    for kind in ARCHETYPE_NAMES:
        parts[kind] = salient & (archetypes == kind)[:, None, None]
    tables = {
        part: tabulate_colours(groups, split.images, mask, split.labels, n_classes=c)
        for part, mask in parts.items()
    }

    metrics: dict[str, object] = {
        "share": {
            label: dict(zip(COLOUR_GROUPS, shares, strict=True))
            for label, shares in zip(names, tables["all"].share, strict=True)
        }
    }
    truth = read_truth(data, "train")
    if truth:
        defining = np.array([COLOUR_GROUPS.index(colour) for colour in truth.colours])
        metrics["recovery"] = {
            "colours": colour_recovery(tables["all"].share, tables["any pixel"].share, defining),
            "box": box_recovery(*shares_in_boxes(salient, read_boxes(data, "train"))),
        }
    write_json(Path(f"metrics/saliency_colours/{name}.json"), metrics)

    table = colour_table(tables, names, counts)
    plots, figures = Path("plots/saliency_colours"), Path("plots/figures/saliency_colours")
    write_csv(plots / f"{name}.csv", table)
    draw_colours(table, figures / f"{name}.png", run=name)
    order, kinds = head_first(counts), ARCHETYPE_NAMES[:2]
    extremes = [names[order[0]], names[order[-1]]]
    rows = prototypes.set_index(["class", "archetype"])["row"]
    pictures = [
        [split.images[int(rows[label, kind])] if rows[label, kind] else None for kind in kinds]
        for label in extremes
    ]
    draw_class_pages(
        table,
        pictures,
        figures / f"{name}-pages.png",
        classes=extremes,
        archetypes=kinds,
        run=name,
    )


if __name__ == "__main__":
    run_stage(main)
