"""Measure how well a run's class activation maps agree with the boxes of annotated images."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from imbalens.analysis.alignment import (
    MEASURES,
    Alignment,
    align_cams,
    align_maps,
    box_masks,
    find_pairs,
    harden,
    join_alignments,
    measure_alignment,
    shift_boxes,
    summarize_alignment,
)
from imbalens.analysis.cams import class_activation_maps
from imbalens.data.prepared import open_prepared
from imbalens.dumps.files import MapsAbout, read_maps_about, read_maps_by_image
from imbalens.files import write_csv, write_json
from imbalens.params import CamAlignmentAnalysis
from imbalens.reports.cam_alignment import CamExample, alignment_table, draw_alignment, draw_cams
from imbalens.reports.sampling import choose_samples
from imbalens.stage import parse_stage, pick, run_stage

PAIRS_AT_A_TIME = 256


def main(argv: Sequence[str] | None = None) -> None:
    """Write metrics, the table per class, example maps and the figures."""
    name, params = parse_stage(__doc__, "run", argv)
    run, options = pick(params.runs, "runs", name), params.analyses.cam_alignment
    path = Path(f"data/dumps/maps/{name}.h5")
    about = read_maps_about(path)
    names, pairs = about.class_names, find_pairs(about.boxes)
    rng = np.random.default_rng(options.shift_seed)
    shifted = shift_boxes(about.boxes, image_size=about.image_size, rng=rng)

    measured = measure_run(path, about, {"trained": about.boxes, "shifted": shifted}, options)
    if about.untrained_cams is not None:
        measured["untrained"] = measure_untrained(about, about.untrained_cams, options)
    summaries = {
        kind: summarize_alignment(alignment, pairs[:, 1], n_classes=len(names))
        for kind, alignment in measured.items()
    }
    trained = summaries["trained"]
    metrics: dict[str, object] = {
        **dict(zip(MEASURES, trained.overall, strict=True)),
        "pairs": len(pairs),
        "images": len(about.row),
        "class": {
            label: dict(zip(MEASURES, means, strict=True)) | {"pairs": n}
            for label, means, n in zip(names, trained.means, trained.pairs, strict=True)
            if n
        },
    }
    for kind in ("untrained", "shifted", "hard"):
        if kind in summaries:
            # of a map of zeros and ones, all ones are the largest: pointing is then IoR
            metrics[kind] = {
                measure: value
                for measure, value in zip(MEASURES, summaries[kind].overall, strict=True)
                if (kind, measure) != ("hard", "pointing")
            }
    write_json(Path(f"metrics/cam_alignment/{name}.json"), metrics)

    table = alignment_table(
        trained,
        names,
        hard=summaries.get("hard"),
        untrained=summaries.get("untrained"),
        shifted=summaries["shifted"],
    )
    plots = Path("plots/cam_alignment")
    write_csv(plots / f"{name}.csv", table)
    draw_alignment(table, plots / f"{name}.png", run=name)

    shown = choose_samples(pairs[:, 1], n_samples=options.examples)
    cams = example_cams(path, about, pairs[shown])
    write_csv(Path(f"plots/cam_examples/{name}.csv"), cam_table(pairs[shown], about, cams))
    with open_prepared(Path(f"data/prepared/{run.dataset}.h5"), about.split) as file:
        images = [file[f"{about.split}/images"][about.row[row]] for row, _ in pairs[shown]]
    shares = align_cams(
        cams,
        image_size=about.image_size,
        relu=options.relu,
        normalize_before_resize=options.normalize_before_resize,
    )
    iobb = measured["trained"].iobb[shown]
    draw_cams(
        [
            CamExample(
                label=names[pair[1]],
                image=image,
                cam=share,
                boxes=about.boxes[(about.boxes[:, :2] == pair).all(1), 2:],
                iobb=float(value),
            )
            for image, share, pair, value in zip(images, shares, pairs[shown], iobb, strict=True)
        ],
        plots / f"{name}-cams.png",
        run=name,
    )


def measure_run(
    path: Path,
    about: MapsAbout,
    boxes: Mapping[str, Int[np.ndarray, "b 6"]],
    options: CamAlignmentAnalysis,
) -> dict[str, Alignment]:
    """Measure all pairs with each set of boxes; with a threshold, hard maps with the first."""
    pairs, parts = find_pairs(about.boxes), defaultdict(list)
    for rows, maps in read_maps_by_image(path):
        chosen = pairs[(pairs[:, 0] >= rows.start) & (pairs[:, 0] < rows.stop)]
        cams = align_maps(
            maps[chosen[:, 0] - rows.start],
            about.head[chosen[:, 1]],
            image_size=about.image_size,
            relu=options.relu,
            normalize_before_resize=options.normalize_before_resize,
        )
        masks = {
            kind: box_masks(each, chosen, image_size=about.image_size)
            for kind, each in boxes.items()
        }
        for kind, mask in masks.items():
            parts[kind].append(measure_alignment(cams, mask))
        if options.threshold is not None:
            hard = harden(cams, threshold=options.threshold)
            parts["hard"].append(measure_alignment(hard, next(iter(masks.values()))))
    return {kind: join_alignments(alignments) for kind, alignments in parts.items()}


def measure_untrained(
    about: MapsAbout, cams: Float[np.ndarray, "p h w"], options: CamAlignmentAnalysis
) -> Alignment:
    """Measure all pairs of the network with random weights."""
    pairs, parts = find_pairs(about.boxes), []
    for start in range(0, len(pairs), PAIRS_AT_A_TIME):
        chosen = slice(start, start + PAIRS_AT_A_TIME)
        aligned = align_cams(
            cams[chosen],
            image_size=about.image_size,
            relu=options.relu,
            normalize_before_resize=options.normalize_before_resize,
        )
        masks = box_masks(about.boxes, pairs[chosen], image_size=about.image_size)
        parts.append(measure_alignment(aligned, masks))
    return join_alignments(parts)


def example_cams(
    path: Path, about: MapsAbout, pairs: Int[np.ndarray, "e 2"]
) -> Float[np.ndarray, "e h w"]:
    """Return the maps of some pairs as they are, in the network's own resolution."""
    cams = np.empty((len(pairs), *about.shape[2:]), dtype=np.float64)
    for rows, maps in read_maps_by_image(path):
        here = np.flatnonzero((pairs[:, 0] >= rows.start) & (pairs[:, 0] < rows.stop))
        cams[here] = class_activation_maps(
            maps[pairs[here, 0] - rows.start], about.head[pairs[here, 1]], relu=False
        )
    return cams


def cam_table(
    pairs: Int[np.ndarray, "e 2"], about: MapsAbout, cams: Float[np.ndarray, "e h w"]
) -> pd.DataFrame:
    """One row per cell: example, row of the image in its split, class, y, x, value (6 digits)."""
    example, y, x = (axis.ravel() for axis in np.indices(cams.shape))
    labels = np.asarray(about.class_names, dtype=object)
    return pd.DataFrame(
        {
            "example": example,
            "row": about.row[pairs[example, 0]],
            "class": labels[pairs[example, 1]],
            "y": y,
            "x": x,
            "value": [f"{value:.6g}" for value in cams.ravel()],
        }
    )


if __name__ == "__main__":
    run_stage(main)
