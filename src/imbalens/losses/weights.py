"""Class weights, and the mean over a batch that uses them."""

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
