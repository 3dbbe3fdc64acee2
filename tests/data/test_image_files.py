import io
import os
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from imbalens.data import image_files
from imbalens.data.geometry import Stored, square_boxes
from imbalens.data.image_files import flatten, measure, open_image
from imbalens.errors import InputError
from tests.data.decoding_cases import decode_grey, read_image
from tests.data.test_geometry import STORED, find, paint, store

SOME = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
FLOATS = Image.fromarray(np.ones((8, 8), np.float32))
WHOLE = Image.fromarray(np.full((8, 8), 70000, np.int32))


def encode(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(name, content):
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def declare(width, height):
    """Return a PNG of which nothing is there but the size that it says it has."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (("IHDR", header), ("IDAT", zlib.compress(b"")), ("IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name.encode(), each) for name, each in parts)


def refuse(tmp_path, content, read=read_image):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(path, 8)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value).removeprefix(f"{path}: ")


FOREIGN = {
    "GIF": ("GIF", encode(SOME, "GIF")),
    "TIFF": ("TIFF", encode(SOME, "TIFF")),
    "TIFF of floats": ("TIFF", encode(FLOATS, "TIFF")),
    "TIFF of 32 bits": ("TIFF", encode(WHOLE, "TIFF")),
    "WebP": ("WebP", encode(SOME, "WEBP")),
    "BMP": ("BMP", encode(SOME, "BMP")),
    "EPS": ("EPS", encode(SOME, "EPS")),
    "PDF": ("PDF", encode(SOME, "PDF")),
    "DICOM": ("DICOM", bytes(128) + b"DICM"),
    "pointer": ("Git LFS pointer", b"version https://git-lfs.github.com/spec/v1\n"),
}


@pytest.mark.parametrize(("found", "content"), FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("read", [read_image, decode_grey])
def test_a_file_of_another_format_is_named_by_its_first_bytes(
    tmp_path, monkeypatch, found, content, read
):
    def start(*_, **__):
        raise AssertionError("a program was started")

    monkeypatch.setattr("subprocess.Popen", start)  # an EPS is drawn by gs
    message = refuse(tmp_path, content, read)
    allowed = "PNG, JPEG" if read is read_image else "PNG"
    assert message.startswith(f"is {found}; allowed: {allowed}; convert it to PNG")
    welcome = found in ("GIF", "TIFF", "WebP", "BMP")
    assert message.endswith(f"; if you need {found}, ask for it") == welcome


def test_chest_images_are_png_alone(tmp_path):
    content = encode(SOME, "JPEG")
    message = refuse(tmp_path, content, decode_grey)
    assert message == "is JPEG; allowed: PNG; convert it to PNG or remove it"
    assert read_image(tmp_path / "x.png", 8).shape == (8, 8, 3)


def test_what_is_no_image_is_shown_by_its_first_bytes(tmp_path):
    message = refuse(tmp_path, b"\x00\x01no image")
    assert message.startswith(r"is no image that is known (begins with b'\x00\x01no image')")


def test_an_animation_is_refused_whose_first_image_would_stand_for_all(tmp_path):
    content = encode(SOME, "PNG", save_all=True, append_images=[SOME.rotate(90)])
    assert refuse(tmp_path, content).startswith("found an animation of 2 images; allowed: one")


def test_of_a_jpeg_with_several_pictures_the_first_is_read(tmp_path):
    first, second = Image.new("RGB", (8, 8), "white"), Image.new("RGB", (8, 8))
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[second])
    assert (read_image(tmp_path / "a.jpg", 8) == 255).all()


@pytest.mark.parametrize("size", [(10_000, 10_000), (100_000, 100_000), (2**31 - 1, 1)])
def test_too_many_pixels_are_counted_before_they_are_decoded(tmp_path, size):
    message = refuse(tmp_path, declare(*size))
    assert message == (
        f"found an image of {size[0]} x {size[1]} pixels; allowed: at most 67,108,864 pixels; "
        "reduce it first"
    )


def test_the_limit_of_pixels_is_the_last_number_that_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(image_files, "MAX_PIXELS", 64)
    SOME.save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png", 8).shape == (8, 8, 3)
    assert "8 x 9" in refuse(tmp_path, encode(SOME.resize((8, 9)), "PNG"))


def test_text_that_would_fill_the_memory_is_refused(tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "x" * 10**7, zip=True)
    assert refuse(tmp_path, encode(SOME, "PNG", pnginfo=text)).startswith("cannot be decoded")


def test_the_transparent_value_of_16_bits_is_the_ground(tmp_path):
    values = np.array([[300, 301], [302, 0x8000]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png", transparency=301)
    assert decode_grey(tmp_path / "a.png", 2).tolist() == [[1, 0], [1, 128]]
    assert read_image(tmp_path / "a.png", 2)[..., 0].tolist() == [[1, 255], [1, 128]]


@pytest.mark.parametrize("image", [WHOLE, FLOATS])
def test_values_without_a_place_in_8_bits_are_refused(image):
    with pytest.raises(ValueError, match=f"found pixels of mode {image.mode}; allowed: 8 bits"):
        flatten(image, mode="L", ground="black")


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


CORNERS = np.zeros((24, 16, 3), np.uint8)
CORNERS[:12, :8], CORNERS[:12, 8:], CORNERS[12:, :8] = (250, 0, 0), (0, 250, 0), (0, 0, 250)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_an_image_is_turned_upright(tmp_path, kind, orientation):
    stored = Image.fromarray(store(CORNERS, orientation))
    stored.save(
        tmp_path / "a",
        kind,
        exif=turned(orientation),
        **({"quality": 95} if kind == "JPEG" else {}),
    )
    seen = read_image(tmp_path / "a", 24, resize="pad").astype(int)
    assert (seen[:, :4] == 0).all()  # still taller than wide
    upright = seen[:, 4:20] - CORNERS
    inner = np.ones(upright.shape[:2], bool)
    inner[8:16], inner[:, 4:12] = False, False  # JPEG blurs colours where they meet
    assert (np.abs(upright[inner]) < 12).all()


@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
@pytest.mark.parametrize("orientation", STORED)
def test_a_box_in_pixels_of_the_file_is_where_its_object_is_seen(tmp_path, orientation, resize):
    stored = paint(60, 36, [14, 8, 12, 20])
    Image.fromarray(stored).save(tmp_path / "a.png", exif=turned(orientation))
    measured = measure(tmp_path / "a.png", formats=("PNG",))
    assert measured == Stored(60, 36, orientation)
    boxes = np.array([[14, 8, 12, 20], [0, 0, 3, 36], [0, 0, 60, 36]], float)
    placed, shown = square_boxes(boxes, measured, resize=resize, size=48)
    assert shown.tolist() == [True, resize != "crop", True]
    seen = find(read_image(tmp_path / "a.png", 48, resize=resize)[..., 0])
    assert np.abs(placed[0] - seen).max() <= 1


@pytest.mark.parametrize("orientation", STORED)
def test_a_chest_image_is_turned_upright(tmp_path, orientation):
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    stored = Image.fromarray(store(grey, orientation))
    stored.save(tmp_path / "a.png", exif=turned(orientation))
    assert (decode_grey(tmp_path / "a.png", 8) == grey).all()


def test_16_bits_and_transparency_are_turned_too(tmp_path):
    deep = np.arange(64, dtype=np.uint16).reshape(8, 8) << 8
    Image.fromarray(store(deep, 6)).save(tmp_path / "a.png", exif=turned(6))
    assert (read_image(tmp_path / "a.png", 8)[..., 1] == deep >> 8).all()
    clear = np.dstack([deep >> 8] * 3 + [np.full_like(deep, 255)]).astype(np.uint8)
    Image.fromarray(store(clear, 8)).save(tmp_path / "b.png", exif=turned(8))
    assert (read_image(tmp_path / "b.png", 8) == clear[..., :3]).all()


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize(
    "exif",
    [turned(0), turned(9), b"Exif\0\0MM", b"Exif\0\0no TIFF", turned(6)[:-10], b"x"],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_an_orientation_that_there_is_not_leaves_an_image_as_it_is(tmp_path, kind, exif):
    SOME.save(tmp_path / "a", kind, exif=exif, **({"quality": 100} if kind == "JPEG" else {}))
    seen = read_image(tmp_path / "a", 8)[..., 0].astype(int)
    assert (np.abs(seen - np.asarray(SOME)) <= 1).all()


def test_a_larger_value_than_the_bits_hold_is_named(tmp_path):
    values = np.full((8, 8), 4096, np.uint16)
    content = encode(Image.fromarray(values), "PNG")
    for read in (read_image, decode_grey):
        assert refuse(tmp_path, content, lambda path, size: read(path, size, bits=12)) == (  # noqa: B023
            "found value 4096; allowed with 12 bits: at most 4095; set bits of the dataset to "
            "null or to more"
        )
    Image.fromarray(values - 1).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png", 8, bits=12) == 255).all()


def deep_colours():
    header = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    rows = (b"\0" + b"\x0f\xff" * 24) * 8
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, each) for name, each in parts)


def test_16_bit_colours_cannot_be_widened(tmp_path):
    message = refuse(tmp_path, deep_colours(), lambda path, size: read_image(path, size, bits=12))
    assert message == (
        "found colours of 16 bits, of which the upper 8 are read; allowed with 12 bits: grey; "
        "save it in 8 bits a colour"
    )
    assert (read_image(tmp_path / "x.png", 8) == 15).all()


def open_only(path):
    with open_image(path, formats=("PNG",)):
        pass


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(InputError, match="is no regular file; replace it or remove it"):
        open_only(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    with pytest.raises(InputError, match="is no regular file; replace it or remove it"):
        open_only(tmp_path / "x.png")
