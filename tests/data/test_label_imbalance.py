import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imbalens.classes import UNKNOWN
from imbalens.data.label_imbalance import (
    cap_negatives,
    choose_label_images,
    split_validation_by_patient,
    thin_positives,
)
from imbalens.errors import InputError
from imbalens.params.datasets import CapNegatives, Natural, Selection, ThinPositives

LAWS = settings(deadline=None, max_examples=50)
SEEDS = st.integers(0, 1000)
MATRICES = st.tuples(st.integers(1, 40), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 1, UNKNOWN]))
)
PATIENTS = st.lists(st.integers(1, 9), min_size=1, max_size=30).map(np.array)


def names_of(labels):
    return [f"label{i}" for i in range(labels.shape[1])]


def cap(labels, n_max, seed=0):
    return cap_negatives(labels, class_names=names_of(labels), n_max=n_max, seed=seed)


def thin(labels, ratio, seed=0):
    return thin_positives(labels, class_names=names_of(labels), ratio=ratio, seed=seed)


def negatives(labels):
    return (labels == 0).sum(0)


@LAWS
@given(MATRICES, st.integers(1, 40), SEEDS)
def test_capping_drops_just_enough_images_known_to_have_no_finding(labels, n_max, seed):
    with_finding = labels[labels.any(1)]
    smallest = int(negatives(with_finding).max())
    if n_max < smallest:
        with pytest.raises(InputError, match=f"allowed: at least {smallest}$"):
            cap(labels, n_max, seed)
        return
    kept = cap(labels, n_max, seed)
    assert (np.diff(kept) > 0).all()
    assert set(np.flatnonzero(labels.any(1))) <= set(kept)
    assert negatives(labels).max() <= n_max or negatives(labels[kept]).max() == n_max
    assert negatives(labels).max() > n_max or len(kept) == len(labels)
    assert (cap(labels, n_max, seed) == kept).all()


def test_capping_by_hand():
    labels = np.zeros((12, 2), dtype=np.uint8)
    labels[[1, 4, 7], 0] = 1
    labels[[4, 9], 1] = 1
    kept = cap(labels, 5)  # label1 has 10 negatives, two of them with label0
    assert len(kept) == 7
    assert {1, 4, 7, 9} < set(kept)
    assert cap(labels, 2).tolist() == [1, 4, 7, 9]
    with pytest.raises(
        InputError, match=r"found 1; 2 training images without label 'label1' have"
    ):
        cap(labels, 1)


def test_capping_one_label_bounds_its_healthy_images():
    labels = np.array([[1], [0], [0], [0], [1]], dtype=np.uint8)
    kept = cap(labels, 1)
    assert len(kept) == 3
    assert labels[kept].sum() == 2


def test_seeds_draw_different_images():
    labels = np.zeros((60, 1), dtype=np.uint8)
    labels[::2] = 1
    assert cap(labels, 10, 0).tolist() != cap(labels, 10, 1).tolist()
    assert thin(labels, 3.0, 0).tolist() != thin(labels, 3.0, 1).tolist()


@LAWS
@given(MATRICES, st.sampled_from([1.0, 1.1, 2.0, 3.3, 7.0]), SEEDS)
def test_thinned_labels_have_the_ratio(labels, ratio, seed):
    try:
        kept = thin(labels, ratio, seed)
    except InputError:  # some label would lose all
        return
    left = labels[kept]
    assert (np.diff(kept) > 0).all()
    assert set(np.flatnonzero((labels != 1).all(1))) <= set(kept)
    assert (negatives(left) >= ratio * (left == 1).sum(0) * (1 - 1e-9)).all()
    assert ((left == 1).any(0) == (labels == 1).any(0)).all()
    assert (thin(labels, ratio, seed) == kept).all()


