import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.data.imbalance import class_sizes, select, split_validation
from imbalens.errors import InputError
from imbalens.params.datasets import Exp, Natural, Selection, Step

PUBLISHED = Selection(name="published", seed=0)
SEEDED = Selection(name="seeded", seed=0)
LAWS = settings(deadline=None, max_examples=50)


def sizes_of(kind, available, ratio, n_max, order="label"):
    numbers = {"ratio": ratio, "n_max": n_max, "order": order}
    imbalance = kind(kind=kind.__name__.lower(), selection=SEEDED, **numbers)
    names = [f"class{label}" for label in range(len(available))]
    return class_sizes(np.array(available), imbalance, class_names=names)


def test_cifar10_exp_100_has_the_published_sizes():
    sizes = sizes_of(Exp, [5000] * 10, 100.0, None)
    assert sizes.tolist() == [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    assert sizes.sum() == 12_406


@pytest.mark.parametrize(
    ("kind", "available", "ratio", "n_max", "total"),
    [
        (Exp, [500] * 100, 10.0, None, 19_573),
        (Exp, [5000] * 100, 10.0, 2500, 98_072),
        (Step, [5000] * 10, 5.0, 2500, 15_000),
    ],
    ids=["cifar100", "places100", "places10"],
)
def test_other_published_splits_have_the_published_totals(kind, available, ratio, n_max, total):
    assert sizes_of(kind, available, ratio, n_max).sum() == total


def test_step_cuts_the_second_half_and_keeps_all_classes_of_an_odd_number():
    assert sizes_of(Step, [100] * 5, 10.0, None).tolist() == [100, 100, 10, 10, 10]
    assert sizes_of(Step, [11] * 2, 1.1, None).tolist() == [11, 10]


def test_natural_caps_only_what_is_above():
    natural = Natural(kind="natural", n_max=20, selection=SEEDED)
    sizes = class_sizes(np.array([50, 5, 20]), natural, class_names=list("abc"))
    assert sizes.tolist() == [20, 5, 20]


def test_of_many_classes_without_images_the_first_are_named():
    message = r"none of class 'class1', .*'class5', \.\.\. \(200 in all\); every class needs"
    with pytest.raises(InputError, match=message):
        sizes_of(Exp, [1] + [0] * 200, 1.0, None)


@LAWS
@given(st.integers(1, 60), st.integers(1, 40), st.integers(2, 30))
def test_the_last_class_has_n_max_over_ratio_when_that_is_whole(tail, ratio, c):
    sizes = sizes_of(Exp, [tail * ratio] * c, float(ratio), None)
    assert sizes[0] == tail * ratio
    assert sizes[-1] == tail
    assert (np.diff(sizes) <= 0).all()
    exact = [tail * ratio * ratio ** (-i / (c - 1)) for i in range(c)]
    assert all(abs(size - math.floor(x)) <= 1 for size, x in zip(sizes, exact, strict=True))
    assert (sizes <= np.array(exact) * (1 + 1e-9)).all()


@pytest.mark.parametrize(
    ("available", "ratio", "n_max", "message"),
    [
        ([9, 0, 9], 1.0, None, "found none of class 'class1'"),
        (
            [9, 9, 4],
            1.0,
            None,
            "class 'class2' has 4 training images, 9 asked for, as n_max is null and class "
            "'class0' has 9; set n_max to at most 4",
        ),
        (
            [9, 9, 9],
            1.0,
            12,
            "class 'class0' has 9 training images, 12 asked for, as n_max is 12; set n_max to at "
            "most 9",
        ),
        (
            [9, 9, 9],
            10.0,
            None,
            "found 10.0, which leaves class 'class2' no image, as n_max is null and class "
            "'class0' has 9; allowed: up to 9",
        ),
        ([9, 9, 9], 10.0, 8, "leaves class 'class2' no image, as n_max is 8; allowed: up to 8"),
        ([30, 90, 40], 12.0, 90, "; set n_max to at most 30, or order to 'size'"),
        ([8, 90, 40], 12.0, 90, "8 training images, 90 asked for, as n_max is 90; set order to"),
        ([8, 90, 5], 12.0, 90, "has 8 training images, 90 asked for, as n_max is 90; lower ratio"),
    ],
)
def test_a_class_that_cannot_have_its_size_is_named(available, ratio, n_max, message):
    with pytest.raises(InputError) as caught:
        sizes_of(Exp, available, ratio, n_max)
    assert message in str(caught.value)


@LAWS
@given(st.permutations([95, 95, 33, 20, 11]), st.sampled_from([Exp, Step]))
def test_by_size_the_largest_classes_are_the_head(available, kind):
    sizes = sizes_of(kind, available, 9.0, None, "size")
    largest_first = np.argsort(-np.array(available), kind="stable")
    in_order = sizes_of(kind, sorted(available, reverse=True), 9.0, None)
    assert sizes[largest_first].tolist() == in_order.tolist()
    assert sizes.max() == 95


def test_classes_of_one_size_are_the_head_in_label_order():
    assert sizes_of(Exp, [9, 10, 10, 10], 8.0, None, "size").tolist() == [1, 10, 5, 2]


@LAWS
@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.floats(1, 20))
def test_the_largest_n_max_that_an_error_names_is_right(available, ratio):
    try:
        sizes_of(Exp, available, ratio, 61)
    except InputError as error:
        named = re.search(r"set n_max to at most (\d+)", str(error))
        if named:
            sizes_of(Exp, available, ratio, int(named[1]))
            with pytest.raises(InputError):
                sizes_of(Exp, available, ratio, int(named[1]) + 1)


