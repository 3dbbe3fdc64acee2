"""Archetypes: safe, border, rare and outlying instances, and a prototype of each.

Where several labels can apply to an image, each of its classes is judged by itself: the instances
are then the pairs of an image and a class that it has, in the order of `list_pairs`.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float, Int

from imbalens.analysis.common.counting import count_pairs, divide
from imbalens.analysis.common.medoids import exact_medoid
from imbalens.analysis.common.neighbors import Neighbors
from imbalens.classes import Classes, list_pairs, require_codes


class Archetype(IntEnum):
    """How an instance sits among its neighbours, the more suspicious the higher."""

    SAFE = 0
    BORDER = 1
    RARE = 2
    OUTLIER = 3


ARCHETYPE_NAMES = tuple(archetype.name.lower() for archetype in Archetype)


@dataclass(frozen=True)
class ArchetypeTable:
    """Archetypes per class, and how often their instances are classified correctly.

    Columns follow `Archetype`. The `overall_*` fields pool all classes.

    Attributes:
        count: Instances per class and archetype.
        share: Count as a share of the class; NaN for a class without instances.
        true_positives: Correctly classified instances per class and archetype; None without
            predictions, of which all rates are NaN.
        true_positive_rate: True positives as a share of the group; NaN for an empty group.
        overall_share: Count as a share of all instances; NaN if there are none.
        overall_true_positive_rate: Correctly classified instances as a share of the archetype;
            NaN for an empty one.
    """

    count: Int[np.ndarray, "c 4"]
    share: Float[np.ndarray, "c 4"]
    true_positives: Int[np.ndarray, "c 4"] | None
    true_positive_rate: Float[np.ndarray, "c 4"]
    overall_share: Float[np.ndarray, " 4"]
    overall_true_positive_rate: Float[np.ndarray, " 4"]


def find_archetypes(
    neighbors: Neighbors, labels: Classes, *, safe_from: int, border_from: int, rare_from: int
) -> Int[np.ndarray, " p"]:
    """Judge each instance by how many of its neighbours share its class.

    Args:
        neighbors: Of each image; where some share a place, their expected number counts, rounded
            half up.
        labels: True class per image, or the membership matrix.
        safe_from: Fewest same-class neighbours of a safe instance.
        border_from: Fewest same-class neighbours of a border instance.
        rare_from: Fewest same-class neighbours of a rare instance; below it lie outliers.

    Returns:
        Archetype code per instance, see `Archetype`.

    Raises:
        ValueError: unless k >= safe_from > border_from > rare_from >= 1.

    Source: paper B, section 3.2 (k = 5: 4-5 safe, 2-3 border, 1 rare, 0 outlier).
    """
    k = neighbors.n_neighbors
    if not k >= safe_from > border_from > rare_from >= 1:
        raise ValueError(
            "archetype cut points must satisfy "
            "n_neighbors >= safe_from > border_from > rare_from >= 1, found "
            f"n_neighbors={k}, safe_from={safe_from}, border_from={border_from}, "
            f"rare_from={rare_from}"
        )
    if labels.ndim == 1:
        parts = neighbors.count(labels[neighbors.neighbor] == labels[neighbors.row])
        per_place = neighbors.parts_per_place
    else:
        by_class = [neighbors.count(has) for has in labels[neighbors.neighbor].T]
        parts = np.column_stack(by_class)[labels]
        per_place = neighbors.parts_per_place[np.nonzero(labels)[0]]
    same_class = (2 * parts + per_place) // (2 * per_place)
    cuts = np.array([rare_from, border_from, safe_from])
    return Archetype.OUTLIER - np.searchsorted(cuts, same_class, side="right")


def tabulate_archetypes(
    archetypes: Int[np.ndarray, " p"],
    labels: Classes,
    predictions: Classes | None,
    *,
    n_classes: int,
) -> ArchetypeTable:
    """Count archetypes and true positives per class.

    Args:
        archetypes: Archetype code per instance.
        labels: True class per image, or the membership matrix.
        predictions: Predicted classes, in the same form; None where nobody predicted any.
        n_classes: Number of classes, c.

    Returns:
        The table, one row per class.

    Raises:
        ValueError: if a class or archetype code is out of range.

    Source: paper B, section 3.2 and figure 2.
    """
    rows, classes = list_pairs(labels)
    count, hits = _count(archetypes, classes, n_classes), None
    if predictions is not None:
        if predictions.ndim == 1:
            require_codes(predictions, n_codes=n_classes, name="predictions")
            correct = predictions == labels
        else:
            correct = predictions[rows, classes]
        hits = _count(archetypes[correct], classes[correct], n_classes)
    overall = count.sum(axis=0)
    return ArchetypeTable(
        count=count,
        share=divide(count, count.sum(axis=1, keepdims=True)),
        true_positives=hits,
        true_positive_rate=np.full(count.shape, np.nan) if hits is None else divide(hits, count),
        overall_share=divide(overall, overall.sum()),
        overall_true_positive_rate=(
            np.full(len(Archetype), np.nan) if hits is None else divide(hits.sum(axis=0), overall)
        ),
    )


def find_prototypes(
    features: Float[np.ndarray, "n d"],
    labels: Classes,
    archetypes: Int[np.ndarray, " p"],
    *,
    n_classes: int,
) -> Int[np.ndarray, "c 4"]:
    """Find the medoid of each class's instances of each archetype.

    Args:
        features: Feature embeddings, one row per image.
        labels: True class per image, or the membership matrix.
        archetypes: Archetype code per instance.
        n_classes: Number of classes, c.

    Returns:
        Row, among the images, of the exact medoid of each (class, archetype) group, see
        `exact_medoid`; -1 for an empty group.

    Raises:
        ValueError: if a code is out of range or a feature of a group is not finite.

    Source: paper B, section 3.2 (prototypes).
    """
    rows, classes = list_pairs(labels)
    count = _count(archetypes, classes, n_classes)
    prototypes = np.full(count.shape, -1, dtype=np.int64)
    for label, archetype in np.argwhere(count > 0):
        group = rows[(classes == label) & (archetypes == archetype)]
        prototypes[label, archetype] = group[exact_medoid(features[group])]
    return prototypes


def _count(
    archetypes: Int[np.ndarray, " n"], labels: Int[np.ndarray, " n"], n_classes: int
) -> Int[np.ndarray, "c 4"]:
    return count_pairs(
        labels,
        archetypes,
        n_rows=n_classes,
        n_columns=len(Archetype),
        names=("labels", "archetypes"),
    )
