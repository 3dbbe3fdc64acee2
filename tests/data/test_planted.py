from dataclasses import astuple
from itertools import combinations

import numpy as np
import pytest

from imbalens.data.drawing import COLOURS
from imbalens.data.planted import CLASSES, find_pairs, open_planted, plant
from imbalens.params.sources import Planted


@pytest.fixture
def source():
    params = Planted(
        name="planted",
        train_per_class=20,
        test_per_class=10,
        mislabelled=0.1,
        subconcept=0.2,
        seed=3,
    )
    return open_planted(params, 32)


def test_an_image_depends_on_its_position_only(source):
    together = source.train.read(np.array([5, 199, 7]))
    alone = source.train.read(np.array([7]))
    assert together.shape == (3, 32, 32, 3)
    assert (together[2] == alone[0]).all()
    assert (together[0] != together[1]).any()


def test_splits_and_seeds_give_other_images(source):
    params = Planted(
        name="planted", train_per_class=20, test_per_class=10, mislabelled=0, subconcept=0, seed=4
    )
    first = np.array([1])
    images = [
        source.train.read(first),
        source.test.read(first),
        open_planted(params, 32).train.read(first),
    ]
    assert len({image.tobytes() for image in images}) == 3


def test_the_planted_pairs_differ_in_one_feature():
    assert find_pairs(CLASSES).tolist() == [[0, 9], [1, 8], [3, 5]]


def test_wrong_labels_keep_class_sizes_and_their_truth():
    truth, labels, rare = plant(50, mislabelled=0.1, subconcept=0.2, rng=np.random.default_rng(0))
    wrong = truth != labels
    assert np.bincount(labels).tolist() == [50] * 10
    assert [wrong[truth == c].sum() for c in range(10)] == [5] * 10
    has_variant = [planted.variant is not None for planted in CLASSES]
    assert [rare[truth == c].sum() for c in range(10)] == [10 * v for v in has_variant]
    assert not (wrong & rare).any()


def test_truth_and_boxes_follow_the_positions_asked_for(source):
    positions = np.array([150, 3, 42, 199])
    truth = source.train.truth(positions)
    assert truth.labels.tolist() == [7, 0, 2, 9]
    assert (truth.mislabelled == (source.train.labels[positions] != truth.labels)).all()
    boxes = source.train.boxes(positions)
    assert boxes[:, :2].tolist() == [[0, 7], [1, 0], [2, 2], [3, 9]]


def test_only_training_labels_are_wrong(source):
    assert source.train.truth(np.arange(200)).mislabelled.sum() == 20
    assert not source.test.truth(np.arange(100)).mislabelled.any()


def test_boxes_hold_the_defining_colour(source):
    positions = np.arange(100)
    truth, images = source.test.truth(positions), source.test.read(positions)
    inside, outside = np.zeros(10), np.zeros(10)
    for row, label, x, y, w, h in source.test.boxes(positions):
        assert min(x, y) >= 0
        assert max(x + w, y + h) <= 32
        colour = np.array(COLOURS[truth.colours[label]])
        near = np.abs(images[row].astype(int) - colour).max(-1) < 60
        within = near[y : y + h, x : x + w].sum()
        inside[label] += within / (w * h)
        outside[label] += (near.sum() - within) / (32 * 32 - w * h)
    assert (inside > 2 * outside).all()


def test_objects_lie_everywhere_and_fit_into_the_image(source):
    boxes = source.train.boxes(np.arange(200))
    widths = boxes[:, 4:]
    assert (widths > 3).all()
    assert (widths < 32).all()
    centres = boxes[:, 2:4] + widths / 2
    assert (centres.min(0) < 12).all()
    assert (centres.max(0) > 20).all()


def test_looks_that_are_not_planted_pairs_differ_in_two_features_at_least():
    looks = [
        (label, look)
        for label, planted in enumerate(CLASSES)
        for look in (planted.look, planted.variant)
        if look
    ]
    pairs = {frozenset(pair) for pair in find_pairs(CLASSES).tolist()}
    for (i, first), (j, second) in combinations(looks, 2):
        if frozenset((i, j)) not in pairs:
            differing = sum(a != b for a, b in zip(astuple(first), astuple(second), strict=True))
            assert differing >= 2, (first, second)
