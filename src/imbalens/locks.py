"""Letting no two processes compute the same at once, such as a stage whose DVC was killed."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

LOCKS = Path("work/locks")
_MOST = 200  # characters of a file's name


@contextmanager
def only_one(what: str) -> Iterator[None]:
    """Run a block while no other process runs one of the same name in this folder.

    Another one is named and waited for. A process that is killed holds nothing any more.

    Args:
        what: What is computed, such as `train@planted-ce`.
    """
    LOCKS.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9@._-]", "_", what)[:_MOST]
    lock, holder = FileLock(LOCKS / f"{name}.lock"), LOCKS / f"{name}.pid"
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        pid = holder.read_text(encoding="utf-8") if holder.exists() else "(unknown)"
        print(f"{what}: waits for process {pid}, which computes it too", file=sys.stderr)
        held = lock.acquire()
    with held:
        holder.write_text(str(os.getpid()), encoding="utf-8")
        try:
            yield
        finally:
            holder.unlink(missing_ok=True)
