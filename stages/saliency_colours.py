"""Name the colours of the pixels that a run's decisions depend on most, class by class."""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbalens.analysis.common.recovery import saliency_recovery
from imbalens.analysis.saliency_colours import ALL, ANY_PIXEL, COLOUR_GROUPS, colours
from imbalens.dumps.files import read_saliency_ranks
from imbalens.reading.archetypes import read_archetypes, read_prototypes
from imbalens.reports import saliency_colours as report
from imbalens.store.files import write_json
from imbalens.store.prepared import read_boxes, read_metadata, read_split, read_truth
from imbalens.store.tables import write_table
from imbalens.tables.saliency_colours import COLOURS

FIGURES = Path("plots/figures/saliency_colours")


def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, the table of colours and its figures."""
    name, params = parse_stage(__doc__, "run", argv)
    data = Path(f"data/prepared/{pick(params.runs, 'runs', name).dataset}.h5")
    about, train = read_metadata(data), read_split(data, "train")
    names, fraction = about.class_names, params.analyses.saliency_colours.fraction
    path, shape = Path(f"data/dumps/saliency/{name}.h5"), train.images.shape[:3]
    ranks = read_saliency_ranks(path, "train", like=shape)
    kinds = read_archetypes(name, range(len(train.labels)))
    seen = (train.images, ranks, train.labels, kinds)
    found = colours(*seen, n_classes=len(names), fraction=fraction)
    metrics, truth = report.colour_metrics(found, names), read_truth(data, "train")
    if truth:
        shares = (found.tables[ALL].share, found.tables[ANY_PIXEL].share)
        planted = np.array([COLOUR_GROUPS.index(colour) for colour in truth.colours])
        boxes = read_boxes(data, "train")
        metrics["recovery"] = saliency_recovery(found.salient, *shares, planted, boxes)
    write_json(Path(f"metrics/saliency_colours/{name}.json"), metrics)
    table = report.colour_table(found.tables, names, about.counts)
    write_table(COLOURS, name, table)
    report.draw_colours(table, FIGURES / f"{name}.png", run=name)
    prototypes, pages = read_prototypes(name, names), FIGURES / f"{name}-pages.png"
    report.draw_class_pages(table, prototypes, train.images, pages, run=name)


if __name__ == "__main__":
    run_stage(main)
