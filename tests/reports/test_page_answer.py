"""The first screen of a dataset: which differences it shows, where, and what it says of them."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.reports.page.answer import MOST, chart_of_differences, settings_of
from imbalens.reports.page.report import describe_dataset
from tests.page_cases import FELL, NAN, ROSE, RUNS, UNCLEAR, about, headlines, results, setting_of


def chart(*sides, **of_all):
    rows = headlines(*sides).assign(**of_all)
    names = dict.fromkeys(rows["setting"], 0)
    return chart_of_differences(results(headlines=rows), names)


def test_points_lie_where_their_numbers_are():
    (panel,) = chart(ROSE, FELL).panels
    rose, fell = panel.points
    low, high = -0.15 - 0.05 * 0.3, 0.15 + 0.05 * 0.3
    assert panel.zero == 50
    assert rose.at == pytest.approx(100 * (0.1 - low) / (high - low), abs=0.01)
    assert rose.ends == pytest.approx(
        (100 * (0.05 - low) / (high - low), 100 * (0.15 - low) / (high - low)), abs=0.01
    )
    assert (rose.at - 50, rose.ends[1] - 50) == pytest.approx((50 - fell.at, 50 - fell.ends[0]))
    assert rose.text == "+10.0 (+5.0 to +15.0)"
    assert fell.text == "\N{MINUS SIGN}10.0 (\N{MINUS SIGN}15.0 to \N{MINUS SIGN}5.0)"


@pytest.mark.parametrize(
    ("better", "sides", "axis"),
    [
        ("up", ["better", "worse", "undecided"], ("worse", "better")),
        ("down", ["worse", "better", "undecided"], ("better", "worse")),
        ("", ["higher", "lower", "undecided"], ("lower", "higher")),
    ],
)
def test_a_side_is_what_the_measure_makes_of_it(better, sides, axis):
    (panel,) = chart(ROSE, FELL, UNCLEAR, better=better).panels
    assert [point.side for point in panel.points] == sides
    assert panel.sides == axis
    assert panel.unit == "percentage points"


def test_the_title_counts_what_the_intervals_say():
    assert chart(ROSE, FELL, UNCLEAR).title == (
        "Against toy/ce, of 3 differences: 1 better, 1 worse, 1 undecided"
    )
    assert chart(UNCLEAR).title == "Against toy/ce: 1 undecided"
    assert "diamond: worse" not in chart(ROSE).caption
    assert "Hollow" not in chart(ROSE).caption
    assert "Hollow: undecided." in chart(UNCLEAR).caption


def test_of_one_setting_measures_of_one_direction_share_a_panel():
    rows = headlines(ROSE, {**ROSE, "setting": setting_of(RUNS[1]), "heading": "recall"})
    more = rows.iloc[[-1]].assign(heading="empty maps", better="down", verdict="rose")
    part = results(headlines=pd.concat([rows, more], ignore_index=True))
    panels = describe_dataset(part).chart.panels
    assert [[point.label for point in panel.points] for panel in panels] == [
        ["balanced accuracy", "recall"],
        ["empty maps"],
    ]
    assert {panel.heading for panel in panels} == {setting_of(RUNS[1])}
    assert [point.side for panel in panels for point in panel.points] == [
        "better",
        "better",
        "worse",
    ]


def test_a_difference_without_interval_has_a_point_and_one_without_value_none():
    bare = {**UNCLEAR, "low": NAN, "high": NAN, "verdict": "no interval"}
    undefined = {**bare, "difference": NAN, "value": NAN, "verdict": "undefined"}
    (panel,) = chart(bare, undefined).panels
    assert [(point.ends, point.side, point.text) for point in panel.points] == [
        (None, "undecided", "+1.0")
    ]
    assert chart(undefined) is None
    assert chart() is None


def test_many_settings_are_counted_but_not_all_drawn():
    found = chart(*[ROSE] * (MOST + 4))
    (panel,) = found.panels
    assert len(panel.points) == MOST
    assert found.title == f"Against toy/ce: {MOST + 4} better"
    assert f"The first {MOST} of {MOST + 4} settings are shown" in found.caption
    assert "settings are shown" not in chart(*[ROSE] * MOST).caption


@given(st.lists(st.tuples(*[st.floats(-1, 1)] * 3).map(sorted), min_size=1, max_size=6))
@settings(deadline=None, max_examples=50)
def test_everything_lies_within_the_panel(drawn):
    sides = [
        {**UNCLEAR, "low": low, "difference": middle, "high": high} for low, middle, high in drawn
    ]
    (panel,) = chart(*sides).panels
    for point in panel.points:
        low, high = point.ends
        assert 0 <= low <= point.at <= high <= 100
    assert 0 <= panel.zero <= 100


def test_what_was_run_is_a_line_per_setting():
    runs = [
        about("toy-ce", "toy/ce"),
        about("toy-ce1", "toy/ce", seed=1),
        about("toy-ldam", "toy/ldam"),
    ]
    marks = {"toy/ce": 0, "toy/ldam": 1}
    found = settings_of(results(runs=runs), marks)
    assert [(one.name, one.trainings, one.is_baseline) for one in found] == [
        ("ce", 2, True),
        ("ldam", 1, False),
    ]
