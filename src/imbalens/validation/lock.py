"""What dvc.lock says: every stage with the hashes of what it read and wrote."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from imbalens.errors import InputError
from imbalens.params.dvc_yaml import parse_yaml
from imbalens.store.files import read_json

LOCK = Path("dvc.lock")
CODE = ("src/", "stages/", ".dvc/")
WEIGHTS = "data/models/"
DUMPS = "data/dumps/"
GATHERED = "data/gathered/"  # what was read of several runs, see `imbalens.gather`
MADE = ("data/prepared/", WEIGHTS, DUMPS)  # what analyses are arithmetic on, and its making


@dataclass(frozen=True)
class LockedStage:
    """One stage.

    Attributes:
        deps: Path to hash of what it read, code left out.
        outs: Path to hash of what it wrote.
    """

    deps: Mapping[str, str]
    outs: Mapping[str, str]


def read_lock(folder: Path) -> dict[str, LockedStage]:
    """Read the dvc.lock of a folder.

    Raises:
        InputError: if it is missing or damaged.
    """
    path = folder / LOCK
    try:
        stages = parse_yaml(path.read_text(encoding="utf-8"))["stages"]
        return {
            name: LockedStage(
                deps={
                    dep["path"]: str(dep.get("md5"))
                    for dep in stage.get("deps", [])
                    if not dep["path"].startswith(CODE)
                },
                outs={out["path"]: str(out.get("md5")) for out in stage.get("outs", [])},
            )
            for name, stage in stages.items()
        }
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); run: dvc repro") from error


def name_gathered(lock: Mapping[str, LockedStage], folder: Path) -> dict[str, LockedStage]:
    """Name as read, instead of what was gathered for a stage, the files that it was gathered of.

    Args:
        lock: What the folder's dvc.lock says.
        folder: A clone in which the stages were run.
    """
    hashes, named = written(lock), {}
    for name, stage in lock.items():
        deps: dict[str, str] = {}
        for path, md5 in stage.deps.items():
            if path.startswith(GATHERED):
                files = read_json(folder / path, command="dvc repro", needs=["files"])["files"]
                deps |= {file: hashes[file] for file in files}
            else:
                deps[path] = md5
        named[name] = replace(stage, deps=deps)
    return named


def written(lock: Mapping[str, LockedStage]) -> dict[str, str]:
    """Return path to hash of everything that any stage wrote."""
    return {path: md5 for stage in lock.values() for path, md5 in stage.outs.items()}
