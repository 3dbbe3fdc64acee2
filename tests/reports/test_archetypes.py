import numpy as np
import pandas as pd

from imbalens.reports.archetypes import (
    draw_prototypes,
    draw_true_positives,
    prototypes_figure,
    true_positives_figure,
)

ARCHETYPES = ["safe", "border", "rare", "outlier"]


def table_of(classes, rates):
    return pd.DataFrame(
        [
            (name, archetype, 0 if np.isnan(rate) else 10 * (place + 1), rate)
            for place, name in enumerate(classes)
            for archetype, rate in zip(ARCHETYPES, rates[place], strict=True)
        ],
        columns=["class", "archetype", "count", "true_positive_rate"],
    )


def test_one_bar_per_class_and_archetype():
    table = table_of(["b", "a"], [[1.0, 0.5, 0.25, 0.0], [0.9, 0.8, np.nan, 0.1]])
    panels = true_positives_figure(table, run="r").axes
    widths = [[bar.get_width() for bar in axes.patches] for axes in panels]
    np.testing.assert_allclose(widths, [[100, 90], [50, 80], [25, 0], [0, 10]])
    assert [axes.get_title() for axes in panels] == ARCHETYPES
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["b", "a"]
    assert panels[0].get_ylim()[0] > panels[0].get_ylim()[1], "the head is at the top"


def test_an_empty_group_says_none_and_a_zero_says_its_count():
    table = table_of(["a"], [[0.5, 0.0, np.nan, np.nan]])
    panels = true_positives_figure(table, run="r").axes
    assert [axes.texts[0].get_text() for axes in panels] == ["of 10", "of 10", "none", "none"]


def test_many_classes_are_cut_to_both_ends():
    classes = [f"c{i}" for i in range(40)]
    figure = true_positives_figure(table_of(classes, [[0.5] * 4] * 40), run="r")
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == classes[:5] + classes[-5:]
    assert "5 largest and 5 smallest of 40 classes" in figure.get_suptitle()


def prototypes_of(rows, archetypes):
    """A class per row, which names the images of its archetypes."""
    cells = [
        (f"c{place}", archetype, row)
        for place, line in enumerate(rows)
        for archetype, row in zip(archetypes, line, strict=True)
    ]
    table = pd.DataFrame(cells, columns=["class", "archetype", "row"])
    return table.astype({"row": "Int64"})


def test_prototypes_stand_in_rows_of_classes():
    images = {row: np.full((4, 4, 3), row, dtype=np.uint8) for row in (5, 7)}
    table = prototypes_of([[5, None], [None, 7]], ["safe", "rare"])
    figure = prototypes_figure(table, images, run="r")
    assert [bool(axes.images) for axes in figure.axes] == [True, False, False, True]
    pixels = [figure.axes[place].images[0].get_array() for place in (0, 3)]
    assert [int(np.asarray(each)[0, 0, 0]) for each in pixels] == [5, 7]
    assert [axes.get_title() for axes in figure.axes[:2]] == ["safe", "rare"]
    assert [figure.axes[place].get_ylabel() for place in (0, 2)] == ["c0", "c1"]


def test_prototypes_of_many_classes_keep_their_own_images():
    images = {place: np.full((2, 2, 1), place, dtype=np.uint8) for place in range(20)}
    table = prototypes_of([[place] for place in range(20)], ["safe"])
    figure = prototypes_figure(table, images, run="r")
    shown = [int(np.asarray(axes.images[0].get_array())[0, 0, 0]) for axes in figure.axes]
    assert shown == [0, 1, 2, 3, 4, 15, 16, 17, 18, 19]


def test_files_are_byte_stable(tmp_path):
    table = table_of(["a", "b"], [[1.0, 0.5, np.nan, 0.0]] * 2)
    image = np.zeros((4, 4, 3), dtype=np.uint8)
    written = []
    for name in ("first", "second"):
        draw_true_positives(table, tmp_path / name / "tp.png", run="r")
        prototypes = prototypes_of([[0, None]], ["safe", "rare"])
        draw_prototypes(prototypes, {0: image}, tmp_path / name / "p.png", run="r")
        written.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert len(written[0]) == 2
    assert written[0] == written[1]
