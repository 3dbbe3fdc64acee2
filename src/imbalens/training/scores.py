"""How well a network decides, in one number: balanced accuracy, of several labels mean AUROC.

Both count rare classes as much as frequent ones. Most images lack most labels, so that a network
which finds none is right in most of its decisions.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from imbalens.errors import InputError
from imbalens.params.recipes import Recipe
from imbalens.training.batches import ImageTensors, plain_batches
from imbalens.training.devices import precision_context


def score(
    outputs: Float[Tensor, "n m"] | Int[Tensor, " n"],
    labels: Int[Tensor, " n"] | UInt8[Tensor, "n m"],
) -> float:
    """Return `balanced_accuracy`, or of several labels `mean_auroc`.

    Args:
        outputs: As `to_outputs` returns.
        labels: Class of each image; of several labels, 1, 0 or `UNKNOWN`.
    """
    return balanced_accuracy(outputs, labels) if labels.ndim == 1 else mean_auroc(outputs, labels)


def to_outputs(
    logits: Float[Tensor, "b m"], labels: Int[Tensor, " b"] | UInt8[Tensor, "b m"]
) -> Float[Tensor, "b m"] | Int[Tensor, " b"]:
    """Return what a score needs of logits, copied: the class decided for, or all of them."""
    logits = logits.detach()
    # what is replayed from a CUDA graph lies where the next batch's will
    return logits.argmax(1) if labels.ndim == 1 else logits.to(torch.float32, copy=True)


def show_score(value: float, *, several_labels: bool) -> tuple[str, str]:
    """Return what a score is called, and how it is written."""
    name = "mean AUROC" if several_labels else "balanced accuracy"
    if math.isnan(value):
        return name, "undefined"
    return name, f"{value:.3f}" if several_labels else f"{value:.1%}"


def balanced_accuracy(predicted: Int[Tensor, " n"], labels: Int[Tensor, " n"]) -> float:
    """Return the mean over the classes that have images of the share that is decided right."""
    counts = torch.bincount(labels)
    right = torch.bincount(labels[predicted == labels], minlength=len(counts))
    there = counts > 0
    return float((right[there].cpu().double() / counts[there].cpu().double()).mean())


def mean_auroc(scores: Float[Tensor, "n m"], labels: UInt8[Tensor, "n m"]) -> float:
    """Return the mean AUROC of the labels that some images have and some lack.

    An AUROC is the share of pairs, an image with the label and one without, in which the former
    has the larger score; of equal scores one half. Images whose label is unknown are left out.

    Returns:
        The mean; NaN if there are no such labels.
    """
    areas = []
    for column, truth in zip(scores.T, labels.T, strict=True):
        positive, negative = column[truth == 1], column[truth == 0].sort().values
        if len(positive) and len(negative):
            below = torch.searchsorted(negative, positive).sum()
            not_above = torch.searchsorted(negative, positive, right=True).sum()
            pairs = len(positive) * len(negative)
            areas.append((int(below) + int(not_above)) / (2 * pairs))
    return float(np.mean(areas)) if areas else math.nan


def evaluate(
    model: nn.Module, split: ImageTensors, recipe: Recipe, offset: Float[Tensor, " c"]
) -> float:
    """Return the score of the network's logits plus `offset` on a split, in [0, 1].

    Raises:
        InputError: if there are several labels and none has a score, or an output is not finite.
    """
    require_score(split)
    model.eval()
    with torch.inference_mode(), precision_context(split.labels.device, recipe.precision):
        batches = plain_batches(split, batch_size=recipe.batch_size)
        logits = torch.cat([(model(images) + offset).float() for images, _ in batches])
    if not logits.isfinite().all():
        raise InputError(
            "validation: the network's outputs are not finite; lower the learning rate in "
            "params.yaml (recipes.*)"
        )
    return score(to_outputs(logits, split.labels), split.labels)


def require_score(split: ImageTensors) -> None:
    """Check that the labels of validation images have a score.

    Raises:
        InputError: if there are several labels, none of which some images have and some lack.
    """
    labels = split.labels
    if labels.ndim == 2 and not ((labels == 1).any(0) & (labels == 0).any(0)).any():
        raise InputError(
            "validation: no label has both positives and negatives in the validation part; set a "
            "larger datasets.*.validation.share"
        )
