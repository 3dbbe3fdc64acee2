"""Images in grey or in colours, whichever of the two is read."""

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image

from imbalens.data.source import ReadImages


def convert_channels(read: ReadImages, found: int, wanted: int) -> ReadImages:
    """Return a reader of what another reads: colour becomes luminance, or grey is repeated.

    Args:
        read: Reads images.
        found: Their channels, 1 or 3.
        wanted: Channels of those that are returned.
    """
    if found == wanted:
        return read

    def read_converted(positions: Int[np.ndarray, " k"]) -> UInt8[np.ndarray, "k h w c"]:
        images = read(positions)
        if wanted == 3:
            return np.repeat(images, 3, axis=-1)
        grey = [np.asarray(Image.fromarray(image).convert("L")) for image in images]
        return np.stack(grey)[..., None]

    return read_converted
