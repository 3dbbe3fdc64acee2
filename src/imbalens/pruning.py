"""Remove what runs and datasets left that are no longer in params.yaml.

`imbalens prune` lists, `--delete` removes: the entries of dvc.lock whose stages are
gone, each of which slows DVC down, and the files these stages wrote, which else stay among the
metrics and plots. What was committed stays in git, and in the cache until `dvc gc`.
"""

import os
import shutil
from pathlib import Path

from dvc.repo import Repo
from dvc.utils.serialize import modify_yaml

from imbalens.errors import InputError
from imbalens.recovery import parse_lock

LOCK = "dvc.lock"


def find_leftovers(repository: Path) -> dict[str, list[str]]:
    """Return the stages that only dvc.lock names, and the files that no other stage writes.

    Args:
        repository: Folder of the git and DVC repository.

    Returns:
        Stage to paths relative to `repository`, of those that exist.

    Raises:
        InputError: if dvc.lock is missing or damaged, or names a file outside `repository`.
    """
    lock = repository / LOCK
    if not lock.exists():
        raise InputError(f"{lock} is missing: nothing was reproduced here; run: dvc repro")
    if parse_lock(lock.read_bytes()) is None:
        raise InputError(f"{lock} is damaged; run: imbalens check")
    stages = Repo(str(repository)).index.stages
    # outside the current folder an address is that of dvc.yaml, a colon, and the name
    present = {stage.addressing.rpartition(":")[2] for stage in stages}
    written = {out.def_path for stage in stages for out in stage.outs}
    with modify_yaml(lock) as locked:
        gone = {name: entry for name, entry in locked["stages"].items() if name not in present}
    leftovers = {
        name: [
            out["path"]
            for out in entry.get("outs", [])
            if out["path"] not in written and (repository / out["path"]).exists()
        ]
        for name, entry in gone.items()
    }
    for path in (path for paths in leftovers.values() for path in paths):
        if not _lies_in(repository, path):
            raise InputError(f"{lock}: found {path!r}; allowed: files of the project")
    return leftovers


def _lies_in(repository: Path, path: str) -> bool:
    """Whether a path leads to something in the repository: a lock may name any file at all."""
    place = Path(os.path.abspath(repository / path))  # noqa: PTH100 - DVC may have made it a link
    root, found = repository.resolve(), place.parent.resolve() / place.name
    return root in found.parents and found.relative_to(root).parts[0] not in (".git", ".dvc")


def delete_leftovers(repository: Path, leftovers: dict[str, list[str]]) -> None:
    """Delete the files and the entries of dvc.lock that `find_leftovers` returned."""
    for paths in leftovers.values():
        for path in paths:
            place = repository / path
            if place.is_dir():
                shutil.rmtree(place)
            else:
                place.unlink()
    with modify_yaml(repository / LOCK) as locked:
        for stage in leftovers:
            del locked["stages"][stage]
