import numpy as np
import pytest

from imbalens.analysis.cam_alignment.alignment import align_cams
from imbalens.analysis.changes.activation import added_activation

MAKING = {"relu": True, "normalize_before_resize": False}
OPTIONS = MAKING | {"image_size": 8, "shift_seed": 0}
BOXES = np.array([[0, 0, 0, 0, 4, 4], [0, 1, 4, 4, 2, 2], [3, 0, 0, 0, 8, 8]])


def drawn(seed):
    return np.random.default_rng(seed).normal(size=(3, 4, 4))


def test_it_is_what_the_map_exceeds_the_other_by_pixel_by_pixel():
    before, after = drawn(0), drawn(1)
    found = added_activation(before, after, BOXES, **OPTIONS)
    maps = [align_cams(cams, image_size=8, **MAKING) for cams in (before, after)]
    for place, (_, _, x, y, width, height) in enumerate(BOXES.tolist()):
        total = inside = 0.0
        for row in range(8):
            for column in range(8):
                more = max(0.0, maps[1][place, row, column] - maps[0][place, row, column])
                total += more
                inside += more * (y <= row < y + height and x <= column < x + width)
        assert found.total[place] == pytest.approx(total)
        assert found.inside[place] == pytest.approx(inside)
    assert found.elsewhere[2] == found.total[2] == found.inside[2], "a box of the whole image"
    assert (found.elsewhere <= found.total).all()


def test_the_same_maps_add_nothing_and_more_of_them_all_does_not_either():
    for scale in (1.0, 3.0):
        found = added_activation(drawn(0), scale * drawn(0), BOXES, **OPTIONS)
        np.testing.assert_allclose(found.total, 0, atol=1e-12)


def test_what_is_lost_elsewhere_does_not_count():
    before, after = np.zeros((3, 4, 4)), np.zeros((3, 4, 4))
    before[:, 3, 3] = after[:, 0, 0] = 1.0
    found = added_activation(before, after, BOXES, **OPTIONS)
    gained = added_activation(np.zeros((3, 4, 4)), after, BOXES, **OPTIONS)
    np.testing.assert_allclose(found.total, gained.total)
    assert found.inside[0] == pytest.approx(found.total[0])
    assert found.inside[1] == 0


def test_blocks_of_pairs_change_nothing(monkeypatch):
    whole = added_activation(drawn(0), drawn(1), BOXES, **OPTIONS)
    monkeypatch.setattr("imbalens.analysis.cam_alignment.pairs.PAIRS_AT_A_TIME", 2)
    parts = added_activation(drawn(0), drawn(1), BOXES, **OPTIONS)
    np.testing.assert_array_equal(list(vars(parts).values()), list(vars(whole).values()))


def test_a_map_is_needed_for_each_pair():
    with pytest.raises(ValueError, match="found 2 maps for 3 pairs; give one for each"):
        added_activation(drawn(0)[:2], drawn(1)[:2], BOXES, **OPTIONS)
