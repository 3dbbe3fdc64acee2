import numpy as np

from imbalens.reports.cam_alignment.figures import (
    alignment_figure,
    cams_figure,
    draw_alignment,
    draw_cams,
)
from imbalens.reports.cam_alignment.tables import alignment_table
from imbalens.store.examples import Example
from tests.reports.cam_alignment.test_tables import measured_of, nothing_measured

ORDER = ["c", "b", "a", "all", *(f"class {place}" for place in range(7))]


def example(label):
    image = np.full((8, 8, 1), 9, dtype=np.uint8)
    return Example(label, image, np.array([[1, 2, 3, 4]]))


def offsets(collection):
    return np.asarray(collection.get_offsets())


def test_bars_per_class_and_marks_on_them():
    found = measured_of([3, 0, 7], untrained=0.5, shifted=0.2)
    figure = alignment_figure(alignment_table(found, ["a", "b", "c"]), order=ORDER, run="r")
    soft, matched = figure.axes
    heights = [[bar.get_height() for bar in group] for group in soft.containers]
    np.testing.assert_allclose(heights, [[0.3, 0.1, 0.5], [0.6, 0.2, 0.6]])
    assert [group.get_label() for group in soft.containers] == ["IoBB", "IoR"]
    labels = [label.get_text() for label in matched.get_xticklabels()]
    assert labels == ["c (7)", "a (3)", "all (10)"]
    assert figure.get_suptitle().endswith("classes without a box, not drawn: 1")
    centres = [[bar.get_x() + bar.get_width() / 2 for bar in group] for group in soft.containers]
    for marks, label, scale in zip(
        soft.collections, ["untrained network", "shifted boxes"], [0.5, 0.2], strict=True
    ):
        assert marks.get_label() == label
        np.testing.assert_allclose(offsets(marks)[:, 0], np.transpose(centres).ravel())
        np.testing.assert_allclose(
            offsets(marks)[:, 1], scale * np.transpose(heights).ravel(), atol=1e-12
        )


def test_at_matched_scale_bars_and_the_auroc():
    figure = alignment_figure(
        alignment_table(measured_of([3, 7]), ["a", "b"]), order=ORDER, run="r"
    )
    matched = figure.axes[1]
    heights = [[bar.get_height() for bar in group] for group in matched.containers]
    # columns of a summary are AUROC, IoBB, IoR, ... at matched scale, half as large here
    np.testing.assert_allclose(heights, [[0.2, 0.1, 0.3], [0.05, 0.025, 0.35]])
    (marks,) = matched.collections
    np.testing.assert_allclose(offsets(marks)[:, 1], [0.1, 0.05, 0.25])
    assert matched.lines[0].get_ydata() == [0.5, 0.5]


def test_a_missing_control_has_no_marks():
    figure = alignment_figure(
        alignment_table(measured_of([3, 7]), ["a", "b"]), order=ORDER, run="r"
    )
    assert len(figure.axes[0].collections) == 0
    legends = [[text.get_text() for text in axes.get_legend().texts] for axes in figure.axes]
    assert legends == [["IoBB", "IoR"], ["IoBB", "IoR", "AUROC of pixels", "of a constant map"]]


def test_a_single_class_is_not_drawn_twice():
    axes = alignment_figure(alignment_table(measured_of([7]), ["a"]), order=ORDER, run="r").axes[1]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a (7)"]


def test_a_class_may_be_called_all():
    table = alignment_table(measured_of([3, 7]), ["all", "b"])
    axes = alignment_figure(table, order=ORDER, run="r").axes[1]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["b (7)", "all (3)", "all (10)"]


def test_without_boxes_the_figures_say_so():
    nothing = alignment_table(nothing_measured(2), ["a", "b"])
    for figure in (
        alignment_figure(nothing, order=ORDER, run="r"),
        cams_figure([], np.empty((0, 8, 8)), np.empty(0), order=ORDER, run="r"),
    ):
        assert [text.get_text() for text in figure.axes[0].texts] == ["no annotated image"]


def test_a_sheet_of_examples_shares_one_scale():
    examples, iobb = [example(f"class {i}") for i in range(7)], np.linspace(0.25, 0.85, 7)
    figure = cams_figure(examples, np.ones((7, 2, 2)), iobb, order=ORDER, run="r")
    panels, (scale,) = figure.axes[:8], figure.axes[8:]
    assert [bool(axes.images) for axes in panels] == [True] * 7 + [False]
    assert [axes.get_title() for axes in panels[:2]] == [
        "class 0\nIoBB 0.25",
        "class 1\nIoBB 0.35",
    ]
    assert scale.get_ylim() == (0, 1)


def test_files_are_byte_stable(tmp_path):
    table = alignment_table(measured_of([3, 7], shifted=0.5), ["a", "b"])
    written = []
    for name in ("first", "second"):
        draw_alignment(table, tmp_path / name / "a.png", order=ORDER, run="r")
        draw_cams(
            [example("a")],
            np.eye(2)[None],
            np.ones(1),
            tmp_path / name / "c.png",
            order=ORDER,
            run="r",
        )
        written.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert len(written[0]) == 2
    assert written[0] == written[1]
