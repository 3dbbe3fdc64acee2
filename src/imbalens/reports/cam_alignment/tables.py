"""Numbers and tables of the alignment of class activation maps with boxes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from imbalens.analysis.cam_alignment.alignment import MEASURES, AlignmentSummary
from imbalens.analysis.cam_alignment.matched import MATCHED_MEASURES
from imbalens.analysis.cam_alignment.pairs import PairAlignment
from imbalens.reports.common.tables import head_first

OVERALL = "all"
HARD = ("iobb", "ior", "iou")
CONTROLLED = ("iobb", "ior")
# Columns of the measures at matched scale: some share their name with those of the paper.
MATCHED_COLUMNS = ("auroc", "iobb_matched", "ior_matched", "iou_matched", "empty_matched")


def alignment_metrics(
    summaries: Mapping[str, AlignmentSummary], names: Sequence[str]
) -> dict[str, Any]:
    """Arrange the means over pairs as they are written to the metrics file.

    Args:
        summaries: By kind: `soft` and `matched`, of the trained network; where there are any
            `hard`, of maps cut at a threshold; and the controls `untrained`, `shifted`,
            `matched_untrained` and `matched_shifted`.
        names: Class names, in label order.

    Returns:
        The soft measures and `pairs`, and each under `class` and the class's name; those of other
        kinds under the kind, those at matched scale under `matched`.
    """
    soft, matched = summaries["soft"], summaries["matched"]
    metrics = {
        **_means(soft, MEASURES, names),
        "pairs": int(soft.pairs.sum()),
        "matched": _means(matched, MATCHED_MEASURES, names),
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


def alignment_table(
    summaries: Mapping[str, AlignmentSummary], names: Sequence[str]
) -> pd.DataFrame:
    """One row per class, by falling number of pairs, and a last one, "all", over all pairs.

    Args:
        summaries: As for `alignment_metrics`; where a kind is missing its columns are NaN.
        names: Class names, in label order.

    Returns:
        Columns `class`, `pairs`, the measures `iobb`, `ior`, `iou`, `pointing` and `all_zero`,
        then `iobb_hard`, `ior_hard`, `iou_hard`, `iobb_untrained`, ..., `ior_shifted`, and at
        matched scale `auroc`, `iobb_matched`, ..., `empty_matched`.
    """
    pairs = summaries["soft"].pairs
    order = head_first(pairs)
    columns = {
        "class": [*(names[label] for label in order), OVERALL],
        "pairs": [*pairs[order].tolist(), int(pairs.sum())],
        **dict(zip(MEASURES, _columns(summaries["soft"], order), strict=True)),
    }
    for kind, measures in (("hard", HARD), ("untrained", CONTROLLED), ("shifted", CONTROLLED)):
        if kind in summaries:
            values = dict(zip(MEASURES, _columns(summaries[kind], order), strict=True))
        else:
            values = dict.fromkeys(measures, np.full(len(order) + 1, np.nan))
        columns |= {f"{measure}_{kind}": values[measure] for measure in measures}
    columns |= dict(zip(MATCHED_COLUMNS, _columns(summaries["matched"], order), strict=True))
    return pd.DataFrame(columns)


def instance_table(
    pairs: Int[np.ndarray, "p 2"],
    rows: Int[np.ndarray, " n"],
    names: Sequence[str],
    measured: PairAlignment,
) -> pd.DataFrame:
    """One row per pair of an image and a class, to compare runs pair by pair.

    Args:
        pairs: Image and class of each pair.
        rows: Row of each image in its prepared split.
        names: Class names, in label order.
        measured: Measures of the trained network.

    Returns:
        Columns `row`, `class`, the soft measures and those at matched scale, named as in
        `alignment_table`; whether a map is empty is 0 or 1.
    """
    matched = [getattr(measured.matched, name) for name in MATCHED_MEASURES]
    labels = np.asarray(names, dtype=object)
    columns = {
        "row": rows[pairs[:, 0]],
        "class": labels[pairs[:, 1]],
        **{name: getattr(measured.soft, name) for name in MEASURES},
        **dict(zip(MATCHED_COLUMNS, matched, strict=True)),
    }
    return pd.DataFrame(columns).astype({"all_zero": int, "empty_matched": int})


def cam_table(
    pairs: Int[np.ndarray, "e 2"],
    rows: Int[np.ndarray, " n"],
    names: Sequence[str],
    cams: Float[np.ndarray, "e h w"],
) -> pd.DataFrame:
    """Write maps down as numbers, one row per cell.

    Args:
        pairs: Image and class of each map.
        rows: Row of each image in its prepared split.
        names: Class names, in label order.
        cams: The maps as they are, in the network's resolution.

    Returns:
        Columns `example`, `row`, `class`, `y`, `x` and `value` (6 digits).
    """
    example, y, x = (axis.ravel() for axis in np.indices(cams.shape))
    labels = np.asarray(names, dtype=object)
    return pd.DataFrame(
        {
            "example": example,
            "row": rows[pairs[example, 0]],
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
