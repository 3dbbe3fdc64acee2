"""Measure how well a run's class activation maps agree with the boxes of annotated images."""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imbalens.analysis.cam_alignment.alignment import align_cams
from imbalens.analysis.cam_alignment.cam_alignment import cam_alignment
from imbalens.dumps.map_files import read_maps_about, read_maps_by_image
from imbalens.reports.cam_alignment import figures, tables
from imbalens.reports.common.sampling import choose_samples
from imbalens.store.files import write_json
from imbalens.store.prepared import read_examples, read_metadata
from imbalens.store.tables import write_table
from imbalens.tables.cam_alignment import CLASSES, EXAMPLES, PAIRS


def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, the tables per class and per pair, example maps and the figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, options = pick(params.runs, "runs", name), params.analyses.cam_alignment
    path, plots = Path(f"data/dumps/maps/{name}.h5"), Path("plots/figures/cam_alignment")
    about = read_maps_about(path)
    names, size = about.class_names, about.image_size
    found = cam_alignment(
        *(read_maps_by_image(path), about.head, about.boxes),
        cams=about.cams,
        untrained_cams=about.untrained_cams,
        **{"image_size": size, **options.model_dump(exclude={"examples"})},
    )
    write_json(Path(f"metrics/cam_alignment/{name}.json"), tables.alignment_metrics(found, names))
    pairs = np.column_stack([about.row[found.pairs[:, 0]], found.pairs[:, 1]])
    write_table(PAIRS, name, tables.instance_table(pairs, names, found))
    write_table(CLASSES, name, table := tables.alignment_table(found, names))
    order = read_metadata(prepared := Path(f"data/prepared/{run.dataset}.h5")).head_first
    titles = {"run": name, "grad_cam": found.grad_cam, "order": order}
    figures.draw_alignment(table, plots / f"{name}.png", **titles)
    shown = choose_samples(pairs[:, 1], n_samples=options.examples)
    cams, iobb = found.cams[shown], found.measured.soft.iobb[shown]
    write_table(EXAMPLES, name, tables.cam_table(pairs[shown], names, cams))
    examples = read_examples(prepared, about.split, pairs[shown])
    making = options.model_dump(include={"relu", "normalize_before_resize"})
    aligned = align_cams(cams, image_size=size, **making)
    figures.draw_cams(examples, aligned, iobb, plots / f"{name}-cams.png", **titles)


if __name__ == "__main__":
    run_stage(main)
