import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from imbalens.analysis.concepts.counting import count_concepts, top_images

PLAIN = {
    "q": 0.2,
    "threshold_scope": "dataset",
    "batch_size": 2,
    "space": "native",
    "component": "whole",
    "connectivity": 8,
    "count_holes": False,
    "n_peaks": 2,
}
CHOICES = {
    "threshold_scope": ["dataset", "batch"],
    "space": ["native", "upsampled"],
    "component": ["whole", "clipped"],
    "connectivity": [4, 8],
    "count_holes": [False, True],
}
COMBINATIONS = [
    dict(zip(CHOICES, values, strict=True)) for values in itertools.product(*CHOICES.values())
]
SQUARE, CROSS = np.ones((3, 3), int), ndimage.generate_binary_structure(2, 1)


def draw(seed, *, n=5, k=4, side=6, n_classes=3):
    """Small integers as activations, so that ties are common and resizing by 2 is exact."""
    rng = np.random.default_rng(seed)
    maps = np.maximum(rng.integers(-6, 5, (n, k, side, side)), 0).astype(np.float32)
    maps[:, 1] *= rng.random((n, side, side)) < 0.1  # sparse
    maps[:, 2] = 0  # dead
    boxes = []
    for row in range(n):
        for _ in range(rng.integers(1, 4)):
            x, y = rng.integers(0, 2 * side - 1, 2)
            size = [rng.integers(1, 2 * side + 1 - x), rng.integers(1, 2 * side + 1 - y)]
            boxes.append([row, rng.integers(0, n_classes), x, y, *size])
    return maps, np.array(boxes), {"n_classes": n_classes, "image_size": 2 * side}


def count(maps, boxes, sizes, *, block=3, **options):
    n, k = maps.shape[:2]
    blocks = ((first, maps[:, first : first + block]) for first in range(0, k, block))
    chosen = {**PLAIN, **options}
    return count_concepts(blocks, boxes, n_images=n, n_channels=k, **sizes, **chosen)


def parts_in(mask, inside, *, component, connectivity, count_holes):
    """Number of parts of one map that overlap the marked cells, holes included if asked."""
    near, far = (SQUARE, CROSS) if connectivity == 8 else (CROSS, SQUARE)
    if component == "clipped":
        mask = mask & inside
    labels, n_parts = ndimage.label(mask, near)
    kept = [part for part in range(1, n_parts + 1) if ((labels == part) & inside).any()]
    total = len(kept)
    if count_holes:
        background = np.pad(~np.isin(labels, kept), 1, constant_values=True)
        total += ndimage.label(background, far)[1] - 1
    return total


def touched(boxes, height, width, image_size):
    """Cells that share area with a box, cell by cell."""
    inside = np.zeros((height, width), bool)
    for i, j in np.ndindex(height, width):
        top, left = i * image_size / height, j * image_size / width
        bottom, right = (i + 1) * image_size / height, (j + 1) * image_size / width
        inside[i, j] = any(
            y < bottom and y + h > top and x < right and x + w > left for x, y, w, h in boxes
        )
    return inside


def slow_counts(maps, boxes, sizes, *, q, threshold_scope, batch_size, space, n_peaks, **how):
    if space == "upsampled":
        size = (sizes["image_size"],) * 2
        maps = torch.nn.functional.interpolate(
            torch.from_numpy(maps), size=size, mode="bilinear", align_corners=False
        ).numpy()
    n, k, height, width = maps.shape
    step = n if threshold_scope == "dataset" else batch_size
    pairs = sorted({(int(row), int(label)) for row, label in boxes[:, :2]})
    result = {
        "tau": np.full(k, np.nan),
        "fires": np.zeros((k, sizes["n_classes"]), int),
        "pairs": np.array(pairs),
        "peak_images": np.zeros((k, n_peaks), int),
        "peak_active": np.zeros((k, n_peaks, height, width), bool),
        **{name: np.zeros(n, int) for name in ("disjoint_per_image", "unique_per_image")},
        **{name: np.zeros(len(pairs), int) for name in ("disjoint_per_pair", "unique_per_pair")},
    }
    for channel in range(k):
        peaks = sorted(range(n), key=lambda row: -maps[row, channel].max())[:n_peaks]
        result["peak_images"][channel] = peaks
        for row in range(n):
            start = row // step * step
            values = maps[start : start + step, channel].astype(np.float64)
            tau = np.quantile(values, 1 - q)
            if threshold_scope == "dataset":
                result["tau"][channel] = tau
            mask = maps[row, channel] > tau
            if row in peaks:
                result["peak_active"][channel, peaks.index(row)] = mask
            own = [box for box in boxes.tolist() if box[0] == row]
            inside = touched([box[2:] for box in own], height, width, sizes["image_size"])
            parts = parts_in(mask, inside, **how)
            result["disjoint_per_image"][row] += parts
            result["unique_per_image"][row] += parts > 0
            for place, (image, label) in enumerate(pairs):
                if image == row:
                    its = [box[2:] for box in own if box[1] == label]
                    inside = touched(its, height, width, sizes["image_size"])
                    parts = parts_in(mask, inside, **how)
                    result["disjoint_per_pair"][place] += parts
                    result["unique_per_pair"][place] += parts > 0
                    result["fires"][channel, label] += parts > 0
    return result


