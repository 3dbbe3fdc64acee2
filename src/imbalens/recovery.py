"""Clear away what a DVC that was killed leaves behind, and what then blocks every later command.

DVC writes `.dvc/tmp/rwlock` and dvc.lock in place: killed meanwhile it leaves them empty or cut,
and refuses to go on until they are mended by hand. It also takes every read-only file of its
cache for whole. `imbalens check` calls `recover`, and so does `make repro`. Nothing is
touched while a DVC lives in the project.
"""

import hashlib
import json
import os
import re
import subprocess
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import yaml

from imbalens.errors import InputError
from imbalens.params.dvc_yaml import parse_yaml

LOCK = "dvc.lock"
CUT_LOCK = ".dvc/tmp/dvc.lock.cut"  # where a dvc.lock goes that DVC cannot read
RWLOCKS = (".dvc/tmp/rwlock", ".dvc/tmp/exps/rwlock")
CACHE = ".dvc/cache"
GIT_LOCK = ".git/index.lock"
PATIENCE = 1.0  # seconds that a living DVC gets to finish writing
MD5 = re.compile("[0-9a-f]{32}")
STALE = 60.0  # seconds after which git's lock is no longer that of a command just running


@dataclass(frozen=True)
class Process:
    """A process that works in a project: `dvc`, or a stage, whose `dvc` may have been killed."""

    pid: int
    command: str
    is_dvc: bool


def recover(project: Path) -> list[str]:
    """Make a project usable again after DVC was killed in it.

    Args:
        project: Folder of the DVC repository.

    Returns:
        What was done, or is left to do, one line each; nothing if all was well.

    Raises:
        InputError: if a process still works there, or dvc.lock holds a merge's conflict; it says
            what to do.
    """
    damaged, held = _read_locks(project)
    if damaged or held:
        at_work = find_processes(project)
        dvc_lives = any(process.is_dvc for process in at_work)
        if dvc_lives and damaged:  # perhaps it is just writing them
            time.sleep(PATIENCE)
            damaged, _ = _read_locks(project)
        if dvc_lives and not damaged:
            return []  # it holds what it works on, and tells whoever wants the same
        if at_work:
            found = f"{damaged[0]} is cut" if damaged else "DVC was killed"
            process = at_work[0]
            raise InputError(
                f"{found}, and process {process.pid} ({process.command}) still works here; wait "
                "for it or end it, then run the same command again"
            )
    return [
        *_delete_rwlocks(project, [*damaged, *held]),
        *(_restore_lock(project) if LOCK in damaged else ()),
        *_clear_cache(project),
        *_report_git_lock(project),
    ]


def find_processes(project: Path) -> list[Process]:
    """Return the other DVC processes and stages whose current folder is in the project."""
    root, found = project.resolve(), []
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue  # `imbalens run` before DVC begins
        try:
            words = process.cmdline()
            is_dvc = runs_dvc(words)
            if not is_dvc and not runs_stage(words):
                continue
            place = Path(process.cwd())
            # a clone that is being validated is a project of its own
            if place.is_relative_to(root) and not place.is_relative_to(root / "work"):
                found.append(Process(process.pid, " ".join(words), is_dvc))
        except (psutil.Error, OSError):
            continue  # has ended, or is another user's
    return found


def runs_dvc(words: Sequence[str]) -> bool:
    """Tell `dvc ...`, `python .../dvc ...` and `python -m dvc ...` from other command lines.

    `imbalens run` is DVC, too.
    """
    names = [word.replace("\\", "/").rpartition("/")[2].lower() for word in words]
    if not names or "daemon" in names:  # looks for a newer DVC, in the background
        return False
    if not names[0].startswith(("python", "pypy")):
        return _is_dvc(names)
    for place, (before, name) in enumerate(pairwise(names), start=1):
        if before == "-m" or (not name.startswith("-") and before not in ("-w", "-x")):
            return _is_dvc(names[place:])  # of the first word that is no option, nor its value
    return False


def _is_dvc(names: Sequence[str]) -> bool:
    """Tell `dvc` and `imbalens run` from other programs."""
    program = names[0].removesuffix(".exe")
    return program == "dvc" or (program == "imbalens" and names[1:2] == ["run"])


def runs_stage(words: Sequence[str]) -> bool:
    """Tell `python stages/train.py ...` from other command lines."""
    paths = [word.replace("\\", "/") for word in words[:4]]
    return any(path.startswith("stages/") and path.endswith(".py") for path in paths)


def _read_locks(project: Path) -> tuple[list[str], list[str]]:
    """Return the files that DVC cannot read, and those that say that files are in use."""
    damaged, held = [], []
    for name in RWLOCKS:
        if (project / name).is_file():
            used = parse_rwlock((project / name).read_bytes())
            if used is None:
                damaged.append(name)
            elif used:
                held.append(name)
    lock = project / LOCK
    if lock.is_file() and parse_lock(lock.read_bytes()) is None:
        damaged.append(LOCK)
    return damaged, held


def parse_rwlock(content: bytes) -> set[str] | None:
    """Return the paths that an rwlock names as in use, None if it is not what DVC writes."""
    try:
        value = json.loads(content.decode())
    except (ValueError, RecursionError):
        return None
    kinds = ("read", "write")
    if not isinstance(value, dict) or not value.keys() <= {*kinds}:
        return None
    if not all(isinstance(paths, dict) for paths in value.values()):
        return None
    return {path for paths in value.values() for path in paths}


