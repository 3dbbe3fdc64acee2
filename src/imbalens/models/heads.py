"""The head of a foreign network: the linear layer whose output the network returns."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from imbalens.errors import InputError
from imbalens.params.errors import listed, shown

_TOLERANCE = 1e-4  # of the largest logit, by which the head's output and the network's may differ


def find_head(
    body: nn.Module,
    features: Mapping[str, Tensor],
    outputs: Mapping[str, Tensor],
    logits: Float[Tensor, "2 m"],
    *,
    n_outputs: int,
    head: str | None,
    whose: str,
) -> str:
    """Find the linear layer that gives a network's logits.

    Args:
        body: The network.
        features: What linear layers were given, by name.
        outputs: What modules gave, by name.
        logits: What the network returned.
        n_outputs: Logits that it is to give.
        head: Name of the head; None for the one whose output are the logits.
        whose: The network, for messages.

    Raises:
        InputError: if there is no such layer, or more than one.
    """
    linear = [name for name, module in body.named_modules() if isinstance(module, nn.Linear)]
    if head is not None and head not in linear:
        raise InputError(
            f"{whose}: model.head: found {shown(head)}; allowed: a linear layer, of "
            f"{listed(linear) or 'which the network has none'}"
        )
    if head is not None and head not in features:
        raise InputError(
            f"{whose}: model.head: {head!r} is not called when the network sees images; allowed: "
            f"{listed(features)}"
        )
    flat = [name for name in features if outputs[name].ndim == 2]
    wide = [name for name in flat if outputs[name].shape == logits.shape]
    if head is not None and head not in wide:
        shape = list(outputs[head].shape)[1:]
        raise InputError(
            f"{whose}: model.head: {head!r} gives {shape} per image, but the network "
            f"{logits.shape[1]} outputs, for {n_outputs} of the dataset; allowed: "
            f"{listed(wide) or 'null'}"
        )
    if logits.shape[1] != n_outputs:
        raise InputError(
            f"{whose} gives {logits.shape[1]} outputs, but the dataset has {n_outputs}; let the "
            "factory make as many as it is given"
        )
    if not wide:
        raise InputError(
            f"{whose} has no linear layer (torch.nn.Linear) that gives its {n_outputs} outputs, "
            "one row for an image, which a head has to be; wrap it in a factory that ends in one"
        )
    same = [name for name in wide if _is_same(outputs[name], logits)]
    if head is None and len(same) == 1:
        return same[0]
    if head is None and len(wide) > 1:
        otherwise = (
            "; name the one that it returns: model.head"
            if same
            else ", and returns the output of none as it is; build it in a factory of your own "
            "that returns that of one, without softmax or mixing"
        )
        raise InputError(
            f"{whose} has {len(wide)} linear layers that may be its head: {listed(wide)}"
            f"{otherwise}"
        )
    chosen = head or wide[0]
    if chosen not in same:
        raise _changed(chosen, whose)
    return chosen


def try_head(
    body: nn.Module,
    images: Float[Tensor, "2 3 h w"],
    head: str,
    features: Float[Tensor, "2 d"],
    *,
    whose: str,
) -> None:
    """Put an output of our own in the head's place, and see that it is what the network returns.

    Logits that are equal do not tell: of a head that starts at zero, or whose output is changed
    in place.

    Args:
        body: The network, in evaluation mode.
        images: What it is tried on.
        head: Name of its head.
        features: What the head was given of these images before.
        whose: The network, for messages.

    Raises:
        InputError: if it is not, or the features are others each time, or the head's output is
            not linear in them.
    """
    linear = body.get_submodule(head)
    assert isinstance(linear, nn.Linear)
    again: list[tuple[Tensor, Tensor, Tensor]] = []

    def replace(_module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> Tensor:
        reply = torch.randn(output.shape).to(output)
        again.append((given[0].clone(), output.clone(), reply))
        return reply.clone()

    handle = linear.register_forward_hook(replace)
    try:
        with torch.no_grad():
            returned = body(images * 1)
    finally:
        handle.remove()
    given, output, reply = again[-1]
    if not _is_same(given, features):
        raise InputError(
            f"{whose} computes something else of the same images each time, in evaluation mode; "
            "let what is random, such as functional.dropout, be so in training alone "
            "(training=self.training)"
        )
    if not _is_same(returned, reply):
        raise _changed(head, whose)
    if not _is_same(output, functional.linear(given, linear.weight, linear.bias)):
        raise InputError(
            f"{whose}: its head {head!r}, a {type(linear).__name__}, gives something else than "
            "features times weight plus bias; build it with a plain torch.nn.Linear (the loss "
            "ldam has cosines of its own)"
        )


def _changed(head: str, whose: str) -> InputError:
    return InputError(
        f"{whose} does not return the output of its head {head!r} as it is; return the logits "
        "themselves, without softmax or mixing with others"
    )


def _is_same(output: Tensor, logits: Tensor) -> bool:
    if output.shape != logits.shape:
        return False
    scale = float(logits.detach().abs().max())
    return bool((output - logits).detach().abs().max() <= _TOLERANCE * scale)
