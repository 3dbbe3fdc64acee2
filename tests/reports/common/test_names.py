import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.reports.common.names import plain, short_names, shorten

LONG = "nih_chest_xray-densenet121_truncated-imagenet"


def test_a_long_name_loses_its_middle():
    assert plain("recreational_vehicle_17", width=10) == "recre…e_17"
    assert plain("truck") == "truck"
    assert plain("two\nlines\t") == "two lines"


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["truck", "car"], ["truck", "car"]),
        (["recreational_vehicle_17"], ["recre…e_17"]),
        (["the_left_lung_lower_lobe", "the_right_lung_lower_lobe"], ["the_l…lobe", "the_r…lobe"]),
        (["beginning_1_of_the_end", "beginning_2_of_the_end"], ["begi…1…end", "begi…2…end"]),
        (["beginning_of_the_end_1", "beginning_of_the_end_2"], ["begin…nd_1", "begin…nd_2"]),
        (
            ["1_beginning_of_a_beginning", "2_beginning_of_a_beginning"],
            ["1_beg…ning", "2_beg…ning"],
        ),
        (["a-left-lung-x-y-z-a-b", "a-right-lung-x-y-z-a-b"], ["a-lef…-a-b", "a-rig…-a-b"]),
    ],
)
def test_names_are_cut_where_they_are_the_same(names, shown):
    assert shorten(names, width=10) == dict(zip(names, shown, strict=True))


def test_names_that_cannot_be_cut_apart_are_numbered():
    names = [f"{'x' * 9}{end}{'y' * 9}" for end in ("aaaabaaaaa", "aaaacaaaaa", "aaaaadaaaa")]
    assert len(set(shorten(names, width=8).values())) == 3


@given(
    st.lists(
        st.text(alphabet="ab_1 ", max_size=30).map(lambda text: " ".join(text.split())),
        unique=True,
        max_size=12,
    ),
    st.integers(8, 24),
)
@settings(deadline=None, max_examples=200)
def test_no_two_names_become_one_and_none_is_too_long(names, width):
    found = shorten(names, width=width)
    assert list(found) == names
    assert len(set(found.values())) == len(names)
    assert all(len(text) <= width for text in found.values())


def test_names_of_runs_that_are_too_long_lose_their_common_beginning():
    assert short_names([f"{LONG}-bce", f"{LONG}-bce-seed1"]) == ["bce", "bce-seed1"]
    alike = [f"{LONG}-{'x' * 30}{end}{'y' * 30}" for end in "ab"]
    assert len(set(short_names(alike))) == 2


def test_what_differs_stays_with_both_ends_around_it():
    left, right = (f"a-long-beginning-{side}-and-an-end" for side in ("left", "right"))
    shown = shorten([left, right], width=20)
    assert shown == {left: "a-long-…left…-an-end", right: "a-long-…right…an-end"}
