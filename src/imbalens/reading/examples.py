"""Reads annotated example images with the class activation maps of runs."""

from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from imbalens.analysis.cam_alignment.alignment import align_cams
from imbalens.errors import InputError
from imbalens.params.experiment import Params
from imbalens.store.examples import Example
from imbalens.store.prepared import read_examples, read_metadata
from imbalens.store.tables import read_table
from imbalens.tables.cam_alignment import EXAMPLES


def read_cam_examples(
    dataset: str, runs: Sequence[str], params: Params
) -> tuple[list[Example], dict[str, Float[np.ndarray, "e s s"]]]:
    """Read the images that the stage `cam_alignment` chose, and the maps of each run.

    Returns:
        The images; and by run the map of each within [0, 1], in the pixels of the image. Nothing
        without runs.

    Raises:
        InputError: if a file is absent or damaged, or the runs' examples are not the same; it says
            what to run.
    """
    path, options = Path(f"data/prepared/{dataset}.h5"), params.analyses.cam_alignment
    tables = {run: read_table(EXAMPLES, run) for run in runs}
    if not tables:
        return [], {}
    names = read_metadata(path).class_names
    maps = {run: _maps(table, run) for run, table in tables.items()}
    pairs = {run: _pairs(table, run, names) for run, table in tables.items()}
    first = runs[0]
    for run in runs:
        if not np.array_equal(pairs[run], pairs[first]):
            raise InputError(
                f"{EXAMPLES.path_of(run)}: other examples than in {EXAMPLES.path_of(first)}; "
                f"run: {EXAMPLES.command(run)} {EXAMPLES.stage}@{first}"
            )
    examples = read_examples(path, params.analyses.dump_maps.split, pairs[first])
    cams = {
        run: align_cams(
            cells,
            image_size=len(examples[0].image),
            relu=options.relu,
            normalize_before_resize=options.normalize_before_resize,
        )
        for run, cells in maps.items()
    }
    return examples, cams


def _maps(table: pd.DataFrame, run: str) -> Float[np.ndarray, "e h w"]:
    """Return the maps that a table holds cell by cell.

    Raises:
        InputError: if cells are missing or in another order than they were written in.
    """
    cells = table[["example", "y", "x"]].to_numpy()
    shape = tuple((cells.max(axis=0, initial=-1) + 1).tolist())
    if not len(cells) or not np.array_equal(cells, np.argwhere(np.ones(shape))):
        raise InputError(
            f"{EXAMPLES.path_of(run)}: its {len(cells)} cells are not {prod(shape)}, map by map "
            f"and row by row; run: {EXAMPLES.command(run)}"
        )
    return table["value"].to_numpy().reshape(shape)


def _pairs(table: pd.DataFrame, run: str, names: Sequence[str]) -> Int[np.ndarray, "e 2"]:
    """Return row and class of each example.

    Raises:
        InputError: if the dataset has no such class.
    """
    firsts = table.drop_duplicates("example")
    unknown = sorted(set(firsts["class"]) - set(names))
    if unknown:
        raise InputError(
            f"{EXAMPLES.path_of(run)}: column 'class' holds {unknown[0]!r}; allowed: "
            f"{', '.join(map(repr, names))}; run: {EXAMPLES.command(run)}"
        )
    labels = [names.index(label) for label in firsts["class"]]
    return np.column_stack([firsts["row"], labels]).astype(np.int64)
