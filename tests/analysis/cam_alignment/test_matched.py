from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.cam_alignment.alignment import align_cams, measure_alignment
from imbalens.analysis.cam_alignment.matched import (
    MATCHED_MEASURES,
    MatchedAlignment,
    matched_thresholds,
    measure_matched,
)
from imbalens.analysis.common.boxes import box_masks
from imbalens.analysis.common.cams import class_activation_maps, resize_maps
from tests.analysis.oracles import close, draw_boxes, slow_auroc

# twice the side of the maps, so that resizing multiplies by quarters and rounds nothing
SIZE, SIDE = 8, 4
SEEDS = st.integers(0, 2**32 - 1)


def draw(seed, n=6):
    """Maps of few distinct values, so that ties are common, one constant; classes and masks."""
    rng = np.random.default_rng(seed)
    cams = rng.integers(-4, 5, (n, SIDE, SIDE)).astype(np.float32)
    cams[0] = 2
    boxes = draw_boxes(rng, n, size=SIZE)
    boxes[:, 0] = np.arange(n)
    return cams, boxes[:, 1], box_masks(boxes, boxes[:, :2], image_size=SIZE)


def measure(cams, classes, masks, share=0.25):
    thresholds = matched_thresholds(cams, classes, image_size=SIZE, share=share)
    return measure_matched(resize_maps(cams, size=(SIZE, SIZE)), masks, thresholds)


def slow_measures(cams, classes, masks, share):
    """Pixel by pixel; a class's threshold from the sorted values of its maps."""
    resized = resize_maps(cams, size=(SIZE, SIZE))
    rows = []
    for cam, label, mask in zip(resized, classes, masks, strict=True):
        threshold = np.quantile(resized[classes == label].astype(float), 1 - share)
        inside, outside, common, kept, either = [], [], 0, 0, 0
        for value, marked in zip(cam.ravel().tolist(), mask.ravel(), strict=True):
            (inside if marked else outside).append(value)
            kept += value > threshold
            common += value > threshold and marked
            either += value > threshold or marked
        ior = common / kept if kept else 0
        rows.append(
            (slow_auroc(inside, outside), common / len(inside), ior, common / either, kept == 0)
        )
    return rows


def assert_equal(first, second):
    for name in MATCHED_MEASURES:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


def test_by_hand():
    cams = np.array(
        [[[4.0, 1.0], [3.0, 1.0]], [[2.0, 2.0], [2.0, 2.0]], [[0.0, -1.0], [1.0, 9.0]]]
    )
    top, whole = [[True, True], [False, False]], [[True, True], [True, True]]
    masks = np.array([top, top, whole])
    found = measure_matched(cams, masks, np.array([2.5, 2.0, 5.0]))
    # 4 beats both, 1 ties with one of them and loses to the other
    np.testing.assert_array_equal(found.auroc, [2.5 / 4, 0.5, np.nan])
    assert found.iobb.tolist() == [0.5, 0, 0.25]
    assert found.ior.tolist() == [0.5, 0, 1]
    assert found.iou.tolist() == [1 / 3, 0, 0.25]
    assert found.empty.tolist() == [False, True, False]


@given(seed=SEEDS, share=st.sampled_from([0.1, 0.25, 0.6]))
@settings(deadline=None, max_examples=30)
def test_agrees_with_slow_oracle(seed, share):
    case = draw(seed)
    found = measure(*case, share=share)
    for pair, expected in enumerate(slow_measures(*case, share)):
        assert [values[pair] for values in astuple(found)] == [close(e) for e in expected]


@given(seed=SEEDS)
@settings(deadline=None, max_examples=30)
def test_raising_a_class_changes_nothing(seed):
    """What a change of the prior does: other weights, and a constant more, per class."""
    cams, classes, masks = draw(seed)
    rng = np.random.default_rng(seed)
    # powers of two and integers, so that nothing is rounded
    factor = 2.0 ** rng.integers(-3, 4, 3)[classes][:, None, None]
    shift = rng.integers(-9, 10, 3)[classes][:, None, None]
    raised = (factor * cams + shift).astype(np.float32)
    assert_equal(measure(raised, classes, masks), measure(cams, classes, masks))


