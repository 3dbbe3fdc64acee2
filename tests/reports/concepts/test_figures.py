from dataclasses import replace

import numpy as np
import pandas as pd

from imbalens.reports.concepts.figures import (
    ChannelRow,
    channel_text,
    channels_figure,
    concepts_figure,
    draw_channels,
    draw_concepts,
)
from imbalens.store.examples import Example
from tests.reports.concepts.test_tables import empty, example, table_of


def test_bars_show_the_overall_mean_and_every_class_with_pairs():
    figure = concepts_figure(table_of(example()), order=["b", "a"], run="r")
    widths = [[bar.get_width() for bar in axes.patches] for axes in figure.axes]
    assert widths == [[3, 2, 3.5], [1, 0.75, 1.5]]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["all, per annotated image", "b (4)", "a (2)"]


def test_many_classes_are_cut_to_both_ends():
    rows = [(f"c{i}", 40 - i, "label", 1.0, 1.0) for i in range(31)]
    table = pd.DataFrame(
        [*rows, ("all", 99, "label", 2.0, 1.0)],
        columns=["class", "pairs", "per", "disjoint", "unique"],
    )
    figure = concepts_figure(table, order=list(table["class"]), run="r")
    labels = [label.get_text().split(" ")[0] for label in figure.axes[0].get_yticklabels()]
    assert labels == ["all,", *(f"c{i}" for i in (0, 1, 2, 3, 4, 26, 27, 28, 29, 30))]
    suptitle = figure.get_suptitle()
    assert "5 largest and 5 smallest of 31 classes" in suptitle


def test_without_boxes_the_figure_says_so():
    figure = concepts_figure(table_of(empty()), order=["b", "a"], run="r")
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["no annotated image"] * 2


def sheet():
    grey, colour = np.zeros((8, 8, 1), dtype=np.uint8), np.zeros((8, 8, 3), dtype=np.uint8)
    active = np.zeros((2, 2), dtype=bool)
    active[0, 1] = True
    boxes = np.array([[1, 2, 3, 4], [0, 0, 8, 8]])
    first, second = Example("a", grey, boxes), Example("b", colour, boxes[:0])
    none = np.zeros((2, 2), dtype=bool)
    return [
        ChannelRow("channel 3", [first, second], np.stack([active, none])),
        ChannelRow("channel 0", [second], none[None]),
    ]


def test_a_row_per_channel_with_outlined_cells_and_boxes():
    figure = channels_figure(sheet(), run="r")
    assert [bool(axes.images) for axes in figure.axes] == [True, True, True, False]
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", "b", ""]
    assert [figure.axes[place].texts[0].get_text() for place in (0, 2)] == [
        "channel 3",
        "channel 0",
    ]
    first = figure.axes[0]
    corners = [(box.get_x(), box.get_y(), box.get_width()) for box in first.patches]
    assert corners == [(0.5, 1.5, 3), (-0.5, -0.5, 8)]
    (path,) = first.collections[-1].get_paths()
    low, high = path.get_extents().get_points()
    # the right upper quarter, to half a pixel
    np.testing.assert_allclose([low, high], [[3.5, -0.5], [7.5, 3.5]])


def test_long_captions_are_wrapped():
    row = sheet()[0]
    text = "Atelectasis, Cardiomegaly, Pleural_Thickening, Cost in $"
    long = replace(row, images=[replace(row.images[0], label=text)], active=row.active[:1])
    title = channels_figure([long], run="r").axes[0].get_title()
    assert title == "Atelectasis, Cardiomegaly,\nPleural_Thickening, Cost\nin $"


def test_a_channel_is_described():
    assert channel_text(37, "Mass", 0.844) == "channel 37: fires in\n84 % of Mass boxes"


def test_no_channel_says_so():
    figure = channels_figure([], run="r")
    assert "no channel fires" in figure.axes[0].texts[0].get_text()


def test_files_are_byte_stable(tmp_path):
    written = []
    for name in ("first", "second"):
        draw_concepts(table_of(example()), tmp_path / name / "c.png", order=["a", "b"], run="r")
        draw_channels(sheet(), tmp_path / name / "s.png", run="r")
        written.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert len(written[0]) == 2
    assert written[0] == written[1]
