import numpy as np
import pandas as pd
import pytest

from imbalens.analysis.adversaries.adversaries import adversaries
from imbalens.reports.adversaries import (
    adversaries_figure,
    adversary_metrics,
    class_score_table,
    draw_adversaries,
    draw_predictors,
    predictor_table,
    predictors_figure,
    share_table,
)


def shares(rows):
    return pd.DataFrame(rows, columns=["class", "adversary", "share"])


def both(errors, neighbours):
    return pd.concat([errors.assign(kind="errors"), neighbours.assign(kind="neighbours")])


SHOWN = {"errors_by": "by_actual", "split": "test"}
ERRORS = shares(
    [("a", "b", 0.75), ("a", "c", 0.25), ("b", "a", np.nan), ("b", "c", np.nan), ("c", "a", 1.0)]
)
NEIGHBOURS = shares([("a", "b", 0.5), ("a", "c", 0.5), ("b", "a", 1.0), ("c", "b", 1.0)])


def bars(axes):
    """(row, left, width, colour) of every bar."""
    return [
        (
            round(bar.get_y() + bar.get_height() / 2),
            round(bar.get_x(), 6),
            round(bar.get_width(), 6),
            bar.get_facecolor(),
        )
        for bar in axes.patches
    ]


def test_both_panels_stack_the_shares():
    left, right = adversaries_figure(both(ERRORS, NEIGHBOURS), run="r", **SHOWN).axes
    assert [bar[:3] for bar in bars(left)] == [(0, 0, 75), (0, 75, 25), (2, 0, 100)]
    assert [bar[:3] for bar in bars(right)] == [(0, 0, 50), (0, 50, 50), (1, 0, 100), (2, 0, 100)]


def test_an_adversary_has_one_colour_in_both_panels():
    left, right = adversaries_figure(both(ERRORS, NEIGHBOURS), run="r", **SHOWN).axes
    b_left, c_left, a_left = (bar[3] for bar in bars(left))
    b_right, c_right, a_right, again_b = (bar[3] for bar in bars(right))
    assert (a_left, b_left, c_left) == (a_right, b_right, c_right)
    assert again_b == b_right
    assert len({a_left, b_left, c_left}) == 3


def test_a_class_without_errors_says_so():
    left, right = adversaries_figure(both(ERRORS, NEIGHBOURS[1:3]), run="r", **SHOWN).axes
    assert [t.get_text() for t in left.texts if t.get_position()[1] == 1] == ["no errors"]
    assert "no neighbours selected" in [text.get_text() for text in right.texts]


@pytest.mark.parametrize("value", [np.nan, None])
def test_nothing_but_undefined_shares_still_draws(tmp_path, value):
    errors = shares([("a", "b", value), ("b", "a", value)])
    draw_adversaries(both(errors, errors), tmp_path / "x.png", run="r", **SHOWN)
    axes = adversaries_figure(both(errors, errors), run="r", **SHOWN).axes[0]
    assert not axes.patches
    assert [text.get_text() for text in axes.texts] == ["no errors", "no errors"]


def test_with_many_classes_the_light_adversaries_are_pooled():
    names = [f"c{i}" for i in range(31)]
    table = shares([(one, two, 1 / 30) for one in names for two in names if one != two])
    figure = adversaries_figure(both(table, table), run="r", **SHOWN)
    left = figure.axes[0]
    assert [label.get_text() for label in left.get_yticklabels()] == names[:5] + names[-5:]
    assert len(figure.legends[0].get_texts()) == 13
    assert figure.legends[0].get_texts()[-1].get_text() == "other classes"
    widths = pd.DataFrame(bars(left)).groupby(0)[2].sum()
    np.testing.assert_allclose(widths, 100)


def test_every_predictor_has_a_bar_in_every_panel_and_none_is_not_zero():
    table = pd.DataFrame(
        {
            "predictor": ["nearest_adversaries", "uniform"],
            "log_loss": [0.25, 1.5],
            "jensen_shannon": [0.125, 1.0],
            "kld": [0.5, 2.0],
            "rank_correlation": [0.75, np.nan],
            "top1": [0.5, 0.0],
            "classes": [9, 9],
        }
    )
    figure = predictors_figure(table, run="r", undefined="")
    assert figure.get_suptitle() == "What foretells the errors · r"
    widths = [[bar.get_width() for bar in axes.patches] for axes in figure.axes]
    np.testing.assert_allclose(widths, [[0.25, 1.5], [0.125, 1], [0.5, 2], [0.75, 0], [0.5, 0]])
    texts = [[text.get_text().strip() for text in axes.texts] for axes in figure.axes]
    assert texts == [
        ["0.25", "1.5"],
        ["0.125", "1"],
        ["0.5", "2"],
        ["0.75", "none"],
        ["0.5", "0"],
    ]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["nearest_adversaries (9)", "uniform (9)"]