def test_raised_logits_raise_soft_iobb_but_nothing_at_matched_scale():
    """A channel that is the same everywhere raises the logit and says nothing of any place."""
    rng = np.random.default_rng(0)
    maps = rng.integers(0, 3, (40, 3, SIDE, SIDE)).astype(np.float32)
    maps[:, 2] = 1
    boxes = draw_boxes(rng, 40, size=SIZE)
    boxes[:, 0] = np.arange(40)
    classes, masks = boxes[:, 1], box_masks(boxes, boxes[:, :2], image_size=SIZE)
    found = []
    for raised in (-2, 2):
        weights = np.tile(np.array([1.0, -1.0, raised], dtype=np.float32), (40, 1))
        cams = class_activation_maps(maps, weights)
        soft = align_cams(cams, image_size=SIZE, relu=True, normalize_before_resize=False)
        found.append((measure_alignment(soft, masks), measure(cams, classes, masks)))
    (low, matched), (high, matched_too) = found
    assert high.iobb.mean() > low.iobb.mean() + 0.3
    assert high.all_zero.mean() < low.all_zero.mean()
    assert_equal(matched, matched_too)


@given(seed=SEEDS)
@settings(deadline=None, max_examples=20)
def test_the_ranking_is_that_of_each_map(seed):
    cams, _, masks = draw(seed)
    resized = resize_maps(cams.astype(float), size=(SIZE, SIZE))
    bent = np.exp(resized) * np.arange(1, 7)[:, None, None] - np.arange(6)[:, None, None]
    rankings = [measure_matched(maps, masks, np.zeros(6)).auroc for maps in (resized, bent)]
    np.testing.assert_array_equal(*rankings)


@given(seed=SEEDS)
@settings(deadline=None, max_examples=20)
def test_order_changes_nothing(seed):
    cams, classes, masks = draw(seed)
    order = np.random.default_rng(seed).permutation(len(cams))
    found = measure(cams[order], classes[order], masks[order])
    expected = measure(cams, classes, masks)
    assert_equal(found, MatchedAlignment(*(values[order] for values in astuple(expected))))


@given(seed=SEEDS, share=st.sampled_from([0.1, 0.25, 0.6]))
@settings(deadline=None, max_examples=20)
def test_every_class_keeps_the_same_share(seed, share):
    rng = np.random.default_rng(seed)
    cams, classes = rng.normal(size=(9, SIDE, SIDE)), np.repeat([0, 1, 2], 3)
    cams *= np.array([1, 5, 100])[classes][:, None, None]
    thresholds = matched_thresholds(cams, classes, image_size=SIZE, share=share)
    kept = resize_maps(cams, size=(SIZE, SIZE)) > thresholds[:, None, None]
    n_pixels = 3 * SIZE**2
    for label in range(3):
        # the corners of a resized map are copies of one another, so that a few values tie
        assert kept[classes == label].sum() == pytest.approx(share * n_pixels, abs=4)


def test_a_constant_map_keeps_nothing_and_ranks_nothing():
    cams = np.full((2, 7, 7), 0.3, dtype=np.float32)
    masks = np.zeros((2, 56, 56), dtype=bool)
    masks[:, 3:20, 5:9] = True
    thresholds = matched_thresholds(cams, np.zeros(2, dtype=int), image_size=56, share=0.1)
    found = measure_matched(resize_maps(cams, size=(56, 56)), masks, thresholds)
    assert found.empty.all()
    assert found.auroc.tolist() == [0.5, 0.5]


def test_no_pairs():
    found = measure(
        np.empty((0, SIDE, SIDE)), np.empty(0, dtype=np.int64), np.empty((0, SIZE, SIZE), bool)
    )
    assert all(len(values) == 0 for values in astuple(found))


def test_a_share_and_finite_maps_are_needed():
    cams, classes, _ = draw(0)
    with pytest.raises(ValueError, match=r"q is 1\.0; it must be > 0 and < 1"):
        matched_thresholds(cams, classes, image_size=SIZE, share=1.0)
    cams[3, 0, 0] = np.nan
    with pytest.raises(ValueError, match=f"activations of class {classes[3]} must be finite"):
        matched_thresholds(cams, classes, image_size=SIZE, share=0.5)
