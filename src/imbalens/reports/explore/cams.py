"""Class activation maps that a page shows over its pictures."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from imbalens.reports.common.sampling import choose_samples

MAX_CELLS = 400_000  # of the maps of all runs on a page, about 2 MB


@dataclass(frozen=True)
class Cams:
    """A run's class activation maps of annotated images that are points of the map.

    Attributes:
        pairs: Place of the image on the page, and class, of each map.
        maps: Within [0, 1].
        boxes: Place of the image, and class, of each box.
        corners: Left, top, width and height of each box as shares of the picture.
        n_annotated: Pairs of an annotated image and a class, shown or not.
    """

    pairs: Int[np.ndarray, "p 2"]
    maps: Float[np.ndarray, "p s s"]
    boxes: Int[np.ndarray, "b 2"]
    corners: Float[np.ndarray, "b 4"]
    n_annotated: int


def choose_cams(
    pairs: Int[np.ndarray, "p 2"], places: Int[np.ndarray, " n"], *, side: int, n_runs: int
) -> Int[np.ndarray, " q"]:
    """Choose pairs of images on the page, as evenly over the classes as fit `MAX_CELLS`.

    Args:
        pairs: Row of the image, and class, of each pair.
        places: Place of each image on the page; -1 of those that are not there.
        side: Cells of a map's side.
        n_runs: How many runs have maps.

    Returns:
        Places in `pairs`, in their order.
    """
    there = np.flatnonzero(places[pairs[:, 0]] >= 0)
    n_samples = MAX_CELLS // (n_runs * side**2)
    return np.sort(there[choose_samples(pairs[there, 1], n_samples=n_samples)])
