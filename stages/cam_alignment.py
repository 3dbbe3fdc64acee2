"""Measure how well a run's class activation maps agree with the boxes of annotated images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from imbalens.analysis.cam_alignment.alignment import align_cams, summarize_measures
from imbalens.analysis.cam_alignment.pairs import PairAlignment, align_pairs
from imbalens.analysis.common.boxes import find_pairs, shift_boxes
from imbalens.analysis.common.cams import pair_cams
from imbalens.dumps.files import MapsAbout, read_maps_about, read_maps_by_image
from imbalens.params.analyses import CamAlignmentAnalysis
from imbalens.reports.cam_alignment.figures import CamExample, draw_alignment, draw_cams
from imbalens.reports.cam_alignment.tables import (
    alignment_metrics,
    alignment_table,
    cam_table,
    instance_table,
)
from imbalens.reports.common.sampling import choose_samples
from imbalens.stage import parse_stage, pick, run_stage
from imbalens.store.files import write_csv, write_json
from imbalens.store.prepared import open_prepared


def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, the tables per class and per pair, example maps and the figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, options = pick(params.runs, "runs", name), params.analyses.cam_alignment
    path = Path(f"data/dumps/maps/{name}.h5")
    about = read_maps_about(path)
    names, pairs = about.class_names, find_pairs(about.boxes)
    cams = pair_cams(read_maps_by_image(path), pairs, about.head)

    rng = np.random.default_rng(options.shift_seed)
    shifted = shift_boxes(about.boxes, image_size=about.image_size, rng=rng)
    trained = measure(cams, about.boxes, about, options)
    parts = {"soft": trained.soft, "matched": trained.matched, "hard": trained.hard}
    controls = {"untrained": (about.untrained_cams, about.boxes), "shifted": (cams, shifted)}
    for control, (maps, boxes) in controls.items():
        if maps is not None:
            found = measure(maps, boxes, about, options)
            parts |= {control: found.soft, f"matched_{control}": found.matched}
    summaries = {
        kind: summarize_measures(part, pairs[:, 1], n_classes=len(names))
        for kind, part in parts.items()
        if part is not None
    }
    metrics = alignment_metrics(summaries, names) | {"images": len(about.row)}
    write_json(Path(f"metrics/cam_alignment/{name}.json"), metrics)
    instances = instance_table(pairs, about.row, names, trained)
    write_csv(Path(f"data/instances/cam_alignment/{name}.csv"), instances)
    plots, figures = Path("plots/cam_alignment"), Path("plots/figures/cam_alignment")
    table = alignment_table(summaries, names)
    write_csv(plots / f"{name}.csv", table)
    draw_alignment(table, figures / f"{name}.png", run=name)

    shown = choose_samples(pairs[:, 1], n_samples=options.examples)
    examples = cam_table(pairs[shown], about.row, names, cams[shown])
    write_csv(Path(f"plots/cam_examples/{name}.csv"), examples)
    data, iobb = Path(f"data/prepared/{run.dataset}.h5"), trained.soft.iobb[shown]
    drawn = read_examples(data, about, pairs[shown], cams[shown], iobb, options)
    draw_cams(drawn, figures / f"{name}-cams.png", run=name)


def read_examples(
    data: Path,
    about: MapsAbout,
    pairs: Int[np.ndarray, "e 2"],
    cams: Float[np.ndarray, "e h w"],
    iobb: Float[np.ndarray, " e"],
    options: CamAlignmentAnalysis,
) -> list[CamExample]:
    """Put some pairs' images, maps and boxes together, to be drawn."""
    with open_prepared(data, about.split) as file:
        images = [file[f"{about.split}/images"][about.row[row]] for row, _ in pairs]
    aligned = align_cams(
        cams,
        image_size=about.image_size,
        relu=options.relu,
        normalize_before_resize=options.normalize_before_resize,
    )
    return [
        CamExample(
            label=about.class_names[pair[1]],
            image=image,
            cam=cam,
            boxes=about.boxes[(about.boxes[:, :2] == pair).all(1), 2:],
            iobb=float(value),
        )
        for image, cam, pair, value in zip(images, aligned, pairs, iobb, strict=True)
    ]


def measure(
    cams: Float[np.ndarray, "p h w"],
    boxes: Int[np.ndarray, "b 6"],
    about: MapsAbout,
    options: CamAlignmentAnalysis,
) -> PairAlignment:
    """Measure maps with the run's options."""
    return align_pairs(
        cams,
        boxes,
        image_size=about.image_size,
        relu=options.relu,
        normalize_before_resize=options.normalize_before_resize,
        threshold=options.threshold,
        matched_share=options.matched_share,
    )


if __name__ == "__main__":
    run_stage(main)
