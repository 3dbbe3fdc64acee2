"""Which of many images a sheet shows."""

import numpy as np
from jaxtyping import Int


def choose_samples(classes: Int[np.ndarray, " n"], *, n_samples: int) -> Int[np.ndarray, " k"]:
    """Choose rows that show as many classes as possible: the first of each, then the second.

    Args:
        classes: Class per row.
        n_samples: Rows to choose, or all if there are fewer.

    Returns:
        Rows by class, then in their order.
    """
    nth = np.zeros(len(classes), dtype=np.int64)
    for label in np.unique(classes):
        of_class = classes == label
        nth[of_class] = np.arange(of_class.sum())
    chosen = np.lexsort((classes, nth))[:n_samples]
    return chosen[np.lexsort((chosen, classes[chosen]))]
