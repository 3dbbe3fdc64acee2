"""The precision that losses are computed in."""

import torch
from jaxtyping import Float
from torch import Tensor


def full_precision(logits: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
    """Return the logits in float32 at least; float64 stays."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