def test_files_are_byte_stable(tmp_path):
    table = pd.DataFrame(
        {
            "predictor": ["fdr"],
            "log_loss": [1.0],
            "jensen_shannon": [np.nan],
            "kld": [np.nan],
            "rank_correlation": [-0.5],
            "top1": [0.0],
            "classes": [0],
        }
    )
    written = []
    for name in ("first", "second"):
        draw_adversaries(both(ERRORS, NEIGHBOURS), tmp_path / name / "a.png", run="r", **SHOWN)
        draw_predictors(table, tmp_path / name / "p.png", run="r", undefined="why")
        written.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert len(written[0]) == 2
    assert written[0] == written[1]


def test_where_nothing_is_scored_the_figure_and_the_metrics_say_why():
    labels = np.array([0, 0, 0, 1, 1, 1])
    taken = np.array([0, 0, 1, 1, 1, 0])
    found = adversaries(
        *(np.arange(6.0)[:, None], labels, taken, labels, taken),
        n_classes=2,
        n_neighbors=3,
        instances="misclassified_by_actual",
        errors="by_actual",
        eps=1e-5,
        alpha=0.5,
    )
    metrics = adversary_metrics(found, ["a", "b"])
    why = "with two classes every error of a class goes to the other, whatever is foretold"
    assert metrics["undefined"] == found.undefined == why
    assert metrics["class_errors"] == {"a": 1, "b": 1}
    table = predictor_table(found.scores)
    assert table.drop(columns=["predictor", "classes"]).isna().all(axis=None)
    figure = predictors_figure(table, run="r", undefined=found.undefined)
    assert figure.get_suptitle().splitlines()[1] == f"undefined: {why}"
    for axes in figure.axes:
        assert [text.get_text() for text in axes.texts] == [" none"] * len(table)


def test_each_class_has_its_divergence_beside_that_of_fdr():
    """Of a, b and c, b is always taken for a; a and c have no training errors of their own."""
    features = np.array([[0.0], [1.0], [2.0], [6.0], [7.0], [9.0]])
    classes, taken_for = np.array([0, 0, 1, 1, 1, 2]), np.array([0, 0, 0, 1, 1, 2])
    found = adversaries(
        *(features, classes, taken_for, np.array([1, 1, 0]), np.array([0, 0, 1])),
        n_classes=3,
        n_neighbors=2,
        instances="misclassified_by_actual",
        errors="by_actual",
        eps=1e-5,
        alpha=0.5,
    )
    table = class_score_table(found, ["a", "b", "c"], np.array([2, 3, 1])).set_index("class")
    assert list(table.index) == ["b", "a", "c"], "head first"
    assert table["instances"].tolist() == [1, 0, 0]
    assert table["errors"].tolist() == [2, 1, 0]
    assert table["kld"].fillna(-1).tolist() == [0, -1, -1]
    fdr = found.predictors["FDR"].share[1]
    assert table.loc["b", "kld_fdr"] == pytest.approx(np.log(1 / fdr[0]), abs=1e-3)
    b = (2 + 0.5) / (2 + 0.5 * 2)  # both errors of b, and both its neighbours, are of class a
    assert table.loc[["b", "a"], "log_loss"].tolist() == pytest.approx([-np.log(b), np.log(2)])
    metrics = adversary_metrics(found, ["a", "b", "c"])
    assert metrics["class_kld"]["b"] == 0
    assert metrics["log_loss"] == pytest.approx((-2 * np.log(b) + np.log(2)) / 3), "over errors"
    pairs = share_table(found, ["a", "b", "c"], np.array([2, 3, 1]))
    assert pairs["kind"].unique().tolist() == ["errors", "neighbours", "FDR", "random"]
    assert len(pairs) == 4 * 6
