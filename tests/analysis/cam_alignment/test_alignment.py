from dataclasses import astuple, fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.cam_alignment.alignment import (
    MEASURES,
    Alignment,
    align_cams,
    harden,
    join_measures,
    measure_alignment,
    summarize_measures,
)
from imbalens.analysis.common.boxes import box_masks, find_pairs
from imbalens.analysis.common.cams import class_activation_maps
from tests.analysis.oracles import close, draw_boxes, ratio

SIZE = 9
SEEDS = st.integers(0, 2**32 - 1)
SOFT = {"image_size": SIZE, "relu": True, "normalize_before_resize": False}


def align_maps(maps, weights, **options):
    return align_cams(class_activation_maps(maps, weights), **options)


def draw(seed, n=6):
    """Maps of few distinct values, so that the largest is tied, one of them zero; and masks."""
    rng = np.random.default_rng(seed)
    cams = rng.integers(0, 5, (n, SIZE, SIZE)) / 4
    cams[0] = 0
    boxes = draw_boxes(rng, n, size=SIZE)
    boxes[:, 0] = np.arange(n)
    return cams, box_masks(boxes, boxes[:, :2], image_size=SIZE)


def slow_alignment(cam, mask):
    """Section 4 of paper A, pixel by pixel; the largest pixels share one point."""
    common = total = area = 0.0
    largest = max(value for line in cam for value in line)
    ties = hits = 0
    for y, line in enumerate(cam):
        for x, value in enumerate(line):
            total += value
            if mask[y][x]:
                area += 1
                common += value
            if value == largest:
                ties += 1
                hits += int(mask[y][x])
    if total == 0:
        return 0, 0, 0, 0, True
    return (
        ratio(common, area),
        ratio(common, total),
        ratio(common, total + area - common),
        ratio(hits, ties),
        False,
    )


def assert_same(found, expected):
    for field in fields(Alignment):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(expected, field.name))


def take(alignment, rows):
    return Alignment(*(values[rows] for values in astuple(alignment)))


def test_measures_hand_made():
    cams = np.array([[[1.0, 0.5], [0.0, 0.5]], [[0.25, 0.0], [1.0, 1.0]], [[0.0, 0.0]] * 2])
    masks = np.array([[[True, True], [False, False]]] * 2 + [[[True, False], [False, False]]])
    found = measure_alignment(cams, masks)
    assert found.iobb.tolist() == [0.75, 0.125, 0]
    assert found.ior.tolist() == [0.75, 0.25 / 2.25, 0]
    assert found.iou.tolist() == [1.5 / 2.5, 0.25 / 4, 0]
    assert found.pointing.tolist() == [1, 0, 0]
    assert found.all_zero.tolist() == [False, False, True]


def test_hard_measures_hand_made():
    cams = np.array([[[1.0, 0.5], [0.0, 0.25]]], dtype=np.float32)
    mask = np.array([[[True, False], [True, False]]])
    cut = harden(cams, threshold=0.5)
    assert cut.tolist() == [[[1, 1], [0, 0]]]
    found = measure_alignment(cut, mask)
    assert [float(value[0]) for value in astuple(found)] == [0.5, 0.5, 1 / 3, 0.5, 0]


def test_tied_pixels_share_the_point():
    cams = np.array([[[0.5, 0.5], [0.5, 0.1]]])
    mask = np.array([[[True, False], [False, True]]])
    assert measure_alignment(cams, mask).pointing.tolist() == [1 / 3]


@given(seed=SEEDS)
@settings(deadline=None, max_examples=30)
def test_measures_agree_with_slow_oracle(seed):
    cams, masks = draw(seed)
    for values in (cams, harden(cams, threshold=0.6)):
        found = measure_alignment(values, masks)
        for pair, (cam, mask) in enumerate(zip(values.tolist(), masks.tolist(), strict=True)):
            expected = slow_alignment(cam, mask)
            assert [value[pair] for value in astuple(found)] == [close(e) for e in expected]


@given(seed=SEEDS)
@settings(deadline=None, max_examples=20)
def test_measures_lie_between_0_and_1(seed):
    cams, masks = draw(seed)
    noisy = np.random.default_rng(seed).random(cams.shape, dtype=np.float32)
    for values in (cams, noisy, np.ones_like(noisy)):
        for measure in astuple(measure_alignment(values, masks)):
            assert (measure >= 0).all()
            assert (measure <= 1).all()