@pytest.mark.parametrize("options", COMBINATIONS, ids=lambda o: "-".join(map(str, o.values())))
def test_agrees_with_one_map_at_a_time_in_every_option(options):
    for seed, q in ((0, 0.2), (1, 0.45)):
        case = draw(seed)
        counts = count(*case, q=q, **options)
        expected = slow_counts(*case, **{**PLAIN, "q": q, **options})
        assert expected["disjoint_per_pair"].any()
        for name, values in expected.items():
            np.testing.assert_array_equal(getattr(counts, name), values, err_msg=name)
        np.testing.assert_array_equal(counts.dead, [False, False, True, False])


@given(seed=st.integers(0, 10_000), options=st.sampled_from(COMBINATIONS[:8]))
@settings(deadline=None, max_examples=30)
def test_agrees_with_one_map_at_a_time_on_many_maps(seed, options):
    case = draw(seed, n=3, k=3, side=7)
    counts = count(*case, **options)
    for name, values in slow_counts(*case, **{**PLAIN, **options}).items():
        np.testing.assert_array_equal(getattr(counts, name), values, err_msg=name)


def assert_same(first, second):
    for name, values in vars(first).items():
        np.testing.assert_array_equal(values, getattr(second, name), err_msg=name)


@pytest.mark.parametrize("options", COMBINATIONS[::5])
def test_blocks_of_channels_do_not_matter(options):
    case = draw(3)
    whole = count(*case, block=4, **options)
    for block in (1, 2, 3):
        assert_same(count(*case, block=block, **options), whole)
    maps, boxes, sizes = case
    blocks = [(2, maps[:, 2:]), (0, maps[:, :2])]
    chosen = {**PLAIN, **options, **sizes, "n_images": 5, "n_channels": 4}
    assert_same(count_concepts(iter(blocks), boxes, **chosen), whole)


@pytest.mark.parametrize("space", CHOICES["space"])
def test_the_order_of_images_permutes_the_counts(space):
    maps, boxes, sizes = draw(4)
    order = np.random.default_rng(4).permutation(len(maps))
    moved = boxes.copy()
    moved[:, 0] = np.argsort(order)[boxes[:, 0]]
    before = count(maps, boxes, sizes, space=space)
    after = count(maps[order], moved, sizes, space=space)
    for name in ("tau", "dead", "fires"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    for name in ("disjoint_per_image", "unique_per_image"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name)[order])
    assert after.disjoint_per_pair.sum() == before.disjoint_per_pair.sum()


def test_a_batch_of_all_images_is_the_dataset_but_tells_no_threshold():
    case = draw(5)
    whole, batch = (count(*case, threshold_scope=s, batch_size=9) for s in ("dataset", "batch"))
    assert np.isnan(batch.tau).all()
    np.testing.assert_array_equal(batch.disjoint_per_pair, whole.disjoint_per_pair)


def by_hand(rows, boxes, **options):
    """Count in one 4 x 4 map of ones and zeros, of a 16 pixel image."""
    maps = np.array([[[float(mark == "#") for mark in row] for row in rows]])[:, None]
    sizes = {"n_classes": 2, "image_size": 16}
    return count(maps, np.array(boxes), sizes, **{"q": 0.9, **options})


EVERYWHERE = [0, 0, 0, 0, 16, 16]


def test_neighbours_at_a_corner_by_hand():
    rows = ["#...", ".#..", "....", "..##"]
    assert by_hand(rows, [EVERYWHERE]).disjoint_per_pair == [2]
    assert by_hand(rows, [EVERYWHERE], connectivity=4).disjoint_per_pair == [3]
    assert by_hand(rows, [EVERYWHERE]).unique_per_pair == [1]


