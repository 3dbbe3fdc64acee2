"""Image files, PNG and JPEG alone, and what is done to images before they are stored."""

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageColor, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from imbalens.errors import InputError

Format = Literal["PNG", "JPEG"]

MAX_PIXELS = 2**26  # of one image before it is resized: 8192 x 8192
# not through Image.open, which warns of many pixels before these can be counted
OPENERS: dict[str, Callable[[IO[bytes]], ImageFile.ImageFile]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
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


@contextmanager
def open_image(path: Path, *, formats: tuple[Format, ...]) -> Iterator[Image.Image]:
    """Open an image file, to be decoded inside the block.

    Args:
        path: Regular file, or a link to one.
        formats: Those allowed. A JPEG that holds several pictures is its first one.

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


def flatten(image: Image.Image, *, mode: Literal["L", "RGB"], ground: str) -> Image.Image:
    """Convert an image to grey or RGB: transparency on `ground`, 16-bit grey by its upper byte.

    Raises:
        ValueError: if its values have no defined place in 8 bits, as of floats or 32-bit integers.
    """
    if image.mode.startswith("I;16"):
        values = np.asarray(image)
        grey = (values >> 8).astype(np.uint8)
        if "transparency" in image.info:  # the one value that is
            grey[values == image.info["transparency"]] = ImageColor.getcolor(ground, "L")
        image = Image.fromarray(grey)
    elif image.mode in ("I", "F"):
        raise ValueError(f"found pixels of mode {image.mode}; allowed: 8 bits, or 16 bits of grey")
    elif image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        paper = Image.new("RGBA", image.size, ground)
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    return image.convert(mode)


def fit(image: Image.Image, size: int) -> Image.Image:
    """Resize a whole image to a square, bilinear and antialiased."""
    if image.size == (size, size):
        return image
    return image.resize((size, size), Image.Resampling.BILINEAR)


def resize_images(images: UInt8[np.ndarray, "k h w 3"], size: int) -> UInt8[np.ndarray, "k s s 3"]:
    """Resize whole images to squares, antialiased; images of that size stay as they are."""
    if images.shape[1:3] == (size, size):
        return images
    return np.stack([np.asarray(fit(Image.fromarray(image), size)) for image in images])
