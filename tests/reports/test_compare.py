from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from imbalens.reports.common.palette import RUNS
from imbalens.reports.compare import (
    cam_rows_figure,
    class_figures_figure,
    draw_cam_rows,
    draw_class_figures,
    settings_markdown,
    settings_table,
)
from imbalens.store.examples import Example

NAN = np.nan


def of_labels(auroc, ap=0.5, probability=0.25, **stages):
    """Metrics of a setting on labels: AUROC by label, and their mean."""
    defined = [value for value in auroc.values() if value is not None]
    return {
        "model": "resnet50",
        "loss": "bce",
        "performance": {
            "trainings": 2,
            "auroc": float(np.mean(defined)),
            "ap": ap,
            "probability_positives": probability,
            "probability": None,
            "ece": 0.125,
            "classes": {"auroc": 2, "ap": 2, "probability_positives": 2, "ece": 2},
            "class": {
                label: {"auroc": value, "ap": ap, "probability_positives": probability}
                for label, value in auroc.items()
            },
        },
        **stages,
    }


def of_classes(recall, precision):
    performance = {"trainings": 1, "accuracy": 0.5, "recall": recall, "precision": precision}
    return {"model": "resnet8", "loss": "ce", "performance": performance}


ALIGNMENT = {
    "trainings": 1,
    "iobb": 0.25,
    "untrained": {"iobb": 0.125, "ior": 0.5},
    "all_zero": None,
}
CONCEPTS = {"trainings": 1, "disjoint": 123.44, "unique": 34.56, "dead_channels": 3, "class": {}}
LABELS = {
    "a": of_labels({"x": 0.75, "y": None}, cam_alignment=ALIGNMENT, concepts=CONCEPTS),
    "b": of_labels({"x": 0.5, "y": 0.25}),
}


def test_the_table_has_the_figures_that_some_setting_has():
    table = settings_table(LABELS)
    columns = {
        "setting": ["a", "b"],
        "model": ["resnet50", "resnet50"],
        "loss": ["bce", "bce"],
        "performance_trainings": [2, 2],
        "auroc": [0.75, 0.375],
        "auroc_classes": [2, 2],
        "ap": [0.5, 0.5],
        "ap_classes": [2, 2],
        "probability_positives": [0.25, 0.25],
        "probability_positives_classes": [2, 2],
        "ece": [0.125, 0.125],
        "ece_classes": [2, 2],
        "cam_alignment_trainings": pd.array([1, None], dtype="Int64"),
        "iobb": [0.25, NAN],
        "iobb_untrained": [0.125, NAN],
        "concepts_trainings": pd.array([1, None], dtype="Int64"),
        "disjoint": [123.44, NAN],
        "unique": [34.56, NAN],
        "dead_channels": [3, NAN],
    }
    assert list(table.columns) == list(columns)
    for column, values in columns.items():
        pd.testing.assert_series_equal(
            table[column], pd.Series(values, name=column), check_dtype=False, obj=column
        )


def test_markdown_by_hand():
    assert settings_markdown(settings_table(LABELS), dataset="d").splitlines() == [
        "# d: one row per setting, means over its trainings",
        "",
        "## Classification",
        "",
        "In brackets: classes, or labels, that a mean is over.",
        "",
        "| setting | network | loss | trainings | AUROC of labels | AP of labels "
        "| predicted probability of positives | ECE |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
        "| a | resnet50 | bce | 2 | 0.7500 (2) | 0.5000 (2) | 0.2500 (2) | 0.1250 (2) |",
        "| b | resnet50 | bce | 2 | 0.3750 (2) | 0.5000 (2) | 0.2500 (2) | 0.1250 (2) |",
        "",
        "## Alignment of class activation maps with boxes (paper A, Table 1)",
        "",
        "| setting | network | loss | trainings | IoBB | IoBB, untrained |",
        "| --- | --- | --- | ---: | ---: | ---: |",
        "| a | resnet50 | bce | 1 | 0.2500 | 0.1250 |",
        "| b | resnet50 | bce |  |  |  |",
        "",
        "## Concepts in boxes (paper A, Table 2)",
        "",
        "| setting | network | loss | trainings | disjoint concepts | unique concepts "
        "| dead channels |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
        "| a | resnet50 | bce | 1 | 123.4 | 34.6 | 3 |",
        "| b | resnet50 | bce |  |  |  |  |",
    ]


