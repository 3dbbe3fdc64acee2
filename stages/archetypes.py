"""Judge training images safe, border, rare or outlier, and find their prototypes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from imbalens.analysis.archetype_recovery import mislabelled_recovery, subconcept_recovery
from imbalens.analysis.archetypes import (
    ARCHETYPE_NAMES,
    find_archetypes,
    find_prototypes,
    tabulate_archetypes,
)
from imbalens.analysis.neighbors import nearest_neighbors
from imbalens.data.prepared import read_split, read_truth
from imbalens.dumps.files import read_features
from imbalens.files import write_csv, write_json
from imbalens.reports.archetypes import (
    archetype_table,
    draw_prototypes,
    draw_true_positives,
    prototype_table,
)
from imbalens.reports.tables import head_first
from imbalens.stage import parse_stage, pick, require_neighbors, run_stage


def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, tables (per class, per instance, prototypes) and figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, options = pick(params.runs, "runs", name), params.analyses.archetypes
    data = Path(f"data/prepared/{run.dataset}.h5")
    dump = read_features(Path(f"data/dumps/features/{name}.h5"), ["train"])
    split, names, counts = dump.splits["train"], dump.class_names, dump.counts
    labels, predictions = split.targets, split.predictions

    require_neighbors("analyses.archetypes.n_neighbors", options.n_neighbors, len(labels))
    neighbors = nearest_neighbors(split.features, n_neighbors=options.n_neighbors)
    archetypes = find_archetypes(
        labels[neighbors],
        labels,
        safe_from=options.safe_from,
        border_from=options.border_from,
        rare_from=options.rare_from,
    )
    result = tabulate_archetypes(archetypes, labels, predictions, n_classes=len(names))
    prototypes = find_prototypes(split.features, labels, archetypes, n_classes=len(names))

    metrics = {
        "share": dict(zip(ARCHETYPE_NAMES, result.overall_share, strict=True)),
        "true_positive_rate": dict(
            zip(ARCHETYPE_NAMES, result.overall_true_positive_rate, strict=True)
        ),
        "class_share": {
            label: dict(zip(ARCHETYPE_NAMES, shares, strict=True))
            for label, shares in zip(names, result.share, strict=True)
        },
    }
    truth = read_truth(data, "train")
    if truth:
        metrics["recovery"] = {
            "mislabelled": mislabelled_recovery(archetypes, truth.mislabelled),
            "subconcept": subconcept_recovery(
                archetypes, labels, truth.subconcept, truth.mislabelled
            ),
        }
    write_json(Path(f"metrics/archetypes/{name}.json"), metrics)

    images = read_split(data, "train")
    classes = archetype_table(result, names, counts)
    plots = Path("plots/archetypes")
    write_csv(plots / f"{name}.csv", classes)
    write_csv(
        plots / f"{name}-prototypes.csv",
        prototype_table(prototypes, split.index, images.names, names, counts),
    )
    instances = {
        "row": np.arange(len(labels)),
        "index": split.index,
        "name": images.names,
        "label": np.asarray(names)[labels],
        "prediction": np.asarray(names)[predictions],
        "archetype": np.asarray(ARCHETYPE_NAMES)[archetypes],
    }
    write_csv(plots / f"{name}-instances.csv", pd.DataFrame(instances))
    draw_true_positives(classes, plots / f"{name}.png", run=name)
    order = head_first(counts)
    draw_prototypes(
        [[images.images[row] if row >= 0 else None for row in prototypes[i]] for i in order],
        plots / f"{name}-prototypes.png",
        classes=[names[i] for i in order],
        archetypes=ARCHETYPE_NAMES,
        run=name,
    )


if __name__ == "__main__":
    run_stage(main)
