"""Connected parts of sparse masks, and their holes, from runs of neighbouring cells.

Only the marked cells are touched, so that a mask of one cell in a hundred costs a hundredth.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

Connectivity = Literal[4, 8]


@dataclass(frozen=True)
class Components:
    """Connected parts of a mask.

    Attributes:
        of_cell: Component of each marked cell, 0 to p - 1 in any order.
        holes: Holes in each component: parts of its background that do not reach the border,
            neighbours counted the other way (4 for a connectivity of 8, 8 for 4).
    """

    of_cell: Int[np.ndarray, " m"]
    holes: Int[np.ndarray, " p"]


def label_cells(
    cells: Int[np.ndarray, " m"], *, width: int, connectivity: Connectivity
) -> Components:
    """Find the connected components of marked cells.

    A row's unbroken runs of cells are the nodes of a graph, contacts between runs of neighbouring
    rows its edges. Its components are those of the mask, and its independent cycles (edges -
    nodes + components) the holes.

    Args:
        cells: Flat positions of the marked cells in rising order, in rows of `width`. The last
            cell of each row must be free, and where maps are stacked the last row of each, so
            that nothing touches across them.
        width: Cells per row, the free one included.
        connectivity: 8 if cells that share only a corner touch, 4 if not.

    Returns:
        Component of each cell, holes of each component.
    """
    begins = np.diff(cells, prepend=-2) != 1
    start = cells[begins]
    stop = cells[np.append(begins[1:], True)] if len(cells) else cells
    reach = 1 if connectivity == 8 else 0
    first = np.searchsorted(stop, start + (width - reach))
    last = np.searchsorted(start, stop + (width + reach), side="right")
    contacts = last - first
    ends = np.cumsum(contacts)
    below = np.arange(contacts.sum()) + np.repeat(first - (ends - contacts), contacts)
    graph = csr_array(
        (np.ones(len(below)), below, np.append(0, ends)), shape=(len(start), len(start))
    )
    n_components, of_run = connected_components(graph, directed=False)
    edges = np.bincount(of_run, contacts, n_components).astype(np.int64)
    runs = np.bincount(of_run, minlength=n_components)
    return Components(
        of_cell=of_run[np.cumsum(begins) - 1].astype(np.int64), holes=edges - runs + 1
    )
