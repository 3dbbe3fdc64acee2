"""Multi-class losses: one value per example, the caller reduces.

All compute in float32 at least, whatever precision the logits arrive in. Gradients are finite for
logits up to 1e30 in magnitude, far beyond any network's.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from imbalens.losses.precision import full_precision


def cross_entropy(logits: Float[Tensor, "n c"], targets: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Compute the softmax cross-entropy, `-log p_y` with `p = softmax(logits)`.

    Args:
        logits: Class scores, one row per example.
        targets: True class of each example.

    Returns:
        Loss of each example, in nats.
    """
    return functional.cross_entropy(full_precision(logits), targets, reduction="none")


def focal(
    logits: Float[Tensor, "n c"], targets: Int[Tensor, " n"], *, gamma: float
) -> Float[Tensor, " n"]:
    """Compute the focal loss, `-(1 - p_y)^gamma log p_y` with `p = softmax(logits)`.

    Args:
        logits: Class scores, one row per example.
        targets: True class of each example.
        gamma: How strongly well-classified examples are played down; 0 is cross-entropy.

    Returns:
        Loss of each example, in nats.

    Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, section 3.2, eq. 4.
    """
    log_probabilities = functional.log_softmax(full_precision(logits), dim=1)
    # log(1 - p_y) from the other classes: the power of a rounded 1 - p_y = 0 has no gradient
    is_target = functional.one_hot(targets, logits.shape[1]).bool()
    log_others = log_probabilities.masked_fill(is_target, -torch.inf).logsumexp(dim=1)
    surprise = functional.nll_loss(log_probabilities, targets, reduction="none")
    return (gamma * log_others).exp() * surprise


def ldam(
    logits: Float[Tensor, "n c"],
    targets: Int[Tensor, " n"],
    *,
    margins: Float[Tensor, " c"],
    scale: float,
) -> Float[Tensor, " n"]:
    """Compute the label-distribution-aware margin loss.

    The cross-entropy of `scale * z`, where `z` are the logits with the true class's margin taken
    off its own logit: `z_y = logits_y - margins_y`.

    Args:
        logits: Cosines between feature and class vectors, one row per example.
        targets: True class of each example.
        margins: Margin of each class, see `ldam_margins`.
        scale: Factor from cosines to softmax inputs.

    Returns:
        Loss of each example, in nats.

    Source: Cao et al., Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss,
    NeurIPS 2019, section 3.2; the scale is the published program's.
    """
    cosines = full_precision(logits)
    is_target = functional.one_hot(targets, logits.shape[1])
    return cross_entropy(scale * (cosines - is_target * margins.to(cosines.dtype)), targets)


def ldam_margins(counts: Int[Tensor, " c"], *, max_margin: float) -> Float[Tensor, " c"]:
    """Compute class margins proportional to `n_c^(-1/4)`, the largest being `max_margin`.

    Args:
        counts: Training examples of each class, at least 1.
        max_margin: Margin of the smallest class.

    Returns:
        Margins in float64.

    Source: Cao et al., NeurIPS 2019, section 3.2.
    """
    margins = counts.double().pow(-0.25)
    return margins * (max_margin / margins.max())


def balanced_softmax(
    logits: Float[Tensor, "n c"], targets: Int[Tensor, " n"], *, counts: Int[Tensor, " c"]
) -> Float[Tensor, " n"]:
    """Compute the balanced softmax loss, the cross-entropy of `logits + log counts`.

    Args:
        logits: Class scores, one row per example.
        targets: True class of each example.
        counts: Training examples of each class, at least 1.

    Returns:
        Loss of each example, in nats.

    Source: Ren et al., Balanced Meta-Softmax for Long-Tailed Visual Recognition, NeurIPS 2020,
    section 3.1.
    """
    scores = full_precision(logits)
    return cross_entropy(scores + counts.to(scores.dtype).log(), targets)


def logit_adjustment(
    logits: Float[Tensor, "n c"],
    targets: Int[Tensor, " n"],
    *,
    prior: Float[Tensor, " c"],
    tau: float,
) -> Float[Tensor, " n"]:
    """Compute the logit-adjusted cross-entropy, that of `logits + tau log prior`.

    Args:
        logits: Class scores, one row per example.
        targets: True class of each example.
        prior: Share of each class among the training examples, above 0.
        tau: Strength of the adjustment.

    Returns:
        Loss of each example, in nats.

    Source: Menon et al., Long-tail Learning via Logit Adjustment, ICLR 2021, section 5.
    """
    scores = full_precision(logits)
    return cross_entropy(scores + tau * prior.to(scores.dtype).log(), targets)
