"""Writing results so that nothing half-written ever stands under a final name."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imbalens.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, renamed to it when the block succeeds.

    The temporary name keeps the suffix, which some writers read their format from. When the block
    fails the temporary file is removed and whatever stood under `path` stays untouched; what a
    killed process leaves is overwritten the next time.

    Args:
        path: Final path; its folder is created when absent.

    Raises:
        InputError: if it cannot be written, such as on a full disk.
    """
    temporary = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.filename not in (None, str(path.parent), str(temporary)):
            raise  # of another file
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); "
            "make the folder writable or free some space, then run the stage again"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically, with Unix line ends."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON with sorted keys, numpy values as plain ones and NaN as null.

    Args:
        path: Final path.
        value: Nested mappings and sequences of numbers, texts, numpy scalars and arrays.
    """
    text = json.dumps(jsonable(value), indent=2, sort_keys=True, allow_nan=False)
    write_text(path, text + "\n")


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table without its row index; NaN is an empty field."""
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def jsonable(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Turn numpy values into plain ones; a number that is not finite becomes None."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, np.generic):
        return jsonable(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
