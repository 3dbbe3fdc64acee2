"""Networks of libraries and of one's own, as they are made by these."""

import difflib
from collections.abc import Sequence
from typing import assert_never

import torch
from torch import nn

from imbalens.errors import InputError
from imbalens.params import runs
from imbalens.params.errors import shown
from imbalens.params.factories import call_factory, describe_error, import_factory


def build_body(model: runs.AnyNetwork, n_outputs: int) -> nn.Module:
    """Build a foreign network with fresh weights.

    Args:
        model: The network's parameters.
        n_outputs: Number of logits.

    Raises:
        InputError: if there is no such network, or it cannot be built.
    """
    match model:
        case runs.Torchvision():
            return _build_torchvision(model, n_outputs)
        case runs.Timm():
            return _build_timm(model, n_outputs)
        case runs.Python():
            return _build_own(model, n_outputs)
        case _:
            assert_never(model)


def _build_torchvision(model: runs.Torchvision, n_outputs: int) -> nn.Module:
    from torchvision import models

    names = models.list_models(module=models)
    if model.architecture not in names:
        raise _unknown(model, names)
    return models.get_model(model.architecture, weights=None, num_classes=n_outputs)


def _build_timm(model: runs.Timm, n_outputs: int) -> nn.Module:
    try:
        import timm  # pyright: ignore[reportMissingImports] - an extra
    except ImportError as error:
        raise InputError(
            f"the network {model.architecture} is one of timm, which cannot be imported "
            f"({describe_error(error)}); run: pip install 'imbalens[timm]'"
        ) from error
    if not timm.is_model(model.architecture):
        raise _unknown(model, timm.list_models())
    try:
        return timm.create_model(model.architecture, pretrained=False, num_classes=n_outputs)
    except Exception as error:  # some ask for what others do without
        raise InputError(
            f"timm cannot build {model.architecture} ({describe_error(error)}); name another "
            "architecture, or build it in a factory of your own"
        ) from error


def _build_own(model: runs.Python, n_outputs: int) -> nn.Module:
    state = torch.get_rng_state()
    function = import_factory(model.factory)
    torch.set_rng_state(state)  # its module may have drawn numbers, or set a seed
    seed = torch.initial_seed()
    found = call_factory(model.factory, function, n_outputs, arguments=dict(model.arguments))
    if torch.initial_seed() != seed:
        raise InputError(
            f"{model.factory}: sets torch's seed to {torch.initial_seed()}, so that trainings of "
            "other seeds would begin with the same weights; take torch.manual_seed out of it"
        )
    if not isinstance(found, nn.Module):
        raise InputError(
            f"{model.factory}: returned {shown(found)} of type {type(found).__name__}; return a "
            "network (torch.nn.Module)"
        )
    return found


def _unknown(model: runs.Torchvision | runs.Timm, names: Sequence[str]) -> InputError:
    near = difflib.get_close_matches(model.architecture, names, n=5, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}? " if near else ""
    return InputError(
        f"model.architecture: found {model.architecture!r}; {hint}allowed: one of the "
        f"{len(names)} classifiers of {model.name}"
    )