def test_a_mean_of_counts_may_be_no_whole_number():
    part = of_labels({"x": 0.75, "y": 0.5})
    part["performance"]["classes"]["auroc"] = 14 / 3
    table = settings_table({"a": part, "b": of_labels({"x": 0.5})})
    text = settings_markdown(table, dataset="d")
    assert "| 0.6250 (4.67) |" in text
    assert "| 0.5000 (2) |" in text


def test_a_dataset_without_runs_has_an_empty_table_and_says_so():
    table = settings_table({})
    assert list(table.columns) == ["setting", "model", "loss"]
    assert (
        settings_markdown(table, dataset="d")
        == "# d: one row per setting, means over its trainings\n"
    )
    axes = draw({}).axes[0]
    assert [text.get_text() for text in axes.texts] == ["no run of this dataset"]


def draw(metrics, order=("x", "y")):
    return class_figures_figure(metrics, order=order, dataset="d")


def heights(axes):
    """Values by setting; a place that says "none" holds 0."""
    points = [np.ma.filled(dots.get_offsets(), NAN)[:, 0] for dots in axes.collections]
    return [np.nan_to_num(of_setting).tolist() for of_setting in points]


def names(figure):
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_labels_have_three_panels_of_one_dot_per_setting_and_label():
    figure = draw(LABELS)
    auroc, ap, probability = figure.axes
    assert heights(auroc) == [[0.75, 0.75, 0], [0.375, 0.5, 0.25]]
    assert heights(ap) == [[0.5] * 3] * 2
    assert heights(probability) == [[0.25] * 3] * 2
    headings = [axes.get_title() for axes in figure.axes]
    assert headings == ["AUROC of labels", "AP of labels", "predicted probability of positives"]
    assert names(figure) == ["average", "x", "y"]
    assert [text.get_text() for text in figure.legends[0].texts] == ["a", "b"]
    colours = [to_hex(dots.get_facecolor()[0]) for dots in auroc.collections]
    assert colours == [RUNS[0].light, RUNS[1].light]


def test_a_setting_keeps_its_colour_where_another_has_no_predictions():
    nothing = {"performance": {"status": "not applicable", "reason": "r"}}
    figure = draw({"first": nothing, "b": LABELS["b"]})
    (dots,) = figure.axes[0].collections
    assert to_hex(dots.get_facecolor()[0]) == RUNS[1].light


def test_what_is_undefined_says_none_at_its_place():
    auroc = draw(LABELS).axes[0]
    (text,) = auroc.texts
    assert text.get_text() == "none"
    assert text.get_position()[1] == pytest.approx(2.5 - 0.35 / 2)


def test_dots_of_a_class_stand_apart_around_its_tick():
    axes = draw({name: of_labels({"x": 0.5, "y": 0.5}) for name in "abc"}).axes[0]
    places = np.array([dots.get_offsets()[:, 1] for dots in axes.collections])
    np.testing.assert_allclose(places.mean(axis=0), axes.get_yticks())
    assert (np.diff(places, axis=0) > 0.2).all()
    assert (np.ptp(places, axis=0) < 1).all()


def test_exclusive_classes_have_recall_and_precision_and_their_averages():
    metrics = {
        "a": of_classes({"x": 0.5, "y": 0.25}, {"x": 0.75, "y": None}),
        "b": of_classes({"x": 1.0, "y": 0.0}, {"x": None, "y": None}),
    }
    figure = draw(metrics)
    recall, precision = figure.axes
    assert heights(recall) == [[0.375, 0.5, 0.25], [0.5, 1.0, 0.0]]
    assert heights(precision) == [[0.75, 0.75, 0], [0, 0, 0]]
    assert len(recall.texts) == 0, "a recall of 0 is not undefined"
    assert len(precision.texts) == 4
    assert names(figure) == ["average", "x", "y"]


def test_classes_stand_from_head_to_tail():
    metrics = {"a": of_classes({"x": 0.5, "y": 0.25}, {"x": 0.75, "y": None})}
    figure = draw(metrics, order=("y", "x"))
    assert names(figure) == ["average", "y", "x"]
    assert heights(figure.axes[0]) == [[0.375, 0.25, 0.5]]
    assert figure.axes[0].get_ylim()[0] > figure.axes[0].get_ylim()[1], "the head is at the top"


def test_a_single_label_is_not_drawn_twice():
    figure = draw({"a": of_labels({"sick": 0.5})}, order=["sick"])
    assert names(figure) == ["sick"]
    assert heights(figure.axes[0]) == [[0.5]]


