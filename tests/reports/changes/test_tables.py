import numpy as np
import pandas as pd

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.changes.changes import archetype_flow
from imbalens.analysis.changes.measures import Change, FirstAdversaries, mean_change
from imbalens.reports.changes.tables import adversary_table, change_table, flow_table

NAN = np.nan
NAMES = ["small", "large", "absent"]
COUNTS = np.array([2, 3, 0])


def flow_of(before, after):
    return archetype_flow(
        np.array(before), np.array(after), np.array([0, 0, 1, 1, 1]), n_classes=3
    )


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
    before = FirstAdversaries(
        np.array([[0, 1, 0], [1, 0, 1], [0, 0, 0]], dtype=bool), np.array([1, 0.5, NAN])
    )
    after = FirstAdversaries(
        np.array([[0, 0, 1], [0, 0, 0], [0, 0, 0]], dtype=bool), np.array([0.75, NAN, NAN])
    )
    table = adversary_table({"a": (before, after)}, NAMES, COUNTS)
    expected = pd.DataFrame(
        [
            ("a", "large", 1, "small", None, 0.5, NAN),
            ("a", "large", 2, "absent", None, 0.5, NAN),
            ("a", "small", 1, "large", "absent", 1, 0.75),
            ("a", "absent", 1, None, None, NAN, NAN),
        ],
        columns=[
            *("run", "class", "position"),
            *("adversary_baseline", "adversary", "share_baseline", "share"),
        ],
    )
    pd.testing.assert_frame_equal(table, expected)


def test_a_table_takes_as_many_rows_as_the_side_with_more_adversaries_that_are_first():
    three = FirstAdversaries(~np.eye(4, dtype=bool), np.full(4, 1 / 3))
    one = FirstAdversaries(np.eye(4, k=1, dtype=bool), np.array([1, 1, 1, NAN]))
    names, counts = list("abcd"), np.arange(4, 0, -1)
    for sides, column in (((three, one), "adversary"), ((one, three), "adversary_baseline")):
        table = adversary_table({"r": sides}, names, counts)
        assert table["position"].tolist() == [1, 2, 3] * 4
        assert table[column].notna().tolist() == [True, False, False] * 3 + [False] * 3


def test_without_runs_tables_keep_their_columns():
    assert list(change_table({}, NAMES, COUNTS).columns)[:3] == ["run", "measure", "class"]
    assert list(flow_table({}, NAMES, COUNTS).columns)[:2] == ["run", "class"]
    assert list(adversary_table({}, NAMES, COUNTS).columns)[:2] == ["run", "class"]
