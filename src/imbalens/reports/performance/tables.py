"""Metrics and tables of a run's performance."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from imbalens.analysis.common.counting import divide
from imbalens.analysis.performance.performance import Performance
from imbalens.reports.common.tables import head_first, matrix_table


def performance_metrics(
    result: Performance, recovery: Mapping[str, float] | None
) -> dict[str, Any]:
    """Return what is over all images or classes, how many classes that is, and each class.

    Of classes that exclude each other each measure of them is a mapping by class; of labels, where
    the measures and their means have one name, there is a mapping by label, under `class`.

    Args:
        result: What was measured.
        recovery: How well what was planted in the images is found; None where nothing was.
    """
    metrics = {**result.whole, "classes": dict(result.classes), "n": result.n}
    if recovery is not None:
        metrics["recovery"] = recovery
    if result.exclusive:
        return metrics | {
            measure: dict(zip(result.names, values, strict=True))
            for measure, values in result.each.items()
        }
    figures = {
        **result.each,
        "n_positives": result.images,
        "prevalence": divide(result.images, result.known),
    }
    if (result.known < result.n).any():
        figures["n_unknown"] = result.n - result.known
    return metrics | {
        "undefined": [result.names[label] for label in result.undefined],
        "class": {
            label: {figure: values[place] for figure, values in figures.items()}
            for place, label in enumerate(result.names)
        },
    }


def performance_table(result: Performance, counts: Int[np.ndarray, " m"]) -> pd.DataFrame:
    """One row per class or label, head first: its training images, then each measure of it.

    Args:
        result: What was measured.
        counts: Training images of each class or label.
    """
    prevalence = {} if result.exclusive else {"prevalence": divide(result.images, result.known)}
    table = pd.DataFrame(
        {"class": result.names, "train_count": counts, **prevalence, **result.each}
    )
    return table.iloc[head_first(counts)]


def confusion_table(result: Performance, counts: Int[np.ndarray, " c"]) -> pd.DataFrame:
    """One row per pair of classes, head first: images, and their share of the actual class's.

    The share is of those of which it is known whether they have the predicted class.

    Args:
        result: What was measured.
        counts: Training images of each of `result.confused`.
    """
    return matrix_table(
        {"count": result.confusion, "share": divide(result.confusion, result.sizes)},
        result.confused,
        counts,
        rows="actual",
        columns="predicted",
    )
