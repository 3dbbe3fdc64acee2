"""Which cells of a stack of maps lie in boxes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from imbalens.analysis.common.boxes import require_inside
from imbalens.classes import require_codes


@dataclass(frozen=True)
class BoxRegions:
    """Cells in the boxes of each of n images (regions 0 to n - 1) and p pairs (n to n + p - 1).

    Positions are flat ones in stacks of maps with a free cell after each row and a free row after
    each map, so that nothing touches across them.

    Attributes:
        n_regions: Number of regions, n + p.
        pairs: Image row and class of each pair that has a box, sorted.
        width: Cells per row, the free one included.
        area: Cells per map, the free ones included.
        cells: Position of each region's cells in the stack of the images' maps.
        places: Position of the same cells in a stack of one map per region, rising.
    """

    n_regions: int
    pairs: Int[np.ndarray, "p 2"]
    width: int
    area: int
    cells: Int[np.ndarray, " m"]
    places: Int[np.ndarray, " m"]


def find_regions(
    boxes: Int[np.ndarray, "b 6"],
    *,
    n_images: int,
    n_classes: int,
    image_size: int,
    map_size: tuple[int, int],
) -> BoxRegions:
    """Find the cells that boxes touch; boxes of the same image, or of the same pair, are united.

    Args:
        boxes: Image row, class, x, y, width, height (pixels of the image) of each box.
        n_images: Number of images.
        n_classes: Number of classes.
        image_size: Side of the images in pixels.
        map_size: Height and width of the maps in cells, which share out the image evenly.

    Raises:
        ValueError: if a class or image is out of range, or a box is empty or reaches out of its
            image.
    """
    require_codes(boxes[:, 0], n_codes=n_images, name="images of boxes")
    require_codes(boxes[:, 1], n_codes=n_classes, name="classes of boxes")
    require_inside(boxes, image_size=image_size)
    corner, stop = boxes[:, 2:4], boxes[:, 2:4] + boxes[:, 4:]
    height, width = map_size
    cells_across = np.array([width, height])
    low, high = corner * cells_across // image_size, -(-stop * cells_across // image_size)

    pairs, pair_of_box = np.unique(boxes[:, :2], axis=0, return_inverse=True)
    image_of_region = np.append(np.arange(n_images), pairs[:, 0])
    masks = np.zeros((len(image_of_region), height + 1, width + 1), dtype=bool)
    for row, pair, (left, top), (right, bottom) in zip(
        boxes[:, 0], pair_of_box.ravel(), low, high, strict=True
    ):
        masks[[row, n_images + pair], top:bottom, left:right] = True
    area = (height + 1) * (width + 1)
    places = np.flatnonzero(masks)
    region, cell = np.divmod(places, area)
    return BoxRegions(
        n_regions=len(masks),
        pairs=pairs,
        width=width + 1,
        area=area,
        cells=image_of_region[region] * area + cell,
        places=places,
    )