def test_single_precision_maps_are_summed_in_double_precision():
    cams = np.random.default_rng(0).random((2, 200, 200), dtype=np.float32)
    masks = cams > 0.3
    assert_same(measure_alignment(cams, masks), measure_alignment(cams.astype(float), masks))


@given(seed=SEEDS)
@settings(deadline=None, max_examples=20)
def test_a_map_that_is_its_box_and_one_that_is_the_image(seed):
    _, masks = draw(seed)
    best = measure_alignment(masks.astype(float), masks)
    for measure in (best.iobb, best.ior, best.iou, best.pointing):
        np.testing.assert_array_equal(measure, 1)
    everywhere = measure_alignment(np.ones(masks.shape), masks)
    share = masks.sum(axis=(1, 2)) / SIZE**2
    np.testing.assert_array_equal(everywhere.iobb, 1)
    for measure in (everywhere.ior, everywhere.iou, everywhere.pointing):
        np.testing.assert_array_equal(measure, share)


@given(seed=SEEDS, batch=st.integers(1, 6))
@settings(deadline=None, max_examples=20)
def test_order_and_batches_change_nothing(seed, batch):
    rng = np.random.default_rng(seed)
    boxes = draw_boxes(rng, 10, size=SIZE)
    pairs = find_pairs(boxes)
    maps = rng.random((4, 5, 3, 3), dtype=np.float32)
    weights = rng.normal(size=(3, 5)).astype(np.float32)

    def measure(chosen):
        cams = align_maps(maps[chosen[:, 0]], weights[chosen[:, 1]], **SOFT)
        return measure_alignment(cams, box_masks(boxes, chosen, image_size=SIZE))

    whole = measure(pairs)
    starts = range(0, len(pairs), batch)
    assert_same(join_measures([measure(pairs[i : i + batch]) for i in starts]), whole)
    order = rng.permutation(len(pairs))
    assert_same(measure(pairs[order]), take(whole, order))
    reordered = box_masks(rng.permutation(boxes), pairs, image_size=SIZE)
    np.testing.assert_array_equal(reordered, box_masks(boxes, pairs, image_size=SIZE))


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("normalize_before_resize", [True, False])
@given(seed=SEEDS)
@settings(deadline=None, max_examples=10)
def test_scaling_maps_or_weights_changes_nothing(relu, normalize_before_resize, seed):
    rng = np.random.default_rng(seed)
    maps, weights = rng.random((4, 5, 3, 2)), rng.normal(size=(4, 5))
    options = {"relu": relu, "normalize_before_resize": normalize_before_resize}
    cams = align_maps(maps, weights, image_size=SIZE, **options)
    assert cams.shape == (4, SIZE, SIZE)
    assert cams.min() >= 0
    assert cams.max() <= 1
    # powers of two, so that the rounding is the same
    scaled = align_maps(8 * maps, weights / 2, image_size=SIZE, **options)
    np.testing.assert_array_equal(scaled, cams)


@pytest.mark.parametrize(
    ("sign", "relu", "before", "line"),
    [
        (1, True, False, [0, 1, 1, 0]),
        (1, True, True, [0, 0.625, 0.625, 0]),
        (-1, True, False, [0, 0, 0, 0]),
        (-1, False, False, [1, 0, 0, 1]),
        (-1, False, True, [1, 0.375, 0.375, 1]),
    ],
)
def test_order_of_steps_hand_made(sign, relu, before, line):
    maps = np.array([[[[0.0, 2.0, 0.0]], [[0.0, 1.0, 0.0]]]])
    weights = sign * np.array([[1.0, 2.0]])
    cams = align_maps(maps, weights, image_size=4, relu=relu, normalize_before_resize=before)
    np.testing.assert_allclose(cams, [[line] * 4], atol=1e-15)


def test_normalised_maps_stay_within_1_after_resizing():
    maps = np.ones((1, 1, 7, 7), dtype=np.float32)
    maps[0, 0, 0, 0] = 0
    for side in range(8, 80):
        cams = align_maps(
            maps,
            np.ones((1, 1), dtype=np.float32),
            image_size=side,
            relu=True,
            normalize_before_resize=True,
        )
        assert cams.max() <= 1


