import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.data.nih_boxes import box_classes, boxes_of, scale_boxes
from imbalens.data.nih_tables import read_tables
from imbalens.params.sources import Binary, Multilabel
from tests.data.nih_layout import write_tables

BINARY = Binary(name="binary")
PLAIN = Multilabel(name="multilabel", include_no_finding=False)


@st.composite
def box(draw):
    x, y = (draw(st.floats(0, 1023)) for _ in range(2))
    w, h = (draw(st.floats(1e-3, 1024 - start)) for start in (x, y))
    return [x, y, w, h]


@settings(deadline=None, max_examples=50)
@given(st.lists(box(), min_size=1, max_size=5), st.sampled_from([8, 64, 96, 224, 1024]))
def test_scaled_boxes_are_inside_with_edges_on_the_nearest_pixel(boxes, size):
    array = np.array(boxes)
    for (x, y, w, h), scaled in zip(array, scale_boxes(array, size=size), strict=True):
        for start, side, at, length in (
            (x, w, scaled[0], scaled[2]),
            (y, h, scaled[1], scaled[3]),
        ):
            first, last = start * size / 1024, (start + side) * size / 1024
            assert 0 <= at < at + length <= size
            if length > 1:
                assert abs(at - first) <= 0.5
                assert abs(at + length - last) <= 0.5
            else:  # the pixel that most of it is in
                assert at <= (first + last) / 2 <= at + 1


@pytest.mark.parametrize(
    ("given", "size", "expected"),
    [
        ([0, 0, 1024, 1024], 64, [0, 0, 64, 64]),
        ([512, 256, 256, 128], 64, [32, 16, 16, 8]),
        ([100, 0, 120, 1024], 8, [1, 0, 1, 8]),
        ([1020, 1, 4, 5], 8, [7, 0, 1, 1]),
        ([7, 25, 3, 3], 64, [0, 1, 1, 1]),
        ([225.08, 547.02, 86.78, 79.19], 1024, [225, 547, 87, 79]),
    ],
)
def test_boxes_are_rescaled(given, size, expected):
    assert scale_boxes(np.array([given], dtype=float), size=size).tolist() == [expected]


def test_boxes_come_by_image_with_their_class(tmp_path):
    tables = read_tables(write_tables(tmp_path))
    assert boxes_of(tables, PLAIN, np.array([5, 0, 4]), size=64).tolist() == [
        [0, 4, 6, 13, 4, 2],  # of 100.5, 200, 64, 32.25
        [2, 8, 0, 0, 32, 32],
        [2, 9, 63, 63, 1, 1],  # of 1000, 1000, 24, 24
    ]
    assert boxes_of(tables, PLAIN, np.array([0, 1, 2]), size=64).shape == (0, 6)
    assert boxes_of(tables, BINARY, np.array([4]), size=64)[:, 1].tolist() == [0, 0]


def test_boxes_of_the_binary_task_are_all_of_its_class(tmp_path):
    tables = read_tables(write_tables(tmp_path))
    assert box_classes(tables, PLAIN).tolist() == [8, 4, 9]
    assert box_classes(tables, BINARY).tolist() == [0, 0, 0]
