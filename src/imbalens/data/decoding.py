"""How an image file becomes a square of 8 bits."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from imbalens.data.image_files import DEEP, Format, fit, open_image, read_upright
from imbalens.errors import InputError
from imbalens.params.datasets import Resize
from imbalens.params.tables import Window

FORMATS: tuple[Format, ...] = ("PNG", "JPEG")
OWN_FORMATS: tuple[Format, ...] = (*FORMATS, "DICOM")  # of files that a table of one's own names


@dataclass(frozen=True)
class Decoding:
    """How image files become squares of 8 bits, upright.

    In colours, transparency is composited on white, the ground of photographs and drawings; in
    grey, which is the luminance of colours, on black, that of X-rays. Opaque alpha changes
    nothing.

    Attributes:
        size: Side in pixels of the squares.
        resize: How oblong images become squares.
        bits: Of 16-bit grey, how many of each value are used; its 8 upper ones stay.
        channels: 3 for RGB, 1 for grey.
        formats: Those that files may have.
        square: Whether only square images are allowed.
        window: Of DICOM, which values become 0 to 255, see `dicom.to_bytes`.
    """

    size: int
    resize: Resize = "squash"
    bits: int = DEEP
    channels: Literal[1, 3] = 3
    formats: tuple[Format, ...] = FORMATS
    square: bool = False
    window: Window = "full"

    def read(self, path: Path) -> UInt8[np.ndarray, "s s c"]:
        """Read one image.

        Raises:
            InputError: naming a file that cannot be decoded, is of another format, has larger
                values or is not square where it must be.
        """
        with open_image(path, formats=self.formats, window=self.window) as image:
            width, height = image.size
            if self.square and width != height:
                raise InputError(
                    f"{path}: found an image of {width} x {height} pixels; allowed: square ones, "
                    "since boxes are in pixels of a square; pad it to a square first"
                )
            mode, ground = ("L", "black") if self.channels == 1 else ("RGB", "white")
            upright = read_upright(path, image, mode=mode, ground=ground, bits=self.bits)
            pixels = np.asarray(fit(upright, self.size, self.resize))
        return pixels.reshape(self.size, self.size, self.channels)
