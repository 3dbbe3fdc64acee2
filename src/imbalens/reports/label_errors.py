"""The table of labels that may be wrong."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from imbalens.analysis.label_errors import Doubts
from imbalens.classes import Targets

DIGITS = 6


def doubt_table(doubts: Doubts, targets: Targets, names: Sequence[str]) -> pd.DataFrame:
    """One row per label in doubt, the most suspicious first.

    Columns: rank; row of the image; label as given, and what is suggested instead ("not" and its
    name for a label that is missing, or should go); score, which is `usual - probability`;
    probability of the label as given; mean of that over the images with the same label.

    Args:
        doubts: Labels in doubt.
        targets: Label of each training image as given.
        names: Name of each class or label.
    """
    rows, labels, errors = doubts.rows, doubts.labels, doubts.errors
    places = (rows, labels) if targets.ndim == 2 else (rows,)
    suggested = errors.suggested[places]
    named = np.asarray(names, dtype=object)
    if targets.ndim == 2:
        has, lacks = named[labels], "not " + named[labels]
        given, instead = np.where(suggested, (lacks, has), (has, lacks))
    else:
        given, instead = named[labels], named[suggested]
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(rows) + 1),
            "row": rows,
            "given": given,
            "suggested": instead,
            "score": errors.score[places].round(DIGITS),
            "probability": errors.probability[places].round(DIGITS),
            "usual": errors.usual[places].round(DIGITS),
        }
    )
