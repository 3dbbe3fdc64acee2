"""Losses of several labels (or one) that may each apply: one value per image and label.

All are `-[w+ y log p + w- (1 - y) log(1 - p)]` with `p = sigmoid(logit)` (paper A, section 3.1,
eq. 1) and differ in w+ and w-. The caller reduces, and leaves out labels that are not known. All
compute in float32 at least, whatever precision the logits arrive in; values and gradients are
finite for logits up to 1e4 in magnitude.
"""

import math

import torch
from jaxtyping import Bool, Float, Real
from torch import Tensor
from torch.nn import functional

from imbalens.losses.precision import full_precision


def binary_cross_entropy(
    logits: Float[Tensor, "n m"], targets: Real[Tensor, "n m"]
) -> Float[Tensor, "n m"]:
    """Compute the binary cross-entropy, `w+ = w- = 1`.

    Args:
        logits: Label scores, one row per image.
        targets: 1 where an image has the label, else 0.

    Returns:
        Loss of each image and label, in nats.

    Source: paper A, section 3.1, eq. 2 (BCE).
    """
    return -functional.logsigmoid(_towards_truth(full_precision(logits), targets.bool()))


def weighted_binary_cross_entropy(
    logits: Float[Tensor, "n m"],
    targets: Real[Tensor, "n m"],
    *,
    positive_weights: Float[Tensor, " m"],
    negative_weights: Float[Tensor, " m"],
) -> Float[Tensor, "n m"]:
    """Compute the binary cross-entropy with weights of each label's positives and negatives.

    Args:
        logits: Label scores, one row per image.
        targets: 1 where an image has the label, else 0.
        positive_weights: w+ of each label, see `label_frequency_weights`.
        negative_weights: w- of each label.

    Returns:
        Loss of each image and label.

    Source: paper A, section 3.1, eq. 2 (WBCE).
    """
    values = binary_cross_entropy(logits, targets)
    return _pick(targets.bool(), positive_weights, negative_weights).to(values.dtype) * values


def focal(
    logits: Float[Tensor, "n m"], targets: Real[Tensor, "n m"], *, alpha: float, gamma: float
) -> Float[Tensor, "n m"]:
    """Compute the focal loss, `w+ = alpha (1 - p)^gamma` and `w- = (1 - alpha) p^gamma`.

    Args:
        logits: Label scores, one row per image.
        targets: 1 where an image has the label, else 0.
        alpha: Weight of positives; below 0.5 it plays them down.
        gamma: How strongly well-classified examples are played down.

    Returns:
        Loss of each image and label.

    Source: paper A, section 3.1, eq. 2 (Focal); Lin et al., ICCV 2017, section 3.2, eq. 5.
    """
    values = _focused(logits, targets.bool(), gamma=gamma)
    return torch.where(targets.bool(), alpha * values, (1 - alpha) * values)


def class_balanced_focal(
    logits: Float[Tensor, "n m"],
    targets: Real[Tensor, "n m"],
    *,
    positive_weights: Float[Tensor, " m"],
    negative_weights: Float[Tensor, " m"],
    gamma: float,
) -> Float[Tensor, "n m"]:
    """Compute the focal loss with weights of each label's positives and negatives.

    Args:
        logits: Label scores, one row per image.
        targets: 1 where an image has the label, else 0.
        positive_weights: What w+ has beside `(1 - p)^gamma`, per label; see
            `label_effective_number_weights`.
        negative_weights: What w- has beside `p^gamma`, per label.
        gamma: How strongly well-classified examples are played down.

    Returns:
        Loss of each image and label.

    Source: paper A, section 3.1, eq. 2 (CB-Focal); Cui et al., CVPR 2019, section 4.
    """
    values = _focused(logits, targets.bool(), gamma=gamma)
    return _pick(targets.bool(), positive_weights, negative_weights).to(values.dtype) * values


def asymmetric(
    logits: Float[Tensor, "n m"],
    targets: Real[Tensor, "n m"],
    *,
    gamma_positive: float,
    gamma_negative: float,
    margin: float,
) -> Float[Tensor, "n m"]:
    """Compute the asymmetric loss, which ignores negatives of a probability up to `margin`.

    It is `-(1 - p)^gamma_positive log p` of positives and
    `-q^gamma_negative log(1 - q)` with `q = max(p - margin, 0)` of negatives.

    Args:
        logits: Label scores, one row per image.
        targets: 1 where an image has the label, else 0.
        gamma_positive: How strongly well-classified positives are played down.
        gamma_negative: How strongly well-classified negatives are played down.
        margin: What is taken off the probability of negatives.

    Returns:
        Loss of each image and label.

    Source: Ridnik, Ben-Baruch et al., Asymmetric Loss for Multi-Label Classification, ICCV 2021,
    section 2.
    """
    scores, has_label = full_precision(logits), targets.bool()
    positive = _focused(scores, torch.ones_like(has_label), gamma=gamma_positive)
    # above 0, as the slope of a power at 0 can be infinite
    probability = scores.sigmoid().sub(margin).clamp(min=torch.finfo(scores.dtype).tiny)
    # log(1 - q) = log((1 - p) + margin), at most 0
    cut = torch.full_like(scores, math.log(margin) if margin else -math.inf)
    log_correct = torch.logaddexp(functional.logsigmoid(-scores), cut).clamp(max=0)
    return torch.where(has_label, positive, -(probability**gamma_negative) * log_correct)


def _focused(
    logits: Float[Tensor, "n m"], has_label: Bool[Tensor, "n m"], *, gamma: float
) -> Float[Tensor, "n m"]:
    """Compute `-(1 - r)^gamma log r`, r being the probability of what is true."""
    scores = _towards_truth(full_precision(logits), has_label)
    # (1 - r)^gamma by its logarithm: the power of a rounded 1 - r = 0 may have no gradient
    return -(gamma * functional.logsigmoid(-scores)).exp() * functional.logsigmoid(scores)


def _towards_truth(
    scores: Float[Tensor, "n m"], has_label: Bool[Tensor, "n m"]
) -> Float[Tensor, "n m"]:
    """Return the scores with the sign that makes right answers positive."""
    return torch.where(has_label, scores, -scores)


def _pick(
    has_label: Bool[Tensor, "n m"],
    positive_weights: Float[Tensor, " m"],
    negative_weights: Float[Tensor, " m"],
) -> Float[Tensor, "n m"]:
    return torch.where(has_label, positive_weights, negative_weights)
