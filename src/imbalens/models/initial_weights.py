"""Weights that a training starts from: ImageNet's, or those in a file."""

import hashlib
import re
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

import torch
from torch import Tensor

from imbalens.errors import InputError
from imbalens.models.checkpoint import describe_misfit, fill, load_checkpoint
from imbalens.models.network import Network
from imbalens.models.prefixes import unwrap
from imbalens.params import runs
from imbalens.params.factories import describe_error
from imbalens.params.paths import expand_path

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum

# names in the published file of DenseNet are older than the rule of no dots in module names
_OLD_NAME = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")


def initialize(network: Network, model: runs.Model) -> None:
    """Put the weights to start from into a network's body; its head stays as it is.

    A file may hold torchvision's full network or this package's; of the former, a truncated
    network takes what it has, and what follows the cut (`features.norm5`) stays as it is.

    Args:
        network: Network that `build_model` made from the same parameters.
        model: The network's parameters, whose `weights` decide.

    Raises:
        InputError: if the weights are absent and cannot be downloaded, are damaged, are of
            another network, with the names that are missing, unexpected or of another shape, or
            hold what is no finite number.
    """
    match model:
        case runs.CifarResnet() | runs.Python():
            pass  # always from fresh weights, or what a factory of one's own gave
        case runs.Resnet50() | runs.Densenet121Truncated() | runs.Torchvision() | runs.Timm():
            _start_from(network, model)
        case runs.Given():
            raise ValueError("features and predictions that are given have no network")
        case _:
            assert_never(model)


Published = runs.Resnet50 | runs.Densenet121Truncated | runs.Torchvision | runs.Timm


def _start_from(network: Network, model: Published) -> None:
    if model.weights == "none":
        return
    if model.weights == "imagenet":
        source, state = "ImageNet weights", _read_published(model)
    else:
        path = expand_path(model.weights)
        otherwise = "set the run's model.weights to 'imagenet' or 'none'"
        names = {**network.state_dict(), **_full_shapes(model)}
        state = unwrap(load_checkpoint(path, otherwise=otherwise), names, path=path)
        source = str(path)
    state = {_OLD_NAME.sub(r"\1\2", name): tensor for name, tensor in state.items()}
    _load_body(network, state, full=_full_shapes(model), source=source)


def _load_body(
    network: Network, state: Mapping[str, Tensor], *, full: Mapping[str, torch.Size], source: str
) -> None:
    """Copy all but the head, when every name and shape is this or the full network's."""
    head = f"{network.head_name}."
    own = network.state_dict()
    body = {name: tensor.shape for name, tensor in own.items() if not name.startswith(head)}
    given = {name: tensor.shape for name, tensor in state.items() if not name.startswith(head)}
    problems = describe_misfit(
        # batches are counted since PyTorch 0.4.1 only; the count decides nothing here
        missing=[
            name for name in body if name not in given and not name.endswith("num_batches_tracked")
        ],
        unexpected=[name for name in given if name not in body and name not in full],
        reshaped=[
            f"{name} {list(shape)} for {list(body.get(name, full.get(name, ())))}"
            for name, shape in given.items()
            if (name in body or name in full) and shape not in (body.get(name), full.get(name))
        ],
    )
    if problems:
        raise InputError(
            f"{source}: does not fit the body of {network.family}: {problems}; set the run's "
            "model.weights to a file of this network or torchvision's full one, 'imagenet' or "
            "'none'"
        )
    fitting = {name: state[name] for name, shape in body.items() if given.get(name) == shape}
    fill(network, fitting, source=source)


def _read_imagenet(weights: "WeightsEnum") -> Mapping[str, Tensor]:
    """Read published weights from torch hub's folder, downloading them when absent."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rpartition("/")[2]
    if path.exists():
        _check_hash(path)  # torch checks downloads only, not what was placed there
    try:
        return weights.get_state_dict(check_hash=True, progress=True, map_location="cpu")
    except (OSError, HTTPException, RuntimeError) as error:
        raise InputError(
            f"{path}: the ImageNet weights are not there and cannot be downloaded ({error}); get "
            f"{weights.url} elsewhere and place it at {path}, or set the run's model.weights to "
            "'none' or to a weights file"
        ) from error


def _check_hash(path: Path) -> None:
    """Compare the start of a file's SHA-256 with the one in its name, as in `name-HASH.pth`."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    expected = path.stem.rpartition("-")[2]
    if not found.startswith(expected):
        raise InputError(
            f"{path}: is damaged or another file (its SHA-256 starts with "
            f"{found[: len(expected)]}, not {expected}); remove it, to have it downloaded again, "
            "or replace it"
        )


def _read_published(model: Published) -> Mapping[str, Tensor]:
    # imported late, as in build_model
    match model:
        case runs.Resnet50():
            from torchvision.models import ResNet50_Weights

            return _read_imagenet(ResNet50_Weights.IMAGENET1K_V1)
        case runs.Densenet121Truncated():
            from torchvision.models import DenseNet121_Weights

            return _read_imagenet(DenseNet121_Weights.IMAGENET1K_V1)
        case runs.Torchvision():
            from torchvision.models import get_model_weights

            published = get_model_weights(model.architecture)
            if not len(published):
                raise _no_published(model)
            return _read_imagenet(published["DEFAULT"])
        case runs.Timm():
            return _read_timm(model)
        case _:
            assert_never(model)


def _read_timm(model: runs.Timm) -> Mapping[str, Tensor]:
    """Let timm build its published network, from its cache or its hub, for the weights of it."""
    import timm  # pyright: ignore[reportMissingImports] - an extra

    if not timm.is_model_pretrained(model.architecture):
        raise _no_published(model)
    try:
        return timm.create_model(model.architecture, pretrained=True).state_dict()
    except Exception as error:  # of a download there are many kinds
        raise InputError(
            f"{model.architecture}: the ImageNet weights are not in timm's cache and cannot be "
            f"downloaded ({describe_error(error)}); set the run's model.weights to 'none' or to a "
            "weights file"
        ) from error


def _no_published(model: runs.Torchvision | runs.Timm) -> InputError:
    return InputError(
        f"{model.architecture}: {model.name} has no published weights of it; set the run's "
        "model.weights to 'none' or to a weights file"
    )


def _full_shapes(model: Published) -> Mapping[str, torch.Size]:
    """Names and shapes of torchvision's full network where one is cut; else there is no other."""
    from torchvision.models import densenet121, resnet50

    with torch.device("meta"):  # takes no memory
        match model:
            case runs.Resnet50():
                full = resnet50()
            case runs.Densenet121Truncated():
                full = densenet121()
            case runs.Torchvision() | runs.Timm():
                return {}
            case _:
                assert_never(model)
    return {name: tensor.shape for name, tensor in full.state_dict().items()}
