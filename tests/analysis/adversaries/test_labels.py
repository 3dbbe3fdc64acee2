"""Adversaries and errors of images that have several labels."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.adversaries.adversaries import adversaries
from imbalens.analysis.adversaries.distributions import error_distribution
from imbalens.classes import UNKNOWN, known_classes, true_classes
from tests.analysis.adversaries.test_distributions import ERRORS, INSTANCES, draw
from tests.analysis.neighbor_cases import count_adversaries


def draw_memberships(seed, n_classes):
    """Neighbours, and the classes that images have and are taken for; some are in none."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    has = rng.random((n, n_classes)) < 0.3
    taken_for = np.where(rng.random((n, n_classes)) < 0.6, has, rng.random(has.shape) < 0.3)
    for classes in (has, taken_for):
        classes[~classes.any(axis=1) & (rng.random(n) < 0.7), -1] = True
    return rng.integers(0, n, (n, 5)), has, taken_for


def mass_oracle(classes):
    own = [c for c, applies in enumerate(classes) if applies]
    return {c: 1 / len(own) for c in own}


def shares_oracle(masses, n_classes):
    """Distributions from a list of (reference class, counted classes with their mass)."""
    share = np.full((n_classes, n_classes), np.nan)
    for c in range(n_classes):
        total = [0.0] * n_classes
        for reference, mass in masses:
            if reference == c:
                for a, part in mass.items():
                    total[a] += part if a != c else 0.0
        if sum(total):
            share[c] = [part / sum(total) for part in total]
    return share


@pytest.mark.parametrize("instances", INSTANCES)
@given(seed=st.integers(0, 10_000), n_classes=st.integers(2, 5))
@settings(deadline=None, max_examples=20)
def test_adversaries_of_labels_agree_with_loops(instances, seed, n_classes):
    neighbors, has, taken_for = draw_memberships(seed, n_classes)
    masses, n_instances = [], [0] * n_classes
    for i, row in enumerate(neighbors):
        for c in range(n_classes):
            selected = {
                "misclassified_by_actual": has[i, c] and not taken_for[i, c],
                "misclassified_by_predicted": taken_for[i, c] and not has[i, c],
                "all": has[i, c],
            }[instances]
            if selected:
                n_instances[c] += 1
                masses += [(c, mass_oracle(has[j])) for j in row if not has[j, c]]
    result = count_adversaries(
        has[neighbors], has, taken_for, n_classes=n_classes, instances=instances
    )
    np.testing.assert_allclose(result.share, shares_oracle(masses, n_classes), rtol=1e-9)
    assert result.n_instances.tolist() == n_instances


@pytest.mark.parametrize("errors", ERRORS)
@given(seed=st.integers(0, 10_000), n_classes=st.integers(2, 5))
@settings(deadline=None, max_examples=20)
def test_errors_of_labels_agree_with_loops(errors, seed, n_classes):
    _, has, taken_for = draw_memberships(seed, n_classes)
    masses = []
    for own, taken in zip(has, taken_for, strict=True):
        for c in range(n_classes):
            if errors == "by_actual" and own[c] and not taken[c] and taken.any():
                masses.append((c, mass_oracle(taken)))
            if errors == "by_predicted" and taken[c] and not own[c] and own.any():
                masses.append((c, mass_oracle(own)))
    result = error_distribution(has, taken_for, n_classes=n_classes, errors=errors)
    np.testing.assert_allclose(result.share, shares_oracle(masses, n_classes), rtol=1e-9)
    references = Counter(c for c, _ in masses)
    assert result.n_instances.tolist() == [references[c] for c in range(n_classes)]


@given(seed=st.integers(0, 10_000), n_classes=st.integers(2, 6))
@settings(deadline=None, max_examples=30)
def test_one_class_per_image_is_the_same_in_either_form(seed, n_classes):
    neighbors, labels, predictions = draw(seed, n_classes)
    one_hot = np.eye(n_classes, dtype=bool)
    codes, rows = (neighbors, labels, predictions), [one_hot[labels], one_hot[predictions]]
    for instances in INSTANCES:
        mine, theirs = (
            count_adversaries(*data, n_classes=n_classes, instances=instances)
            for data in ((one_hot[neighbors], *rows), codes)
        )
        np.testing.assert_array_equal(mine.share, theirs.share)
        np.testing.assert_array_equal(mine.n_instances, theirs.n_instances)
    for errors in ERRORS:
        mine, theirs = (
            error_distribution(*data, n_classes=n_classes, errors=errors)
            for data in (rows, codes[1:])
        )
        np.testing.assert_array_equal(mine.share, theirs.share)
        np.testing.assert_array_equal(mine.n_instances, theirs.n_instances)


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=20)
def test_order_of_images_with_labels_does_not_matter_and_renaming_labels_only_renames(seed):
    neighbors, has, taken_for = draw_memberships(seed, 4)
    data = has[neighbors], has, taken_for
    rng = np.random.default_rng(seed + 1)
    order, new = rng.permutation(len(has)), rng.permutation(4)
    options = {"n_classes": 4, "instances": "misclassified_by_actual"}
    before = count_adversaries(*data, **options)
    shuffled = count_adversaries(*(part[order] for part in data), **options)
    np.testing.assert_allclose(shuffled.share, before.share, rtol=1e-9)
    renamed = count_adversaries(*(part[..., new] for part in data), **options)
    np.testing.assert_allclose(renamed.share, before.share[np.ix_(new, new)], rtol=1e-9)


