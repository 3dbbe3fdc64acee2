import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.data.group_splits import split_by_group

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