@LAWS
@given(st.integers(1, 30), st.integers(1, 60), st.sampled_from([1.0, 2.0, 2.2, 5.0]), SEEDS)
def test_one_label_is_thinned_no_more_than_needed(n_positives, n_negatives, ratio, seed):
    labels = np.array([[1]] * n_positives + [[0]] * n_negatives, dtype=np.uint8)
    most = sum(k * ratio <= n_negatives + 1e-9 for k in range(1, n_positives + 1))
    if most == 0:
        with pytest.raises(InputError, match=f"found {ratio}, which leaves none of the"):
            thin(labels, ratio, seed)
    else:
        assert labels[thin(labels, ratio, seed)].sum() == most


def test_thinning_by_hand():
    labels = np.zeros((20, 2), dtype=np.uint8)
    labels[:8, 0] = 1
    labels[8:10, 1] = 1
    kept = thin(labels, 4.0)
    # 12 negatives of label0 leave it 3; then 15 images have 13 negatives of label1, enough for 2
    assert len(kept) == 15
    assert kept[3:].tolist() == list(range(8, 20))
    assert thin(labels, 1.5).tolist() == list(range(20))


def test_labels_are_visited_again_after_others_lost_images():
    labels = np.zeros((14, 2), dtype=np.uint8)
    labels[:6, 0] = 1
    labels[6:10, 1] = 1
    kept = thin(labels, 3.0)
    # label0: 8 negatives leave 2; label1: 4 of 10, of which 6 are negatives, leaves 2;
    # label0 again: 2 of 8, whose 6 negatives are enough
    assert labels[kept].sum(0).tolist() == [2, 2]
    assert thin(labels, 3.4).shape == (4 + 1 + 1,)


def test_natural_keeps_all_and_others_do_as_their_functions():
    labels = np.array([[1, 0], [0, 0], [0, 0], [0, 1], [0, 0]], dtype=np.uint8)
    natural = Natural(kind="natural", n_max=None, selection=Selection(name="seeded", seed=0))
    capped = CapNegatives(kind="cap_negatives", n_max=2, seed=3)
    thinned = ThinPositives(kind="thin_positives", ratio=3.0, seed=3)
    for imbalance, expected in (
        (natural, np.arange(5)),
        (capped, cap(labels, 2, 3)),
        (thinned, thin(labels, 3.0, 3)),
    ):
        chosen = choose_label_images(labels, imbalance, class_names=["a", "b"])
        assert chosen.tolist() == expected.tolist()


@LAWS
@given(PATIENTS, st.floats(0.01, 0.99), SEEDS)
def test_whole_patients_are_set_aside(patients, share, seed):
    try:
        kept, aside = split_validation_by_patient(patients, share=share, seed=seed)
    except InputError:  # no patient would stay
        return
    assert sorted([*kept, *aside]) == list(range(len(patients)))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(aside) > 0).all()
    assert not set(patients[kept]) & set(patients[aside])
    assert len(kept) > 0
    assert len(aside) >= share * len(patients)
    sizes = [int((patients == patient).sum()) for patient in set(patients[aside])]
    assert len(aside) - max(sizes) < share * len(patients)
    again = split_validation_by_patient(patients, share=share, seed=seed)
    assert again[1].tolist() == aside.tolist()


def test_a_share_of_none_sets_nothing_aside():
    kept, aside = split_validation_by_patient(np.array([5, 5, 2]), share=0.0, seed=0)
    assert kept.tolist() == [0, 1, 2]
    assert aside.tolist() == []


def test_one_patient_cannot_be_split():
    with pytest.raises(
        InputError, match=r"found 0.1, which sets aside all 3 training images of 1 "
    ):
        split_validation_by_patient(np.array([5, 5, 5]), share=0.1, seed=0)


def test_labels_that_are_not_known_are_no_negatives():
    labels = np.array([[1], [0], [0], [0], [UNKNOWN], [UNKNOWN]], dtype=np.uint8)
    kept = cap(labels, 1)
    assert labels[kept].ravel().tolist() == [1, 0, UNKNOWN, UNKNOWN]
    labels = np.array([[1], [1], [0], [0]] + [[UNKNOWN]] * 9, dtype=np.uint8)
    assert len(thin(labels, 2.0)) == 12  # two negatives are enough for one
