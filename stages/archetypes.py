"""Judge training images safe, border, rare or outlier, and find their prototypes.

Of several labels, each one that an image has is judged by itself.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from imbalens.analysis.archetypes.judging import (
    ARCHETYPE_NAMES,
    find_archetypes,
    find_prototypes,
    tabulate_archetypes,
)
from imbalens.analysis.archetypes.recovery import mislabelled_recovery, subconcept_recovery
from imbalens.analysis.common.neighbors import nearest_neighbors
from imbalens.classes import (
    describe,
    list_pairs,
)
from imbalens.dumps.files import read_features
from imbalens.reports.archetypes import (
    archetype_table,
    draw_prototypes,
    draw_true_positives,
    prototype_table,
)
from imbalens.reports.common.tables import head_first
from imbalens.stage import parse_stage, pick, require_neighbors, run_stage
from imbalens.store.files import write_csv, write_json
from imbalens.store.prepared import read_images, read_names, read_truth


def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, tables (per class, per image and class, prototypes) and figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, options = pick(params.runs, "runs", name), params.analyses.archetypes
    data = Path(f"data/prepared/{run.dataset}.h5")
    dump = read_features(
        Path(f"data/dumps/features/{name}.h5"),
        ["train"],
        decision=params.analyses.labels.decision,
    )
    split, names, counts = dump.splits["train"], dump.class_names, dump.class_counts
    labels, predictions = split.classes, split.predictions

    require_neighbors("analyses.yaml: archetypes.n_neighbors", options.n_neighbors, len(labels))
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
                archetypes, split.targets, truth.subconcept, truth.mislabelled
            ),
        }
    write_json(Path(f"metrics/archetypes/{name}.json"), metrics)

    image_names, images = read_names(data, "train"), read_images(data, "train", prototypes)
    classes = archetype_table(result, names, counts)
    plots, figures = Path("plots/archetypes"), Path("plots/figures/archetypes")
    write_csv(plots / f"{name}.csv", classes)
    write_csv(
        plots / f"{name}-prototypes.csv",
        prototype_table(prototypes, split.index, image_names, names, counts),
    )
    rows, codes = list_pairs(labels)
    instances = {
        "row": rows,
        "index": split.index[rows],
        "name": np.asarray(image_names, dtype=object)[rows],
        "label": np.asarray(names)[codes],
        "prediction": np.asarray(describe(predictions, names), dtype=object)[rows],
        "archetype": np.asarray(ARCHETYPE_NAMES)[archetypes],
    }
    write_csv(Path(f"data/instances/archetypes/{name}.csv"), pd.DataFrame(instances))
    draw_true_positives(classes, figures / f"{name}.png", run=name)
    order = head_first(counts)
    draw_prototypes(
        [[images.get(row) for row in prototypes[i].tolist()] for i in order],
        figures / f"{name}-prototypes.png",
        classes=[names[i] for i in order],
        archetypes=ARCHETYPE_NAMES,
        run=name,
    )


if __name__ == "__main__":
    run_stage(main)
