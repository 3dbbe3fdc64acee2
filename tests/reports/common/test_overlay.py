import numpy as np
import pytest
from matplotlib.figure import Figure

from imbalens.reports.common.overlay import COLOURS, add_scale, overlay


@pytest.mark.parametrize("channels", [1, 3])
def test_map_and_boxes_lie_in_the_pixels_of_the_image(channels):
    axes = Figure().subplots()
    pixels = np.full((8, 8, channels), 9, dtype=np.uint8)
    overlay(axes, pixels, np.eye(2), np.array([[1, 2, 3, 4], [0, 0, 8, 8]]))
    image, cam = axes.images
    assert np.asarray(image.get_array()).shape == (8, 8, 3)
    np.testing.assert_array_equal(cam.get_array(), np.eye(2))
    assert tuple(cam.get_extent()) == tuple(image.get_extent()) == (-0.5, 7.5, 7.5, -0.5)
    assert [frame.get_bbox().bounds for frame in axes.patches] == [
        (0.5, 1.5, 3, 4),
        (-0.5, -0.5, 8, 8),
    ]


def test_every_map_and_the_scale_share_colours_from_0_to_1():
    figure = Figure()
    first, second = figure.subplots(1, 2)
    for axes, cam in ((first, np.full((2, 2), 0.5)), (second, np.zeros((2, 2)))):
        overlay(axes, np.zeros((4, 4, 1), dtype=np.uint8), cam, np.array([[0, 0, 1, 1]]))
    add_scale(figure, [first, second])
    for axes in (first, second):
        drawn = axes.images[1]
        assert (drawn.norm.vmin, drawn.norm.vmax) == (0, 1)
        assert drawn.get_cmap() == COLOURS
    assert figure.axes[2].get_ylim() == (0, 1)


def test_a_higher_value_hides_more_of_the_image():
    opacity = COLOURS(np.linspace(0, 1, 20))[:, 3]
    assert (np.diff(opacity) > 0).all()


def test_without_a_map_the_image_is_bare():
    axes = Figure().subplots()
    overlay(axes, np.zeros((4, 4, 1), dtype=np.uint8), None, np.empty((0, 4), dtype=int))
    assert (len(axes.images), len(axes.patches)) == (1, 0)
