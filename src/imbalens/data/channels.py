"""Mean and standard deviation of the channels of a dataset's training images."""

import sys

import numpy as np
from jaxtyping import Float, Int64, UInt8, UInt32

from imbalens.errors import InputError
from imbalens.params.normalization import Normalization

DARK = 64  # of 256 values


class ChannelMoments:
    """Mean and standard deviation of each channel, exact, batch by batch.

    Attributes:
        largest: The largest value of all channels.
    """

    def __init__(self, channels: int) -> None:
        """Start from no images, of 3 channels or of 1, which then stands for all three."""
        self.largest = 0
        self._n = 0
        self._channels = channels
        self._sum = np.zeros(channels, dtype=np.int64)
        self._squares = np.zeros(channels, dtype=np.int64)

    def add(self, images: UInt8[np.ndarray, "k h w c"]) -> None:
        """Take in a batch of images."""
        self.largest = max(self.largest, int(images.max()))
        self._n += len(images) * images.shape[1] * images.shape[2]
        for rows in images.reshape(*images.shape[:2], -1):  # at most 1,024: sums fit into 32 bits
            self._sum += self._of_channels(rows.sum(0, dtype=np.uint32))
            squares = np.multiply(rows, rows, dtype=np.uint16)
            self._squares += self._of_channels(squares.sum(0, dtype=np.uint32))

    def _of_channels(self, sums: UInt32[np.ndarray, " w_c"]) -> Int64[np.ndarray, " c"]:
        return sums.reshape(-1, self._channels).sum(0, dtype=np.int64)

    def mean(self) -> Float[np.ndarray, "3"]:
        """Mean of values scaled to [0, 1]."""
        return np.resize(self._sum / self._n / 255, 3)

    def std(self) -> Float[np.ndarray, "3"]:
        """Standard deviation of values scaled to [0, 1]."""
        # in Python's integers: the products do not fit into 64 bits
        pairs = zip(self._squares.tolist(), self._sum.tolist(), strict=True)
        variance = [(self._n * squares - total**2) / self._n**2 for squares, total in pairs]
        return np.resize(np.sqrt(variance) / 255, 3)


def channel_normalization(
    given: Normalization | None, channels: ChannelMoments, place: str
) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    """Return the channel means and standard deviations to store.

    Args:
        given: What the parameters say, None to take those of the images.
        channels: Moments of the training images.
        place: Where the images came from, for messages.

    Raises:
        InputError: if they are to be computed and a channel is constant.
    """
    if given:
        return np.array(given.mean), np.array(given.std)
    mean, std = channels.mean(), channels.std()
    if not std.all():
        raise InputError(
            f"{place}: all pixels of the training images are alike in some channel; "
            "give normalization a mean and a std"
        )
    return mean, std


def report_dark(channels: ChannelMoments, place: str) -> None:
    """Print that images use less than a quarter of the range, if they do.

    Args:
        channels: Moments of the training images.
        place: Where the images came from.
    """
    if channels.largest < DARK:
        print(
            f"{place}: no value of the training images is above {channels.largest} of 255, less "
            "than a quarter of the range; export them with the whole range, or set bits of the "
            "dataset where files of 16 bits use fewer",
            file=sys.stderr,
        )
