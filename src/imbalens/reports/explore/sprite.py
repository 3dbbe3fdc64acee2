"""Many small pictures in one image, so that a page holds one data URI instead of thousands."""

import io
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from jaxtyping import UInt8
from PIL import Image

QUALITY = 80
BLOCK = 16  # pixels that WebP codes together: no picture bleeds into its neighbour
MAX_SIDE = 16_383  # of a WebP image


@dataclass(frozen=True)
class Sprite:
    """Pictures side by side, row by row.

    Attributes:
        source: Data URI of a WebP image.
        columns: Pictures per row.
        rows: Rows of pictures.
        pitch: Pixels from one picture to the next.
        size: Pixels of a picture's side.
    """

    source: str
    columns: int
    rows: int
    pitch: int
    size: int


def make_sprite(images: Sequence[UInt8[np.ndarray, "s s c"]], *, thumbnail: int) -> Sprite:
    """Put square images, grey (c = 1) or RGB (c = 3), into one.

    Args:
        images: Pictures in order, at least one.
        thumbnail: Larger ones are reduced to this many pixels.

    Raises:
        ValueError: if there are more than one image can hold.
    """
    size = min(thumbnail, len(images[0]))
    pitch = ceil(size / BLOCK) * BLOCK
    columns = ceil(sqrt(len(images)))
    rows = ceil(len(images) / columns)
    if columns * pitch > MAX_SIDE:
        raise ValueError(
            f"{len(images)} pictures of {size} pixels exceed one image; show fewer or smaller ones"
        )
    sheet = Image.new("RGB", (columns * pitch, rows * pitch))
    for place, image in enumerate(images):
        picture = Image.fromarray(np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image)
        if len(image) > size:
            picture = picture.resize((size, size), Image.Resampling.BOX)
        sheet.paste(picture, (place % columns * pitch, place // columns * pitch))
    buffer = io.BytesIO()
    sheet.save(buffer, format="WEBP", quality=QUALITY)
    source = f"data:image/webp;base64,{b64encode(buffer.getvalue()).decode('ascii')}"
    return Sprite(source, columns, rows, pitch, size)
