"""Setting images aside in whole groups, such as the images of a patient or frames of a track."""

import numpy as np
from jaxtyping import Int


def split_by_group(
    labels: Int[np.ndarray, " n"], groups: Int[np.ndarray, " n"], *, share: float, seed: int
) -> tuple[Int[np.ndarray, " t"], Int[np.ndarray, " v"]]:
    """Set aside a share of every class, all rows of a group or none.

    A group counts for the class of most of its rows, the first of several. Of each class, groups
    are drawn until they hold the share of all its groups' rows. One with all that is left of some
    class stays.

    Args:
        labels: Class per row.
        groups: Group per row.
        share: Share to set aside at least, below 1; 0 sets nothing aside.
        seed: Seed of the draw.

    Returns:
        Rows that stay and rows set aside, both ascending.
    """
    c = int(labels.max()) + 1
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    pairs, held = np.unique(group_of * c + labels, return_counts=True)
    group, label = np.divmod(pairs, c)
    bounds = np.searchsorted(group, np.arange(len(sizes) + 1))
    class_of = label[np.lexsort((label, -held, group))[bounds[:-1]]]
    left = np.bincount(labels, minlength=c)
    is_aside = np.zeros(len(sizes), dtype=bool)
    rng = np.random.default_rng(seed)
    for each in range(c):
        drawn = rng.permutation(np.flatnonzero(class_of == each))
        wanted = share * sizes[drawn].sum()
        for one in drawn.tolist():
            if wanted <= 0:
                break
            part = slice(bounds[one], bounds[one + 1])
            if (left[label[part]] > held[part]).all():
                left[label[part]] -= held[part]
                is_aside[one] = True
                wanted -= sizes[one]
    aside = is_aside[group_of]
    return np.flatnonzero(~aside), np.flatnonzero(aside)
