import numpy as np
import pandas as pd

from imbalens.reports.saliency_colours import (
    class_pages_figure,
    colours_figure,
    draw_class_pages,
    draw_colours,
)

COLUMNS = ["class", "archetype", "group", "share", "red", "green", "blue"]


def groups_of(name):
    return [
        (name, "all", "black", 0.75, 0, 51, 0),
        (name, "all", "red", 0.25, 255, 0, 0),
        (name, "all", "white", 0.0, np.nan, np.nan, np.nan),
        (name, "safe", "black", 1.0, 9, 9, 9),
    ]


def table_of(*names):
    return pd.DataFrame([row for name in names for row in groups_of(name)], columns=COLUMNS)


def test_a_bar_per_group_in_its_own_mean_colour():
    axes = colours_figure(table_of("b", "a"), run="r").axes
    assert [panel.get_title() for panel in axes] == ["b", "a"]
    for panel in axes:
        assert [bar.get_width() for bar in panel.patches] == [75, 25, 0]
        np.testing.assert_allclose(
            [bar.get_facecolor()[:3] for bar in panel.patches[:2]], [(0, 0.2, 0), (1, 0, 0)]
        )
        assert [text.get_text().strip() for text in panel.texts] == ["75.0", "25.0", "0"]


def test_an_undefined_share_is_none():
    table = table_of("a")
    table["share"] = np.nan
    panel = colours_figure(table, run="r").axes[0]
    assert [text.get_text().strip() for text in panel.texts] == ["none"] * 3


def test_classes_can_be_chosen_and_many_are_cut_to_both_ends():
    names = [f"c{i}" for i in range(20)]
    chosen = colours_figure(table_of(*names), run="r", classes=["c7", "c3"]).axes
    assert [panel.get_title() for panel in chosen] == ["c7", "c3"]
    cut = colours_figure(table_of(*names), run="r").axes
    assert [panel.get_title() for panel in cut] == names[:5] + names[-5:]


def test_the_panels_above_a_gap_keep_their_scale():
    figure = colours_figure(table_of(*(f"c{i}" for i in range(7))), run="r")
    figure.canvas.draw()
    labelled = [
        any(label.get_visible() for label in panel.get_xticklabels())
        for panel in figure.axes
        if panel.axison
    ]
    assert labelled == [False, False, False, True, True, True, True]


def prototypes_of(rows):
    """Rows of the safe and of the border prototype of each class."""
    cells = [
        (name, archetype, row)
        for name, line in rows.items()
        for archetype, row in zip(("safe", "border"), line, strict=True)
    ]
    table = pd.DataFrame(cells, columns=["class", "archetype", "row"])
    return table.astype({"row": "Int64"})


def test_pages_put_prototypes_beside_the_colours():
    images = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((4, 4, 3), np.uint8)
    prototypes = prototypes_of({"head": [2, 1], "middle": [0, 0], "tail": [0, None]})
    figure = class_pages_figure(table_of("head", "middle", "tail"), prototypes, images, run="r")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:3] == ["head, safe", "head, border", "head, salient colours"]
    assert titles[3:5] == ["tail, safe", "tail, border"]
    assert [len(axes.images) for axes in figure.axes] == [1, 1, 0, 1, 0, 0]
    shown = [figure.axes[place].images[0].get_array() for place in (0, 1, 3)]
    assert [int(np.asarray(picture)[0, 0, 0]) for picture in shown] == [2, 1, 0]
    assert [bar.get_width() for bar in figure.axes[5].patches] == [75, 25, 0]


def test_files_are_byte_stable(tmp_path):
    written, images = [], np.zeros((1, 4, 4, 3), dtype=np.uint8)
    for name in ("first", "second"):
        draw_colours(table_of("a"), tmp_path / name / "c.png", run="r")
        prototypes, path = prototypes_of({"a": [0, None]}), tmp_path / name / "p.png"
        draw_class_pages(table_of("a"), prototypes, images, path, run="r")
        written.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert len(written[0]) == 2
    assert written[0] == written[1]