def test_a_class_may_be_called_average():
    metrics = {"a": of_classes({"average": 0.25, "b": 0.75}, {"average": 1.0, "b": 1.0})}
    figure = draw(metrics, order=("average", "b"))
    assert names(figure) == ["average", "average", "b"]
    assert heights(figure.axes[0]) == [[0.5, 0.25, 0.75]]


def test_of_a_hundred_classes_both_ends_are_drawn_and_the_title_says_so():
    values = {f"c{i:02}": i / 100 for i in range(100)}
    figure = draw({"a": of_classes(values, values)}, order=list(values))
    assert names(figure) == ["average", *list(values)[:5], *list(values)[-5:]]
    assert heights(figure.axes[0])[0][0] == pytest.approx(0.495), "the average is over all"
    assert figure.get_suptitle().endswith("\n5 largest and 5 smallest of 100 classes")


def test_long_names_of_runs_stay_apart_and_inside_the_figure():
    runs = [f"nih_chest_xray-densenet121_truncated-imagenet-{loss}-paper" for loss in "abcd"]
    figure = draw({run: of_labels({"x": 0.5, "y": 0.5}) for run in runs})
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == runs
    figure.draw_without_rendering()
    assert legend.get_window_extent().width < figure.bbox.width


def annotated(*labels):
    boxes, image = np.array([[1, 2, 3, 4], [0, 0, 2, 2]]), np.full((8, 8, 1), 9, dtype=np.uint8)
    return [Example(label, image, boxes) for label in labels]


def cams_of(runs, n):
    return {run: np.full((n, 8, 8), (place + 1) / 10) for place, run in enumerate(runs)}


def test_a_row_has_the_image_and_each_runs_map_on_it():
    cams = cams_of("ab", 2)
    cams["b"][1] = 0.7
    figure = cam_rows_figure(annotated("x", "y"), cams, order=["x", "y"], dataset="d")
    cells = np.array(figure.axes[:6]).reshape(2, 3)
    assert [axes.get_title() for axes in cells[0]] == ["image", "a", "b"]
    assert [line[0].get_ylabel() for line in cells] == ["x", "y"]
    found = [[len(axes.images) for axes in line] for line in cells]
    assert found == [[1, 2, 2]] * 2, "the bare image, and under each map"
    assert (cells[0, 1].images[1].get_array() == 0.1).all()
    assert (cells[1, 2].images[1].get_array() == 0.7).all()
    assert (cells[0, 2].images[1].get_array() == 0.2).all()
    for axes in cells.flat:
        frames = [(frame.get_width(), frame.get_height()) for frame in axes.patches]
        assert frames == [(3, 4), (2, 2)]
    limits = {axes.images[1].get_clim() for axes in cells[:, 2]}
    assert limits == {(0, 1)}, "one colour scale"


def test_images_stand_from_head_to_tail_each_with_its_own_map():
    cams = {"a": np.stack([np.full((8, 8), 0.25), np.full((8, 8), 0.75)])}
    figure = cam_rows_figure(annotated("x", "y"), cams, order=["y", "x"], dataset="d")
    first, second = np.array(figure.axes[:4]).reshape(2, 2)
    assert [line[0].get_ylabel() for line in (first, second)] == ["y", "x"]
    assert (first[1].images[1].get_array() == 0.75).all()


def test_long_names_of_runs_do_not_overlap_above_the_images():
    runs = [f"nih_chest_xray-densenet121_truncated-imagenet-{loss}-paper" for loss in "ab"]
    figure = cam_rows_figure(annotated("x"), cams_of(runs, 1), order=["x"], dataset="d")
    figure.draw_without_rendering()
    boxes = [axes.title.get_window_extent() for axes in figure.axes[:3]]
    for left, right in pairwise(boxes):
        assert left.x1 < right.x0
    shown = figure.axes[1].get_title().replace("\n", "")
    assert shown == runs[0]


def test_without_maps_the_figure_says_so():
    axes = cam_rows_figure([], {}, order=[], dataset="d").axes[0]
    expected = "no maps: dumps.maps.runs names no run of this dataset"
    assert [text.get_text() for text in axes.texts] == [expected]


def test_files_are_byte_stable(tmp_path):
    written = []
    for name in ("first", "second"):
        draw_class_figures(LABELS, tmp_path / name / "c.png", order=["x", "y"], dataset="d")
        draw_cam_rows(
            annotated("x"), cams_of("a", 1), tmp_path / name / "m.png", order=["x"], dataset="d"
        )
        written.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert len(written[0]) == 2
    assert written[0] == written[1]
