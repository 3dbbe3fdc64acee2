import numpy as np
import pandas as pd

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.changes.changes import archetype_flow
from imbalens.reports.changes.tables import (
    Change,
    adversary_table,
    change_table,
    flow_table,
    mean_change,
)

NAN = np.nan
NAMES = ["small", "large", "absent"]
COUNTS = np.array([2, 3, 0])


def flow_of(before, after):
    return archetype_flow(
        np.array(before), np.array(after), np.array([0, 0, 1, 1, 1]), n_classes=3
    )


def test_the_mean_is_over_the_classes_in_which_a_measure_is_defined():
    change = mean_change(np.array([0.25, 0.75, NAN]), COUNTS, chance=0.1)
    assert (change.overall, change.chance) == (0.5, 0.1)
    assert np.isnan(mean_change(np.full(3, NAN), COUNTS, chance=NAN).overall)


def test_changes_have_a_row_over_all_and_one_per_class_head_first():
    changes = {
        "a": {"cka": Change(0.5, np.array([0.25, 0.75, NAN]), COUNTS, NAN)},
        "b": {"top_features": mean_change(np.array([1.0, 2.0, NAN]), COUNTS, chance=1.5)},
    }
    table = change_table(changes, NAMES, COUNTS)
    expected = pd.DataFrame(
        [
            ("a", "cka", None, 0.5, 5, NAN),
            ("a", "cka", "large", 0.75, 3, NAN),
            ("a", "cka", "small", 0.25, 2, NAN),
            ("a", "cka", "absent", NAN, 0, NAN),
            ("b", "top_features", None, 1.5, 5, 1.5),
            ("b", "top_features", "large", 2.0, 3, 1.5),
            ("b", "top_features", "small", 1.0, 2, 1.5),
            ("b", "top_features", "absent", NAN, 0, 1.5),
        ],
        columns=["run", "measure", "class", "value", "instances", "chance"],
    )
    pd.testing.assert_frame_equal(table, expected)


def test_flows_have_a_row_per_two_archetypes():
    table = flow_table({"a": flow_of([0, 0, 0, 3, 3], [0, 1, 0, 3, 0])}, NAMES, COUNTS)
    assert len(table) == 4 * 16
    assert list(table["class"][::16].fillna("")) == ["", "large", "small", "absent"]
    assert list(table["baseline"][:16:4]) == list(ARCHETYPE_NAMES)
    assert list(table["other"][:4]) == list(ARCHETYPE_NAMES)
    np.testing.assert_array_equal(table["count"][:4], [2, 1, 0, 0])
    np.testing.assert_allclose(table["share"][:4], [2 / 3, 1 / 3, 0, 0])
    outliers = table[(table["class"] == "large") & (table["baseline"] == "outlier")]
    np.testing.assert_array_equal(outliers["share"], [0.5, 0, 0, 0.5])
    empty = table[(table["class"] == "absent")]
    assert (empty["count"] == 0).all()
    assert empty["share"].isna().all()


def test_the_first_adversaries_of_both_stand_side_by_side():
    baseline = np.array([[0, 1, 0], [0.5, 0, 0.5], [NAN] * 3])
    other = np.array([[0, 0.25, 0.75], [NAN] * 3, [NAN] * 3])
    table = adversary_table(baseline, {"a": other}, NAMES, COUNTS)
    assert list(table["class"]) == ["large", "small", "absent"]
    assert list(table["adversary_baseline"]) == ["small|absent", "large", ""]
    assert list(table["adversary"]) == ["", "absent", ""]
    np.testing.assert_array_equal(table["share_baseline"], [0.5, 1, NAN])
    np.testing.assert_array_equal(table["share"], [NAN, 0.75, NAN])


def test_without_runs_tables_keep_their_columns():
    assert list(change_table({}, NAMES, COUNTS).columns)[:3] == ["run", "measure", "class"]
    assert list(flow_table({}, NAMES, COUNTS).columns)[:2] == ["run", "class"]
    assert list(adversary_table(np.eye(3), {}, NAMES, COUNTS).columns)[:2] == ["run", "class"]
