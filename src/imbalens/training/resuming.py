"""The state of an interrupted training, kept outside DVC until the training succeeds."""

import copy
import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imbalens.store.files import write_bytes

STATE, UNREADABLE = "state.pt", "unreadable-state.pt"


@dataclass(frozen=True)
class TrainingState:
    """Everything that the next epoch depends on.

    Attributes:
        epoch: Epochs completed.
        model: State dict of the network.
        optimizer: State dict of the optimiser.
        history: One row of figures per completed epoch.
        best: Weights of the best validation epoch so far, where selection is on.
    """

    epoch: int
    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    history: list[dict[str, int | float]]
    best: dict[str, Tensor] | None = field(default=None)


def work_folder(root: Path, run: str, config: Sequence[Any]) -> Path:
    """Return the folder where this run with exactly this configuration keeps its state.

    The name holds a hash of the configuration, of the version of torch and of this package's
    loaded source files, so that a state never carries over to another experiment or program.

    Args:
        root: Folder for all work in progress.
        run: Name of the run.
        config: Everything that decides the result, as plain JSON values.
    """
    digest = hashlib.sha256(json.dumps([config, torch.__version__], sort_keys=True).encode())
    for name in sorted(module for module in sys.modules if module.startswith("imbalens.")):
        source = sys.modules[name].__file__
        if source:
            digest.update(Path(source).read_bytes())
    return root / f"{run}-{digest.hexdigest()[:16]}"


def save_state(folder: Path, state: TrainingState) -> None:
    """Replace the folder's state; a kill at any moment leaves the old or the new one whole.

    Raises:
        InputError: if it cannot be written, such as on a full disk.
    """
    buffer = io.BytesIO()  # on a full disk torch.save itself raises no OSError
    torch.save(vars(state), buffer)
    write_bytes(folder / STATE, buffer.getbuffer())


def load_state(folder: Path) -> TrainingState | None:
    """Return the folder's state, or None where there is none.

    A state that cannot be read is said to be so and set aside, and there is none then.
    """
    path = folder / STATE
    if not path.exists():
        return None
    content = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if damaged := archive.testzip():  # torch does not compare the checksums
                raise ValueError(f"{damaged} is damaged")
        found = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        return TrainingState(**found)
    except MemoryError:
        raise  # no fault of the state
    except Exception as error:  # noqa: BLE001 - foreign bytes make an unpickler raise anything
        _set_aside(path, "cannot be read", error)
        return None


def restore(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> TrainingState | None:
    """Put the folder's state into a network and its optimiser.

    Returns:
        The state; None where there is none that can be read and fits, and then network and
        optimiser are as they were.
    """
    state = load_state(folder)
    if state is None:
        return None
    before = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    try:
        model.load_state_dict(state.model)
        optimizer.load_state_dict(state.optimizer)
    except (RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
        model.load_state_dict(before[0])
        optimizer.load_state_dict(before[1])
        _set_aside(folder / STATE, "does not fit", error)
        return None
    return state


def _set_aside(path: Path, what: str, error: Exception) -> None:
    aside = path.replace(path.with_name(UNREADABLE))
    print(
        f"{path}: {what} ({type(error).__name__}); training starts over (it is {aside} now)",
        file=sys.stderr,
    )
