import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.data.group_splits import report_shares, split_by_group

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 8)), min_size=1, max_size=60)


@settings(deadline=None)
@given(ROWS, st.sampled_from([0.0, 0.1, 0.5, 0.9]), st.integers(0, 3))
def test_groups_stay_whole_and_every_class_keeps_some(rows, share, seed):
    labels, groups = np.array(rows).T
    stay, aside = split_by_group(labels, groups, share=share, seed=seed)
    assert sorted([*stay, *aside]) == list(range(len(rows)))
    assert not set(groups[stay]) & set(groups[aside])
    assert set(labels[stay]) == set(labels)
    if share == 0:
        assert len(aside) == 0
        return
    for each in set(labels) - set(labels[aside]):  # every group of it has the rest of some class
        for group in set(groups[labels == each]):
            rest = labels[stay[groups[stay] != group]]
            assert set(rest) < set(labels)


@settings(deadline=None)
@given(st.lists(st.integers(1, 5), min_size=2, max_size=9), st.floats(0.05, 0.95))
def test_groups_of_one_class_are_drawn_until_they_hold_the_share(sizes, share):
    labels = np.zeros(sum(sizes), int)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    _, aside = split_by_group(labels, groups, share=share, seed=0)
    drawn = set(groups[aside].tolist())
    assert drawn
    if len(drawn) < len(sizes) - 1:
        assert len(aside) >= share * len(labels)
    # without one of them it would be less
    assert any(len(aside) - sizes[group] < share * len(labels) for group in drawn)


def test_each_class_has_its_share_where_groups_are_single_images():
    labels = np.repeat([0, 1, 2], [40, 8, 2])
    _, aside = split_by_group(labels, np.arange(50), share=0.25, seed=1)
    assert np.bincount(labels[aside]).tolist() == [10, 2, 1]


def test_the_draw_depends_on_the_seed_alone():
    labels, groups = np.repeat([0, 1], 30), np.arange(60) // 3
    drawn = [split_by_group(labels, groups, share=0.3, seed=s)[1].tolist() for s in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_group_of_two_classes_counts_for_that_of_most_of_its_rows():
    labels = np.array([0, 0, 1, 1, 1, 0, 0, 1, 1])
    groups = np.array([7, 7, 7, 3, 3, 5, 5, 9, 9])
    drawn = [
        set(groups[split_by_group(labels, groups, share=0.5, seed=seed)[1]].tolist())
        for seed in range(8)
    ]
    assert {(len(each & {7, 5}), len(each & {3, 9})) for each in drawn} == {(1, 1)}
    assert len(set(map(frozenset, drawn))) > 1


@settings(deadline=None)
@given(st.permutations([20, 3, 3, 3, 3, 3, 3]), st.integers(0, 30))
def test_a_large_group_stays_where_small_ones_do(sizes, seed):
    groups = np.repeat(np.arange(7), sizes)
    _, aside = split_by_group(np.zeros(38, int), groups, share=0.1, seed=seed)
    assert len(aside) == 6


@pytest.mark.parametrize("seed", range(20))
def test_a_class_beside_others_in_its_groups_has_rows_aside(seed):
    labels = np.array([0, 0, 0, 0, 1, 1] * 3 + [0] * 28)
    groups = np.concatenate([np.repeat([0, 1, 2], 6), np.repeat(np.arange(3, 10), 4)])
    stay, aside = split_by_group(labels, groups, share=0.2, seed=seed)
    assert set(labels[aside]) == set(labels[stay]) == {0, 1}


def test_classes_far_from_their_share_are_printed(capsys):
    labels = np.repeat([0, 1, 2, 3], [40, 38, 3, 50])
    aside = np.array([*range(8), *range(40, 63), 78, *range(81, 83)])
    names = ("even", "a", "small", "b")
    report_shares("here", names, labels, aside, share=0.1)
    assert capsys.readouterr().err == (
        "here: a share of 0.1 is to be set aside; whole groups are far from it in a (23 of 38), "
        "b (2 of 50): their groups are few, or large\n"
    )
    report_shares("here", names, labels, aside[:8], share=0.0)
    report_shares("here", names[:1], labels[:40], aside[:8], share=0.1)
    assert capsys.readouterr().err == ""
