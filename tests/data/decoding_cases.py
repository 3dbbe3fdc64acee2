"""Reading one image file, as tests do it."""

from imbalens.data.decoding import Decoding


def read_image(path, size, **how):
    """Return an image as of a folder, [s s 3]."""
    return Decoding(size, **how).read(path)


def decode_grey(path, size, **how):
    """Return an image as of NIH, [s s]."""
    return Decoding(size, channels=1, formats=("PNG",), square=True, **how).read(path)[..., 0]
