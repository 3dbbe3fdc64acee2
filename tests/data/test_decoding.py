import numpy as np
import pytest
from PIL import Image

from imbalens.errors import InputError
from tests.data.decoding_cases import decode_grey

RNG = np.random.default_rng(0)


def save(path, pixels, mode=None):
    Image.fromarray(pixels, mode).save(path)
    return path


def test_grey_stays_and_is_resized_with_antialiasing(tmp_path):
    pixels = RNG.integers(0, 256, (32, 32), dtype=np.uint8)
    path = save(tmp_path / "a.png", pixels)
    assert (decode_grey(path, 32) == pixels).all()
    # a triangle twice as wide as a stored pixel, cut at the image's edge
    weights = np.array([1, 3, 5, 7, 7, 5, 3, 1]) / 32
    padded = np.pad(pixels.astype(float), 2)
    inner = [
        [weights @ padded[4 * i : 4 * i + 8, 4 * j : 4 * j + 8] @ weights for j in range(1, 7)]
        for i in range(1, 7)
    ]
    assert np.abs(decode_grey(path, 8)[1:7, 1:7] - inner).max() <= 1


def test_colours_become_their_luminance(tmp_path):
    pixels = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 9, 9]]], dtype=np.uint8)
    decoded = decode_grey(save(tmp_path / "a.png", pixels), 2)
    assert decoded.tolist() == [[76, 150], [29, 9]]  # .299, .587, .114


def test_opaque_alpha_changes_nothing(tmp_path):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    rgba = np.dstack([grey, grey, grey, np.full_like(grey, 255)])
    assert (decode_grey(save(tmp_path / "a.png", rgba), 16) == grey).all()
    two = Image.merge("LA", [Image.fromarray(grey), Image.new("L", (16, 16), 255)])
    two.save(tmp_path / "b.png")
    assert (decode_grey(tmp_path / "b.png", 16) == grey).all()


def test_transparency_is_black(tmp_path):
    rgba = np.array([[[200, 200, 200, 0], [200, 200, 200, 128]]] * 2, dtype=np.uint8)
    assert decode_grey(save(tmp_path / "a.png", rgba), 2).tolist() == [[0, 100]] * 2


def test_16_bits_become_their_upper_byte(tmp_path):
    values = np.array([[0, 255, 256], [0x1234, 0x8000, 0xFFFF], [1, 2, 3]], dtype=np.uint16)
    path = save(tmp_path / "a.png", values)
    assert decode_grey(path, 3).tolist() == [[0, 0, 1], [0x12, 0x80, 0xFF], [0, 0, 0]]


def test_a_truncated_or_empty_file_is_named(tmp_path):
    whole = save(tmp_path / "whole.png", RNG.integers(0, 256, (24, 24), dtype=np.uint8))
    files = [tmp_path / f"{i}.png" for i in range(3)]
    files[1].write_bytes(whole.read_bytes()[:200])
    files[2].write_bytes(b"")
    with pytest.raises(InputError, match=r"1\.png: cannot be decoded .*; replace the file or rem"):
        decode_grey(files[1], 8)
    with pytest.raises(InputError, match=r"2\.png: is empty"):
        decode_grey(files[2], 8)


@pytest.mark.parametrize("shape", [(24, 20), (8, 9)])
def test_an_image_that_is_not_square_is_refused(tmp_path, shape):
    height, width = shape
    path = save(tmp_path / "a.png", np.zeros(shape, dtype=np.uint8))
    with pytest.raises(
        InputError, match=rf"a\.png: found an image of {width} x {height} .*; pad it to a square"
    ):
        decode_grey(path, 8)
