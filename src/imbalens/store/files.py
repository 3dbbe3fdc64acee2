"""Writing results so that nothing half-written ever stands under a final name."""

import glob
import json
import math
import os
import platform
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imbalens.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

OLD = 7 * 24 * 3600.0  # seconds after which no process still writes a temporary file


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, renamed to it when the block succeeds.

    The temporary name is this process's own and keeps the suffix, which some writers read their
    format from. When the block fails the temporary file is removed and whatever stood under
    `path` stays untouched; what a killed process leaves is deleted
    the next time, or after a week. The content is
    on the disk before the name is: after a power cut the file is the old or the new one, whole.

    Args:
        path: Final path; its folder is created when absent.

    Raises:
        InputError: if it cannot be written, such as on a full disk.
    """
    temporary = path.with_name(f".{path.stem}.{_process(os.getpid())}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _delete_leftovers(path)
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        _flush_names(path.parent)
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


def _process(pid: int) -> str:
    """Name a process so that those of other machines, which may share the folder, differ."""
    return f"{zlib.crc32(platform.node().encode()):08x}-{pid}"


def _delete_leftovers(path: Path) -> None:
    """Delete temporary files for `path` whose process is no more, or which are old.

    Whether a process of another machine, or container, is alive cannot be known.
    """
    for left in path.parent.glob(f".{glob.escape(path.stem)}.*partial{glob.escape(path.suffix)}"):
        import psutil  # as good as never

        own = left.name.removeprefix(f".{path.stem}.{_process(0)[:-1]}")
        pid = own.removesuffix(f".partial{path.suffix}")
        with suppress(OSError):
            dead = pid.isdecimal() and not psutil.pid_exists(int(pid))
            if dead or time.time() - left.stat().st_mtime > OLD:
                left.unlink()


def _flush(path: Path) -> None:
    """Have a file's content written to the disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _flush_names(folder: Path) -> None:
    """Have the names of a folder's files written to the disk, where a system lets one ask."""
    with suppress(OSError):  # Windows opens no folders, some network file systems sync none
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write bytes atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


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


def read_json(path: Path, *, command: str, needs: Sequence[str] = ()) -> dict[str, Any]:
    """Read what `write_json` wrote.

    Args:
        path: File to read.
        command: What to run to get the file right; closes every message.
        needs: Keys that must be there.

    Raises:
        InputError: if it is missing, damaged or lacks a key.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run: {command}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}); run: {command}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} holds {type(value).__name__}, wanted a mapping; run: {command}")
    for key in needs:
        if key not in value:
            raise InputError(
                f"{path} has no {key!r} (found: {', '.join(value) or 'nothing'}); run: {command}"
            )
    return value


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
