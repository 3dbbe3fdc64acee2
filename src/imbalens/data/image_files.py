"""Image files, PNG, JPEG and DICOM alone, and what is done to images before they are stored."""

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Literal

import numpy as np
from jaxtyping import UInt8, UInt16
from PIL import ExifTags, Image, ImageColor, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from imbalens.data.dicom import DicomImageFile
from imbalens.data.geometry import TURNS, Stored, place_image
from imbalens.errors import InputError
from imbalens.params.datasets import Resize
from imbalens.params.tables import Window

Format = Literal["PNG", "JPEG", "DICOM"]

MAX_PIXELS = 2**26  # of one image before it is resized: 8192 x 8192
# not through Image.open, which warns of many pixels before these can be counted
OPENERS: dict[str, Callable[[IO[bytes]], ImageFile.ImageFile]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "DICOM": DicomImageFile,
}
# what a file is called whose bytes from some offset on are these
SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"GIF8", "GIF"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (8, b"WEBP", "WebP"),
    (0, b"BM", "BMP"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyphei", "HEIF"),
    (4, b"jP  \r\n\x87\n", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (128, b"DICM", "DICOM"),
    (0, b"%!PS", "EPS"),
    (0, b"\xc5\xd0\xd3\xc6", "EPS"),
    (0, b"%PDF", "PDF"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"version https://git-lfs", "Git LFS pointer"),
)
HEAD = max(offset + len(signature) for offset, signature, _ in SIGNATURES)
WELCOME = ("GIF", "TIFF", "WebP", "BMP")
DEEP = 16  # bits of a value, at most


@contextmanager
def open_image(
    path: Path, *, formats: tuple[Format, ...], window: Window = "full"
) -> Iterator[ImageFile.ImageFile]:
    """Open an image file, to be decoded inside the block.

    Args:
        path: Regular file, or a link to one.
        formats: Those allowed. A JPEG that holds several pictures is its first one.
        window: Of DICOM, which values become 0 to 255, see `dicom.to_bytes`.

    Raises:
        InputError: naming a file that is of no allowed format, by its first bytes whatever it is
            called, is animated, has too many pixels or cannot be decoded.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for ever
            raise InputError(f"{path}: is no regular file; replace it or remove it")
        with path.open("rb") as file:
            kind = _check_format(path, file.read(HEAD), formats)
            file.seek(0)
            with OPENERS[kind](file) as image:
                _check_image(path, image)
                if isinstance(image, DicomImageFile):
                    image.window = window
                yield image
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders raise a dozen kinds
        raise InputError(
            f"{path}: cannot be decoded ({error}); replace the file or remove it"
        ) from error


def _check_format(path: Path, head: bytes, formats: tuple[Format, ...]) -> str:
    """Return the format that the first bytes of a file tell, refusing any that is not allowed."""
    if not head:
        raise InputError(f"{path}: is empty; replace the file or remove it")
    found = next(
        (
            name
            for offset, signature, name in SIGNATURES
            if head.startswith(signature, offset) and (name != "WebP" or head[:4] == b"RIFF")
        ),
        None,
    )
    if found in formats:
        return found
    what = f"is {found}" if found else f"is no image that is known (begins with {head[:16]!r})"
    hint = f"; if you need {found}, ask for it" if found in WELCOME else ""
    raise InputError(
        f"{path}: {what}; allowed: {', '.join(formats)}; convert it to PNG or remove it{hint}"
    )


def _check_image(path: Path, image: Image.Image) -> None:
    """Refuse an image that is several or that would fill the memory, before it is decoded."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{path}: found an image of {width} x {height} pixels; allowed: at most "
            f"{MAX_PIXELS:,} pixels; reduce it first"
        )
    n_frames = getattr(image, "n_frames", 1)
    if n_frames > 1:
        raise InputError(
            f"{path}: found an animation of {n_frames} images; allowed: one; save the one meant"
        )


