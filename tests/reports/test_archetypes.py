import numpy as np
import pandas as pd
import pytest

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
    axes = true_positives_figure(table, run="r").axes[0]
    heights = [[bar.get_height() for bar in group] for group in axes.containers]
    np.testing.assert_allclose(heights, [[100, 50, 25, 0], [90, 80, 0, 10]])
    assert [label.get_text() for label in axes.get_xticklabels()] == ARCHETYPES
    assert [group.get_label() for group in axes.containers] == ["b", "a"]


def test_an_empty_group_says_none_and_a_zero_says_its_count():
    table = table_of(["a"], [[0.5, 0.0, np.nan, np.nan]])
    texts = [text.get_text() for text in true_positives_figure(table, run="r").axes[0].texts]
    assert texts == ["10", "10", "none", "none"]


def test_many_classes_are_cut_to_both_ends():
    classes = [f"c{i}" for i in range(40)]
    figure = true_positives_figure(table_of(classes, [[0.5] * 4] * 40), run="r")
    names = [group.get_label() for group in figure.axes[0].containers]
    assert names == classes[:5] + classes[-5:]
    assert "5 largest and 5 smallest of 40 classes" in figure.axes[0].get_title()


def test_prototypes_stand_in_rows_of_classes():
    image = np.full((4, 4, 3), 7, dtype=np.uint8)
    figure = prototypes_figure(
        [[image, None], [None, image]], classes=["a", "b"], archetypes=["safe", "rare"], run="r"
    )
    assert [bool(axes.images) for axes in figure.axes] == [True, False, False, True]
    assert [axes.get_title() for axes in figure.axes[:2]] == ["safe", "rare"]
    assert [figure.axes[place].get_ylabel() for place in (0, 2)] == ["a", "b"]


def test_prototypes_of_many_classes_keep_their_own_images():
    images = [[np.full((2, 2, 1), place, dtype=np.uint8)] for place in range(20)]
    figure = prototypes_figure(
        images, classes=[f"c{i}" for i in range(20)], archetypes=["safe"], run="r"
    )
    shown = [int(np.asarray(axes.images[0].get_array())[0, 0, 0]) for axes in figure.axes]
    assert shown == [0, 1, 2, 3, 4, 15, 16, 17, 18, 19]


def test_a_row_of_images_per_class_is_demanded():
    with pytest.raises(ValueError, match="zip"):
        prototypes_figure([[None]], classes=["a", "b"], archetypes=["safe"], run="r")


def test_files_are_byte_stable(tmp_path):
    table = table_of(["a", "b"], [[1.0, 0.5, np.nan, 0.0]] * 2)
    image = np.zeros((4, 4, 3), dtype=np.uint8)
    written = []
    for name in ("first", "second"):
        draw_true_positives(table, tmp_path / name / "tp.png", run="r")
        draw_prototypes(
            [[image, None]],
            tmp_path / name / "p.png",
            classes=["a"],
            archetypes=["safe", "rare"],
            run="r",
        )
        written.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert len(written[0]) == 2
    assert written[0] == written[1]
