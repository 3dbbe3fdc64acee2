"""Sentences against planted cases: none says more than its intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.summary import FELL, HEADLINES, ROSE, judge_difference
from imbalens.reports.summary.sentences import write_sentences
from tests.reports.summary.cases import BASE, SPECS, once, row, table

CAUSAL = ("because", "caus", "due to", "improv", "thanks", "led to", "makes", "effect", "help")


def said(*rows):
    return [(one.kind, one.text) for one in write_sentences(table(*rows))]


def test_a_true_rise():
    assert said(
        row("balanced_accuracy", BASE), row("balanced_accuracy", interval=(0.038, 0.187))
    ) == [
        (
            "rose",
            "data/other against data/ce: balanced accuracy rose by 11.2 points "
            "(95 % interval 3.8 to 18.7), which is better.",
        )
    ]


def test_a_true_fall_of_a_number_that_is_no_share():
    assert said(row("auroc", interval=(-0.3, -0.1))) == [
        (
            "fell",
            "data/other against data/ce: AUROC of labels fell by 0.200 (95 % interval 0.100 to "
            "0.300), which is worse.",
        )
    ]


def test_what_is_neither_better_nor_worse_is_called_neither():
    ((_, text),) = said(row("probability_positives", interval=(0.1, 0.3)))
    assert "better" not in text
    assert "worse" not in text


def test_nothing():
    assert said(row("few", interval=(-0.1, 0.1)), row("many", interval=(-0.2, 0.0))) == [
        (
            "undecided",
            "Not decided against data/ce: the intervals of recall of few-shot classes and recall "
            "of many-shot classes contain 0.",
        )
    ]


def test_undecidable():
    """Without an interval, without a value, and with one training a side."""
    (one,) = said(row("few", difference=0.2), row("many", difference=np.nan))
    assert one == (
        "undecided",
        "Not decided against data/ce: no interval could be made for recall of few-shot classes; "
        "a side has no value of recall of many-shot classes.",
    )
    rose, undecided = said(once("few", interval=(0.1, 0.2)))
    assert rose[0] == "rose"
    assert undecided == (
        "undecided",
        "Not decided against data/ce: whether other seeds would say the same, with one training "
        "a side.",
    )


def test_mixed_settings_and_measures():
    found = said(
        row("auroc", BASE),
        *(row("auroc", f"data/{name}", (-0.1, 0.1)) for name in "abc"),
        row("iobb", "data/a", (0.1, 0.3)),
        row("iobb", "data/b", (0.2, 0.6)),
        row("iobb", "data/c", (-0.1, 0.3)),
        row("pointing", "data/a", (0.01, 0.1), p_adjusted=0.3),
        row("ap", "data/b", (-0.3, -0.1)),
    )
    assert found == [
        (
            "rose",
            "Against data/ce: IoBB rose by 0.400 (95 % interval 0.200 to 0.600) in data/b and by "
            "0.200 (0.100 to 0.300) in data/a; pointing game by 5.5 points (1.0 to 10.0) in "
            "data/a, each of which is better; corrected for the number of comparisons, p is above "
            "0.05 for pointing game in data/a.",
        ),
        (
            "fell",
            "Against data/ce: AP of labels fell by 0.200 (95 % interval 0.100 to 0.300) in "
            "data/b, which is worse.",
        ),
        (
            "undecided",
            "Not decided against data/ce: the intervals of AUROC of labels in all 3 compared "
            "settings, and of IoBB in data/c contain 0.",
        ),
    ]


def test_twelve_settings_stay_three_sentences():
    names = [f"data/{n}" for n in range(12)]
    rows = [row("few", name, (0.1, 0.2 + n / 100)) for n, name in enumerate(names)]
    rows += [row("many", name, (-0.2, -0.1)) for name in names[:3]]
    rows += [row("medium", name, (-0.2, 0.1)) for name in names[:5]]
    rose, fell, undecided = said(*rows)
    assert rose[1] == (
        "Against data/ce: recall of few-shot classes rose by 20.5 points (95 % interval 10.0 to "
        "31.0) in data/11, by 20.0 points (10.0 to 30.0) in data/10 and in 10 more settings, "
        "which is better."
    )
    assert fell[1].endswith("in data/1 and in 1 more setting, which is worse.")
    assert undecided[1] == (
        "Not decided against data/ce: the intervals of recall of medium-shot classes in 5 of 12 "
        "settings contain 0."
    )


def test_one_setting_says_what_was_measured():
    rows = [row("few", BASE, value=0.25), row("iobb", BASE, value=0.5408, trainings=1)]
    assert said(*rows) == [
        (
            "measured",
            "Of data/ce, mean of 3 trainings: recall of few-shot classes is 25.0 %; IoBB is "
            "0.541.",
        ),
        ("nothing", "There is nothing to compare: data/ce is the only setting."),
    ]


def test_settings_of_different_networks_are_not_compared():
    rows = [row("few", f"data/{name}", baseline="", value=0.25) for name in "abc"]
    measured, nothing = said(*rows)
    assert measured[1] == (
        "Of 3 settings: recall of few-shot classes is 25.0 % in data/a, 25.0 % in data/b and 1 "
        "more."
    )
    assert nothing[1].startswith("There is nothing to compare: each setting has a network of its")


def test_of_a_dataset_without_predictions_nothing_is_said():
    assert said() == [("nothing", "No headline measure was taken of this dataset.")]


def test_an_end_of_an_interval_next_to_0_is_not_shown_as_0():
    ((_, text),) = said(row("few", interval=(0.00004, 0.1)))
    assert "(95 % interval 0.004 to 10.000)" in text


ENDS = st.one_of(st.just(0.0), st.just(np.nan), st.floats(-1, 1))


@st.composite
def rows_of_settings(draw):
    n_settings = draw(st.integers(1, 14))
    make = draw(st.sampled_from([row, once]))
    found = []
    for n in range(n_settings):
        for name in draw(st.lists(st.sampled_from(list(SPECS)), min_size=1, unique=True)):
            low, high = sorted(draw(st.tuples(ENDS, ENDS)))
            difference = draw(st.sampled_from([(low + high) / 2, np.nan, 0.1]))
            found.append(make(name, f"data/{n}", (low, high), difference=difference))
    return found


@settings(deadline=None)
@given(rows_of_settings())
def test_no_sentence_names_a_measure_as_moved_whose_interval_contains_0(rows):
    found = write_sentences(table(*rows))
    assert 1 <= len(found) <= 3
    assert len({one.kind for one in found}) == len(found)
    moved = {ROSE: set(), FELL: set()}
    for each in rows:
        whole = not np.isnan([each["difference"], each["low"], each["high"]]).any()
        if whole and not each["low"] <= 0 <= each["high"]:
            moved[ROSE if each["low"] > 0 else FELL].add((each["heading"], each["setting"]))
    for one in found:
        if one.kind not in moved:
            assert f" {ROSE} " not in one.text
            assert f" {FELL} " not in one.text
            continue
        measures, _, _ = one.text.partition("; corrected")
        for part in measures.removesuffix(".").partition(": ")[2].split("; "):
            heading, _, places = part.replace(f" {one.kind} ", " ").partition(" by ")
            named = {setting for name, setting in moved[one.kind] if name == heading}
            assert named, part
            in_lead = one.text.partition(" against ")[0]
            shown = [name for name in places.replace(",", " ").split() if name.startswith("data/")]
            assert set(shown or [in_lead]) <= named
    assert not any(word in one.text for one in found for word in CAUSAL)


@pytest.mark.parametrize("spec", HEADLINES)
def test_a_headline_has_a_name_of_its_own_and_a_direction_in_words(spec):
    assert sum(other.name == spec.name for other in HEADLINES) == 1
    assert sum(other.heading == spec.heading for other in HEADLINES) == 1


@pytest.mark.parametrize(
    ("difference", "low", "high", "verdict"),
    [
        (0.1, 0.01, 0.2, "rose"),
        (-0.1, -0.2, -0.01, "fell"),
        (0.1, 0.0, 0.2, "undecided"),
        (-0.1, -0.2, 0.0, "undecided"),
        (0.1, -0.1, 0.2, "undecided"),
        (0.0, 0.0, 0.0, "undecided"),
        (0.1, np.nan, np.nan, "no interval"),
        (np.nan, np.nan, np.nan, "undefined"),
    ],
)
def test_verdicts_by_hand(difference, low, high, verdict):
    assert judge_difference(difference, low, high) == verdict
