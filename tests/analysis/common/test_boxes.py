import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis.common.boxes import box_masks, find_pairs, shift_boxes
from tests.analysis.oracles import draw_boxes

SIZE = 9
SEEDS = st.integers(0, 2**32 - 1)


def test_pairs_and_masks_hand_made():
    boxes = np.array(
        [[2, 1, 0, 0, 1, 2], [0, 3, 1, 1, 2, 1], [2, 1, 0, 1, 2, 1], [2, 0, 0, 0, 3, 3]]
    )
    pairs = find_pairs(boxes)
    assert pairs.tolist() == [[0, 3], [2, 0], [2, 1]]
    masks = box_masks(boxes, pairs[[2, 0]], image_size=3)
    assert masks.astype(int).tolist() == [
        [[1, 0, 0], [1, 1, 0], [0, 0, 0]],
        [[0, 0, 0], [0, 1, 1], [0, 0, 0]],
    ]


@given(seed=SEEDS)
@settings(deadline=None, max_examples=20)
def test_masks_agree_with_slow_oracle(seed):
    boxes = draw_boxes(np.random.default_rng(seed), 8, size=SIZE)
    pairs = find_pairs(boxes)
    distinct = {(row, label) for row, label, *_ in boxes.tolist()}
    assert pairs.tolist() == [list(pair) for pair in sorted(distinct)]
    masks = box_masks(boxes, pairs, image_size=SIZE)
    for pair, mask in zip(pairs.tolist(), masks, strict=True):
        own = [box[2:] for box in boxes.tolist() if box[:2] == pair]
        for y in range(SIZE):
            for x in range(SIZE):
                inside = any(a <= x < a + w and b <= y < b + h for a, b, w, h in own)
                assert mask[y, x] == inside


@given(seed=SEEDS)
@settings(deadline=None, max_examples=20)
def test_shifted_boxes_keep_their_size_and_stay_inside(seed):
    boxes = draw_boxes(np.random.default_rng(seed), 8, size=SIZE)
    before = boxes.copy()
    shifted = shift_boxes(boxes, image_size=SIZE, rng=np.random.default_rng(seed))
    np.testing.assert_array_equal(boxes, before)
    np.testing.assert_array_equal(shifted[:, [0, 1, 4, 5]], boxes[:, [0, 1, 4, 5]])
    assert (shifted[:, 2:4] >= 0).all()
    assert (shifted[:, 2:4] + shifted[:, 4:] <= SIZE).all()
    again = shift_boxes(boxes, image_size=SIZE, rng=np.random.default_rng(seed))
    np.testing.assert_array_equal(shifted, again)


def test_all_places_are_equally_likely():
    boxes = np.tile([0, 0, 1, 0, SIZE - 2, SIZE], (3000, 1))
    shifted = shift_boxes(boxes, image_size=SIZE, rng=np.random.default_rng(0))
    assert set(shifted[:, 3].tolist()) == {0}
    np.testing.assert_allclose(np.bincount(shifted[:, 2]) / 3000, [1 / 3] * 3, atol=0.03)


@pytest.mark.parametrize("box", [[-1, 0, 2, 2], [0, 8, 1, 2], [3, 3, 0, 4], [3, 3, 4, 0]])
def test_boxes_must_lie_inside(box):
    boxes = np.array([[0, 0, 0, 0, 1, 1], [0, 1, *box]])
    message = rf"box 1 has x, y, width, height \[{', '.join(map(str, box))}\].* 9 x 9 image"
    with pytest.raises(ValueError, match=message):
        box_masks(boxes, find_pairs(boxes), image_size=SIZE)
    with pytest.raises(ValueError, match=message):
        shift_boxes(boxes, image_size=SIZE, rng=np.random.default_rng(0))


def test_a_pair_must_have_a_box():
    boxes = np.array([[4, 0, 0, 0, 1, 1]])
    with pytest.raises(ValueError, match="image 4 has no box of class 1"):
        box_masks(boxes, np.array([[4, 0], [4, 1]]), image_size=SIZE)


def test_no_boxes():
    boxes = np.empty((0, 6), dtype=np.int64)
    pairs = find_pairs(boxes)
    assert pairs.shape == (0, 2)
    assert shift_boxes(boxes, image_size=SIZE, rng=np.random.default_rng(0)).shape == (0, 6)
    assert box_masks(boxes, pairs, image_size=SIZE).shape == (0, SIZE, SIZE)
