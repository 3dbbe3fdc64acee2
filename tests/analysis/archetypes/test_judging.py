import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.archetypes.judging import (
    Archetype,
    find_archetypes,
    find_prototypes,
    tabulate_archetypes,
)
from imbalens.classes import list_pairs
from tests.analysis.neighbor_cases import judge, listed, slow_medoid

PAPER = {"safe_from": 4, "border_from": 2, "rare_from": 1}
N_CLASSES = 4


def draw(seed, n=40):
    """Labels, archetypes and predictions of classes 0..2; class 3 has no instances."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 3, n), rng.integers(0, 4, n), rng.integers(0, N_CLASSES, n)


def draw_memberships(seed, n=30):
    """Neighbours, and the classes that images have and are taken for: one at least, of four."""
    rng = np.random.default_rng(seed)
    has, taken_for = rng.random((2, n, N_CLASSES)) < 0.3
    for classes in (has, taken_for):
        classes[np.arange(n), rng.integers(0, 3, n)] = True
    return rng.integers(0, n, (n, 5)), has, taken_for


def slow_archetypes(neighbor_labels, labels):
    """Paper B, section 3.2: 4-5 safe, 2-3 border, 1 rare, 0 outlier."""
    names = {5: "SAFE", 4: "SAFE", 3: "BORDER", 2: "BORDER", 1: "RARE", 0: "OUTLIER"}
    return [
        Archetype[names[sum(1 for other in row if other == own)]]
        for row, own in zip(neighbor_labels.tolist(), labels.tolist(), strict=True)
    ]


def test_hand_made():
    neighbor_labels = np.array(
        [
            [7, 7, 7, 7, 7],
            [7, 7, 7, 7, 1],
            [7, 7, 1, 7, 2],
            [1, 7, 7, 1, 2],
            [1, 1, 7, 2, 2],
            [1, 1, 2, 2, 2],
        ]
    )
    found = judge(neighbor_labels, np.full(6, 7), **PAPER)
    assert found.tolist() == [0, 0, 1, 1, 2, 3]
    assert [a.name for a in Archetype] == ["SAFE", "BORDER", "RARE", "OUTLIER"]


def test_other_cut_points():
    neighbor_labels = np.array([[1] * m + [0] * (9 - m) for m in range(10)])
    labels = np.ones(10, dtype=np.int64)
    found = judge(neighbor_labels, labels, safe_from=8, border_from=5, rare_from=2)
    assert found.tolist() == [3, 3, 2, 2, 2, 1, 1, 1, 0, 0]


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=50)
def test_agrees_with_slow_oracle(seed):
    rng = np.random.default_rng(seed)
    neighbor_labels, labels = rng.integers(0, 3, (30, 5)), rng.integers(0, 3, 30)
    found = judge(neighbor_labels, labels, **PAPER)
    assert found.tolist() == slow_archetypes(neighbor_labels, labels)


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_renaming_classes_and_reordering_neighbours_change_nothing(seed):
    rng = np.random.default_rng(seed)
    neighbor_labels, labels = rng.integers(0, 4, (30, 5)), rng.integers(0, 4, 30)
    names = rng.permutation(4)
    renamed = judge(names[rng.permuted(neighbor_labels, axis=1)], names[labels], **PAPER)
    np.testing.assert_array_equal(renamed, judge(neighbor_labels, labels, **PAPER))


@pytest.mark.parametrize("cuts", [(6, 2, 1), (2, 2, 1), (4, 1, 1), (4, 2, 0)])
def test_cut_points_must_descend(cuts):
    safe_from, border_from, rare_from = cuts
    with pytest.raises(ValueError, match=f"n_neighbors=5, safe_from={safe_from}"):
        find_archetypes(
            listed(np.zeros((3, 5), dtype=np.int64)),
            np.zeros(3, dtype=np.int64),
            safe_from=safe_from,
            border_from=border_from,
            rare_from=rare_from,
        )


def test_table_hand_made():
    labels = np.array([0, 0, 0, 0, 1, 1])
    archetypes = np.array([0, 0, 0, 3, 2, 2])
    predictions = np.array([0, 0, 1, 1, 1, 0])
    table = tabulate_archetypes(archetypes, labels, predictions, n_classes=3)
    nan = np.nan
    assert table.count.tolist() == [[3, 0, 0, 1], [0, 0, 2, 0], [0, 0, 0, 0]]
    assert table.true_positives.tolist() == [[2, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(table.share, [[0.75, 0, 0, 0.25], [0, 0, 1, 0], [nan] * 4])
    np.testing.assert_array_equal(
        table.true_positive_rate, [[2 / 3, nan, nan, 0], [nan, nan, 0.5, nan], [nan] * 4]
    )
    np.testing.assert_array_equal(table.overall_share, [3 / 6, 0, 2 / 6, 1 / 6])
    np.testing.assert_array_equal(table.overall_true_positive_rate, [2 / 3, nan, 0.5, 0])


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 40))
@settings(deadline=None, max_examples=30)
def test_table_agrees_with_slow_oracle(seed, n):
    labels, archetypes, predictions = draw(seed, n)
    table = tabulate_archetypes(archetypes, labels, predictions, n_classes=N_CLASSES)
    for c in range(N_CLASSES):
        size = sum(1 for own in labels if own == c)
        for a in Archetype:
            group = [i for i in range(n) if labels[i] == c and archetypes[i] == a]
            hits = sum(1 for i in group if predictions[i] == c)
            assert table.count[c, a] == len(group)
            assert table.true_positives[c, a] == hits
            share, rate = table.share[c, a], table.true_positive_rate[c, a]
            assert share == len(group) / size if size else math.isnan(share)
            assert rate == hits / len(group) if group else math.isnan(rate)


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_table_sums(seed):
    labels, archetypes, predictions = draw(seed)
    table = tabulate_archetypes(archetypes, labels, predictions, n_classes=N_CLASSES)
    np.testing.assert_array_equal(table.count.sum(axis=1), np.bincount(labels, minlength=4))
    np.testing.assert_allclose(table.share[:3].sum(axis=1), 1)
    assert table.overall_share.sum() == pytest.approx(1)
    assert table.true_positives.sum() == (labels == predictions).sum()


def test_without_predictions_there_are_no_true_positives():
    codes, labels = np.array([0, 3, 0, 1]), np.array([0, 0, 1, 1])
    table = tabulate_archetypes(codes, labels, None, n_classes=2)
    whole = tabulate_archetypes(codes, labels, labels, n_classes=2)
    assert table.true_positives is None
    assert np.isnan(table.true_positive_rate).all()
    assert np.isnan(table.overall_true_positive_rate).all()
    for field in ("count", "share", "overall_share"):
        np.testing.assert_array_equal(getattr(table, field), getattr(whole, field))


def test_empty_table():
    empty = np.empty(0, dtype=np.int64)
    table = tabulate_archetypes(empty, empty, empty, n_classes=2)
    assert table.count.tolist() == [[0] * 4] * 2
    assert np.isnan(table.share).all()
    assert np.isnan(table.overall_share).all()


@pytest.mark.parametrize(
    ("archetype", "label", "prediction", "message"),
    [
        (4, 0, 0, r"archetypes must lie in 0\.\.3, found 4 at position 1"),
        (0, 2, 0, r"labels must lie in 0\.\.1, found 2 at position 1"),
        (0, 0, -1, r"predictions must lie in 0\.\.1, found -1 at position 1"),
    ],
)
def test_codes_out_of_range(archetype, label, prediction, message):
    with pytest.raises(ValueError, match=message):
        tabulate_archetypes(
            np.array([0, archetype]), np.array([0, label]), np.array([0, prediction]), n_classes=2
        )


def test_prototypes_hand_made():
    features = np.array([[0.0], [5.0], [1.0], [9.0], [2.0], [7.0]])
    labels = np.array([0, 1, 0, 1, 0, 1])
    archetypes = np.array([0, 3, 0, 3, 0, 1])
    found = find_prototypes(features, labels, archetypes, n_classes=3)
    # of two instances each is a medoid: the smaller one stands for both
    assert found.tolist() == [[2, -1, -1, -1], [-1, 5, -1, 1], [-1, -1, -1, -1]]


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_prototypes_agree_with_slow_oracle(seed):
    labels, archetypes, _ = draw(seed)
    features = np.random.default_rng(seed).normal(size=(40, 3))
    found = find_prototypes(features, labels, archetypes, n_classes=N_CLASSES)
    for c in range(N_CLASSES):
        for a in Archetype:
            group = [i for i in range(40) if labels[i] == c and archetypes[i] == a]
            assert found[c, a] == slow_medoid(features, group)


def test_each_label_of_an_image_is_judged_by_itself():
    """Six images, each among the neighbours of all: five have the first label, two the second."""
    has = np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1], [1, 1, 0]], dtype=bool)
    neighbors = np.array([[j for j in range(6) if j != i] for i in range(6)])
    archetypes = find_archetypes(listed(neighbors), has, **PAPER)
    rows, classes = list_pairs(has)
    assert rows.tolist() == [0, 1, 2, 3, 3, 4, 5, 5]
    assert classes.tolist() == [0, 0, 0, 0, 1, 2, 0, 1]
    safe, rare, outlier = Archetype.SAFE, Archetype.RARE, Archetype.OUTLIER
    assert archetypes.tolist() == [safe, safe, safe, safe, rare, outlier, safe, rare]

    taken_for = np.array(
        [[1, 1, 0], [0, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 1, 1]], dtype=bool
    )
    table = tabulate_archetypes(archetypes, has, taken_for, n_classes=3)
    assert table.count.tolist() == [[5, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1]]
    assert table.true_positives.tolist() == [[3, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert table.overall_share.tolist() == [5 / 8, 0, 2 / 8, 1 / 8]

    features = np.array([[0.0], [1.0], [2.0], [3.0], [9.0], [4.0]])
    prototypes = find_prototypes(features, has, archetypes, n_classes=3)
    assert prototypes.tolist() == [[2, -1, -1, -1], [-1, -1, 3, -1], [-1, -1, -1, 4]]


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_labels_agree_with_slow_oracle(seed):
    neighbors, has, taken_for = draw_memberships(seed)
    features = np.random.default_rng(seed).normal(size=(30, 2))
    archetypes = find_archetypes(listed(neighbors), has, **PAPER)
    table = tabulate_archetypes(archetypes, has, taken_for, n_classes=N_CLASSES)
    prototypes = find_prototypes(features, has, archetypes, n_classes=N_CLASSES)
    kinds = [3, 2, 1, 1, 0, 0]
    judged = {
        (i, c): kinds[sum(1 for j in neighbors[i] if has[j, c])]
        for i in range(30)
        for c in range(N_CLASSES)
        if has[i, c]
    }
    assert archetypes.tolist() == list(judged.values())
    for c in range(N_CLASSES):
        for a in Archetype:
            group = [i for (i, own), kind in judged.items() if own == c and kind == a]
            assert table.count[c, a] == len(group)
            assert table.true_positives[c, a] == sum(1 for i in group if taken_for[i, c])
            assert prototypes[c, a] == slow_medoid(features, group)


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_one_class_per_image_is_the_same_in_either_form(seed):
    labels, archetypes, predictions = draw(seed)
    rng = np.random.default_rng(seed)
    neighbors, features = rng.integers(0, 40, (40, 5)), rng.normal(size=(40, 3))
    has, taken_for = np.eye(N_CLASSES, dtype=bool)[[labels, predictions]]
    np.testing.assert_array_equal(
        find_archetypes(listed(neighbors), has, **PAPER),
        find_archetypes(listed(neighbors), labels, **PAPER),
    )
    mine = tabulate_archetypes(archetypes, has, taken_for, n_classes=N_CLASSES)
    theirs = tabulate_archetypes(archetypes, labels, predictions, n_classes=N_CLASSES)
    for field in vars(theirs):
        np.testing.assert_array_equal(getattr(mine, field), getattr(theirs, field))
    np.testing.assert_array_equal(
        find_prototypes(features, has, archetypes, n_classes=N_CLASSES),
        find_prototypes(features, labels, archetypes, n_classes=N_CLASSES),
    )


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_permuting_images_permutes_what_their_labels_are_judged(seed):
    neighbors, has, _ = draw_memberships(seed)
    order = np.random.default_rng(seed).permutation(30)
    judged = np.full(has.shape, -1)
    judged[list_pairs(has)] = find_archetypes(listed(neighbors), has, **PAPER)
    permuted = np.full(has.shape, -1)
    place = np.argsort(order)
    permuted[list_pairs(has[order])] = find_archetypes(
        listed(place[neighbors[order]]), has[order], **PAPER
    )
    np.testing.assert_array_equal(permuted, judged[order])
