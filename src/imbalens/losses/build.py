"""From a loss's parameters to what training minimises and to how logits become scores.

What is done for one loss alone stands in a `match`: only its runs are trained again when that
changes (`imbalens.trained_code`).
"""

from collections.abc import Callable
from functools import partial
from typing import assert_never

import torch
from jaxtyping import Float, Int
from torch import Tensor

from imbalens.errors import InputError
from imbalens.losses import multilabel
from imbalens.losses.multiclass import (
    balanced_softmax,
    cross_entropy,
    focal,
    ldam,
    ldam_margins,
    logit_adjustment,
)
from imbalens.losses.objectives import LabelObjective, Objective
from imbalens.losses.weights import (
    effective_number_weights,
    inverse_frequency_weights,
    label_effective_number_weights,
    label_frequency_weights,
)
from imbalens.params import runs


def build_objective(
    loss: runs.Loss,
    drw: runs.Drw | None,
    counts: Int[Tensor, " c"],
    *,
    task: str,
    negatives: Int[Tensor, " c"],
) -> Objective | LabelObjective:
    """Build the objective of a run.

    Args:
        loss: The loss's parameters.
        drw: Deferred re-weighting, if any.
        counts: Training examples of each class or label; the objective works on their device.
        task: `multiclass`, `multilabel` or `binary`.
        negatives: Training images known not to be of each class, or to lack each label.

    Raises:
        InputError: if the loss or deferred re-weighting is not one of the task; if of exclusive
            classes one has no training example, or there are fewer than two.
    """
    if task == "multiclass" and isinstance(loss, runs.MulticlassLoss):
        return build_class_objective(loss, drw, counts)
    if task in ("multilabel", "binary") and isinstance(loss, runs.LabelLoss) and drw is None:
        return build_label_objective(loss, counts, negatives)
    reweighted = "" if drw is None else " with deferred re-weighting"
    raise InputError(
        f"loss {loss.name!r}{reweighted} does not suit the task {task!r}; run: imbalens check"
    )


def build_class_objective(
    loss: runs.MulticlassLoss, drw: runs.Drw | None, counts: Int[Tensor, " c"]
) -> Objective:
    """Build the objective of a run whose classes exclude each other.

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
        case runs.Ce():
            pass
        case runs.WeightedCe():
            weights = inverse_frequency_weights(on_host)
        case runs.ClassBalanced():
            weights = effective_number_weights(on_host, beta=loss.beta)
        case runs.Focal():
            per_example = _scaled(partial(focal, gamma=loss.gamma), loss.scale)
        case runs.Ldam():
            margins = ldam_margins(on_host, max_margin=loss.max_margin)
            per_example = partial(ldam, margins=place(margins), scale=loss.scale)
        case runs.BalancedSoftmax():
            per_example = partial(balanced_softmax, counts=counts)
        case runs.LogitAdjustment():
            if not loss.post_hoc:
                prior = on_host.double() / on_host.sum()
                per_example = partial(logit_adjustment, prior=place(prior), tau=loss.tau)
        case _:
            assert_never(loss)
    match drw:
        case runs.Drw():
            deferred = effective_number_weights(on_host, beta=drw.beta)
        case None:
            deferred = weights
    return Objective(
        per_example=per_example,
        weights=place(weights),
        deferred_weights=place(deferred),
        deferred_from=drw.start_epoch if drw else None,
    )


def build_label_objective(
    loss: runs.LabelLoss, counts: Int[Tensor, " m"], negatives: Int[Tensor, " m"]
) -> LabelObjective:
    """Build the objective of a run whose labels do not exclude each other, or that has only one.

    Args:
        loss: The loss's parameters.
        counts: Training images with each label; the objective works on their device.
        negatives: Training images known to lack each label.

    Source: paper A, section 3.1, eq. 1-2. Counts of each batch, `unit_negatives`,
    `normalize_weights` and `scale` make the variants of its published program.
    """
    counted = (counts, negatives)
    match loss:
        case runs.Bce():
            per_label = multilabel.binary_cross_entropy
        case runs.Wbce():
            per_label = _weighted(
                multilabel.weighted_binary_cross_entropy,
                partial(label_frequency_weights, unit_negatives=loss.unit_negatives),
                counted if loss.counts == "global" else None,
            )
        case runs.Focal():
            if loss.alpha is None:
                raise InputError("runs.*.loss.alpha: found null; allowed: between 0 and 1")
            focal_loss = partial(multilabel.focal, alpha=loss.alpha, gamma=loss.gamma)
            per_label = _scaled(focal_loss, loss.scale)
        case runs.CbFocal():
            per_label = _weighted(
                partial(multilabel.class_balanced_focal, gamma=loss.gamma),
                partial(
                    label_effective_number_weights,
                    beta=loss.beta,
                    normalize=loss.normalize_weights,
                ),
                counted if loss.counts == "global" else None,
            )
            per_label = _scaled(per_label, loss.scale)
        case runs.Asymmetric():
            per_label = partial(
                multilabel.asymmetric,
                gamma_positive=loss.gamma_positive,
                gamma_negative=loss.gamma_negative,
                margin=loss.margin,
            )
        case _:
            assert_never(loss)
    return LabelObjective(per_label)


def logit_scale(loss: runs.Loss) -> float:
    """Return the factor that makes a trained network's logits the inputs of a softmax or sigmoid.

    It is LDAM's scale, whose logits are cosines, and 1 for all other losses.
    """
    match loss:
        case runs.Ldam():
            return loss.scale
        case _:
            return 1.0


def logit_offset(loss: runs.Loss, counts: Int[Tensor, " c"]) -> Float[Tensor, " c"]:
    """Return what to add to a trained network's (scaled) logits before deciding for a class.

    It is `-tau log prior` for post-hoc logit adjustment and 0 for all other losses.

    Args:
        loss: The loss's parameters.
        counts: Training examples of each class or label.

    Returns:
        Offsets in float32, on the CPU.

    Raises:
        InputError: if classes exclude each other and one has no training example, or there are
            fewer than two.

    Source: Menon et al., Long-tail Learning via Logit Adjustment, ICLR 2021, section 4.
    """
    exclusive = isinstance(loss, runs.MulticlassLoss)
    if isinstance(loss, runs.Focal):  # of labels too: alpha tells
        exclusive = loss.alpha is None
    if exclusive:
        _check_counts(counts)
    match loss:
        case runs.LogitAdjustment(post_hoc=True):
            on_host = counts.cpu().double()
            return (-loss.tau * (on_host / on_host.sum()).log()).float()
        case _:
            return torch.zeros(len(counts))


def _scaled(per_value: Callable[..., Tensor], scale: float) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda logits, targets: scale * per_value(logits, targets)


def _weighted(
    per_label: Callable[..., Tensor],
    weigh: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    counted: tuple[Tensor, Tensor] | None,
) -> Callable[[Tensor, Tensor], Tensor]:
    """Give a loss its weights from counts of positives and negatives; None: of each batch."""
    if counted is not None:
        # on the host and in float64, then float32: see build_class_objective
        weights = weigh(*(count.cpu().double() for count in counted))
        device = counted[0].device
        positive, negative = (weight.to(device, torch.float32) for weight in weights)
        return partial(per_label, positive_weights=positive, negative_weights=negative)

    def of_batch(logits: Tensor, targets: Tensor) -> Tensor:
        sides = ((targets == truth).sum(dim=0, dtype=torch.float32) for truth in (1, 0))
        positive, negative = weigh(*sides)
        return per_label(logits, targets, positive_weights=positive, negative_weights=negative)

    return of_batch


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
