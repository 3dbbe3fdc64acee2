import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.reports.explore.pictures import (
    Selection,
    choose_points,
    class_codes,
    select_pictures,
)

SEEDS = st.integers(0, 2**32 - 1)


@given(seed=SEEDS, n_points=st.integers(0, 30))
@settings(deadline=None, max_examples=40)
def test_points_are_spread_over_the_classes(seed, n_points):
    classes = np.random.default_rng(seed).integers(0, 4, 25)
    counts = np.bincount(classes, minlength=4)
    rows = choose_points(classes, counts, n_points=n_points, seed=seed)
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert len(rows) == min(n_points, 25)
    taken = np.bincount(classes[rows], minlength=4)
    assert all(
        own == count or own >= taken.max() - 1 for own, count in zip(taken, counts, strict=True)
    )
    again = choose_points(classes, counts, n_points=n_points, seed=seed)
    np.testing.assert_array_equal(rows, again)


def test_annotated_images_go_before_others_of_their_class():
    classes, counts = np.repeat([0, 1], [20, 5]), np.array([20, 5])
    annotated = np.array([3, 7, 11, 24])
    rows = choose_points(classes, counts, n_points=6, seed=0, annotated=annotated)
    assert np.bincount(classes[rows]).tolist() == [3, 3]
    assert set(annotated.tolist()) <= set(rows.tolist())


def test_another_seed_chooses_others():
    classes = np.zeros(100, dtype=np.int64)
    chosen = [choose_points(classes, np.array([100]), n_points=10, seed=s) for s in (0, 1)]
    assert set(chosen[0].tolist()) != set(chosen[1].tolist())


def test_an_image_of_several_classes_stands_for_the_rarest():
    """Eight images of the first class, the last of which has the second, rare one too."""
    has = np.zeros((8, 3), dtype=bool)
    has[:, 0] = has[7, 1] = True
    for seed in range(5):
        rows = choose_points(has, np.array([8, 1, 0]), n_points=2, seed=seed)
        assert 7 in rows.tolist()


def test_images_in_no_class_are_points_beside_those_of_each_class():
    has = np.zeros((9, 2), dtype=bool)
    has[:4, 0] = has[4:8, 1] = True
    for seed in range(5):
        assert 8 in choose_points(has, np.array([4, 4]), n_points=3, seed=seed).tolist()


def test_further_neighbours_stand_by_nearness():
    train, evaluation = np.array([0, 2]), np.array([1])
    neighbors = [np.array([[2, 5], [0, 6], [4, 5]]), np.array([[3, 2], [0, 7], [4, 6]])]
    selection = select_pictures(train, evaluation, neighbors, n_pictured=3)
    assert selection.further.tolist() == [4, 3, 5, 6, 7]
    assert (selection.points.size, selection.pictured.size, selection.size) == (3, 6, 8)
    assert selection.places(n_train=9).tolist() == [0, -1, 1, 4, 3, 5, 6, 7, -1]
    of_train = [f"train {row}" for row in range(9)]
    merged = selection.merge(of_train, ["test 0", "test 1"])
    assert merged == [
        *("train 0", "train 2", "test 1"),
        *("train 4", "train 3", "train 5", "train 6", "train 7"),
    ]


def test_neighbours_beside_labels_in_doubt_have_their_pictures_first():
    rows = np.array([0, 2])
    neighbors = [np.array([[2, 5], [0, 6], [4, 7]])]
    selection = select_pictures(rows, np.array([1]), neighbors, n_pictured=2, first=[])
    assert selection.further.tolist() == [4, 5, 6, 7]
    doubted = [np.array([[0, 6]])]
    selection = select_pictures(rows, np.array([1]), neighbors, n_pictured=2, first=doubted)
    assert selection.further.tolist() == [6, 4, 5, 7]


def test_neighbours_that_are_all_points_add_nothing():
    rows = np.array([0, 1])
    selection = select_pictures(rows, rows[:0], [np.array([[1], [0]])], n_pictured=5)
    assert selection.further.tolist() == []
    assert selection.pictured.size == selection.size == 2


def test_codes_of_either_form():
    assert class_codes(list(np.array([2, 0]))) == [[2], [0]]
    assert class_codes(list(np.array([[True, False, True], [False, True, False]]))) == [
        [0, 2],
        [1],
    ]


def test_everything_of_nothing():
    none = np.arange(0)
    assert Selection(none, none, none, 0).merge([], []) == []
