"""What a run's features tell of a dataset's images, to be looked at."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from imbalens.analysis.archetypes.judging import find_archetypes
from imbalens.analysis.common.neighbors import nearest_rows
from imbalens.analysis.explore.embedding import Plane
from imbalens.analysis.label_errors import Doubts, label_errors
from imbalens.classes import Classes, Targets


@dataclass(frozen=True)
class Explored:
    """One network's view on all training images, and on some others.

    Attributes:
        archetypes: Archetype of each pair of a training image and a class that it has.
        doubts: Labels of the training images that are in doubt.
        point_neighbors: Nearest training images of each other image.
        plane: Places of all training images and of the others.
    """

    archetypes: Int[np.ndarray, " p"]
    doubts: Doubts
    point_neighbors: Int[np.ndarray, "e k"]
    plane: Plane


def explore(
    features: Float[np.ndarray, "n d"],
    targets: Targets,
    classes: Classes,
    scores: Float[np.ndarray, "n m"] | None,
    others: Float[np.ndarray, "e d"],
    *,
    lay_out: Callable[[np.ndarray, np.ndarray], Plane],
    n_neighbors: int,
    safe_from: int,
    border_from: int,
    rare_from: int,
    n_candidates: int,
) -> Explored:
    """Find neighbours, archetypes, labels in doubt and places on a plane.

    Args:
        features: Feature embeddings of the training images.
        targets: Label of each training image as given, see `label_errors`.
        classes: Classes that each training image has.
        scores: What a softmax or a decision per label is taken on; None without a network.
        others: Feature embeddings of images that are none of the training images.
        lay_out: Places training images and others on a plane.
        n_neighbors: Neighbours of an image.
        safe_from: See `find_archetypes`.
        border_from: See `find_archetypes`.
        rare_from: See `find_archetypes`.
        n_candidates: How many labels in doubt to list at most.
    """
    doubts = label_errors(
        features, targets, scores, n_neighbors=n_neighbors, n_candidates=n_candidates
    )
    return Explored(
        archetypes=find_archetypes(
            doubts.neighbors,
            classes,
            safe_from=safe_from,
            border_from=border_from,
            rare_from=rare_from,
        ),
        doubts=doubts,
        point_neighbors=nearest_rows(features, others, n_neighbors=n_neighbors),
        plane=lay_out(features, others),
    )
