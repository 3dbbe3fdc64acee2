import numpy as np

from imbalens.analysis.changes.predictions import count_predictions


def test_images_are_counted_by_three_classes():
    found = count_predictions(
        np.array([1, 0, 1, 0, 1]), np.array([1, 0, 0, 0, 1]), np.array([1, 2, 1, 0, 1])
    )
    assert found.tolist() == [[0, 0, 0, 1], [0, 0, 2, 1], [1, 0, 1, 1], [1, 1, 1, 2]]


def test_without_images_nothing_is_counted():
    nothing = np.empty(0, dtype=np.int64)
    assert count_predictions(nothing, nothing, nothing).shape == (0, 4)
