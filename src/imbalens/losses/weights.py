"""Weights of classes and of labels, and the mean over a batch that uses those of classes."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor


def inverse_frequency_weights(counts: Int[Tensor, " c"]) -> Float[Tensor, " c"]:
    """Compute class weights proportional to `1 / n_c`, summing to the number of classes.

    Args:
        counts: Training examples of each class, at least 1.

    Returns:
        Weights in float64.
    """
    return _sum_to_classes(counts.double().reciprocal())


def effective_number_weights(counts: Int[Tensor, " c"], *, beta: float) -> Float[Tensor, " c"]:
    """Compute weights from the effective number of samples, summing to the number of classes.

    Before normalisation the weight of class c is `(1 - beta) / (1 - beta^n_c)`.

    Args:
        counts: Training examples of each class, at least 1.
        beta: From 0 (equal weights) towards 1 (inverse frequency).

    Returns:
        Weights in float64.

    Source: Cui et al., Class-Balanced Loss Based on Effective Number of Samples, CVPR 2019,
    section 4.
    """
    return _sum_to_classes((1 - beta) / (1 - beta ** counts.double()))


def label_frequency_weights(
    positives: Float[Tensor, " m"], negatives: Float[Tensor, " m"], *, unit_negatives: bool
) -> tuple[Float[Tensor, " m"], Float[Tensor, " m"]]:
    """Compute label weights `w+ = N- / (N+ + N-)` and `w- = N+ / (N+ + N-)`.

    A label without positives weighs nothing: there `w- = 0`.

    Args:
        positives: Examples that have each label, N+.
        negatives: Examples that do not, N-.
        unit_negatives: Divide both by w-: `w+ = N- / N+` and `w- = 1`, as the published program
            does. A label without positives then has `w+ = 0`, which multiplies nothing.

    Returns:
        Weights w+ of positives and w- of negatives, in the counts' precision.

    Source: paper A, section 3.1, eq. 2 (WBCE).
    """
    if unit_negatives:
        return _divide(negatives, positives), torch.ones_like(negatives)
    total = positives + negatives
    return _divide(negatives, total), _divide(positives, total)


def label_effective_number_weights(
    positives: Float[Tensor, " m"],
    negatives: Float[Tensor, " m"],
    *,
    beta: float,
    normalize: bool,
) -> tuple[Float[Tensor, " m"], Float[Tensor, " m"]]:
    """Compute label weights `(1 - beta) / (1 - beta^N)` from N+ and from N-.

    Where N is 0 the weight is 0: it multiplies nothing.

    Args:
        positives: Examples that have each label, N+.
        negatives: Examples that do not, N-.
        beta: From 0 (both 1) towards 1 (inverse frequency).
        normalize: Divide both weights of a label by their sum, as the published program does.

    Returns:
        Weights w+ of positives and w- of negatives, in the counts' precision.

    Source: paper A, section 3.1, eq. 2 (CB-Focal); Cui et al., CVPR 2019, section 4.
    """
    # expm1: beta^N in float32 is too coarse where it is close to 1
    log_beta = math.log(beta) if beta else -math.inf
    weights = [
        torch.where(n > 0, (1 - beta) / -torch.expm1(n * log_beta), torch.zeros_like(n))
        for n in (positives, negatives)
    ]
    if normalize:
        total = weights[0] + weights[1]
        weights = [_divide(weight, total) for weight in weights]
    return weights[0], weights[1]


def reduce_weighted(
    values: Float[Tensor, " n"], targets: Int[Tensor, " n"], weights: Float[Tensor, " c"]
) -> Float[Tensor, ""]:
    """Average a batch's losses, each weighted by its true class: `sum w_y l / sum w_y`.

    The weights are divided by their sum over the batch, as PyTorch's cross-entropy does and with
    it the published cross-entropy and LDAM programs.

    Args:
        values: Loss of each example.
        targets: True class of each example.
        weights: Weight of each class, above 0.
    """
    example_weights = weights.to(values.dtype)[targets]
    return (example_weights * values).sum() / example_weights.sum()


def _sum_to_classes(weights: Float[Tensor, " c"]) -> Float[Tensor, " c"]:
    return weights * (len(weights) / weights.sum())


def _divide(top: Float[Tensor, " m"], bottom: Float[Tensor, " m"]) -> Float[Tensor, " m"]:
    """Divide, 0 where the divisor is 0."""
    return torch.where(bottom > 0, top / bottom, torch.zeros_like(top))