def test_published_selection_takes_the_images_that_the_field_compares_on():
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(10), 5000))
    sizes = np.array([5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50])
    chosen = select(labels, sizes, PUBLISHED)
    airplanes = np.flatnonzero(labels == 0).tolist()
    within_class = [airplanes.index(position) for position in chosen[:2]]
    assert within_class == [398, 3833]


def test_published_selection_agrees_with_the_reference_program():
    labels = np.array([0, 1, 2] * 20)
    sizes = np.array([20, 7, 3])
    stream = np.random.RandomState(0)
    expected = []
    for label in range(3):
        positions = np.where(labels == label)[0]
        stream.shuffle(positions)
        expected += positions[: sizes[label]].tolist()
    assert select(labels, sizes, PUBLISHED).tolist() == expected


@LAWS
@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=6),
    st.integers(0, 5),
    st.sampled_from(["published", "seeded"]),
)
def test_selections_are_unique_grouped_by_class_and_of_the_right_sizes(available, seed, name):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(available)), available))
    sizes = rng.integers(1, np.array(available) + 1)
    selection = Selection(name=name, seed=seed)
    chosen = select(labels, sizes, selection)
    assert len(set(chosen.tolist())) == len(chosen)
    assert labels[chosen].tolist() == np.repeat(np.arange(len(sizes)), sizes).tolist()
    assert select(labels, sizes, selection).tolist() == chosen.tolist()


def test_another_seed_selects_other_images():
    labels = np.zeros(50, np.int64)
    first, second = (
        select(labels, np.array([10]), Selection(name="seeded", seed=s)) for s in (0, 1)
    )
    assert first.tolist() != second.tolist()


@LAWS
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=5),
    st.integers(0, 99).map(lambda percent: percent / 100),
    st.integers(0, 3),
)
def test_validation_is_a_stratified_disjoint_part(available, share, seed):
    labels = np.repeat(np.arange(len(available)), available)
    kept, aside = split_validation(labels, share=share, seed=seed)
    assert sorted([*kept, *aside]) == list(range(len(labels)))
    for label, n in enumerate(available):
        n_aside = (labels[aside] == label).sum()
        assert n_aside < n
        if share > 0 and n > 1:
            assert n_aside == min(max(math.floor(Fraction(str(share)) * n), 1), n - 1)
    assert share > 0 or len(aside) == 0


def test_a_share_that_is_a_whole_number_of_images_loses_none_to_rounding():
    assert int(0.29 * 100) == 28
    _, aside = split_validation(np.zeros(100, np.int64), share=0.29, seed=0)
    assert len(aside) == 29
