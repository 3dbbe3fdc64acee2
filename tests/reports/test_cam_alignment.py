import numpy as np

from imbalens.analysis.alignment import AlignmentSummary
from imbalens.reports.cam_alignment import (
    CamExample,
    alignment_figure,
    alignment_table,
    cams_figure,
    draw_alignment,
    draw_cams,
)

NAN = np.nan


def summary_of(pairs, scale=1.0):
    """Class i has iobb .1 (i + 1), ior .2 (i + 1), ...; none where it has no pairs."""
    pairs = np.array(pairs)
    means = 0.1 * scale * np.outer(np.arange(len(pairs)) + 1, [1, 2, 0.5, 3, 0.25])
    means[pairs == 0] = NAN
    return AlignmentSummary(pairs, means, scale * np.array([0.5, 0.6, 0.7, 0.8, 0.9]))


def example(label):
    image = np.full((8, 8, 1), 9, dtype=np.uint8)
    return CamExample(label, image, np.eye(2), np.array([[1, 2, 3, 4]]), 0.25)


def offsets(collection):
    return np.asarray(collection.get_offsets())


def test_table_lists_classes_head_first_and_all_last():
    table = alignment_table(
        summary_of([3, 0, 7]),
        ["a", "b", "c"],
        hard=summary_of([3, 0, 7], 0.9),
        untrained=summary_of([3, 0, 7], 0.5),
    )
    assert list(table["class"]) == ["c", "a", "b", "all"]
    assert list(table["pairs"]) == [7, 3, 0, 10]
    columns = {
        "iobb": [0.3, 0.1, NAN, 0.5],
        "ior": [0.6, 0.2, NAN, 0.6],
        "iou": [0.15, 0.05, NAN, 0.7],
        "pointing": [0.9, 0.3, NAN, 0.8],
        "all_zero": [0.075, 0.025, NAN, 0.9],
        "iobb_hard": [0.27, 0.09, NAN, 0.45],
        "ior_hard": [0.54, 0.18, NAN, 0.54],
        "iou_hard": [0.135, 0.045, NAN, 0.63],
        "iobb_untrained": [0.15, 0.05, NAN, 0.25],
        "ior_untrained": [0.3, 0.1, NAN, 0.3],
        "iobb_shifted": [NAN] * 4,
        "ior_shifted": [NAN] * 4,
    }
    assert list(table.columns) == ["class", "pairs", *columns]
    for name, values in columns.items():
        np.testing.assert_allclose(table[name], values, atol=1e-12, err_msg=name)


def test_bars_per_class_and_marks_on_them():
    table = alignment_table(
        summary_of([3, 0, 7]),
        ["a", "b", "c"],
        untrained=summary_of([3, 0, 7], 0.5),
        shifted=summary_of([3, 0, 7], 0.2),
    )
    axes = alignment_figure(table, run="r").axes[0]
    heights = [[bar.get_height() for bar in group] for group in axes.containers]
    np.testing.assert_allclose(heights, [[0.3, 0.1, 0.5], [0.6, 0.2, 0.6]])
    assert [group.get_label() for group in axes.containers] == ["soft IoBB", "soft IoR"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["c (7)", "a (3)", "all (10)"]
    assert axes.get_title().endswith("classes without a box, not drawn: 1")
    centres = [[bar.get_x() + bar.get_width() / 2 for bar in group] for group in axes.containers]
    for marks, label, scale in zip(
        axes.collections, ["untrained network", "shifted boxes"], [0.5, 0.2], strict=True
    ):
        assert marks.get_label() == label
        np.testing.assert_allclose(offsets(marks)[:, 0], np.transpose(centres).ravel())
        np.testing.assert_allclose(
            offsets(marks)[:, 1], scale * np.transpose(heights).ravel(), atol=1e-12
        )


def test_a_missing_control_has_no_marks():
    figure = alignment_figure(alignment_table(summary_of([3, 7]), ["a", "b"]), run="r")
    assert len(figure.axes[0].collections) == 0
    assert [text.get_text() for text in figure.legends[0].texts] == ["soft IoBB", "soft IoR"]


def test_a_single_class_is_not_drawn_twice():
    axes = alignment_figure(alignment_table(summary_of([7]), ["a"]), run="r").axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a (7)"]


def test_a_class_may_be_called_all():
    table = alignment_table(summary_of([3, 7]), ["all", "b"])
    axes = alignment_figure(table, run="r").axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["b (7)", "all (3)", "all (10)"]


def test_without_boxes_the_figures_say_so():
    empty = AlignmentSummary(np.zeros(2, dtype=int), np.full((2, 5), NAN), np.full(5, NAN))
    for figure in (
        alignment_figure(alignment_table(empty, ["a", "b"]), run="r"),
        cams_figure([], run="r"),
    ):
        assert [text.get_text() for text in figure.axes[0].texts] == ["no annotated image"]


def test_a_sheet_of_examples_shares_one_scale():
    figure = cams_figure([example(f"class {i}") for i in range(7)], run="r")
    panels, (scale,) = figure.axes[:8], figure.axes[8:]
    assert [bool(axes.images) for axes in panels] == [True] * 7 + [False]
    assert [axes.get_title() for axes in panels[:2]] == [
        "class 0\nIoBB 0.25",
        "class 1\nIoBB 0.25",
    ]
    assert scale.get_ylim() == (0, 1)


def test_files_are_byte_stable(tmp_path):
    table = alignment_table(summary_of([3, 7]), ["a", "b"], shifted=summary_of([3, 7], 0.5))
    written = []
    for name in ("first", "second"):
        draw_alignment(table, tmp_path / name / "a.png", run="r")
        draw_cams([example("a")], tmp_path / name / "c.png", run="r")
        written.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert len(written[0]) == 2
    assert written[0] == written[1]
