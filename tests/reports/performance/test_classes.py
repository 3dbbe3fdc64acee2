import numpy as np
import pandas as pd

from imbalens.reports.common.tables import matrix_table
from imbalens.reports.performance.classes import (
    class_performance_figure,
    confusion_figure,
    draw_class_performance,
    draw_confusion,
)

SCORES = pd.DataFrame(
    {
        "class": ["b", "a", "c"],
        "train_count": [500, 50, 5],
        "recall": [0.75, 0.5, np.nan],
        "precision": [0.5, np.nan, np.nan],
    }
)
CONFUSION = matrix_table(
    {
        "count": np.array([[2, 0, 0], [1, 3, 0], [0, 0, 0]]),
        "share": np.array([[1, 0, 0], [0.25, 0.75, 0], [np.nan] * 3]),
    },
    ["a", "b", "c"],
    np.array([50, 500, 5]),
    rows="actual",
    columns="predicted",
)


def test_recall_is_bars_and_precision_diamonds():
    figure = class_performance_figure(SCORES, run="r")
    (axes,) = figure.axes
    assert [bar.get_height() for bar in axes.patches] == [75, 50, 0]
    diamonds = np.ma.filled(axes.collections[0].get_offsets(), np.nan)
    np.testing.assert_array_equal(diamonds[:, 1], [50, np.nan, np.nan])
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["b (500)", "a (50)", "c (5)"]
    assert "mean recall 62.5 %" in figure.get_suptitle()


def test_an_undefined_recall_says_none():
    axes = class_performance_figure(SCORES, run="r").axes[0]
    assert [(text.get_text(), text.get_position()[0]) for text in axes.texts] == [("none", 2)]
    nothing = SCORES.assign(recall=np.nan)
    assert "mean" not in class_performance_figure(nothing, run="r").get_suptitle()


def test_of_a_hundred_classes_every_second_is_named():
    table = pd.DataFrame(
        {
            "class": [f"c{i}" for i in range(100)],
            "train_count": range(100, 0, -1),
            "recall": 0.5,
            "precision": 0.5,
        }
    )
    axes = class_performance_figure(table, run="r").axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()][:2] == ["c0 (100)", "c2 (98)"]
    assert len(axes.patches) == 100
    assert axes.get_xlabel().endswith("head to tail; one of 2 is named")
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {90}


def test_confusion_shows_counts_on_shares_of_the_actual_class():
    axes = confusion_figure(CONFUSION, run="r").axes[0]
    cells = np.ma.filled(axes.images[0].get_array().astype(float), np.nan)
    np.testing.assert_array_equal(cells, [[75, 25, 0], [0, 100, 0], [np.nan, np.nan, np.nan]])
    assert [text.get_text() for text in axes.texts] == ["3", "1", "0", "0", "2", "0"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a", "c"]


def test_files_are_byte_stable(tmp_path):
    written = []
    for name in ("first", "second"):
        draw_class_performance(SCORES, tmp_path / name / "p.png", run="r")
        draw_confusion(CONFUSION, tmp_path / name / "c.png", run="r")
        written.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert len(written[0]) == 2
    assert written[0] == written[1]
