from itertools import pairwise

import numpy as np
import pytest

from imbalens.analysis.changes.changes import archetype_flow
from imbalens.analysis.changes.measures import mean_change
from imbalens.reports.changes.figures import (
    MEASURES,
    changes_figure,
    draw_changes,
    draw_flows,
    flows_figure,
)
from imbalens.reports.changes.tables import change_table, flow_table

NAN = np.nan
LONG = "nih_chest_xray-densenet121_truncated-imagenet"


def flows_of(n_runs, n_classes=2):
    """Flows of some runs; class 0, with 4 instances, is the head."""
    before, after = np.array([0, 0, 0, 3, 3, 1]), np.array([0, 0, 1, 0, 3, 2])
    flow = archetype_flow(before, after, np.array([0, 0, 0, 0, 1, 1]), n_classes=n_classes)
    names, counts = [f"c{i}" for i in range(n_classes)], np.arange(n_classes, 0, -1)
    return flow_table({f"r{i}": flow for i in range(n_runs)}, names, counts)


def changes_of(values, *, chance=NAN):
    """Changes by run and measure, of classes c0, c1, ..."""
    n_classes = len(next(iter(next(iter(values.values())).values())))
    names, counts = [f"c{i}" for i in range(n_classes)], np.arange(n_classes, 0, -1)
    changes = {
        run: {
            measure: mean_change(np.array(of_class, dtype=float), counts, chance=chance)
            for measure, of_class in measures.items()
        }
        for run, measures in values.items()
    }
    return change_table(changes, names, counts)


def texts(axes):
    return [text.get_text() for text in axes.texts]


def ticks(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def values(axes):
    return np.ma.filled(axes.images[0].get_array().astype(float), NAN)


def test_counts_stand_above_and_the_net_change_per_class_below():
    above, below = flows_figure(flows_of(1), dataset="d", baseline="b").axes[:2]
    assert above.get_title() == "r0"
    assert ticks(above) == ["safe", "border", "rare", "outlier"]
    row_shares = [[200 / 3, 100 / 3, 0, 0], [0, 0, 100, 0], [NAN] * 4, [50, 0, 0, 50]]
    np.testing.assert_allclose(values(above), row_shares)
    assert texts(above) == ["2", "1", "0", "0", "0", "0", "1", "0", "1", "0", "0", "1"]
    assert ticks(below) == ["c0", "c1"]
    np.testing.assert_allclose(values(below), [[0, 25, 0, -25], [0, -50, 50, 0]])
    assert texts(below) == ["0", "+25", "0", "-25", "0", "-50", "+50", "0"]


def test_five_runs_take_two_lines_with_names_at_their_left():
    figure = flows_figure(flows_of(5), dataset="d", baseline="b")
    shown = [axes for axes in figure.axes if axes.axison and axes.images]
    assert [axes.get_title() for axes in shown if axes.get_title()] == [f"r{i}" for i in range(5)]
    assert [bool(ticks(axes)) for axes in shown] == ([True, *[False] * 2] * 2) + (
        [True, False] * 2
    )


def test_of_many_classes_both_ends_are_drawn():
    figure = flows_figure(flows_of(1, n_classes=30), dataset="d", baseline="b")
    assert ticks(figure.axes[1]) == [f"c{i}" for i in (0, 1, 2, 3, 4, 25, 26, 27, 28, 29)]
    assert figure.get_suptitle().endswith("5 largest and 5 smallest of 30 classes")
    assert np.isnan(values(figure.axes[1])[2:]).all(), "classes without instances"
    all_of_them = flows_figure(flows_of(1, n_classes=20), dataset="d", baseline="b")
    assert len(ticks(all_of_them.axes[1])) == 20


def test_a_panel_per_measure_with_all_classes_first():
    table = changes_of(
        {
            "x": {"colours": [0.5, 0.25], "cka": [0.5, NAN]},
            "y": {"cka": [1, 0], "another": [1, 1]},
        }
    )
    cka, colours = changes_figure(table, dataset="d", baseline="b").axes
    assert cka.get_title() == MEASURES["cka"][0]
    assert ticks(cka) == ["all classes", "c0", "c1"]
    np.testing.assert_array_equal(values(cka), [[0.5, 0.5], [0.5, 1], [NAN, 0]])
    assert texts(cka) == ["0.50", "0.50", "0.50", "1.00", "0.00"]
    assert cka.images[0].get_cmap().name == "cividis_r", "alike is dark"
    assert colours.images[0].get_cmap().name == "cividis", "moved is bright"
    assert ticks(colours) == []
    np.testing.assert_array_equal(values(colours), [[37.5, NAN], [50, NAN], [25, NAN]])
    assert [label.get_text() for label in colours.get_xticklabels()] == ["x", "y"]


@pytest.mark.parametrize(("classes", "shown"), [(2, True), (3, False)])
def test_of_two_classes_it_is_said_why_adversaries_do_not_move(classes, shown):
    table = changes_of({"x": {"adversaries": [NAN] * classes, "colours": [0.5] * classes}})
    title = changes_figure(table, dataset="d", baseline="b").get_suptitle()
    assert ("adversaries, errors: with two classes always the other one" in title) == shown


def test_what_chance_gives_stands_in_the_title():
    table = changes_of({"x": {"top_features": [2, 10]}}, chance=1.5625)
    (axes,) = changes_figure(table, dataset="d", baseline="b").axes
    assert axes.get_title().endswith("\n(by chance 1.6)")
    assert texts(axes) == ["6", "2", "10"]


def test_long_names_of_runs_stay_apart():
    runs = [f"{LONG}-{loss}-seed{i}" for loss in ("focal", "cb_focal") for i in range(3)]
    table = changes_of({run: {key: [0.5, 0.5] for key in MEASURES} for run in runs})
    figure = changes_figure(table, dataset="d", baseline=f"{LONG}-bce")
    figure.draw_without_rendering()
    names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert names == [run.removeprefix(f"{LONG}-") for run in runs]
    shown = [axes for axes in figure.axes if axes.axison]
    assert len(shown) == len(MEASURES)
    for left, right in pairwise(axes.title.get_window_extent() for axes in shown):
        assert left.x1 < right.x0 or left.y0 > right.y1, "titles side by side or on another line"


def test_without_a_run_beside_the_baseline_the_figures_say_so():
    expected = ["no run of this dataset beside the baseline"]
    empty = change_table({}, ["c0"], np.array([1]))
    assert texts(changes_figure(empty, dataset="d", baseline="b").axes[0]) == expected
    assert texts(flows_figure(flows_of(0), dataset="d", baseline="b").axes[0]) == expected


def test_files_are_byte_stable(tmp_path):
    table = changes_of({"x": {"cka": [1, 0.5]}})
    written = []
    for name in ("first", "second"):
        draw_changes(table, tmp_path / name / "c.png", dataset="d", baseline="b")
        draw_flows(flows_of(1), tmp_path / name / "f.png", dataset="d", baseline="b")
        written.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert len(written[0]) == 2
    assert written[0] == written[1]
