import numpy as np
import pytest
from PIL import Image

from imbalens.data import bit_depth
from imbalens.data.bit_depth import find_bits
from imbalens.errors import InputError
from tests.data.test_image_files import chunk

AFTER_HEADER = 33  # bytes of a PNG: signature and first chunk


@pytest.fixture
def save(tmp_path):
    def save(*largest, dtype=np.uint16, **options):
        paths = []
        for i, value in enumerate(largest):
            paths.append(f"{i}.png")
            image = Image.fromarray(np.array([[0, value]], dtype))
            image.save(tmp_path / paths[-1], **options)
        return paths

    return save


@pytest.mark.parametrize(
    ("largest", "bits"),
    [
        ((4095, 3), 12),
        ((3, 4096), 13),
        ((2048,), 12),
        ((2047,), 11),
        ((200, 9), 8),
        ((0,), 8),
        ((65535, 1), 16),
        ((1, 32768), 16),
    ],
)
def test_bits_are_those_of_the_largest_value_of_all_images(tmp_path, save, largest, bits):
    assert find_bits(tmp_path, save(*largest)) == bits


def test_other_files_than_16_bit_grey_say_nothing(save, tmp_path, capsys):
    paths = save(255, dtype=np.uint8)
    for name, image in {
        "colours.png": Image.new("RGB", (2, 2)),
        "photo.jpg": Image.new("L", (2, 2)),
        "palette.png": Image.new("P", (2, 2)),
    }.items():
        image.save(tmp_path / name)
        paths.append(name)
    (tmp_path / "empty.png").touch()
    assert find_bits(tmp_path, [*paths, "empty.png", "absent.png"]) == 16
    assert find_bits(tmp_path, []) == 16
    assert capsys.readouterr().err == ""


def test_fewer_bits_are_printed(tmp_path, save, capsys):
    find_bits(tmp_path, save(40000, 7))
    assert capsys.readouterr().err == ""
    find_bits(tmp_path, save(3000, 7))
    assert capsys.readouterr().err == (
        f"{tmp_path}: no value of the 16-bit images is above 3000: read as 12 bits; set bits: 12 "
        "of the dataset to spare the search\n"
    )


def test_the_transparent_value_is_no_brightness(tmp_path, save):
    assert find_bits(tmp_path, save(65535, 65535, transparency=65535)) == 8


def test_significant_bits_are_not_a_range(tmp_path, save):
    # of 12 significant bits a PNG holds the values enlarged to 16, as the format wants it
    (name,) = save(4095 << 4)
    path = tmp_path / name
    content = path.read_bytes()
    path.write_bytes(content[:AFTER_HEADER] + chunk(b"sBIT", bytes([12])) + content[AFTER_HEADER:])
    assert find_bits(tmp_path, [name]) == 16


def test_no_more_images_are_looked_at_than_needed(tmp_path, save, monkeypatch):
    paths = save(1, 65535, 1, 1)
    damaged = tmp_path / paths[2]
    damaged.write_bytes(damaged.read_bytes()[:40])
    with pytest.raises(InputError, match=r"2\.png: cannot be decoded"):
        find_bits(tmp_path, paths)
    monkeypatch.setattr(bit_depth, "AT_ONCE", 2)
    assert find_bits(tmp_path, paths) == 16
