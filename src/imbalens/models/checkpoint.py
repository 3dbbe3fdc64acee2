"""Weights in files: one's own and public ones, read without running code from them."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imbalens.errors import InputError
from imbalens.models.network import Network
from imbalens.models.prefixes import unwrap
from imbalens.store.files import write_bytes

SAFETENSORS = ".safetensors"
KEYS = ("state_dict", "model", "model_state_dict", "model_state", "net", "module")
_LISTED = 5
_SHOWN = 100  # characters of what a file holds
_REFUSED = re.compile(r"Unsupported global: GLOBAL ([\w.]+)")  # in the words of `torch.load`
_REAL = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
_WHOLE = {torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}


class _Ignored:
    """Stands in for what lies beside weights (an accuracy, options), which nothing here needs."""

    def __init__(self, *_: Any) -> None:  # noqa: ANN401 - whatever was pickled
        pass

    def __setstate__(self, _: Any) -> None:  # noqa: ANN401 - whatever was pickled
        pass


# numpy's scalars, options of a command line as torchvision's training saves them, paths
_BESIDE: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_Ignored, "numpy.core.multiarray.scalar"),
    (_Ignored, "numpy._core.multiarray.scalar"),
    (_Ignored, "numpy.dtype"),
    (_Ignored, "argparse.Namespace"),
    *((_Ignored, f"pathlib.{kind}") for kind in ("PosixPath", "WindowsPath")),
    *((_Ignored, f"pathlib._local.{kind}") for kind in ("PosixPath", "WindowsPath")),
]


def load_checkpoint(path: Path, *, otherwise: str = "train instead") -> dict[str, Tensor]:
    """Read weights saved by this package or another program.

    A bare state_dict is accepted, and one under a key of `KEYS` beside other entries.

    Args:
        path: File written by `torch.save`; one called `*.safetensors`, by that package.
        otherwise: What else to do where there is no such file, for the message.

    Returns:
        Tensors by name as in the file, on the CPU; `load_weights` takes prefixes away.

    Raises:
        InputError: if the file is absent, damaged, or anything else than plain weights, or needs
            a package that is not installed; what a network cannot take of these, `fill` says.
    """
    _require_file(path, otherwise)
    if path.suffix.lower() == SAFETENSORS:
        content = _read_safetensors(path)
    else:
        content = _read_pickled(path)
    found: Mapping[Any, Any] = content if isinstance(content, Mapping) else {}
    # what is called `model` may also be its description
    held = {key: found[key] for key in KEYS if isinstance(found.get(key), Mapping)}
    whole = [key for key, each in held.items() if _find_problem(each) is None]
    if len(whole) > 1:
        raise InputError(
            f"{path}: holds weights under {' and '.join(map(repr, whole))}; save those of one "
            "network only"
        )
    state: Any = held[whole[0]] if whole else next(iter(held.values()), content)
    problem = _find_problem(state)
    if problem is None:
        return dict(state)
    raise InputError(
        f"{path}: holds no weights ({problem}; found: {_describe(content)}); it needs "
        f"tensors by parameter name, bare or under one of {', '.join(map(repr, KEYS))}"
    )


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        from safetensors.torch import load_file  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        raise InputError(
            f"{path}: {error.name} is not installed, which reads such files; run: "
            "pip install 'imbalens[safetensors]', or save the weights by torch.save as *.pt"
        ) from error
    try:
        return load_file(path)
    except Exception as error:  # foreign bytes
        raise InputError(
            f"{path}: is no safetensors file, or is damaged ({type(error).__name__}); get it "
            "again, or give a file of torch.save another ending"
        ) from error


def _read_pickled(path: Path) -> Any:  # noqa: ANN401 - whatever was in the file
    try:
        with torch.serialization.safe_globals(_BESIDE):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # foreign bytes make an unpickler raise anything
        refused = _REFUSED.search(str(error))
        problem = f"it holds {refused[1][:_SHOWN]}" if refused else type(error).__name__
        raise InputError(
            f"{path}: is not a plain weights file, or is damaged ({problem}); get it "
            "again, or save only tensors: torch.save({'state_dict': model.state_dict()}, path)"
        ) from error


def load_weights(model: Network, state: Mapping[str, Tensor], *, path: Path) -> None:
    """Copy weights into a network that they fit exactly.

    Args:
        model: Network to fill; untouched when anything does not fit.
        state: Tensors by name, perhaps with a prefix, see `unwrap`.
        path: Where they come from, for the message.

    Raises:
        InputError: naming the numbers of classes, where these differ, and listing the missing and
            unexpected names and the differing shapes; or as in `unwrap` or `fill`.
    """
    expected = model.state_dict()
    state = unwrap(state, list(expected), path=path)
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
        problems = _compare_classes(model, state) + problems
        raise InputError(
            f"{path}: does not fit the network: {problems}; set the run's model, loss "
            "and dataset to those that the weights were trained with"
        )
    fill(model, state, source=str(path))


def fill(model: nn.Module, state: Mapping[str, Tensor], *, source: str) -> None:
    """Copy weights that have the names and shapes of a network's; of others it keeps its own.

    Half and double precision become the network's own.

    Args:
        model: Network to fill; untouched when it cannot take the weights.
        state: Tensors by parameter name.
        source: Where they come from, for the message.

    Raises:
        InputError: naming the first weights of another kind of number, the first that are not
            finite in the network's precision, or the first variance below 0.
    """
    own = model.state_dict()
    for name, tensor in state.items():
        problem = _find_wrong_numbers(name, tensor, own[name])
        if problem:
            raise InputError(f"{source}: {problem}")
    model.load_state_dict({**own, **state})


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


def _require_file(path: Path, otherwise: str) -> None:
    try:
        if not path.exists():
            raise InputError(f"{path}: no such file; place the weights there, or {otherwise}")
        if not path.is_file():  # opening a pipe would wait for ever
            kind = "a folder" if path.is_dir() else "no regular file"
            raise InputError(f"{path}: is {kind}; name the weights file itself")
        path.open("rb").close()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); make it readable, or name another file"
        ) from error


def _find_problem(state: Any) -> str | None:  # noqa: ANN401 - whatever was in the file
    """Say what keeps something from being plain tensors by name, None if nothing."""
    if not isinstance(state, Mapping) or not state:
        return "no tensors by name"
    for name, tensor in state.items():
        if not isinstance(name, str):
            return f"the name {name!r} is no text"
        if not isinstance(tensor, Tensor):
            return f"{name!r} is of type {type(tensor).__name__}"
        kind = _kind(tensor)
        if kind:
            return f"{name!r} is {kind}; save it as a plain tensor"
    return None


def _compare_classes(model: Network, state: Mapping[str, Tensor]) -> str:
    """Say for how many classes weights are and for how many the network; empty if for as many.

    Without a bias the head's shape alone tells which side is that of the classes.
    """
    n_classes, n_features = model.head_matrix()[0].shape
    weight, bias = (state.get(f"{model.head_name}.{part}") for part in ("weight", "bias"))
    if weight is None or weight.ndim != 2:
        return ""
    sides = tuple(weight.shape)
    if bias is not None or sides[1] == n_features:  # linear: classes, features
        found = sides[0]
    elif sides[0] == n_features:  # cosine: features, classes
        found = sides[1]
    else:
        return ""
    if found == n_classes:
        return ""
    return f"its head is of {found:,} classes, the dataset has {n_classes:,}; "


def _kind(tensor: Tensor) -> str:
    """Say which kind a tensor is that has no plain numbers; empty if it has them."""
    if tensor.is_nested:
        return "a nested tensor"
    if tensor.layout != torch.strided:
        return f"stored as {str(tensor.layout).removeprefix('torch.')}"
    if tensor.is_meta:
        return "on the device meta, without numbers"
    return "quantized" if tensor.is_quantized else ""


def _find_wrong_numbers(name: str, tensor: Tensor, own: Tensor) -> str | None:
    """Say why weights cannot stand in for a network's own of the same shape, and what to do.

    Returns:
        None if they can.
    """
    wanted = str(own.dtype).removeprefix("torch.")
    if tensor.dtype not in (_REAL if own.is_floating_point() else _REAL | _WHOLE):
        found = str(tensor.dtype).removeprefix("torch.")
        return f"{name} holds {found}, which is not taken for {wanted}; save it as {wanted}"
    values = tensor.to(own.dtype) if own.is_floating_point() else tensor
    wrong, kind = int((~values.isfinite()).sum()), f"values that are not finite as {wanted}"
    if not wrong and name.endswith("running_var"):
        wrong, kind = int((values < 0).sum()), "variances below 0"
    if not wrong:
        return None
    return (
        f"{name} has {wrong} of {tensor.numel()} {kind}; get the weights again, or take them from "
        "before their training diverged"
    )


def _describe(content: Any) -> str:  # noqa: ANN401 - whatever was in the file
    if not isinstance(content, Mapping):
        return type(content).__name__
    more = f", and {len(content) - _LISTED} more" if len(content) > _LISTED else ""
    return ", ".join(str(name) for name in list(content)[:_LISTED]) + more or "nothing"


def _list_names(kind: str, names: Sequence[str]) -> str:
    more = f", and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"{len(names)} {kind} ({', '.join(names[:_LISTED])}{more})"