def test_labels_by_hand():
    """Effusion, Mass and no finding: the first image's Mass is missed, the third's made up."""
    has = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]], dtype=bool)
    taken_for = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=bool)
    neighbors = np.array([[1, 2], [0, 2], [0, 1], [0, 2]])
    data = has[neighbors], has, taken_for
    nan = [np.nan] * 3

    actual = count_adversaries(*data, n_classes=3, instances="misclassified_by_actual")
    # the first image's neighbours for Mass: an Effusion and one without any finding; the third's
    # for no finding: an image of mass 1/2 to Effusion and 1/2 to Mass, and an Effusion
    np.testing.assert_allclose(actual.share, [nan, [0.5, 0, 0.5], [0.75, 0.25, 0]])
    assert actual.n_instances.tolist() == [0, 1, 1]

    everything = count_adversaries(*data, n_classes=3, instances="all")
    np.testing.assert_allclose(everything.share, [[0, 0, 1], [1 / 3, 0, 2 / 3], [0.75, 0.25, 0]])
    assert everything.n_instances.tolist() == [2, 2, 1]

    missed = error_distribution(has, taken_for, n_classes=3, errors="by_actual")
    np.testing.assert_allclose(missed.share, [nan, [1, 0, 0], [0.5, 0.5, 0]])
    assert missed.n_instances.tolist() == [0, 1, 1]

    made_up = error_distribution(has, taken_for, n_classes=3, errors="by_predicted")
    np.testing.assert_allclose(made_up.share, [[0, 0, 1], [0, 0, 1], nan])
    assert made_up.n_instances.tolist() == [1, 1, 0]


@pytest.mark.parametrize("spread", [0.0, 1.0])
@pytest.mark.parametrize(
    ("marks", "from_a"), [([0, 0, 0], 3), ([0, UNKNOWN, 0], 2), ([UNKNOWN] * 3, 0), ([1, 0, 1], 1)]
)
def test_a_neighbour_counts_where_it_is_known_to_lack_the_class(spread, marks, from_a):
    """A is missed of the first image; its neighbours have B, in one place or in three."""
    labels = np.array([[1, 0]] + [[mark, 1] for mark in marks] + [[0, 0]] * 4, dtype=np.uint8)
    features = np.array([0, *(5 + spread * np.arange(3)), *(50 + np.arange(4))])[:, None]
    classes = true_classes(labels, "AB")
    taken = classes.copy()
    taken[0] = [False, False, True]
    found = adversaries(
        *(features, classes, taken, classes, taken),
        n_classes=3,
        n_neighbors=3,
        instances="misclassified_by_actual",
        errors="by_actual",
        eps=1e-5,
        alpha=0.5,
        known=known_classes(labels, "AB"),
    )
    assert found.nearest.counts.tolist() == [[0, from_a, 0], [0, 0, 0], [0, 0, 0]]
    assert found.nearest.n_instances.tolist() == [1, 0, 0]


@given(seed=st.integers(0, 10_000), n_classes=st.integers(2, 5))
@settings(deadline=None, max_examples=10)
def test_where_all_is_known_nothing_changes(seed, n_classes):
    rng = np.random.default_rng(seed)
    features = rng.integers(0, 3, (30, 2)).astype(np.float32)
    has, taken = rng.random((2, 30, n_classes)) < 0.3
    before, after = (
        adversaries(
            *(features, has, taken, has, taken),
            n_classes=n_classes,
            n_neighbors=4,
            instances="all",
            errors="by_actual",
            eps=1e-5,
            alpha=0.5,
            known=known,
        )
        for known in (None, np.ones_like(has))
    )
    np.testing.assert_array_equal(before.nearest.counts, after.nearest.counts)
    for field in ("row", "neighbor", "parts", "parts_per_place", "nearest"):
        mine, theirs = (getattr(one.neighbors, field) for one in (before, after))
        np.testing.assert_array_equal(mine, theirs)
