"""From a loss's parameters to what training minimises and to how logits become scores."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import assert_never

import torch
from jaxtyping import Float, Int
from torch import Tensor

from imbalens import params
from imbalens.files import InputError
from imbalens.losses.multiclass import (
    balanced_softmax,
    cross_entropy,
    focal,
    ldam,
    ldam_margins,
    logit_adjustment,
)
from imbalens.losses.weights import (
    effective_number_weights,
    inverse_frequency_weights,
    reduce_weighted,
)


@dataclass(frozen=True)
class Objective:
    """What training minimises: the weighted mean of a loss, its weights changing once at most.

    Attributes:
        per_example: Loss of each example from logits [n c] and targets [n].
        weights: Class weights before `deferred_from`.
        deferred_weights: Class weights from `deferred_from` on, which replace the others.
        deferred_from: First epoch (0-based) of the deferred weights; None: never.
    """

    per_example: Callable[[Tensor, Tensor], Tensor]
    weights: Float[Tensor, " c"]
    deferred_weights: Float[Tensor, " c"]
    deferred_from: int | None

    def __call__(
        self, logits: Float[Tensor, "n c"], targets: Int[Tensor, " n"], epoch: int
    ) -> Float[Tensor, ""]:
        """Compute the loss of a batch in an epoch (0-based)."""
        deferred = self.deferred_from is not None and epoch >= self.deferred_from
        weights = self.deferred_weights if deferred else self.weights
        return reduce_weighted(self.per_example(logits, targets), targets, weights)


def build_objective(
    loss: params.Loss, drw: params.Drw | None, counts: Int[Tensor, " c"]
) -> Objective:
    """Build the objective of a run.

    Args:
        loss: The loss's parameters.
        drw: Deferred re-weighting, if any.
        counts: Training examples of each class; the objective works on their device.

    Raises:
        InputError: if a class has no training example, or there are fewer than two classes.

    Source: deferred re-weighting is Cao et al., NeurIPS 2019, section 3.3, algorithm 1.
    """
    _check_counts(counts)
    # some devices lack float64, and all have float32
    on_host = counts.cpu()
    place = partial(torch.Tensor.to, device=counts.device, dtype=torch.float32)
    weights = torch.ones(len(counts))
    per_example: Callable[[Tensor, Tensor], Tensor] = cross_entropy
    match loss:
        case params.Ce():
            pass
        case params.WeightedCe():
            weights = inverse_frequency_weights(on_host)
        case params.ClassBalanced():
            weights = effective_number_weights(on_host, beta=loss.beta)
        case params.Focal():
            per_example = partial(focal, gamma=loss.gamma)
        case params.Ldam():
            margins = ldam_margins(on_host, max_margin=loss.max_margin)
            per_example = partial(ldam, margins=place(margins), scale=loss.scale)
        case params.BalancedSoftmax():
            per_example = partial(balanced_softmax, counts=counts)
        case params.LogitAdjustment():
            if not loss.post_hoc:
                prior = on_host.double() / on_host.sum()
                per_example = partial(logit_adjustment, prior=place(prior), tau=loss.tau)
        case _:
            assert_never(loss)
    deferred = effective_number_weights(on_host, beta=drw.beta) if drw else weights
    return Objective(
        per_example=per_example,
        weights=place(weights),
        deferred_weights=place(deferred),
        deferred_from=drw.start_epoch if drw else None,
    )


def logit_scale(loss: params.Loss) -> float:
    """Return the factor that makes a trained network's logits the inputs of a softmax.

    It is LDAM's scale, whose logits are cosines, and 1 for all other losses.
    """
    return loss.scale if isinstance(loss, params.Ldam) else 1.0


def logit_offset(loss: params.Loss, counts: Int[Tensor, " c"]) -> Float[Tensor, " c"]:
    """Return what to add to a trained network's (scaled) logits before deciding for a class.

    It is `-tau log prior` for post-hoc logit adjustment and 0 for all other losses.

    Args:
        loss: The loss's parameters.
        counts: Training examples of each class.

    Returns:
        Offsets in float32, on the CPU.

    Raises:
        InputError: if a class has no training example, or there are fewer than two classes.

    Source: Menon et al., Long-tail Learning via Logit Adjustment, ICLR 2021, section 4.
    """
    _check_counts(counts)
    on_host = counts.cpu().double()
    if isinstance(loss, params.LogitAdjustment) and loss.post_hoc:
        return (-loss.tau * (on_host / on_host.sum()).log()).float()
    return torch.zeros(len(counts))


def _check_counts(counts: Int[Tensor, " c"]) -> None:
    found = counts.tolist()
    if len(found) < 2:
        raise InputError(f"training data: found {len(found)} classes; at least 2 are needed")
    empty = [index for index, count in enumerate(found) if count < 1]
    if empty:
        raise InputError(
            f"training data: classes {empty} (0-based) have no examples, and every class needs "
            "one; raise n_max, lower the imbalance ratio or drop the class"
        )
