"""The state of an interrupted training, kept outside DVC until the training succeeds."""

import hashlib
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

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
        found = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        return TrainingState(**found)
    except Exception as error:  # noqa: BLE001 - foreign bytes make an unpickler raise anything
        aside = path.replace(path.with_name(UNREADABLE))
        print(
            f"{path}: cannot be read ({type(error).__name__}); training starts over (it is "
            f"{aside} now)",
            file=sys.stderr,
        )
        return None
