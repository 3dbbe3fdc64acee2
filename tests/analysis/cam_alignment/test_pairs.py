from dataclasses import astuple

import numpy as np
import pytest

import imbalens.analysis.cam_alignment.pairs as pair_alignment
from imbalens.analysis.cam_alignment.alignment import align_cams, harden, measure_alignment
from imbalens.analysis.cam_alignment.matched import matched_thresholds, measure_matched
from imbalens.analysis.cam_alignment.pairs import align_pairs
from imbalens.analysis.common.boxes import box_masks, find_pairs
from imbalens.analysis.common.cams import resize_maps
from tests.analysis.oracles import draw_boxes

SIZE = 9
MAKING = {"image_size": SIZE, "relu": True, "normalize_before_resize": False}


def case():
    rng = np.random.default_rng(0)
    boxes = draw_boxes(rng, 12, size=SIZE)
    return rng.normal(size=(len(find_pairs(boxes)), 4, 4)), boxes


def assert_same(found, expected):
    for values, others in zip(astuple(found), astuple(expected), strict=True):
        np.testing.assert_array_equal(values, others)


@pytest.mark.parametrize("threshold", [None, 0.4])
@pytest.mark.parametrize("at_a_time", [1, 4, 256])
def test_all_measures_however_many_pairs_are_taken_at_a_time(monkeypatch, threshold, at_a_time):
    monkeypatch.setattr(pair_alignment, "PAIRS_AT_A_TIME", at_a_time)
    cams, boxes = case()
    found = align_pairs(cams, boxes, **MAKING, threshold=threshold, matched_share=0.3)
    pairs = find_pairs(boxes)
    masks = box_masks(boxes, pairs, image_size=SIZE)
    aligned = align_cams(cams, **MAKING)
    assert_same(found.soft, measure_alignment(aligned, masks))
    if threshold is None:
        assert found.hard is None
    else:
        assert_same(found.hard, measure_alignment(harden(aligned, threshold=threshold), masks))
    thresholds = matched_thresholds(cams, pairs[:, 1], image_size=SIZE, share=0.3)
    resized = resize_maps(cams, size=(SIZE, SIZE))
    assert_same(found.matched, measure_matched(resized, masks, thresholds))


def test_no_pairs():
    boxes, cams = np.empty((0, 6), dtype=np.int64), np.empty((0, 4, 4))
    found = align_pairs(cams, boxes, **MAKING, threshold=0.5, matched_share=0.3)
    for part in (found.soft, found.hard, found.matched):
        assert all(len(values) == 0 for values in astuple(part))


def test_there_must_be_a_map_for_each_pair():
    cams, boxes = case()
    with pytest.raises(ValueError, match=f"found 2 maps for {len(cams)} pairs; give one for each"):
        align_pairs(cams[:2], boxes, **MAKING, threshold=None, matched_share=0.3)


@pytest.mark.parametrize(("image_size", "pairs_at_a_time"), [(32, 256), (256, 256), (1024, 16)])
def test_fewer_pairs_of_larger_images_are_taken_at_a_time(image_size, pairs_at_a_time):
    blocks = pair_alignment.blocks_of_pairs(600, image_size=image_size)
    rows = [range(600)[block] for block in blocks]
    assert max(map(len, rows)) == pairs_at_a_time
    assert [row for part in rows for row in part] == list(range(600))
    assert pair_alignment.blocks_of_pairs(1, image_size=10**5) == [slice(0, 1)]
