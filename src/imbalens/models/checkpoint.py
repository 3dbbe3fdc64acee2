"""Weights in files: one's own and public ones, read without running code from them."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imbalens.errors import InputError
from imbalens.store.files import write_bytes

_LISTED = 5


class _Ignored:
    """Stands in for a numpy scalar (an accuracy, say), whose value nothing here needs."""

    def __init__(self, *_: Any) -> None:  # noqa: ANN401 - whatever was pickled
        pass

    def __setstate__(self, _: Any) -> None:  # noqa: ANN401 - whatever was pickled
        pass


_NUMPY_SCALARS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_Ignored, "numpy.core.multiarray.scalar"),
    (_Ignored, "numpy._core.multiarray.scalar"),
    (_Ignored, "numpy.dtype"),
]


def load_checkpoint(path: Path) -> dict[str, Tensor]:
    """Read weights saved by this package or another program.

    A bare state_dict is accepted, and one under the key `state_dict` or `model` beside other
    entries; a `module.` before the names is removed.

    Args:
        path: File written by `torch.save`.

    Returns:
        Tensors by parameter name, on the CPU.

    Raises:
        InputError: if the file is absent, damaged, or anything else than plain weights.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; place the weights there, or train instead")
    try:
        with torch.serialization.safe_globals(_NUMPY_SCALARS):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # foreign bytes make an unpickler raise anything
        raise InputError(
            f"{path}: is not a plain weights file, or is damaged ({type(error).__name__}); get it "
            "again, or save only tensors: torch.save({'state_dict': model.state_dict()}, path)"
        ) from error
    state = content
    for key in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            state = content[key]
            break
    if not _is_state(state):
        is_mapping = isinstance(content, Mapping)
        found = ", ".join(map(str, content)) if is_mapping else type(content).__name__
        raise InputError(
            f"{path}: holds no weights (found: {found or 'nothing'}); it needs tensors by "
            "parameter name, bare or under 'state_dict'"
        )
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def load_weights(model: nn.Module, state: Mapping[str, Tensor], *, path: Path) -> None:
    """Copy weights into a network that they fit exactly.

    Args:
        model: Network to fill; untouched when anything does not fit.
        state: Tensors by parameter name.
        path: Where they come from, for the message.

    Raises:
        InputError: listing the missing and unexpected names and the differing shapes.
    """
    expected = model.state_dict()
    # batches are counted since PyTorch 0.4.1 only; the count decides nothing here
    state = {
        **{name: expected[name] for name in expected if name.endswith("num_batches_tracked")},
        **state,
    }
    missing = [name for name in expected if name not in state]
    unexpected = [name for name in state if name not in expected]
    reshaped = [
        f"{name} {list(state[name].shape)} for {list(tensor.shape)}"
        for name, tensor in expected.items()
        if name in state and state[name].shape != tensor.shape
    ]
    problems = describe_misfit(missing=missing, unexpected=unexpected, reshaped=reshaped)
    if problems:
        raise InputError(
            f"{path}: does not fit the network: {problems}; set the run's model, loss "
            "and dataset to those that the weights were trained with"
        )
    model.load_state_dict(state)


def describe_misfit(
    *, missing: Sequence[str], unexpected: Sequence[str], reshaped: Sequence[str]
) -> str:
    """Say how weights do not fit a network, naming a few of each kind; empty when they fit.

    Args:
        missing: Names that the network has and the weights lack.
        unexpected: Names that the weights have and the network lacks.
        reshaped: Names with the shape found and the one expected.
    """
    kinds = (("missing", missing), ("unexpected", unexpected), ("of another shape", reshaped))
    return "; ".join(_list_names(kind, names) for kind, names in kinds if names)


def save_weights(
    model: nn.Module, path: Path, *, metadata: Mapping[str, str | int | float | bool | None]
) -> None:
    """Write `{"state_dict": ..., **metadata}` atomically; equal weights give equal bytes.

    Args:
        model: Network whose state is written, from whatever device.
        path: Final path.
        metadata: Plain values to store beside the weights.

    Raises:
        InputError: if the file cannot be written.
    """
    state = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in model.state_dict().items()
    }
    # torch.save puts a file's name, here a temporary one, into the bytes
    buffer = io.BytesIO()
    torch.save({**metadata, "state_dict": state}, buffer)
    write_bytes(path, buffer.getbuffer())


def _is_state(state: Any) -> bool:  # noqa: ANN401 - whatever was in the file
    return (
        isinstance(state, Mapping)
        and len(state) > 0
        and all(
            isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in state.items()
        )
    )


def _list_names(kind: str, names: Sequence[str]) -> str:
    more = f", and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"{len(names)} {kind} ({', '.join(names[:_LISTED])}{more})"
