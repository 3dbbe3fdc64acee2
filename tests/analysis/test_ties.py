"""Images that are equal, or equally far: no answer depends on the order in which they stand."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.adversaries.adversaries import adversaries
from imbalens.analysis.archetypes.archetypes import archetypes
from imbalens.analysis.archetypes.judging import Archetype
from imbalens.analysis.label_errors import label_errors
from imbalens.classes import list_pairs
from tests.analysis.neighbor_cases import draw_duplicates, half_up, slow_places

SEEDS, N_CLASSES = st.integers(0, 2**32 - 1), 3
CUTS = {"n_neighbors": 5, "safe_from": 4, "border_from": 2, "rare_from": 1}
CHOICE = {
    "n_neighbors": 5,
    "instances": "misclassified_by_actual",
    "errors": "by_actual",
    "eps": 1e-5,
    "alpha": 0.5,
}


def draw(seed):
    features, labels = draw_duplicates(seed)
    predictions = np.random.default_rng(seed + 1).integers(0, N_CLASSES, len(labels))
    return features, labels, predictions


def draw_memberships(seed):
    features, labels = draw_duplicates(seed)
    rng = np.random.default_rng(seed + 1)
    has, taken_for = rng.random((2, len(labels), N_CLASSES)) < 0.4
    for classes in (has, taken_for):
        classes[np.arange(len(labels)), labels] = True
    return features, has, taken_for


def by_image(codes, classes):
    """Archetypes as a matrix; -1 where an image does not have a class."""
    found = np.full((len(classes), N_CLASSES), -1)
    found[list_pairs(classes)] = codes
    return found


@given(seed=SEEDS)
@settings(deadline=None, max_examples=40)
def test_archetypes_are_those_of_the_expected_count(seed):
    features, labels, predictions = draw(seed)
    found = archetypes(features, labels, predictions, n_classes=N_CLASSES, **CUTS)
    for i, row in enumerate(slow_places(features, 5)):
        same = half_up(sum((p for j, p in row.items() if labels[j] == labels[i]), Fraction(0)))
        assert found.codes[i] == [3, 2, 1, 1, 0, 0][same]


@given(seed=SEEDS, several=st.booleans())
@settings(deadline=None, max_examples=60)
def test_permuting_images_permutes_archetypes_and_keeps_prototypes(seed, several):
    features, classes, predictions = (draw_memberships if several else draw)(seed)
    order = np.random.default_rng(seed).permutation(len(features))
    before = archetypes(features, classes, predictions, n_classes=N_CLASSES, **CUTS)
    after = archetypes(
        features[order], classes[order], predictions[order], n_classes=N_CLASSES, **CUTS
    )
    np.testing.assert_array_equal(
        by_image(after.codes, classes[order]), by_image(before.codes, classes)[order]
    )
    for field in vars(before.table):
        np.testing.assert_array_equal(getattr(after.table, field), getattr(before.table, field))
    empty = before.prototypes < 0
    np.testing.assert_array_equal(after.prototypes < 0, empty)
    np.testing.assert_array_equal(
        features[order][after.prototypes][~empty], features[before.prototypes][~empty]
    )


@given(seed=SEEDS, several=st.booleans())
@settings(deadline=None, max_examples=60)
def test_permuting_images_changes_no_adversary(seed, several):
    features, classes, predictions = (draw_memberships if several else draw)(seed)
    unseen = (classes[::2], predictions[1::2])
    order = np.random.default_rng(seed).permutation(len(features))
    before, after = (
        adversaries(*each, *unseen, n_classes=N_CLASSES, **CHOICE)
        for each in (
            (features, classes, predictions),
            (features[order], classes[order], predictions[order]),
        )
    )
    np.testing.assert_array_equal(after.nearest.share, before.nearest.share)
    np.testing.assert_array_equal(after.nearest.n_instances, before.nearest.n_instances)
    own, other = before.scores["nearest adversaries"], after.scores["nearest adversaries"]
    for field in vars(own):
        np.testing.assert_array_equal(getattr(other, field), getattr(own, field))


@given(seed=SEEDS)
@settings(deadline=None, max_examples=40)
def test_adversaries_count_parts_of_places(seed):
    features, labels, predictions = draw(seed)
    found = adversaries(
        *(features, labels, predictions, labels, predictions), n_classes=N_CLASSES, **CHOICE
    )
    counts = [[Fraction(0)] * N_CLASSES for _ in range(N_CLASSES)]
    for i, row in enumerate(slow_places(features, 5)):
        for j, part in row.items():
            if labels[i] != predictions[i] and labels[j] != labels[i]:
                counts[labels[i]][labels[j]] += part
    for c, row in enumerate(counts):
        if sum(row):
            expected = [float(part / sum(row)) for part in row]
            np.testing.assert_allclose(found.nearest.share[c], expected, rtol=1e-12)
        else:
            assert np.isnan(found.nearest.share[c]).all()


@given(seed=SEEDS, several=st.booleans())
@settings(deadline=None, max_examples=60)
def test_permuting_images_permutes_label_errors(seed, several):
    features, labels, _ = (draw_memberships if several else draw)(seed)
    labels = labels.astype(np.uint8) if several else labels
    scores = np.random.default_rng(seed).integers(-1, 2, (len(features), N_CLASSES)).astype(float)
    order = np.random.default_rng(seed).permutation(len(features))
    options = {"n_neighbors": 5, "n_candidates": 4}
    before = label_errors(features, labels, scores, **options).errors
    after = label_errors(features[order], labels[order], scores[order], **options).errors
    for field in vars(before):
        np.testing.assert_array_equal(getattr(after, field), getattr(before, field)[order])


@pytest.mark.parametrize("backwards", [False, True])
def test_identical_images_of_equal_classes_are_judged_alike(backwards):
    """Ten of each of three: 5 * 9 / 29 of five neighbours share the class, 1.55 on average."""
    labels = np.repeat([0, 1, 2], 10)[:: -1 if backwards else 1]
    found = archetypes(np.ones((30, 4)), labels, labels, n_classes=N_CLASSES, **CUTS)
    assert (found.codes == Archetype.BORDER).all()
    wrong = (labels + 1) % N_CLASSES
    nearest = adversaries(
        *(np.ones((30, 4)), labels, wrong, labels, wrong), n_classes=N_CLASSES, **CHOICE
    ).nearest
    np.testing.assert_array_equal(nearest.share, (1 - np.eye(3)) / 2)
    scores = np.zeros((30, N_CLASSES))
    doubts = label_errors(np.ones((30, 4)), labels, scores, n_neighbors=5, n_candidates=9)
    assert len(set(doubts.errors.probability.tolist())) == 1


@given(seed=SEEDS)
@settings(deadline=None, max_examples=20)
def test_of_images_that_stand_twice_adversaries_are_the_same(seed):
    """A double takes one place and is of the reference class itself."""
    features, labels, predictions = draw(seed)
    rng = np.random.default_rng(seed)
    features = rng.normal(size=features.shape)
    once = (features, labels, predictions)
    twice = tuple(np.concatenate([each, each]) for each in once)
    before, after = (
        adversaries(
            *(*each, labels, predictions), n_classes=N_CLASSES, **(CHOICE | {"n_neighbors": k})
        ).nearest
        for each, k in ((once, 3), (twice, 7))
    )
    np.testing.assert_array_equal(after.share, before.share)
    np.testing.assert_array_equal(after.n_instances, 2 * before.n_instances)
