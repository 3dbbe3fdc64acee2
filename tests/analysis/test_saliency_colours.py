import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imbalens.analysis import saliency_colours
from imbalens.analysis.saliency_colours import (
    COLOUR_GROUPS,
    classify_colours,
    tabulate_colours,
    top_pixels,
)

NAMED = {
    "black": [(0, 0, 0), (20, 15, 18), (40, 40, 40)],
    "dark green": [(0, 100, 0), (85, 107, 47), (20, 60, 20)],
    "dark blue": [(0, 0, 139), (0, 0, 128), (25, 25, 112)],
    "gray": [(128, 128, 128), (80, 80, 80), (192, 192, 192), (110, 110, 115)],
    "brown": [(139, 69, 19), (160, 82, 45), (101, 67, 33)],
    "orange": [(255, 165, 0), (255, 140, 0)],
    "red": [(255, 0, 0), (220, 20, 60), (178, 34, 34)],
    "green": [(0, 255, 0), (50, 205, 50)],
    "blue": [(0, 0, 255), (65, 105, 225), (30, 144, 255), (70, 130, 180)],
    "yellow": [(255, 255, 0), (255, 215, 0)],
    "light blue": [(135, 206, 235), (173, 216, 230), (0, 255, 255)],
    "light green": [(144, 238, 144), (152, 251, 152)],
    "light red": [(255, 192, 203), (255, 182, 193), (240, 128, 128)],
    "white": [(255, 255, 255), (240, 240, 240)],
}


def lab(rgb):
    """CIELAB of one colour, straight from CIE 15 and IEC 61966-2-1."""
    red, green, blue = (
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in rgb)
    )
    x = (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047
    y = 0.2126729 * red + 0.7151522 * green + 0.0721750 * blue
    z = (0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883
    fx, fy, fz = (
        t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z)
    )
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def nearest_group(rgb):
    centre = lab([value // 4 * 4 + 1.5 for value in rgb])
    best = []
    for group, references in enumerate(saliency_colours._REFERENCES.values()):
        for reference in references.split():
            point = lab(bytes.fromhex(reference))
            best.append((sum((a - b) ** 2 for a, b in zip(centre, point, strict=True)), group))
    return min(best)[1]


def table_oracle(groups, images, mask, labels, n_classes):
    found = {}
    for i, y, x in np.ndindex(*mask.shape):
        if mask[i, y, x]:
            found.setdefault((labels[i], groups[i, y, x]), []).append(images[i, y, x])
    shape = (n_classes, len(COLOUR_GROUPS))
    pixels, mean = np.zeros(shape, dtype=int), np.full((*shape, 3), np.nan)
    for key, values in found.items():
        pixels[key] = len(values)
        mean[key] = np.mean(values, axis=0)
    return pixels, mean


def draw(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 6))
    images = rng.integers(0, 256, (n, 4, 3, 3), dtype=np.uint8)
    mask = rng.random((n, 4, 3)) < rng.choice([0.0, 0.3, 1.0])
    return classify_colours(images), images, mask, rng.integers(0, 3, n)


@pytest.mark.parametrize(
    ("name", "rgb"), [(name, rgb) for name, values in NAMED.items() for rgb in values]
)
def test_colours_are_called_by_their_names(name, rgb):
    group = classify_colours(np.array(rgb, dtype=np.uint8))
    assert COLOUR_GROUPS[int(group)] == name


def test_groups_are_those_of_the_definition():
    assert ", ".join(COLOUR_GROUPS) == (
        "black, dark green, dark blue, gray, brown, orange, red, green, blue, yellow, "
        "light blue, light green, light red, white"
    )


def test_every_colour_has_a_group_and_every_group_a_colour():
    axis = np.arange(0, 256, 3, dtype=np.uint8)
    cube = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    groups = classify_colours(cube)
    assert groups.shape == cube.shape[:-1]
    assert set(np.unique(groups)) == set(range(14))


@given(rgb=st.tuples(*[st.integers(0, 255)] * 3))
@settings(deadline=None, max_examples=50)
def test_group_is_that_of_the_nearest_reference(rgb):
    assert classify_colours(np.array(rgb, dtype=np.uint8)) == nearest_group(rgb)


def test_blocks_change_nothing(monkeypatch):
    groups, images, mask, labels = draw(5)
    whole = tabulate_colours(groups, images, mask, labels, n_classes=3)
    monkeypatch.setattr(saliency_colours, "_BLOCK_PIXELS", 5)
    np.testing.assert_array_equal(classify_colours(images), groups)
    blocked = tabulate_colours(groups, images, mask, labels, n_classes=3)
    assert len(labels) > 1
    np.testing.assert_array_equal(blocked.pixels, whole.pixels)
    np.testing.assert_allclose(blocked.mean_rgb, whole.mean_rgb)


@pytest.mark.parametrize(
    ("side", "fraction", "expected"),
    [(32, 0.1, 102), (10, 0.29, 29), (10, 0.3, 30), (10, 0.019, 1), (10, 1.0, 100)],
)
def test_top_pixels_counts_whole_pixels(side, fraction, expected):
    rng = np.random.default_rng(0)
    rank = np.stack([rng.permutation(side * side) for _ in range(3)])
    rank = rank.astype(np.uint16).reshape(3, side, side)
    mask = top_pixels(rank, fraction=fraction)
    np.testing.assert_array_equal(mask.sum(axis=(1, 2)), [expected] * 3)
    assert rank[mask].max() == expected - 1


@pytest.mark.parametrize(("side", "dtype"), [(256, np.uint16), (1024, np.uint32)])
def test_all_ranks_of_the_largest_image_can_be_chosen(side, dtype):
    rank = np.arange(side**2).astype(dtype).reshape(1, side, side)
    assert top_pixels(rank, fraction=1.0).all()
    assert top_pixels(rank, fraction=0.75).sum() == 3 * side**2 // 4


def test_the_least_fraction_is_shown_as_it_is():
    rank = np.arange(9).astype(np.uint16).reshape(1, 3, 3)
    with pytest.raises(ValueError, match=r"fraction is 0\.1111, .*; it must be at least 1 / 9$"):
        top_pixels(rank, fraction=0.1111)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, 0.2])
