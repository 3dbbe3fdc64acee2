import numpy as np
import pandas as pd

from imbalens.reports.performance.labels import (
    draw_label_performance,
    label_performance_figure,
)

TABLE = pd.DataFrame(
    {
        "class": ["Mass", "Edema", "Hernia"],
        "train_count": [500, 50, 5],
        "prevalence": [0.25, 0.125, 0.0],
        "auroc": [0.75, 0.5, np.nan],
        "ap": [0.5, 0.25, np.nan],
        "probability_positives": [0.75, 0.25, np.nan],
        "probability": [0.5, 0.125, 0.0625],
    }
)


MEANS = {"auroc": (0.625, 2), "ap": (0.375, 2), "probability_positives": (0.5, 2)}


def heights(bars):
    return [bar.get_height() for bar in bars]


def words(axes):
    return [(text.get_text(), round(text.get_position()[0], 2)) for text in axes.texts]


def test_three_panels_show_the_table():
    ranking, precision, probability = label_performance_figure(TABLE, MEANS, run="r").axes
    assert heights(ranking.patches) == [0.75, 0.5, 0]
    assert set(ranking.lines[0].get_ydata()) == {0.5}
    assert heights(precision.patches) == [0.5, 0.25, 0]
    marks = [line[0, 1] for line in precision.collections[0].get_segments()]
    assert marks == [0.25, 0.125, 0.0]
    positives, everything = probability.containers
    assert heights(positives) == [0.75, 0.25, 0]
    assert heights(everything) == [0.5, 0.125, 0.0625]
    legend = [text.get_text() for text in probability.get_legend().get_texts()]
    assert legend == ["images with the label", "all images"]
    assert ranking.get_title(loc="left") == "mean of 2 labels: 0.625"
    assert precision.get_title(loc="left") == "mean of 2 labels: 0.375"
    assert probability.get_title(loc="left") == "mean of 2 labels: 0.500 (images with the label)"
    labels = [label.get_text() for label in probability.get_xticklabels()]
    assert labels == ["Mass (500)", "Edema (50)", "Hernia (5)"]


def test_an_undefined_figure_says_none():
    ranking, precision, probability = label_performance_figure(TABLE, MEANS, run="r").axes
    assert words(ranking) == words(precision) == [("none", 2)]
    assert words(probability) == [("none", 1.82)]


def test_one_label_has_no_mean():
    only = TABLE.iloc[:1].assign(**{"class": "Unhealthy"})
    panels = label_performance_figure(only, dict.fromkeys(MEANS, (0.5, 1)), run="r").axes
    assert [heights(panel.patches) for panel in panels] == [[0.75], [0.5], [0.75, 0.5]]
    assert {panel.get_title(loc="left") for panel in panels} == {""}


def test_many_labels_all_have_a_name():
    table = pd.concat([TABLE] * 12, ignore_index=True)
    axes = label_performance_figure(table, MEANS, run="r").axes[-1]
    assert len(axes.get_xticklabels()) == 36
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {90}


def test_files_are_byte_stable(tmp_path):
    paths = [tmp_path / "first.png", tmp_path / "second.png"]
    for path in paths:
        draw_label_performance(TABLE, MEANS, path, run="r")
    assert paths[0].read_bytes() == paths[1].read_bytes()
