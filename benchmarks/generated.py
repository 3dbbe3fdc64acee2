"""Generated images and features of the shapes that real ones have."""

from itertools import cycle, islice, product

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from imbalens.data.drawing import COLOURS, SHAPES, TEXTURES, Look, draw_images
from imbalens.dumps.files import FeatureSplit
from imbalens.store.prepared import Prepared
from imbalens.training.batches import ImageTensors

N_CLASSES = 10
CLASS_NAMES = tuple(f"class {label}" for label in range(N_CLASSES))
SPREAD_WITHIN = 1.6  # of features around their class, in units of the spread between classes


def generate_images(n: int, size: int) -> UInt8[np.ndarray, "n h w 3"]:
    """Draw objects of all shapes, textures and colours, `size` pixels wide."""
    looks = [Look(*names) for names in islice(cycle(product(SHAPES, TEXTURES, COLOURS)), n)]
    return draw_images(looks, np.stack([np.zeros(n, np.int64), np.arange(n)], axis=1), size)


def generate_tensors(n: int, size: int) -> ImageTensors:
    """Draw images, with every class in turn as their labels."""
    return ImageTensors(
        images=torch.from_numpy(generate_images(n, size)),
        labels=torch.arange(n) % N_CLASSES,
        mean=torch.tensor([0.49, 0.48, 0.45]),
        std=torch.tensor([0.20, 0.20, 0.20]),
    )


def describe(images: ImageTensors) -> Prepared:
    """Describe generated images as a prepared dataset with a training split."""
    counts = np.bincount(images.labels.numpy(), minlength=N_CLASSES)
    return Prepared(
        class_names=CLASS_NAMES,
        task="multiclass",
        mean=images.mean.numpy(),
        std=images.std.numpy(),
        counts=counts,
        n_train=len(images.labels),
        negatives=len(images.labels) - counts,
        splits=("train",),
        source="generated",
        digest="",
    )


def long_tail(n_max: int, ratio: float) -> Int[np.ndarray, " c"]:
    """Return class sizes that fall exponentially from `n_max` to `n_max / ratio`."""
    return np.floor(n_max * ratio ** (-np.arange(N_CLASSES) / (N_CLASSES - 1)) + 1e-9).astype(
        np.int64
    )


def generate_features(
    counts: Int[np.ndarray, " c"], n_features: int, *, seed: int
) -> FeatureSplit:
    """Draw overlapping clouds of non-negative features, one around a centre per class.

    Args:
        counts: Instances per class.
        n_features: Features per instance.
        seed: Of the instances; the centres are always the same.
    """
    centres = np.random.default_rng(0).standard_normal((len(counts), n_features))
    labels = np.repeat(np.arange(len(counts)), counts)
    noise = np.random.default_rng(seed).standard_normal((len(labels), n_features))
    features = np.maximum(centres[labels] + SPREAD_WITHIN * noise, 0).astype(np.float32)
    # half the summed squares of a centre make the nearest centre the highest logit
    corners = np.maximum(centres, 0).astype(np.float32)
    logits = features @ corners.T - (corners**2).sum(axis=1) / 2
    return FeatureSplit(
        features=features,
        logits=logits,
        scores=logits,
        targets=labels,
        index=np.arange(len(labels)),
        classes=labels,
        predictions=logits.argmax(axis=1),
        known=None,
    )


def generate_cloud(n: int, n_features: int) -> Float[np.ndarray, "n d"]:
    """Draw features of long-tailed classes, cut to exactly `n` rows in random order."""
    tail = long_tail(n, 100.0)
    features = generate_features(tail, n_features, seed=1).features
    return np.random.default_rng(2).permutation(features)[:n]


def normalized_batches(images: ImageTensors, batch_size: int) -> list[Float[Tensor, "b c h w"]]:
    """Return normalised images, all in memory, batch by batch."""
    return [
        images.normalized(images.images[start : start + batch_size])
        for start in range(0, len(images.labels), batch_size)
    ]
