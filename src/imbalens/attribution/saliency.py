"""Input-gradient saliency (Simonyan et al. 2013; paper B, section 3.5)."""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor


def input_gradient_saliency(
    scores_of: Callable[[Tensor], Tensor],
    images: Float[Tensor, "b c h w"],
    labels: Int[Tensor, " b"],
    *,
    score: Literal["predicted", "true"],
) -> Float[Tensor, "b h w"]:
    """Return the largest channel magnitude of d score / d input at every pixel.

    One backward pass serves the batch: in evaluation mode an image's score depends on that image
    alone, so the gradient of the sum holds every image's own gradient.

    Args:
        scores_of: Network in evaluation mode, mapping images to class scores.
        images: Normalised images.
        labels: True class of each image.
        score: Differentiate the score of the predicted or of the true class.
    """
    images = images.detach().requires_grad_()
    scores = scores_of(images)
    chosen = scores.detach().argmax(1) if score == "predicted" else labels
    total = scores.gather(1, chosen[:, None]).sum()
    (gradient,) = torch.autograd.grad(total, images)
    return gradient.abs().amax(1)


def saliency_ranks(saliency: Float[Tensor, "b h w"]) -> Int[Tensor, "b h w"]:
    """Rank each image's pixels, 0 the most salient, ties in row-major order."""
    flat = saliency.flatten(1)
    order = flat.argsort(dim=1, descending=True, stable=True)
    ranks = torch.empty_like(order)
    positions = torch.arange(flat.shape[1], device=flat.device).expand_as(order)
    return ranks.scatter_(1, order, positions).reshape(saliency.shape)