def test_a_ring_and_its_hole_by_hand():
    ring = ["###.", "#.#.", "###.", "...."]
    diamond = [".#..", "#.#.", ".#..", "...."]
    for rows, connectivity, without, with_holes in (
        (ring, 8, 1, 2),
        (ring, 4, 1, 2),
        (diamond, 8, 1, 2),
        (diamond, 4, 4, 4),
    ):
        for count_holes, expected in ((False, without), (True, with_holes)):
            counts = by_hand(
                rows, [EVERYWHERE], connectivity=connectivity, count_holes=count_holes
            )
            assert counts.disjoint_per_image == [expected]
            assert counts.unique_per_image == [1]


def test_a_part_in_two_boxes_counts_once_per_image_and_once_per_pair():
    rows = ["####", "....", "....", "...."]
    boxes = [[0, 0, 0, 0, 2, 2], [0, 1, 14, 0, 2, 2], [0, 1, 10, 0, 1, 1], [0, 0, 0, 15, 9, 1]]
    whole = by_hand(rows, boxes)
    np.testing.assert_array_equal(whole.pairs, [[0, 0], [0, 1]])
    np.testing.assert_array_equal(whole.disjoint_per_image, [1])
    np.testing.assert_array_equal(whole.disjoint_per_pair, [1, 1])
    # cells 0 | 2 and 3 of the row
    clipped = by_hand(rows, boxes, component="clipped")
    np.testing.assert_array_equal(clipped.disjoint_per_image, [2])
    np.testing.assert_array_equal(clipped.disjoint_per_pair, [1, 1])
    np.testing.assert_array_equal(clipped.fires, [[1, 1]])


def test_a_box_covers_every_cell_that_it_touches():
    rows = ["....", ".#..", "....", "...."]  # pixels 4 to 7
    for x, expected in ((3, 0), (4, 1), (7, 1), (8, 0)):
        assert by_hand(rows, [[0, 0, x, 5, 1, 1]]).disjoint_per_pair == [expected]
        assert by_hand(rows, [[0, 0, 5, x, 1, 1]]).disjoint_per_pair == [expected]
    assert by_hand(rows, [[0, 0, 1, 1, 4, 4]]).disjoint_per_pair == [1]


def test_a_constant_channel_is_dead_in_either_space():
    maps = np.full((2, 1, 3, 3), 0.3, np.float32)
    boxes = np.array([[0, 0, 0, 0, 7, 7], [1, 0, 0, 0, 7, 7]])
    for space in CHOICES["space"]:
        counts = count(maps, boxes, {"n_classes": 1, "image_size": 7}, space=space)
        assert counts.dead.tolist() == [True]
        assert not counts.disjoint_per_image.any()
        assert counts.tau[0] == pytest.approx(np.float32(0.3), rel=1e-6)


def test_no_images_give_no_counts():
    empty = np.empty((0, 6), dtype=np.int64)
    maps = np.empty((0, 2, 3, 3), np.float32)
    for space in CHOICES["space"]:
        counts = count(maps, empty, {"n_classes": 2, "image_size": 6}, space=space)
        assert np.isnan(counts.tau).all()
        assert counts.pairs.shape == (0, 2)
        np.testing.assert_array_equal(counts.fires, np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([(0, 5, 2)], "each of 4 channels once; channel 2 came 0 times"),
        ([(0, 5, 4), (3, 5, 1)], "channel 3 came 2 times"),
        ([(3, 5, 2)], "block of channels 3 to 4 for 5 images; there are channels 0 to 3"),
        ([(0, 4, 4)], "for 4 images; .* and 5 images"),
        ([], "channel 0 came 0 times"),
    ],
)
def test_blocks_must_hold_all_channels_once(blocks, message):
    maps, boxes, sizes = draw(0)
    parts = [(first, maps[:n, :1].repeat(k, axis=1)) for first, n, k in blocks]
    with pytest.raises(ValueError, match=message):
        count_concepts(parts, boxes, n_images=5, n_channels=4, **sizes, **PLAIN)


def test_an_activation_that_is_not_finite_is_named():
    maps, boxes, sizes = draw(0)
    maps[1, 3, 2, 2] = math.inf
    with pytest.raises(ValueError, match="activations of channel 3 must be finite; 1 of 180"):
        count(maps, boxes, sizes)


def test_the_most_active_images_come_first():
    maps = np.zeros((4, 2, 2))
    maps[1, 0, 1], maps[3, 1, 1], maps[2, 0, 0] = 2, 5, 2
    assert top_images(maps, n=3).tolist() == [3, 1, 2]
    assert top_images(maps, n=9).tolist() == [3, 1, 2, 0]