def read_upright(
    path: Path,
    image: ImageFile.ImageFile,
    *,
    mode: Literal["L", "RGB"],
    ground: str,
    bits: int,
) -> Image.Image:
    """Decode an image as it is meant: flat, of 8 bits, turned as its EXIF says.

    Args:
        path: Its file, for messages.
        image: What `open_image` gives.
        mode: Grey or colours.
        ground: Colour that transparency is composited on.
        bits: Of 16-bit grey, how many of each value are used; its 8 upper ones stay.

    Raises:
        InputError: if it has a larger value than `bits` allow, or colours of 16 bits, of which
            Pillow reads the upper 8, where `bits` are fewer.
        ValueError: if its values have no defined place in 8 bits.
    """
    if bits < DEEP and _has_deep_colours(image):
        raise InputError(
            f"{path}: found colours of {DEEP} bits, of which the upper 8 are read; allowed with "
            f"{bits} bits: grey; save it in 8 bits a colour"
        )
    image.load()
    turn, eight = TURNS.get(orientation_of(image)), image
    if image.mode.startswith("I;16"):
        eight = _narrow(path, image, ground=ground, bits=bits)
    flat = flatten(eight, mode=mode, ground=ground)
    if turn is None:
        return flat
    exchanged, reverse = turn
    values = np.asarray(flat)
    values = values.swapaxes(0, 1) if exchanged else values
    across, down = (-1 if each else 1 for each in reverse)
    return Image.fromarray(np.ascontiguousarray(values[::down, ::across]))


def measure(path: Path, *, formats: tuple[Format, ...]) -> Stored:
    """Return sides and orientation of an image file, for boxes in pixels of it.

    Raises:
        InputError: as `open_image`.
    """
    with open_image(path, formats=formats) as image:
        return Stored(*image.size, orientation_of(image))


def orientation_of(image: Image.Image) -> int:
    """Return how an image is turned, 1 to 8 as EXIF has it; 1, upright, where it does not say."""
    with suppress(Exception):  # as damaged EXIF raises, without which the image is whole
        found = image.getexif().get(ExifTags.Base.Orientation)
        return found if found in TURNS else 1
    return 1


def deep_values(image: Image.Image) -> UInt16[np.ndarray, " k"]:
    """Return the values of 16-bit grey, but the one that is transparent."""
    values = np.asarray(image).ravel()
    return values[values != image.info["transparency"]] if "transparency" in image.info else values


def _has_deep_colours(image: ImageFile.ImageFile) -> bool:
    return image.mode != "I;16" and any(";16" in str(tile.args) for tile in image.tile)


def _narrow(path: Path, image: Image.Image, *, ground: str, bits: int) -> Image.Image:
    """Return 16-bit grey in 8 bits."""
    largest = int(deep_values(image).max(initial=0))
    if largest >= 2**bits:
        raise InputError(
            f"{path}: found value {largest}; allowed with {bits} bits: at most {2**bits - 1}; "
            "set bits of the dataset to null or to more"
        )
    values = np.asarray(image)
    grey = (values >> (bits - 8)).astype(np.uint8)
    if "transparency" in image.info:  # the one value that is
        grey[values == image.info["transparency"]] = ImageColor.getcolor(ground, "L")
    return Image.fromarray(grey)


def flatten(image: Image.Image, *, mode: Literal["L", "RGB"], ground: str) -> Image.Image:
    """Convert an image of 8 bits to grey or RGB: transparency on `ground`.

    Raises:
        ValueError: if its values have no defined place in 8 bits, as of floats or 32-bit integers.
    """
    if image.mode in ("I", "F"):
        raise ValueError(f"found pixels of mode {image.mode}; allowed: 8 bits, or 16 bits of grey")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        paper = Image.new("RGBA", image.size, ground)
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    return image if image.mode == mode else image.convert(mode)


def fit(image: Image.Image, size: int, resize: Resize) -> Image.Image:
    """Make an image a square, bilinear and antialiased, on black where it is padded."""
    if image.size == (size, size):
        return image
    placed = place_image(*image.size, resize=resize, size=size)
    left, top, right, bottom = placed.target
    filled = image.resize((right - left, bottom - top), Image.Resampling.BILINEAR, placed.source)
    if filled.size == (size, size):
        return filled
    square = Image.new(image.mode, (size, size))
    square.paste(filled, (left, top))
    return square


def resize_images(
    images: UInt8[np.ndarray, "k h w 3"], size: int, resize: Resize
) -> UInt8[np.ndarray, "k s s 3"]:
    """Make images squares, antialiased; images of that size stay as they are."""
    if images.shape[1:3] == (size, size):
        return images
    return np.stack([np.asarray(fit(Image.fromarray(image), size, resize)) for image in images])
