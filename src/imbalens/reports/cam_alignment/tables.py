"""Numbers and tables of the alignment of class activation maps with boxes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from imbalens.analysis.cam_alignment.alignment import MEASURES, AlignmentSummary
from imbalens.analysis.cam_alignment.cam_alignment import CamAlignment
from imbalens.analysis.cam_alignment.matched import MATCHED_MEASURES
from imbalens.analysis.common.counting import mean_defined
from imbalens.analysis.common.measures import POINTING_CONTROLLED
from imbalens.reports.common.tables import head_first
from imbalens.tables.cam_alignment import ALL, KINDS, column_of


def alignment_metrics(found: CamAlignment, names: Sequence[str]) -> dict[str, Any]:
    """Arrange the means over pairs as they are written to the metrics file.

    Args:
        found: What was measured.
        names: Class names, in label order.

    Returns:
        The soft measures, `pairs` and `images`, and each but the last under `class` and the
        class's name; those of other kinds under the kind, those at matched scale under `matched`,
        those less what boxes elsewhere give under `controlled`; where the maps are Grad-CAM `cam`
        says so.
    """
    summaries = found.summaries
    soft, matched = summaries["soft"], summaries["matched"]
    controlled = {"pointing": mean_defined(found.pointing_controlled)}
    metrics = {
        **_means(soft, MEASURES, names),
        "pairs": len(found.pairs),
        "images": len(np.unique(found.pairs[:, 0])),
        "matched": _means(matched, MATCHED_MEASURES, names),
        "controlled": controlled,
        **({"cam": "grad_cam"} if found.grad_cam else {}),
    }
    for label, n in zip(names, soft.pairs.tolist(), strict=True):
        if n:
            metrics["class"][label]["pairs"] = n
    for kind in ("untrained", "shifted", "hard"):
        if kind in summaries:
            # of a map of zeros and ones, all ones are the largest: pointing is then IoR
            metrics[kind] = {
                measure: value
                for measure, value in zip(MEASURES, summaries[kind].overall, strict=True)
                if (kind, measure) != ("hard", "pointing")
            }
        if f"matched_{kind}" in summaries:
            overall = summaries[f"matched_{kind}"].overall
            metrics["matched"][kind] = dict(zip(MATCHED_MEASURES, overall, strict=True))
    return metrics


def alignment_table(found: CamAlignment, names: Sequence[str]) -> pd.DataFrame:
    """One row per class, by falling number of pairs, and a last one, "all", over all pairs.

    Args:
        found: What was measured; where a kind is missing its columns are NaN.
        names: Class names, in label order.

    Returns:
        As `tables.cam_alignment.CLASSES` declares it.
    """
    summaries, pairs = found.summaries, found.summaries["soft"].pairs
    order = head_first(pairs)
    columns: dict[str, Sequence[Any] | np.ndarray] = {
        "class": [*(names[label] for label in order), ALL],
        "pairs": [*pairs[order].tolist(), int(pairs.sum())],
    }
    for kind, (_, shown) in KINDS.items():
        values: dict[str, np.ndarray] = {}
        if kind in summaries:
            measures = MATCHED_MEASURES if kind == "matched" else MEASURES
            values = dict(zip(measures, _columns(summaries[kind], order), strict=True))
        undefined = np.full(len(order) + 1, np.nan)
        columns |= {column_of(kind, name): values.get(name, undefined) for name in shown}
    return pd.DataFrame(columns)


def instance_table(
    pairs: Int[np.ndarray, "p 2"], names: Sequence[str], found: CamAlignment
) -> pd.DataFrame:
    """One row per pair of an image and a class, to compare runs pair by pair.

    Args:
        pairs: Row in the prepared split and class of each pair.
        names: Class names, in label order.
        found: What was measured of them.

    Returns:
        As `tables.cam_alignment.PAIRS` declares it.
    """
    measured = found.measured
    parts = {"soft": (measured.soft, MEASURES), "matched": (measured.matched, MATCHED_MEASURES)}
    columns = {
        column_of(kind, name): getattr(part, name)
        for kind, (part, measures) in parts.items()
        for name in measures
    }
    return pd.DataFrame(
        {
            "row": pairs[:, 0],
            "class": np.asarray(names, dtype=object)[pairs[:, 1]],
            **{
                name: values.astype(int) if values.dtype == bool else values
                for name, values in columns.items()
            },
            POINTING_CONTROLLED.name: found.pointing_controlled,
        }
    )


def cam_table(
    pairs: Int[np.ndarray, "e 2"], names: Sequence[str], cams: Float[np.ndarray, "e h w"]
) -> pd.DataFrame:
    """Write maps down as numbers, one row per cell.

    Args:
        pairs: Row in the prepared split and class of each map.
        names: Class names, in label order.
        cams: The maps as they are, in the network's resolution.

    Returns:
        As `tables.cam_alignment.EXAMPLES` declares it, values with 6 digits.
    """
    example, y, x = (axis.ravel() for axis in np.indices(cams.shape))
    labels = np.asarray(names, dtype=object)
    return pd.DataFrame(
        {
            "example": example,
            "row": pairs[example, 0],
            "class": labels[pairs[example, 1]],
            "y": y,
            "x": x,
            "value": [f"{value:.6g}" for value in cams.ravel()],
        }
    )


def _means(
    summary: AlignmentSummary, measures: Sequence[str], names: Sequence[str]
) -> dict[str, Any]:
    """Overall means by measure and, under `class`, those of each class that has pairs."""
    return {
        **dict(zip(measures, summary.overall, strict=True)),
        "class": {
            label: dict(zip(measures, means, strict=True))
            for label, means, n in zip(names, summary.means, summary.pairs, strict=True)
            if n
        },
    }


def _columns(summary: AlignmentSummary, order: Sequence[int]) -> Float[np.ndarray, "m rows"]:
    """Each measure's means of the classes in order, the overall one last."""
    return np.vstack([summary.means[order], summary.overall]).T
