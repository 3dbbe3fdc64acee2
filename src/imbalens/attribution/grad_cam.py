"""Grad-CAM: where a network's last maps spoke for a class, by the gradients of its logit."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from imbalens.models.network import Network


def grad_cams(
    model: Network, images: Float[Tensor, "b 3 h w"], pairs: Int[Tensor, "p 2"]
) -> tuple[Float[Tensor, "b k h_maps w_maps"], Float[Tensor, "p h_maps w_maps"]]:
    """Weigh an image's maps by the mean over places of the gradient of a class's logit.

    What speaks against the class is negative: the method's ReLU is left to what reads these. Of a
    head on the maps' means, each map is its class activation map, divided by the number of cells.

    One backward pass serves a class of every image: in evaluation mode an image's logits depend
    on that image alone.

    Args:
        model: Network in evaluation mode.
        images: Normalised images.
        pairs: Image and class of each map wanted, sorted.

    Returns:
        The network's maps, and those of the pairs.

    Source: Selvaraju et al., Grad-CAM, ICCV 2017, equations 1 and 2.
    """
    # clones are no inference tensors, which cannot be differentiated
    with torch.inference_mode(False), torch.enable_grad():
        rows, classes = pairs.clone().T.contiguous()
        # how many pairs of its image are before each
        rank = torch.arange(len(rows), device=rows.device) - torch.searchsorted(rows, rows)
        # none of the weights' gradients is wanted: maps are where differentiation begins
        wanted = [weight for weight in model.parameters() if weight.requires_grad]
        for weight in wanted:
            weight.requires_grad_(False)
        try:
            maps, features = model.forward_with_maps(images.clone())
            logits = model.classify(features)
            own = maps.detach()[rows]
            gradients = torch.empty_like(own)
            for turn in range(int(rank.max()) + 1 if len(rank) else 0):
                chosen = rank == turn
                total = logits[rows[chosen], classes[chosen]].sum()
                (gradient,) = torch.autograd.grad(total, maps, retain_graph=True)
                gradients[chosen] = gradient[rows[chosen]]
        finally:
            for weight in wanted:
                weight.requires_grad_()
        cams = torch.einsum("pkhw,pk->phw", own, gradients.mean(dim=(2, 3)))
        return maps.detach(), cams
