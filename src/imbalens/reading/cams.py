"""Reads class activation maps of the images that a page shows."""

from pathlib import Path

import numpy as np
from jaxtyping import Int

from imbalens.analysis.cam_alignment.alignment import align_cams
from imbalens.analysis.common.boxes import find_pairs
from imbalens.analysis.common.cams import pair_cams
from imbalens.dumps.map_files import MapsAbout, read_maps_about, read_maps_by_image
from imbalens.params.experiment import Params
from imbalens.reports.explore.cams import Cams, choose_cams
from imbalens.reports.explore.pictures import Selection


def read_cams(dataset: str, selection: Selection, params: Params) -> dict[str, Cams]:
    """Read the maps of a dataset's runs of which some were dumped, of annotated images shown.

    Raises:
        InputError: if a dump is absent or damaged; it says what to run.
    """
    runs = _mapped(dataset, params)
    found = {run: _read(run, selection, params, n_runs=len(runs)) for run in runs}
    return {run: cams for run, cams in found.items() if len(cams.pairs)}


def read_annotated(dataset: str, params: Params) -> Int[np.ndarray, " a"]:
    """Read which images of the evaluation split have maps: rows; none where no run has any.

    Raises:
        InputError: as `read_cams`.
    """
    for run in _mapped(dataset, params)[:1]:  # the same images in all
        about = read_maps_about(Path(f"data/dumps/maps/{run}.h5"))
        if about.split == params.analyses.performance.split:
            return about.row
    return np.empty(0, dtype=np.int64)


def _mapped(dataset: str, params: Params) -> list[str]:
    return [run for run in params.dumps.maps.runs if params.runs[run].dataset == dataset]


def _read(run: str, selection: Selection, params: Params, *, n_runs: int) -> Cams:
    path, options = Path(f"data/dumps/maps/{run}.h5"), params.analyses.cam_alignment
    about = read_maps_about(path)
    places = _find_places(about, selection, split=params.analyses.performance.split)
    pairs, side = find_pairs(about.boxes), max(about.shape[2:])
    chosen = choose_cams(pairs, places, side=side, n_runs=n_runs)
    kept = pairs[chosen]
    if about.cams is None:
        # in double precision, so that what is rounded for the page is the same on all machines
        head = about.head.astype(np.float64)
        cams = pair_cams(read_maps_by_image(path), kept, head)
    else:
        cams = about.cams[chosen].astype(np.float64)
    making = options.model_dump(include={"relu", "normalize_before_resize"})
    boxes = about.boxes[places[about.boxes[:, 0]] >= 0]
    return Cams(
        pairs=np.column_stack([places[kept[:, 0]], kept[:, 1]]),
        maps=align_cams(cams, image_size=side, **making),
        boxes=np.column_stack([places[boxes[:, 0]], boxes[:, 1]]),
        corners=boxes[:, 2:] / about.image_size,
        n_annotated=len(pairs),
    )


def _find_places(about: MapsAbout, selection: Selection, *, split: str) -> Int[np.ndarray, " n"]:
    """Return the place on the page of each image of a dump; -1 of those that are no points."""
    shown = {split: selection.evaluation, "train": selection.train}.get(about.split, np.empty(0))
    start = 0 if about.split == "train" else len(selection.train)
    place_of = {row: start + place for place, row in enumerate(shown.tolist())}
    return np.array([place_of.get(row, -1) for row in about.row.tolist()], dtype=np.int64)
