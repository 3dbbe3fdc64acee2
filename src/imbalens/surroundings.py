"""What an experiment needs beside its file: found to be there before anything is computed."""

import configparser
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from imbalens.errors import InputError
from imbalens.params.checks import find_image_problems
from imbalens.params.dvc_yaml import read_yaml
from imbalens.params.experiment import Params
from imbalens.params.factories import has_module
from imbalens.params.loading import ANALYSES_PATH, PARAMS_PATH
from imbalens.params.paths import expand_path
from imbalens.params.runs import Given, Python
from imbalens.recovery import CACHE, LOCK, parse_lock
from imbalens.store.files import read_json


def require_surroundings(params: Params, path: Path) -> None:
    """Check that an experiment can be run in the folder of its file.

    Variables, weights and networks of one's own are needed for what is still to be made. Classes
    and numbers of images are known of what is prepared; of what is not, `prepare` checks them.

    Args:
        params: The experiment.
        path: Its file.

    Raises:
        InputError: naming each variable that is not set, file of weights or module of a factory
            that is not there, class that is none, and number of neighbours that there are too few
            images for.
    """
    made = find_made(path)
    problems = [
        *_find_absent(_list_paths(params, made), path.parent),
        *_find_absent_factories(params, made, path.parent),
        *_find_image_problems(params, made, path.parent),
    ]
    if problems:
        raise InputError(
            "\n".join(
                problem if problem.startswith(f"{ANALYSES_PATH}: ") else f"{path}: {problem}"
                for problem in problems
            )
        )


def find_made(path: Path) -> set[str]:
    """Return the stages that need not run, as far as parameters and outputs tell.

    dvc.lock has them with the parameters that a file holds now, and their outputs are in the
    project or in DVC's cache. A queued experiment runs where only the latter are.

    Args:
        path: The file, in place of params.yaml; dvc.lock stands beside it.
    """
    project = path.parent
    lock, caches = project / LOCK, _find_caches(project)
    stages = (parse_lock(lock.read_bytes()) if lock.is_file() else None) or {}
    files: dict[str, Any] = {PARAMS_PATH.name: read_yaml(path)}

    def is_held(file: str, values: dict[str, Any]) -> bool:
        if file not in files:
            files[file] = read_yaml(project / file) if (project / file).is_file() else None
        return all(_look_up(files[file], key) == value for key, value in values.items())

    def is_there(out: dict[str, Any]) -> bool:
        md5 = str(out.get("md5"))
        stored = [cache / "files" / "md5" / md5[:2] / md5[2:] for cache in caches]
        return any(place.exists() for place in (project / out["path"], *stored))

    return {
        name
        for name, stage in stages.items()
        if all(is_held(file, values) for file, values in stage.get("params", {}).items())
        and all(is_there(out) for out in stage.get("outs", []))
    }


def _find_caches(project: Path) -> list[Path]:
    """Return the folders where DVC may keep a project's outputs."""
    found = [project / CACHE]
    for name in ("config", "config.local"):
        config = configparser.ConfigParser(interpolation=None)
        try:
            config.read(project / ".dvc" / name, encoding="utf-8")
        except (configparser.Error, ValueError) as error:
            raise InputError(
                f"{project / '.dvc' / name}: cannot be read ({error}); mend it"
            ) from error
        if folder := config.get("cache", "dir", fallback=None):
            found.append(project / ".dvc" / folder)
    return found


def _look_up(values: Any, key: str) -> Any:  # noqa: ANN401 - whatever YAML can hold
    for part in key.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values


def _list_paths(params: Params, made: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """Yield key and path of all that is still to be read, and what to do where no such file is.

    The last is empty of sources: `prepare` says in detail what they lack.
    """
    for name, dataset in params.datasets.items():
        if f"prepare@{name}" not in made:
            for key, source in dataset.sources.items():
                for field, value in source:
                    if isinstance(value, str) and "$" in value:
                        yield f"datasets.{name}.{key}.{field}", value, ""
    for name, run in params.runs.items():
        if f"train@{name}" in made:
            continue
        if run.checkpoint is not None:
            remedy = "place the weights there, or set null, to train"
            yield f"methods.{run.method}.checkpoint", run.checkpoint, remedy
        elif isinstance(run.model, Given):
            if run.model.file is not None:
                remedy = "place the features and predictions there, or set null, for the dataset's"
                yield f"methods.{run.method}.model.file", run.model.file, remedy
        elif run.model.weights_file is not None:
            remedy = "place the weights there, or set 'imagenet' or 'none'"
            yield f"methods.{run.method}.model.weights", run.model.weights_file, remedy


def _find_absent(paths: Iterator[tuple[str, str, str]], project: Path) -> Iterator[str]:
    for key, text, remedy in dict.fromkeys(paths):  # runs share what their method names
        try:
            path = expand_path(text)
        except InputError as error:
            yield f"{key}: {error}"
        else:
            if remedy and not (project / path).is_file():
                yield f"{key}: {path}: no such file; {remedy}"


def _find_absent_factories(params: Params, made: Collection[str], project: Path) -> Iterator[str]:
    methods = {
        run.method: run.model.factory
        for name, run in params.runs.items()
        if isinstance(run.model, Python)
        and f"train@{name}" not in made
        and not has_module(run.model, project)
    }
    for method, factory in methods.items():
        yield (
            f"methods.{method}.model.factory: found {factory!r}, whose module is neither in the "
            f"project ({factory.partition(':')[0].replace('.', '/')}.py) nor installed; write it, "
            "or name another"
        )


def _find_image_problems(params: Params, made: Collection[str], project: Path) -> Iterator[str]:
    for name in params.datasets:
        if f"prepare@{name}" not in made:
            continue
        try:
            path = project / f"metrics/prepare/{name}.json"
            summary = read_json(path, command="", needs=("images", "counts"))
            problems = find_image_problems(params, name, summary)
        except (OSError, InputError, KeyError, TypeError):  # DVC prepares the images again
            continue
        for problem in problems:
            yield (
                f"{problem}; if the images changed since they were prepared, run: "
                f"dvc repro --force --single-item prepare@{name}"
            )
