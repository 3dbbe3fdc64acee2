"""How an output's shape tells what maps it holds."""

import pytest

from imbalens.models.layouts import Layout, find_layout

FIRST, LAST = Layout("channels_first"), Layout("channels_last")


@pytest.mark.parametrize(
    ("shape", "grids", "expected"),
    [
        ((2, 512, 7, 7), [], FIRST),
        ((2, 7, 7, 512), [], LAST),
        ((2, 4, 4, 4), [], FIRST),
        ((2, 512, 1, 1), [(1, 1)], None),
        # of a single cell too the channels may be last
        ((2, 1, 1, 768), [(1, 1)], None),
        # tokens of blocks
        ((2, 1, 196, 384), [(14, 14)], None),
        # of a convolution that takes more columns than rows together
        ((2, 8, 6, 2), [(6, 6), (6, 2)], FIRST),
        ((2, 197, 192), [(14, 14)], Layout("tokens", 1, 14)),
        ((2, 49, 768), [(56, 56)], Layout("tokens", 0, 7)),
        ((2, 2, 768), [(1, 1)], None),
        ((2, 768), [], None),
    ],
)
def test_a_shape_tells_where_its_channels_are(shape, grids, expected):
    assert find_layout(shape, grids) == expected
