import base64
import io

import numpy as np
import pytest
from PIL import Image

from imbalens.reports.explore import sprite
from imbalens.reports.explore.sprite import make_sprite


def decode(made):
    head, code = made.source.split(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(code))), dtype=float)


def flat(shade, side=24, channels=3):
    return np.full((side, side, channels), shade, dtype=np.uint8)


@pytest.mark.parametrize(("n", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (5, 3, 2), (9, 3, 3)])
def test_pictures_stand_row_by_row(n, columns, rows):
    shades = np.linspace(0, 250, n).astype(int).tolist()
    made = make_sprite([flat(shade) for shade in shades], thumbnail=64)
    assert (made.columns, made.rows, made.pitch, made.size) == (columns, rows, 32, 24)
    sheet = decode(made)
    assert sheet.shape == (rows * 32, columns * 32, 3)
    for place, shade in enumerate(shades):
        y, x = place // columns * 32, place % columns * 32
        assert abs(sheet[y : y + 24, x : x + 24].mean() - shade) < 6


def test_large_pictures_are_reduced_and_grey_ones_are_shown_as_grey():
    made = make_sprite([flat(40, 80, 1), flat(200, 80, 1)], thumbnail=16)
    assert (made.pitch, made.size) == (16, 16)
    sheet = decode(made)
    assert np.abs(sheet[:, :16] - 40).max() < 8
    assert np.abs(sheet[:, 16:] - 200).max() < 8


def test_too_many_pictures_say_so(monkeypatch):
    monkeypatch.setattr(sprite, "MAX_SIDE", 40)
    with pytest.raises(ValueError, match="5 pictures of 24 pixels exceed one image"):
        make_sprite([flat(0)] * 5, thumbnail=64)
