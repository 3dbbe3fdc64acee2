"""Boxes go where the pixels that they surround go."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from imbalens.data.geometry import Stored, cut_box, place_boxes, place_image, turn_boxes
from imbalens.data.image_files import fit

# pixel of the upright image, height by width, that is at row r and column c of the stored one:
# EXIF 2.32 says on which side of the upright image the stored row 0 and column 0 are
STORED = {
    1: lambda r, c, _height, _width: (r, c),
    2: lambda r, c, _height, width: (r, width - 1 - c),
    3: lambda r, c, height, width: (height - 1 - r, width - 1 - c),
    4: lambda r, c, height, _width: (height - 1 - r, c),
    5: lambda r, c, _height, _width: (c, r),
    6: lambda r, c, _height, width: (c, width - 1 - r),
    7: lambda r, c, height, width: (height - 1 - c, width - 1 - r),
    8: lambda r, c, height, _width: (height - 1 - c, r),
}


def store(upright, orientation):
    """Return an image as a camera of some orientation stores it."""
    height, width = upright.shape[:2]
    shape = (width, height) if orientation > 4 else (height, width)
    row, column = np.indices(shape)
    return upright[STORED[orientation](row, column, height, width)]


def find(image):
    """Return x, y, width and height of what is at least half as bright as the brightest pixel."""
    pixels = np.asarray(image)
    rows, columns = np.nonzero(pixels >= pixels.max() / 2)
    start = [columns.min(), rows.min()]
    return [*start, columns.max() + 1 - start[0], rows.max() + 1 - start[1]]


@st.composite
def rectangle(draw):
    """Draw the sides of an image and a box of 3 or more whole pixels: one is blurred to a tent."""
    sides = [draw(st.integers(4, 60)) for _ in range(2)]
    corner = [draw(st.integers(0, side - 3)) for side in sides]
    rest = zip(sides, corner, strict=True)
    return (*sides, [*corner, *(draw(st.integers(3, side - at)) for side, at in rest)])


def paint(width, height, box):
    image = np.zeros((height, width), np.uint8)
    x, y, w, h = box
    image[y : y + h, x : x + w] = 255
    return image


@settings(deadline=None, max_examples=200)
@given(rectangle(), st.sampled_from(sorted(STORED)))
def test_a_box_of_a_turned_image_is_found_in_the_upright_one(drawn, orientation):
    width, height, box = drawn
    upright = paint(width, height, box)
    stored = store(upright, orientation)
    height, width = stored.shape
    turned = turn_boxes(np.array([find(stored)], float), Stored(width, height, orientation))
    assert turned.tolist() == [box]


@settings(deadline=None, max_examples=500)
@given(rectangle(), st.sampled_from(["squash", "crop", "pad"]), st.integers(8, 90))
def test_a_box_is_where_its_rectangle_is_drawn(drawn, resize, size):
    width, height, box = drawn
    placement = place_image(width, height, resize=resize, size=size)
    placed, shown = place_boxes(np.array([box], float), placement)
    image = fit(Image.fromarray(paint(width, height, box)), size, resize)
    assert image.size == (size, size)
    if not shown[0]:
        assert (np.asarray(image) < 128).all()
        return
    assert (placed[0, :2] >= 0).all()
    assert (placed[0, 2:] >= 1).all()
    assert (placed[0, :2] + placed[0, 2:] <= size).all()
    assume((placed[0, 2:] > 2).all())  # less is blurred when it is reduced
    x, y, w, h = find(image)
    assert np.abs(placed[0] - [x, y, w, h]).max() <= 1


@pytest.mark.parametrize(
    ("resize", "box", "expected"),
    [
        ("squash", [20, 10, 40, 20], [2, 2, 4, 4]),
        ("crop", [30, 10, 40, 20], [1, 2, 8, 4]),
        ("crop", [10, 10, 40, 20], [0, 2, 5, 4]),
        ("pad", [20, 10, 40, 20], [2, 3, 4, 2]),
        ("pad", [0, 0, 100, 50], [0, 2, 10, 5]),
    ],
)
def test_boxes_of_an_oblong_image_by_hand(resize, box, expected):
    placement = place_image(100, 50, resize=resize, size=10)
    placed, shown = place_boxes(np.array([box], float), placement)
    assert placed.tolist() == [expected]
    assert shown.tolist() == [True]


def test_boxes_beside_the_part_that_is_kept_are_left_out():
    placement = place_image(100, 50, resize="crop", size=10)
    boxes = np.array([[0, 0, 25, 50], [0, 0, 100, 50], [75, 0, 25, 50]], float)
    placed, shown = place_boxes(boxes, placement)
    assert placed.tolist() == [[0, 0, 10, 10]]
    assert shown.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([0, 0, 8.01, 32], []),  # .01 x 32 of it are left
        ([39.99, 0, 8.01, 32], []),
        ([0, 0, 8.02, 32], [[0, 0, 1, 32]]),  # .02 x 32
        ([2, 9, 6.6, 0.9], [[0, 9, 1, 1]]),
        ([2, 9, 6.5, 0.9], []),
        ([8, 9, 0.1, 0.1], [[0, 9, 1, 1]]),  # not cut
        ([7.9999, 9, 0.1, 0.1], [[0, 9, 1, 1]]),  # nor is this, but for rounding
        ([20, 9, 0.1, 0.1], [[12, 9, 1, 1]]),
    ],
)
def test_a_sliver_that_a_crop_leaves_is_no_box(box, expected):
    placement = place_image(48, 32, resize="crop", size=32)
    placed, shown = place_boxes(np.array([box]), placement)
    assert placed.tolist() == expected
    assert shown.tolist() == [bool(expected)]


def test_an_image_of_one_row_is_padded_to_one_row():
    assert place_image(500, 1, resize="pad", size=8).target == (0, 3, 8, 4)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([0.1, 0.2, 0.2, 0.3], [0.1, 0.2, 0.2, 0.3]),  # to the last digit: nothing is cut
        ([-0.0005, 3, 9, 2], [0, 3, 8.9995, 2]),
        ([5, 3, 5.0009, 2.0009], [5, 3, 5, 2]),
        ([-0.0011, 3, 9, 2], None),
        ([5, 3, 5.0011, 2], None),
        ([-0.0009, 0, 0.0009, 2], None),
        ([3, 3, -1, 1], None),
        ([3, 3, 1, np.nan], None),
        ([np.inf, 3, -np.inf, 1], None),
    ],
)
def test_a_box_fits_its_image_or_is_cut_by_rounding(box, expected):
    cut = cut_box(np.array(box, float), (10, 5))
    assert (None if cut is None else cut.tolist()) == expected