def test_summary_hand_made():
    alignment = Alignment(
        iobb=np.array([1.0, 0.5, 0.0]),
        ior=np.array([0.5, 0.25, 0.0]),
        iou=np.array([0.25, 0.75, 0.0]),
        pointing=np.array([1.0, 0.5, 0.0]),
        all_zero=np.array([False, False, True]),
    )
    summary = summarize_measures(alignment, np.array([2, 0, 2]), n_classes=3)
    assert MEASURES == ("iobb", "ior", "iou", "pointing", "all_zero")
    assert summary.pairs.tolist() == [1, 0, 2]
    np.testing.assert_array_equal(
        summary.means, [[0.5, 0.25, 0.75, 0.5, 0], [np.nan] * 5, [0.5, 0.25, 0.125, 0.5, 0.5]]
    )
    np.testing.assert_array_equal(summary.overall, [0.5, 0.25, 1 / 3, 0.5, 1 / 3])


@given(seed=SEEDS)
@settings(deadline=None, max_examples=20)
def test_summary_agrees_with_slow_oracle(seed):
    alignment = measure_alignment(*draw(seed))
    classes = np.random.default_rng(seed).integers(0, 3, 6)
    summary = summarize_measures(alignment, classes, n_classes=4)
    for column, name in enumerate(MEASURES):
        values = getattr(alignment, name).tolist()
        assert summary.overall[column] == close(sum(values) / 6)
        for label in range(4):
            own = [v for v, c in zip(values, classes, strict=True) if c == label]
            assert summary.pairs[label] == len(own)
            assert summary.means[label, column] == close(ratio(sum(own), len(own)))


def test_a_measure_is_averaged_where_it_is_defined():
    iobb = np.array([0.5, np.nan, 1.0, np.nan])
    known, empty = np.array([0.25, 0.75, 0.5, 0.5]), np.array([True, False, False, False])
    summary = summarize_measures(
        Alignment(iobb, known, known, known, empty), np.array([0, 0, 0, 1]), n_classes=2
    )
    assert summary.pairs.tolist() == [3, 1]
    np.testing.assert_array_equal(summary.means[:, 0], [0.75, np.nan])
    np.testing.assert_array_equal(summary.means[:, 1], [0.5, 0.5])
    np.testing.assert_array_equal(summary.overall, [0.75, 0.5, 0.5, 0.5, 0.25])


def test_no_pairs():
    cams = align_cams(np.empty((0, 3, 3)), **SOFT)
    masks = np.empty((0, SIZE, SIZE), dtype=bool)
    alignment = measure_alignment(harden(cams, threshold=0.5), masks)
    assert all(len(values) == 0 for values in astuple(join_measures([alignment, alignment])))
    summary = summarize_measures(alignment, np.empty(0, dtype=np.int64), n_classes=2)
    assert summary.pairs.tolist() == [0, 0]
    assert np.isnan(summary.means).all()
    assert np.isnan(summary.overall).all()


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_maps_must_be_normalised(value):
    cams, masks = draw(0)
    cams[2, 3, 3] = value
    with pytest.raises(ValueError, match=r"within \[0, 1\], found .* normalise them first"):
        measure_alignment(cams, masks)


def test_masks_must_not_be_empty():
    cams, masks = draw(0)
    masks[1] = False
    with pytest.raises(ValueError, match="mask of pair 1 has no pixel"):
        measure_alignment(cams, masks)


@pytest.mark.parametrize("threshold", [0.0, 1.5])
def test_threshold_must_cut(threshold):
    with pytest.raises(ValueError, match=f"threshold is {threshold}; it must be > 0 and <= 1"):
        harden(np.zeros((1, 2, 2)), threshold=threshold)


def test_classes_must_be_known():
    alignment = measure_alignment(*draw(0))
    with pytest.raises(ValueError, match=r"classes must lie in 0\.\.1, found 2 at position 5"):
        summarize_measures(alignment, np.array([0, 0, 0, 1, 1, 2]), n_classes=2)
