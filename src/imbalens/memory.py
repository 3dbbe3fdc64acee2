"""How much memory is free for this process, whoever limits it."""

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

import psutil

GIB = 2**30
# Where Linux says which control groups a process is in, and where these are.
MEMBERSHIP = Path("/proc/self/cgroup")
CONTROL_GROUPS = Path("/sys/fs/cgroup")


def free_memory() -> int:
    """Return how many bytes can still be taken.

    It is the least of what the machine has, what the control groups leave (of containers and batch
    systems; the kernel ends, without a word, what takes more), and what the limit of the address
    space leaves (`ulimit -v`).
    """
    left = [psutil.virtual_memory().available, *_left_of_addresses()]
    with suppress(OSError):  # where there is no such file, there are no groups
        membership = MEMBERSHIP.read_text(encoding="utf-8", errors="replace")
        left += control_groups_leave(membership, CONTROL_GROUPS)
    return max(0, min(left))


def control_groups_leave(membership: str, root: Path) -> Iterator[int]:
    """Yield how many bytes each control group of a process leaves, of those that have a limit.

    What the kernel can drop, files read long ago, is taken to be free.

    Args:
        membership: What Linux says of the process, a line `number:controllers:path` for each
            hierarchy: one of version 2, or one of `memory` of version 1, or both.
        root: Folder of the hierarchies.
    """
    for line in membership.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            base, limit, use, droppable = root, "max", "current", "inactive_file"
        elif "memory" in controllers.split(","):
            base, limit, use = root / "memory", "limit_in_bytes", "usage_in_bytes"
            droppable = "total_inactive_file"
        else:
            continue
        inside = PurePosixPath(path.lstrip("/"))
        # a container may see its own group as the root, and not the path to it
        for group in (base / inside, *(base / parent for parent in inside.parents)):
            most, used = _number(group / f"memory.{limit}"), _number(group / f"memory.{use}")
            if most is not None and used is not None:
                yield most - used + (_number(group / "memory.stat", droppable) or 0)


def _number(path: Path, name: str = "") -> int | None:
    """Return a file's number, or that of a line of it; None where there is none."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = re.search(rf"^{name}\s*(\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else None


def _left_of_addresses() -> Iterator[int]:
    if sys.platform == "win32":
        return
    import resource  # which Windows lacks

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY:
        yield most - psutil.Process().memory_info().vms
