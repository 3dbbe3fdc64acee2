import numpy as np
import pytest

from imbalens.analysis.concepts.channels import summarize_concepts
from imbalens.analysis.concepts.counting import ConceptCounts
from imbalens.reports.concepts.tables import (
    channel_table,
    concept_metrics,
    concept_table,
    instance_table,
)

NAMES = ["a", "b", "c"]


def example():
    """Two pairs of class a, four of b, none of c; channel 2 is dead, channel 0 fires only in a."""
    pairs = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 1), (3, 1)]
    return ConceptCounts(
        tau=np.array([0.5, 1.5, 0.0, 2.5]),
        dead=np.array([False, False, True, False]),
        pairs=np.array(pairs),
        disjoint_per_image=np.array([5, 3, 4, 0]),
        unique_per_image=np.array([2, 1, 1, 0]),
        disjoint_per_pair=np.array([4, 2, 3, 2, 4, 0]),
        unique_per_pair=np.array([2, 1, 1, 1, 1, 0]),
        fires=np.array([[2, 0, 0], [1, 1, 0], [0, 0, 0], [0, 3, 0]]),
        peak_images=np.zeros((4, 0), dtype=np.int64),
        peak_active=np.zeros((4, 0, 2, 2), dtype=bool),
    )


def empty():
    none, no_pairs = np.zeros(0, dtype=np.int64), np.zeros((0, 2), dtype=np.int64)
    return ConceptCounts(
        tau=np.full(2, np.nan),
        dead=np.zeros(2, dtype=bool),
        pairs=no_pairs,
        disjoint_per_image=none,
        unique_per_image=none,
        disjoint_per_pair=none,
        unique_per_pair=none,
        fires=np.zeros((2, 3), dtype=np.int64),
        peak_images=np.zeros((2, 0), dtype=np.int64),
        peak_active=np.zeros((2, 0, 2, 2), dtype=bool),
    )


def table_of(counts, normalize_by="image"):
    return concept_table(summarize_concepts(counts, normalize_by=normalize_by), NAMES)


@pytest.mark.parametrize(("normalize_by", "overall"), [("image", [3, 1]), ("label", [2.5, 1])])
def test_a_row_per_class_and_one_for_all(normalize_by, overall):
    table = table_of(example(), normalize_by)
    assert table["class"].tolist() == ["b", "a", "c", "all"]
    assert table["pairs"].tolist() == [4, 2, 0, 6]
    assert table["per"].tolist() == ["label", "label", "label", normalize_by]
    np.testing.assert_array_equal(table["disjoint"], [2, 3.5, np.nan, overall[0]])
    np.testing.assert_array_equal(table["unique"], [0.75, 1.5, np.nan, overall[1]])


def test_channels_stand_by_the_share_of_their_best_class_with_enough_pairs():
    table = channel_table(example(), NAMES)
    assert table["channel"].tolist() == [3, 1, 0, 2]
    assert table["dead"].tolist() == [False, False, False, True]
    assert table["threshold"].tolist() == [2.5, 1.5, 0.5, 0.0]
    # class a has two pairs only, too few
    assert table["class"].fillna("none").tolist() == ["b", "b", "none", "none"]
    assert table["pairs"].fillna(-1).tolist() == [4, 4, -1, -1]
    np.testing.assert_array_equal(table["share"], [0.75, 0.25, np.nan, np.nan])
    assert table["fires in a"].tolist() == [0, 1, 2, 0]
    assert table["fires in b"].tolist() == [3, 1, 0, 0]
    assert "fires in c" not in table


def test_without_boxes_there_is_no_share():
    assert channel_table(empty(), NAMES)["share"].isna().all()


def test_metrics_name_the_classes_that_have_pairs():
    metrics = concept_metrics(summarize_concepts(example(), normalize_by="image"), NAMES)
    assert metrics == {
        "disjoint": 3,
        "unique": 1,
        "normalize_by": "image",
        "dead_channels": 1,
        "channels": 4,
        "images": 4,
        "pairs": 6,
        "class": {
            "a": {"disjoint": 3.5, "unique": 1.5, "pairs": 2},
            "b": {"disjoint": 2, "unique": 0.75, "pairs": 4},
        },
    }


def test_instances_are_images_and_then_pairs():
    table = instance_table(example(), np.array([5, 7, 8, 9]), NAMES)
    assert list(table.columns) == ["row", "class", "disjoint", "unique"]
    assert table["row"].tolist() == [5, 7, 8, 9, 5, 5, 7, 7, 8, 9]
    assert table["class"].tolist() == [*[""] * 4, "a", "b", "a", "b", "b", "b"]
    assert table["disjoint"].tolist() == [5, 3, 4, 0, 4, 2, 3, 2, 4, 0]
    assert table["unique"].tolist() == [2, 1, 1, 0, 2, 1, 1, 1, 1, 0]


@pytest.mark.parametrize("normalize_by", ["image", "label"])
def test_means_of_instances_are_the_reported_figures(normalize_by):
    summary = summarize_concepts(example(), normalize_by=normalize_by)
    table = instance_table(example(), np.arange(4), NAMES)
    of_image = table["class"] == ""
    means = table[of_image == (normalize_by == "image")][["disjoint", "unique"]].mean()
    assert means.tolist() == [summary.disjoint, summary.unique]
    per_class = table[~of_image].groupby("class")["disjoint"].mean()
    assert per_class.to_dict() == dict(zip("ab", summary.class_disjoint[:2], strict=True))


def test_without_boxes_there_are_no_instances():
    assert instance_table(empty(), np.zeros(0, dtype=np.int64), NAMES).empty
