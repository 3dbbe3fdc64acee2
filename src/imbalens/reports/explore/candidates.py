"""The list of labels that may be wrong, for a user to act upon."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.classes import list_pairs
from imbalens.reports.explore.look import Look

DIGITS = 6


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
    (rows, labels), places, errors = look.listed, look.places, look.errors
    suggested = errors.suggested[places]
    if look.exclusive:
        given, instead = ([look.names[code] for code in each] for each in (labels, suggested))
    else:
        given, instead = (_texts(look, labels, has) for has in (1 - suggested, suggested))
    values = {
        "run": run,
        "rank": np.arange(1, len(rows) + 1),
        "row": rows,
        "index": look.train.index[rows],
        "name": [names[row] for row in rows],
        "given": given,
        "suggested": instead,
        "score": errors.score[places].round(DIGITS),
        "probability": errors.probability[places].round(DIGITS),
        "usual": errors.usual[places].round(DIGITS),
        "archetype": _archetypes(look),
        "runs": runs[places],
    }
    return pd.DataFrame(values)


def candidate_classes(look: Look) -> list[list[int]]:
    """List the classes that each candidate is about: given and suggested, or the label."""
    rows, labels = look.listed
    if look.exclusive:
        return np.stack([labels, look.errors.suggested[rows]], axis=1).tolist()
    return [[label] for label in labels.tolist()]


def _texts(look: Look, labels: Int[np.ndarray, " p"], present: Int[np.ndarray, " p"]) -> list[str]:
    pairs = zip(labels.tolist(), present.tolist(), strict=True)
    return [f"{'' if has else 'not '}{look.names[label]}" for label, has in pairs]


def _archetypes(look: Look) -> list[str]:
    rows, classes = list_pairs(look.train.classes)
    pairs = zip(rows.tolist(), classes.tolist(), strict=True)
    codes = dict(zip(pairs, look.found.archetypes.tolist(), strict=True))
    listed = zip(look.listed[0].tolist(), look.listed[1].tolist(), strict=True)
    return [ARCHETYPE_NAMES[codes[pair]] if pair in codes else "" for pair in listed]
