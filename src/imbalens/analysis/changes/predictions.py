"""How the predictions of two trainings go together, image by image."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int


def compare_predictions(
    classes: Int[np.ndarray, " n"],
    predictions: Mapping[str, Int[np.ndarray, " n"]],
    sides: Sequence[tuple[str, str]],
) -> dict[tuple[str, str], Int[np.ndarray, "k 4"]]:
    """Count the predictions of trainings beside those of their baseline's.

    Args:
        classes: True class of each image.
        predictions: By training the class that it predicts.
        sides: Training and training of its baseline; those without predictions are left out.
    """
    return {
        (run, base): count_predictions(classes, predictions[base], predictions[run])
        for run, base in sides
        if run in predictions and base in predictions
    }


def count_predictions(
    classes: Int[np.ndarray, " n"],
    baseline: Int[np.ndarray, " n"],
    other: Int[np.ndarray, " n"],
) -> Int[np.ndarray, "k 4"]:
    """Count the images of each class by what either training takes them for.

    Args:
        classes: True class of each image.
        baseline: Class that one training predicts.
        other: Class that the other predicts.

    Returns:
        True class, class predicted by the one and by the other, and the number of such images,
        sorted; combinations without any are left out.
    """
    cells, counts = np.unique(
        np.column_stack([classes, baseline, other]), axis=0, return_counts=True
    )
    return np.column_stack([cells, counts])
