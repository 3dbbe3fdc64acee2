"""What a sheet of example images shows of each; needs no file."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8


@dataclass(frozen=True)
class Example:
    """An image, and the boxes of a class on it.

    Attributes:
        label: Name of the class.
        image: Grey (channels = 1) or RGB (3).
        boxes: x, y, width, height of each box, in pixels of the image.
    """

    label: str
    image: UInt8[np.ndarray, "s s channels"]
    boxes: Int[np.ndarray, "b 4"]
