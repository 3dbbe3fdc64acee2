"""The list of labels that may be wrong, for a user to act upon."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.classes import list_pairs
from imbalens.reports.explore.look import Look
from imbalens.reports.label_errors import doubt_table
from imbalens.tables.explore import CANDIDATES


def candidate_table(
    look: Look, *, run: str, names: Sequence[str], runs: Int[np.ndarray, "*shape"]
) -> pd.DataFrame:
    """One row per candidate, the most suspicious first.

    Columns: run; rank among its candidates; row of the image in the prepared split; its index in
    the source's split, and its file or other name there; label as given, and what is suggested
    instead; score, which is `usual - probability`; probability of the label as given; mean of
    that over the images with the same label; archetype of the image among these, empty where a
    label is suggested that it does not have; number of runs that prefer another label.

    Args:
        look: What the run tells.
        run: Name of the run.
        names: File, or other name, of each training image within the source.
        runs: How many of the dataset's runs prefer another label, in the shape of the labels.
    """
    table = doubt_table(look.found.doubts, look.train.targets, look.names)
    rows = look.listed[0]
    of_image = {"index": look.train.index[rows], "name": [names[row] for row in rows]}
    return table.assign(run=run, **of_image, archetype=_archetypes(look), runs=runs[look.places])[
        [column.name for column in CANDIDATES.columns]
    ]


def candidate_classes(look: Look) -> list[list[int]]:
    """List the classes that each candidate is about: given and suggested, or the label."""
    rows, labels = look.listed
    if look.exclusive:
        return np.stack([labels, look.errors.suggested[rows]], axis=1).tolist()
    return [[label] for label in labels.tolist()]


def _archetypes(look: Look) -> list[str]:
    rows, classes = list_pairs(look.train.classes)
    pairs = zip(rows.tolist(), classes.tolist(), strict=True)
    codes = dict(zip(pairs, look.found.archetypes.tolist(), strict=True))
    listed = zip(look.listed[0].tolist(), look.listed[1].tolist(), strict=True)
    return [ARCHETYPE_NAMES[codes[pair]] if pair in codes else "" for pair in listed]