def parse_lock(content: bytes) -> Mapping[str, Any] | None:
    """Return the stages of a dvc.lock, None if it is not what DVC writes.

    Raises:
        InputError: if it holds a merge's conflict.
    """
    if b"\n<<<<<<< " in b"\n" + content:
        raise InputError(
            f"{LOCK}: holds a merge's conflict; take one side and reproduce: "
            f"git checkout HEAD -- {LOCK}"
        )
    try:
        value = parse_yaml(content.decode())
    except (yaml.YAMLError, ValueError):
        return None
    if not isinstance(value, dict) or value.get("schema") != "2.0":
        return None
    stages = value.get("stages", {})
    whole = isinstance(stages, dict) and all(map(_is_entry, stages.values()))
    return stages if whole else None


def _is_entry(stage: object) -> bool:
    """Tell a stage's entry from one that was cut in the middle."""
    if not isinstance(stage, dict) or not isinstance(stage.get("cmd"), str | list):
        return False
    files = [stage.get("deps", []), stage.get("outs", [])]
    if not all(isinstance(each, list) for each in files):
        return False
    if not all(_is_file(entry) for each in files for entry in each):
        return False
    params = stage.get("params", {})
    return isinstance(params, dict) and all(isinstance(each, dict) for each in params.values())


def _is_file(entry: object) -> bool:
    """Tell an entry of a file from one that was cut in the middle."""
    if not isinstance(entry, dict):
        return False
    md5 = entry.get("md5")
    texts = all(isinstance(entry.get(key, ""), str) for key in ("hash", "path"))
    numbers = all(isinstance(entry.get(key, 0), int) for key in ("size", "nfiles"))
    return texts and numbers and "path" in entry and (md5 is None or len(str(md5)) > 2)


def _delete_rwlocks(project: Path, names: Sequence[str]) -> list[str]:
    """Delete those of DVC's rwlocks that are named."""
    done = []
    for name in names:
        if name in RWLOCKS:
            (project / name).unlink(missing_ok=True)
            done.append(f"{name}: was left by a DVC that was killed; deleted")
    return done


def _restore_lock(project: Path) -> list[str]:
    """Put the committed dvc.lock, or none, in the place of one that was cut."""
    lock, cut = project / LOCK, project / CUT_LOCK
    cut.parent.mkdir(parents=True, exist_ok=True)
    lock.replace(cut)
    command = ["git", "show", f"HEAD:./{LOCK}"]
    committed = subprocess.run(command, cwd=project, capture_output=True, check=False)
    if committed.returncode == 0:
        lock.write_bytes(committed.stdout)
    instead = "took the committed one" if committed.returncode == 0 else "none is committed"
    return [
        f"{LOCK}: was cut when DVC was killed; {instead}, and DVC takes what it computed since "
        f"from its cache (the cut one is {CUT_LOCK})"
    ]


def _report_git_lock(project: Path) -> list[str]:
    """Say how to get rid of git's lock, which `dvc exp run` leaves too, and which may be git's."""
    lock = project / GIT_LOCK
    if not lock.exists() or time.time() - lock.stat().st_mtime < STALE:
        return []
    return [f"{GIT_LOCK}: stops git and `dvc exp run`; if no git runs here: rm {GIT_LOCK}"]


def _clear_cache(project: Path) -> list[str]:
    """Delete the files of the cache that are not what their names say.

    DVC would put a cut file in the place of a result, and stop at a cut record of a run. It
    finds out by itself that a file is missing. Only files whose size dvc.lock knows are judged.
    """
    lock = project / LOCK
    stages = parse_lock(lock.read_bytes()) if lock.is_file() else None
    sizes: dict[str, set[int]] = defaultdict(set)
    for stage in (stages or {}).values():
        for entry in (*stage.get("deps", ()), *stage.get("outs", ())):
            if "size" in entry and MD5.fullmatch(str(entry.get("md5"))):  # a path otherwise
                sizes[entry["md5"]].add(entry["size"])
    places = {project / CACHE / "files" / "md5" / md5[:2] / md5[2:]: md5 for md5 in sizes}
    cut = [
        path
        for path, md5 in places.items()
        if path.is_file() and sizes[md5] != {path.stat().st_size}
        if hashlib.md5(path.read_bytes()).hexdigest() != md5
    ]
    records = {
        folder: list(folder.iterdir()) for folder in sorted((project / CACHE / "runs").glob("*/*"))
    }
    harmed = [
        folder for folder, paths in records.items() if not paths or not all(map(_is_record, paths))
    ]
    if (cut or harmed) and any(process.is_dvc for process in find_processes(project)):
        return []  # perhaps it is just writing them
    for path in cut:
        path.unlink()
    for folder in harmed:
        for path in records[folder]:
            if not _is_record(path):
                path.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()  # DVC fails at an empty folder as well
    return [
        *(f"{path.relative_to(project)}: is cut; deleted, DVC makes it anew" for path in cut),
        *(f"{path.relative_to(project)}: held a cut record of a run; deleted" for path in harmed),
    ]


def _is_record(path: Path) -> bool:
    """Tell a record of a run from one that was cut."""
    content = path.read_bytes()
    return content.endswith(b"\n") and b"\nouts:\n" in content
