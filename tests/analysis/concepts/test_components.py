import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from imbalens.analysis.concepts.components import label_cells

SQUARE, CROSS = np.ones((3, 3), int), ndimage.generate_binary_structure(2, 1)


def label(masks, connectivity):
    """Label stacked maps; the component of each marked cell in reading order, and holes."""
    padded = np.pad(masks, ((0, 0), (0, 1), (0, 1)))
    return label_cells(np.flatnonzero(padded), width=padded.shape[2], connectivity=connectivity)


@given(
    seed=st.integers(0, 10_000),
    density=st.sampled_from([0.05, 0.3, 0.5, 0.7, 1.0]),
    connectivity=st.sampled_from([4, 8]),
)
@settings(deadline=None, max_examples=50)
def test_agrees_with_scipy_map_by_map(seed, density, connectivity):
    rng = np.random.default_rng(seed)
    masks = rng.random((3, int(rng.integers(1, 9)), int(rng.integers(1, 9)))) < density
    found = label(masks, connectivity)
    near, far = (SQUARE, CROSS) if connectivity == 8 else (CROSS, SQUARE)
    theirs, holes, total = [], {}, 0
    for mask in masks:
        labels, n_parts = ndimage.label(mask, near)
        for part in range(1, n_parts + 1):
            background = np.pad(labels != part, 1, constant_values=True)
            holes[total + part] = ndimage.label(background, far)[1] - 1
        theirs.extend(labels[mask] + total)
        total += n_parts
    # the same partition under other names
    names = dict(zip(found.of_cell.tolist(), theirs, strict=True))
    assert [names[part] for part in found.of_cell.tolist()] == theirs
    assert len(names) == total == len(found.holes)
    assert {names[part]: n for part, n in enumerate(found.holes.tolist())} == holes


@pytest.mark.parametrize(("connectivity", "expected"), [(8, [0, 1]), (4, [0, 0, 0, 0])])
def test_by_hand(connectivity, expected):
    maps = [[".##.", "#.#.", ".#..", "...."], ["....", "....", "....", "...#"]]
    masks = np.array([[[mark == "#" for mark in row] for row in rows] for rows in maps])
    found = label(masks, connectivity)
    assert sorted(found.holes.tolist()) == expected


def test_no_cells_have_no_components():
    found = label(np.zeros((2, 3, 3), bool), 8)
    assert len(found.of_cell) == len(found.holes) == 0
