"""Feature embeddings on a plane, for looking at them."""

from dataclasses import dataclass
from importlib import import_module

import numpy as np
from jaxtyping import Float

from imbalens.errors import InputError


@dataclass(frozen=True)
class Plane:
    """Images on a plane that is laid through the features of the training images.

    Attributes:
        train: Place of each training image.
        evaluation: Place of each evaluation image on the same plane.
        explained: Share of the training features' variance along each axis; NaN where nothing
            varies, and for a plane that is not a projection.
    """

    train: Float[np.ndarray, "n 2"]
    evaluation: Float[np.ndarray, "k 2"]
    explained: Float[np.ndarray, "2"]


def principal_plane(
    train: Float[np.ndarray, "n d"], evaluation: Float[np.ndarray, "k d"]
) -> Plane:
    """Project features on the two directions along which the training features vary most.

    The sign of a direction is free; here its largest coordinate in absolute value is positive.

    Args:
        train: Feature embeddings of the training images.
        evaluation: Feature embeddings of the evaluation images; they do not move the plane.

    Raises:
        ValueError: if there are fewer than two training images or two features.

    Source: Pearson 1901, "On lines and planes of closest fit to systems of points in space".
    """
    _require_plane(train)
    if np.ptp(train, axis=0).max() == 0:
        return Plane(np.zeros((len(train), 2)), np.zeros((len(evaluation), 2)), np.full(2, np.nan))
    fitted = train.astype(np.float64)
    mean = fitted.mean(axis=0)
    centred = fitted - mean
    values, vectors = np.linalg.eigh(centred.T @ centred)
    axes, values = vectors[:, :-3:-1], np.maximum(values, 0)
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    return Plane(
        train=centred @ axes,
        evaluation=(evaluation.astype(np.float64) - mean) @ axes,
        explained=values[:-3:-1] / values.sum(),
    )


def umap_plane(
    train: Float[np.ndarray, "n d"],
    evaluation: Float[np.ndarray, "k d"],
    *,
    n_neighbors: int,
    min_dist: float,
    seed: int,
) -> Plane:
    """Lay features out so that neighbours stay neighbours; distances and axes mean little.

    Args:
        train: Feature embeddings of the training images.
        evaluation: Feature embeddings of the evaluation images, placed among the former.
        n_neighbors: Neighbours that an image is kept close to.
        min_dist: How close images may lie on the plane.
        seed: Of the layout, which runs on one thread to be the same every time.

    Raises:
        ValueError: if there are fewer than two features or no more training images than
            `n_neighbors`.
        InputError: if umap-learn is not installed.

    Source: McInnes, Healy and Melville 2018 (UMAP), as in umap-learn.
    """
    _require_plane(train)
    if len(train) <= n_neighbors:
        raise ValueError(
            f"train must have more rows than n_neighbors={n_neighbors}, found {len(train)}; "
            "use more images or fewer neighbours"
        )
    try:
        umap = import_module("umap")
    except ModuleNotFoundError as error:
        raise InputError(
            f"embedding: found 'umap', but {error.name} is not installed; "
            "run: pip install 'imbalens[umap]', or use pca"
        ) from error
    layout = umap.UMAP(n_neighbors=n_neighbors, min_dist=min_dist, random_state=seed, n_jobs=1)
    places = layout.fit_transform(train)
    others = (
        layout.transform(evaluation.astype(np.float64)) if len(evaluation) else np.empty((0, 2))
    )
    return Plane(
        train=np.asarray(places, dtype=np.float64),
        evaluation=np.asarray(others, dtype=np.float64),
        explained=np.full(2, np.nan),
    )


def _require_plane(train: Float[np.ndarray, "n d"]) -> None:
    if min(train.shape) < 2:
        raise ValueError(
            "train must have at least two images and two features, found "
            f"{train.shape[0]} x {train.shape[1]}"
        )
