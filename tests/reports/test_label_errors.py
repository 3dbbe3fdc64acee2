import numpy as np
import pytest

from imbalens.analysis.common.neighbors import find_neighbors
from imbalens.analysis.label_errors import Doubts, find_label_errors, rank_candidates
from imbalens.reports.label_errors import doubt_table

NAMES = ("ant", "bee")


def doubt(probabilities, labels):
    probabilities, labels = np.array(probabilities), np.array(labels)
    errors = find_label_errors(probabilities, labels)
    rows, doubted = rank_candidates(errors, labels, n_candidates=5)
    points = np.arange(len(labels))[:, None].astype(float)
    neighbors = find_neighbors(points, labels, n_neighbors=1)
    return doubt_table(Doubts(errors, rows, doubted, neighbors), labels, NAMES)


def test_of_classes_another_one_is_suggested():
    table = doubt([[0.9, 0.1], [0.3, 0.7], [0.4, 0.6]], [0, 0, 1])
    assert table.to_dict("records") == [
        {
            "rank": 1,
            "row": 1,
            "given": "ant",
            "suggested": "bee",
            "score": pytest.approx(0.3),
            "probability": 0.3,
            "usual": 0.6,
        }
    ]


def test_of_labels_one_is_missing_or_should_go():
    labels = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.uint8)
    table = doubt([[0.2, 0.1], [0.9, 0.6], [0.1, 0.9]], labels)
    columns = table[["row", "given", "suggested"]].to_numpy().tolist()
    assert columns == [[0, "ant", "not ant"], [1, "not bee", "bee"]]
    assert table["score"].tolist() == pytest.approx([0.35, 0.25])
