"""What training minimises: a loss per example, and how a batch's values become one."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Real
from torch import Tensor

from imbalens.classes import UNKNOWN
from imbalens.losses.weights import reduce_weighted


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


@dataclass(frozen=True)
class LabelObjective:
    """What training on labels that do not exclude each other minimises: the mean of a loss.

    Attributes:
        per_label: Loss of each image and label from logits [n m] and targets [n m]. Where a
            target is `UNKNOWN` it is any finite number with a finite gradient.
    """

    per_label: Callable[[Tensor, Tensor], Tensor]

    def __call__(
        self,
        logits: Float[Tensor, "n m"],
        targets: Real[Tensor, "n m"],
        epoch: int,  # noqa: ARG002 - called as `Objective` is
    ) -> Float[Tensor, ""]:
        """Compute the loss of a batch in an epoch, the mean over images and labels.

        Where a target is `UNKNOWN` nothing is counted; without any that is known the loss is 0.
        """
        known = targets != UNKNOWN
        values = torch.where(known, self.per_label(logits, targets), 0)
        n_known = known.sum().clamp(min=1).to(values.dtype)
        # exactly 1 where all are known, as the product with a reciprocal is not
        return values.mean() * (torch.full_like(n_known, known.numel()) / n_known)
