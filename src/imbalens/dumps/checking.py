"""Whether what a dump holds is as it must be; says what to run where it is not."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from imbalens.errors import InputError


def require_outputs(file: Any, attributes: Sequence[str]) -> None:  # noqa: ANN401
    """Refuse a dump of which an attribute, such as the names of classes, is not one per output."""
    head = file.get("head/offset", file.get("head/weight"))  # which maps have, and some features
    n_outputs, path = len(head), Path(file.filename)
    for name in attributes:
        if len(file.attrs[name]) != n_outputs:
            raise InputError(
                f"{path} has {len(file.attrs[name])} in the attribute {name!r} (wanted: "
                f"{n_outputs}, one per output); run: "
                f"{repeat_command(str(file.attrs['schema']), path)}"
            )


def read_finite(file: Any, name: str) -> Float[np.ndarray, "..."]:  # noqa: ANN401
    """Read a dataset, and refuse values that are not finite."""
    values = file[name][:]
    require(np.isfinite(values), file, name, "finite numbers")
    return values


def require(
    right: Bool[np.ndarray, "..."],
    file: Any,  # noqa: ANN401 - an h5py file
    name: str,
    rule: str,
    *,
    start: tuple[int, int] = (0, 0),
) -> None:
    """Refuse a dataset that breaks a rule, naming its first value that does.

    Args:
        right: Which values follow the rule, of the dataset from `start` on.
        file: The dump.
        name: Name of the dataset.
        rule: What is wanted.
        start: Place of the first of these values along the first two axes.
    """
    if not right.all():
        place = np.argwhere(~right)[0]
        place[:2] += start[: len(place)]
        path, found = Path(file.filename), file[name][tuple(place)].item()
        raise InputError(
            f"{path} has {found} in {name!r} at {place.tolist()} (wanted: "
            f"{rule}); run: {repeat_command(str(file.attrs['schema']), path)}"
        )


def repeat_command(schema_name: str, path: Path) -> str:
    """Return the command that writes a dump anew, even if DVC holds it to be what was written."""
    return f"dvc repro --force --single-item dump_{schema_name}@{path.stem}"