def test_top_pixels_refuses_a_fraction_that_chooses_nothing_or_too_much(fraction):
    rank = np.arange(4).astype(np.uint16).reshape(1, 2, 2)
    with pytest.raises(ValueError, match=f"fraction is {fraction}"):
        top_pixels(rank, fraction=fraction)


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_table_agrees_with_loops_over_pixels(seed):
    groups, images, mask, labels = draw(seed)
    table = tabulate_colours(groups, images, mask, labels, n_classes=3)
    pixels, mean = table_oracle(groups, images, mask, labels, 3)
    np.testing.assert_array_equal(table.pixels, pixels)
    np.testing.assert_allclose(table.mean_rgb, mean)
    assert table.pixels.sum() == mask.sum()
    some = pixels.sum(axis=1) > 0
    np.testing.assert_allclose(table.share[some].sum(axis=1), 1.0)
    assert np.isnan(table.share[~some]).all()


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=20)
def test_order_of_images_does_not_matter_and_renaming_classes_only_renames(seed):
    groups, images, mask, labels = draw(seed)
    rng = np.random.default_rng(seed)
    order, new = rng.permutation(len(labels)), rng.permutation(3)
    before = tabulate_colours(groups, images, mask, labels, n_classes=3)
    after = tabulate_colours(
        groups[order], images[order], mask[order], new[labels[order]], n_classes=3
    )
    np.testing.assert_array_equal(after.pixels[new], before.pixels)
    np.testing.assert_allclose(after.mean_rgb[new], before.mean_rgb)


def test_table_by_hand():
    red, sky = COLOUR_GROUPS.index("red"), COLOUR_GROUPS.index("light blue")
    images = np.array(
        [[[(255, 0, 0), (245, 10, 4)]], [[(135, 206, 235), (255, 0, 0)]]], dtype=np.uint8
    )
    mask = np.array([[[True, True]], [[True, False]]])
    table = tabulate_colours(classify_colours(images), images, mask, np.array([0, 0]), n_classes=2)
    assert table.pixels[0, red] == 2
    assert table.pixels[0, sky] == 1
    assert table.pixels.sum() == 3
    assert table.share[0, red] == pytest.approx(2 / 3)
    np.testing.assert_array_equal(table.mean_rgb[0, red], [250, 5, 2])
    assert np.isnan(table.mean_rgb[0, COLOUR_GROUPS.index("gray")]).all()
    assert np.isnan(table.share[1]).all()
