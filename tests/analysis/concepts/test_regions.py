import numpy as np
import pytest

from imbalens.analysis.concepts.regions import find_regions


def regions_of(boxes, **options):
    sizes = {"n_images": 2, "n_classes": 3, "image_size": 12, "map_size": (2, 3)}
    return find_regions(np.array(boxes).reshape(-1, 6), **{**sizes, **options})


def test_by_hand():
    # cells of 6 x 4 pixels, stacked with a free column and a free row: 3 x 4 positions a map
    regions = regions_of([[1, 2, 3, 0, 2, 6], [1, 0, 11, 11, 1, 1], [1, 2, 8, 5, 4, 1]])
    assert (regions.n_regions, regions.width, regions.area) == (4, 4, 12)
    np.testing.assert_array_equal(regions.pairs, [[1, 0], [1, 2]])
    # image 0 has no box; image 1: the upper row and the lower right cell; then both pairs
    expected = [(1, 0), (1, 1), (1, 2), (1, 6), (2, 6), (3, 0), (3, 1), (3, 2)]
    np.testing.assert_array_equal(regions.places, [12 * region + c for region, c in expected])
    np.testing.assert_array_equal(regions.cells, [12 + cell for _, cell in expected])


def test_without_boxes_regions_are_empty():
    regions = regions_of(np.empty((0, 6), dtype=np.int64))
    assert regions.n_regions == 2
    assert len(regions.pairs) == len(regions.cells) == len(regions.places) == 0


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ([2, 0, 0, 0, 1, 1], r"images of boxes must lie in 0\.\.1, found 2"),
        ([0, 3, 0, 0, 1, 1], r"classes of boxes must lie in 0\.\.2, found 3"),
        ([0, 0, 4, 0, 9, 1], r"box 0 has .* \[4, 0, 9, 1\]; it must .* inside the 12 x 12 image"),
        ([0, 0, 4, 0, 1, 0], "at least one pixel"),
        ([0, 0, -1, 0, 1, 1], "inside"),
    ],
)
def test_impossible_boxes_are_named(box, message):
    with pytest.raises(ValueError, match=message):
        regions_of([box])
