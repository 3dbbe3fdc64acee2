import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb

from imbalens.analysis.feature_overlap import feature_overlap
from imbalens.reports.common.style import NEUTRAL
from imbalens.reports.feature_overlap import (
    SHARED_BY,
    draw_pairs,
    draw_top_features,
    feature_overlap_metrics,
    overlap_table,
    pairs_figure,
    top_feature_table,
    top_features_figure,
)


def features(rows):
    return pd.DataFrame(rows, columns=["class", "position", "feature", "share"])


SMALL = features([("b", 0, 7, 0.75), ("b", 1, 3, 0.25), ("a", 1, 9, 0.375), ("a", 0, 7, 0.625)])


def test_segments_are_stacked_from_the_strongest_up():
    axes = top_features_figure(SMALL, run="r", top_k=2).axes[0]
    segments = [
        (round(bar.get_x() + bar.get_width() / 2), bar.get_y(), bar.get_height())
        for bar in axes.patches
    ]
    assert segments == [(0, 0, 75), (0, 75, 25), (1, 0, 62.5), (1, 62.5, 37.5)]
    assert [text.get_text() for text in axes.texts] == ["7", "3", "7", "9"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["b", "a"]


def test_the_title_of_few_classes_is_within_the_figure():
    figure = top_features_figure(SMALL, run="r" * 100, top_k=2)
    FigureCanvasAgg(figure).draw()
    title = figure.texts[0].get_window_extent()
    assert title.x0 >= 0
    assert title.x1 <= figure.bbox.width


def test_a_feature_is_darker_the_more_classes_share_it_and_a_lone_one_is_grey():
    users = [("a", 1), ("ab", 2), ("abc", 3), ("abcd", 4), ("abcde", 5)]
    rows = [(name, n, n, 0.2) for names, n in users for name in names]
    axes = top_features_figure(features(rows), run="r", top_k=2).axes[0]
    colours = {text.get_text(): text.get_gid() for text in axes.texts}
    assert colours == {f"{n}": f"on {SHARED_BY[min(n, 4) - 1]}" for n in range(1, 6)}
    assert SHARED_BY[0] == NEUTRAL
    lightness = [sum(to_rgb(colour)) for colour in SHARED_BY[1:]]
    assert lightness == sorted(lightness, reverse=True)


def test_classes_with_fewer_features_are_named():
    table = features([("b", 1, 7, 0.75), ("b", 2, 3, 0.25), ("a", 1, 9, 1.0)])
    title = top_features_figure(table, run="r", top_k=2).get_suptitle()
    assert "fewer than 2 features above 0: a\n" in title + "\n"
    whole = top_features_figure(SMALL, run="r", top_k=2).get_suptitle()
    assert "fewer than" not in whole


def test_dead_features_are_in_no_table_and_said_in_the_metrics():
    """Two classes with live features of their own, three of six; a third without images."""
    rows = np.array([[3.0, 2, 1, 0, 0, 0], [0, 0, 0, 1, 2, 3]])
    found = feature_overlap(rows, np.array([0, 1]), n_classes=3, top_k=4)
    names, counts = ["a", "b", "c"], np.array([1, 1, 0])
    table = top_feature_table(found.top, names, counts)
    assert table["class"].tolist() == ["a"] * 3 + ["b"] * 3
    assert table["feature"].tolist() == [0, 1, 2, 5, 4, 3]
    assert table["position"].tolist() == [1, 2, 3] * 2
    metrics = feature_overlap_metrics(found, names, counts)
    assert metrics["fewer_features"] == {"a": 3, "b": 3}
    assert metrics["mean_shared"] == metrics["mean_density_ratio"] == 0
    assert metrics["own_density_ratio"] == 1
    pairs = overlap_table(found, names, counts).set_index(["class", "other"])
    assert pairs.loc[("a", "b"), "shared"] == 0
    assert np.isnan(pairs.loc[("a", "c"), "shared"])


def test_sharing_is_judged_among_the_classes_shown():
    rows = [(f"c{place}", 0, 1 if place in (0, 20) else 100 + place, 1.0) for place in range(40)]
    bars = top_features_figure(features(rows), run="r", top_k=2).axes[0].patches
    assert len(bars) == 10
    assert {to_hex(bar.get_facecolor()) for bar in bars} == {NEUTRAL.lower()}


def test_pairs_given_once_fill_both_halves():
    table = pd.DataFrame(
        [("a", "b", 5), ("a", "c", 0), ("b", "c", 2)], columns=["class", "other", "shared"]
    )
    axes = pairs_figure(table, run="r").axes[0]
    cells = np.ma.filled(axes.images[0].get_array().astype(float), np.nan)
    np.testing.assert_array_equal(cells, [[np.nan, 5, 0], [5, np.nan, 2], [0, 2, np.nan]])
    assert [text.get_text() for text in axes.texts] == ["5", "0", "5", "2", "0", "2"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]


def test_a_large_matrix_has_no_numbers():
    names = [f"c{i}" for i in range(31)]
    table = pd.DataFrame(
        [(one, two, 1) for one in names for two in names if one != two],
        columns=["class", "other", "shared"],
    )
    axes = pairs_figure(table, run="r").axes[0]
    assert not axes.texts
    assert len(axes.get_xticklabels()) == 31


def test_of_a_very_large_matrix_every_second_class_is_named():
    names = [f"c{i}" for i in range(100)]
    table = pd.DataFrame(
        [("c0", name, 1) for name in names[1:]], columns=["class", "other", "shared"]
    )
    axes = pairs_figure(table, run="r").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == names[::2]


def test_files_are_byte_stable_even_where_nothing_is_shared(tmp_path):
    table = pd.DataFrame([("a", "b", 0)], columns=["class", "other", "shared"])
    written = []
    for name in ("first", "second"):
        draw_pairs(table, tmp_path / name / "p.png", run="r")
        draw_top_features(SMALL, tmp_path / name / "t.png", run="r", top_k=2)
        written.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert len(written[0]) == 2
    assert written[0] == written[1]
