"""Which of a dataset's images a page shows, and in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from imbalens.reports.common.sampling import choose_samples
from imbalens.reports.explore.look import Look

Items = Sequence[Any] | Mapping[int, Any] | np.ndarray


@dataclass(frozen=True)
class Selection:
    """Images of a page: points of the map first, then further neighbours of points.

    Attributes:
        train: Rows of the training images that are points.
        evaluation: Rows of the evaluation images that are points.
        further: Rows of training images that are no points, but neighbours of one.
        n_pictured: How many of `further`, from the first, have a picture.
    """

    train: Int[np.ndarray, " t"]
    evaluation: Int[np.ndarray, " e"]
    further: Int[np.ndarray, " m"]
    n_pictured: int

    @property
    def points(self) -> "Selection":
        """The points alone."""
        return replace(self, further=self.further[:0])

    @property
    def pictured(self) -> "Selection":
        """Those that have a picture."""
        return replace(self, further=self.further[: self.n_pictured])

    @property
    def size(self) -> int:
        """Number of images."""
        return len(self.train) + len(self.evaluation) + len(self.further)

    def merge(self, of_train: Items, of_evaluation: Items) -> list[Any]:
        """List what is known of each image, from what is known per row of either split."""
        return [
            *(of_train[row] for row in self.train.tolist()),
            *(of_evaluation[row] for row in self.evaluation.tolist()),
            *(of_train[row] for row in self.further.tolist()),
        ]

    def places(self, *, n_train: int) -> Int[np.ndarray, " n"]:
        """Return the place of each training image among the images; -1 without one."""
        places = np.full(n_train, -1)
        places[self.train] = np.arange(len(self.train))
        start = len(self.train) + len(self.evaluation)
        places[self.further] = start + np.arange(len(self.further))
        return places


def choose_points(
    classes: Int[np.ndarray, " n"] | Bool[np.ndarray, "n c"],
    counts: Int[np.ndarray, " c"],
    *,
    n_points: int,
    seed: int,
    annotated: Int[np.ndarray, " a"] | None = None,
) -> Int[np.ndarray, " k"]:
    """Choose images at random, as evenly over the classes as there are images.

    An image of several classes stands for the rarest of them, those of which none is known for
    one more class.

    Args:
        classes: Class per image, or the membership matrix.
        counts: Training images per class.
        n_points: How many to choose, or all if there are fewer.
        seed: Of the choice.
        annotated: Rows that go before the others of their class; None for none.

    Returns:
        Rows in their order.
    """
    if classes.ndim == 2:
        rarest = np.where(classes, counts, counts.max() + 1).argmin(axis=1)
        classes = np.where(classes.any(axis=1), rarest, len(counts))
    order = np.random.default_rng(seed).permutation(len(classes))
    if annotated is not None:
        order = order[np.argsort(~np.isin(order, annotated), kind="stable")]
    return np.sort(order[choose_samples(classes[order], n_samples=n_points)])


def select_pictures(
    train: Int[np.ndarray, " t"],
    evaluation: Int[np.ndarray, " e"],
    neighbors: Sequence[Int[np.ndarray, "p k"]],
    *,
    n_pictured: int,
    first: Sequence[Int[np.ndarray, "_ k"]] = (),
) -> Selection:
    """Add the neighbours that are no points themselves.

    Args:
        train: Rows of the training images that are points.
        evaluation: Rows of the evaluation images that are points.
        neighbors: Per run, rows of each point's nearest training images, nearest first.
        n_pictured: How many of the neighbours have a picture: `first`, then the nearest, of all
            runs.
        first: Per run, neighbours that stand beside labels in doubt, where pictures are compared.
    """
    compared = [each.ravel() for each in first]
    by_nearness = np.concatenate([each.T for each in neighbors], axis=1).ravel()
    rows, order = np.unique(np.concatenate([*compared, by_nearness]), return_index=True)
    is_further = ~np.isin(rows, train)
    further = rows[is_further][np.argsort(order[is_further])]
    return Selection(train, evaluation, further, n_pictured)


def select_of_runs(
    looks: Sequence[Look], *, n_train: int, n_pictured: int, seed: int
) -> Selection:
    """Choose the images of a page: all labels listed by any run are of points.

    Args:
        looks: What the dataset's runs tell, at least one.
        n_train: How many training images are points beside these.
        n_pictured: How many of the further neighbours have a picture.
        seed: Of the choice.
    """
    first = looks[0]
    chosen = choose_points(first.train.classes, first.counts, n_points=n_train, seed=seed)
    train = np.unique(np.concatenate([chosen, *(look.listed[0] for look in looks)]))
    near = [np.concatenate([look.neighbors[train], look.found.point_neighbors]) for look in looks]
    compared = [look.neighbors[look.listed[0]] for look in looks]
    return select_pictures(train, first.points, near, n_pictured=n_pictured, first=compared)


def class_codes(classes: Sequence[np.integer | Bool[np.ndarray, " c"]]) -> list[list[int]]:
    """List the codes of the classes of each image, given as a code or as a row of memberships."""
    return [
        [int(own)] if isinstance(own, np.integer) else np.flatnonzero(own).tolist()
        for own in classes
    ]
