"""What the loss changed, by the few measures that answer it: the headlines.

They are declared as such where measures are (`MeasureSpec.headline`). The summary, the metrics
that DVC shows, the report's first screen and the candidates of validation are all of this list.
"""

from typing import Literal

import numpy as np

from imbalens.analysis.common.measures import CAM_ALIGNMENT, MeasureSpec
from imbalens.analysis.performance.measures import OF_CLASSES, OF_LABELS

HEADLINES: tuple[MeasureSpec, ...] = tuple(
    spec for spec in (*OF_CLASSES, *OF_LABELS, *CAM_ALIGNMENT) if spec.headline
)
"""Headlines in the order in which they are shown; no two have one name."""

Verdict = Literal["rose", "fell", "undecided", "no interval", "undefined"]
ROSE, FELL, UNDECIDED = "rose", "fell", "undecided"
NO_INTERVAL, UNDEFINED = "no interval", "undefined"


def judge_difference(difference: float, low: float, high: float) -> Verdict:
    """Say what an interval lets one say of a difference from the baseline.

    Args:
        difference: The difference; NaN where a side has no value.
        low: Lower end of its interval; NaN where there is none.
        high: Upper end.

    Returns:
        "rose" or "fell" where the interval leaves out 0, "undecided" where 0 lies in it or at its
        end, "no interval" where there is none, "undefined" where there is no difference.
    """
    if np.isnan(difference):
        return UNDEFINED
    if np.isnan(low) or np.isnan(high):
        return NO_INTERVAL
    if low > 0:
        return ROSE
    return FELL if high < 0 else UNDECIDED
