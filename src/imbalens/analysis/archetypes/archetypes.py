"""Which images of a class are typical, and which are not?"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from imbalens.analysis.archetypes.judging import (
    ArchetypeTable,
    find_archetypes,
    find_prototypes,
    tabulate_archetypes,
)
from imbalens.analysis.common.neighbors import find_neighbors
from imbalens.classes import Classes


@dataclass(frozen=True)
class Archetypes:
    """Archetype of every instance, and what stands for each of them.

    Attributes:
        codes: Archetype of each pair of an image and a class that it has, see `Archetype`.
        table: Counts and true positives per class and archetype.
        prototypes: Row of the image that stands for each class and archetype; -1 without one.
    """

    codes: Int[np.ndarray, " p"]
    table: ArchetypeTable
    prototypes: Int[np.ndarray, "c 4"]


def archetypes(
    features: Float[np.ndarray, "n d"],
    classes: Classes,
    predictions: Classes | None,
    *,
    n_classes: int,
    n_neighbors: int,
    safe_from: int,
    border_from: int,
    rare_from: int,
) -> Archetypes:
    """Judge training images safe, border, rare or outlier, and find their prototypes.

    Args:
        features: Feature embeddings, one row per image.
        classes: True class per image, or the membership matrix.
        predictions: Predicted classes, in the same form; None without any.
        n_classes: Number of classes, c.
        n_neighbors: Neighbours consulted, k.
        safe_from: Fewest same-class neighbours of a safe instance.
        border_from: Fewest same-class neighbours of a border instance.
        rare_from: Fewest same-class neighbours of a rare instance; below it lie outliers.

    Raises:
        ValueError: if a class is out of range, a feature is not finite, there are no more images
            than neighbours, or unless k >= safe_from > border_from > rare_from >= 1.

    Source: paper B, section 3.2.
    """
    codes = find_archetypes(
        find_neighbors(features, classes, n_neighbors=n_neighbors),
        classes,
        safe_from=safe_from,
        border_from=border_from,
        rare_from=rare_from,
    )
    return Archetypes(
        codes=codes,
        table=tabulate_archetypes(codes, classes, predictions, n_classes=n_classes),
        prototypes=find_prototypes(features, classes, codes, n_classes=n_classes),
    )
