"""Reading an experiment: typed, strict and frozen, with every mistake named at once."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from imbalens.params.analyses import Analyses
from imbalens.params.base import Section
from imbalens.params.checks import (
    find_analysis_problems,
    find_problems,
    find_unknown_methods,
)
from imbalens.params.dvc_yaml import find_lost_texts, read_parameters, read_yaml
from imbalens.params.errors import explain, refuse
from imbalens.params.experiment import Experiment, Params, combine

PARAMS_PATH = Path("params.yaml")
ANALYSES_PATH = Path("analyses.yaml")
DEFAULTS_PATH = Path(__file__).with_name("defaults.yaml")

LIKE = {"evaluate_on": "source"}  # keys of choices that have the defaults of another key

Read = TypeVar("Read", bound=Section)


def load_params(path: Path = PARAMS_PATH) -> Params:
    """Read and validate an experiment and how it is measured.

    Args:
        path: A YAML file such as params.yaml. Beside it lies analyses.yaml, or else in the
            current folder.

    Raises:
        InputError: naming the file, every wrong key, what was found and what is allowed.
    """
    given, beside = read_experiment(path), path.parent / ANALYSES_PATH
    analyses_path = beside if beside.exists() else ANALYSES_PATH
    measured = read_parameters(analyses_path)
    problems: list[str] = []
    experiment = validate(given, Experiment, path, problems)
    analyses = validate(measured, Analyses, analyses_path, problems)
    if experiment and not problems:
        problems = [f"{path}: {problem}" for problem in find_unknown_methods(experiment)]
    if problems or not (experiment and analyses):
        raise refuse(problems)
    params = combine(experiment, analyses)
    problems = [
        f"{path}: {problem}" for problem in (*find_lost_texts(given), *find_problems(params))
    ]
    problems += [
        f"{analyses_path}: {problem}"
        for problem in (*find_lost_texts(measured), *find_analysis_problems(params))
    ]
    if problems:
        raise refuse(problems)
    return params


def read_experiment(path: Path) -> Any:  # noqa: ANN401 - whatever YAML can hold
    """Read a file such as params.yaml, and fill in the defaults of what it leaves out.

    Raises:
        InputError: if it cannot be read, see `read_parameters`.
    """
    values = read_parameters(path)
    if not isinstance(values, dict):
        return values  # which validation refuses
    filled = {
        section: {name: _fill(item, default) for name, item in values[section].items()}
        for section, default in read_yaml(DEFAULTS_PATH).items()
        if isinstance(values.get(section), dict)
    }
    return values | filled


def complete(section: str, item: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the defaults of what an item of a section leaves out, such as of `datasets`."""
    return _fill(dict(item), read_yaml(DEFAULTS_PATH)[section])


def _fill(given: Any, default: Any) -> Any:  # noqa: ANN401 - whatever YAML can hold
    """Return what is given, a mapping with what it lacks from a default for the same choice.

    A list of defaults holds those of several choices, of which one has to be made, unless null is
    one of them.
    """
    if isinstance(given, dict) and isinstance(default, list):
        choices = [each for each in default if each is not None]
        default = next((each for each in choices if _choice(each) == _choice(given)), None)
    if not isinstance(given, dict) or not isinstance(default, dict):
        return given
    if given.get("name", default.get("name")) != default.get("name"):
        return given
    return {key: _fill(value, default.get(LIKE.get(key, key))) for key, value in given.items()} | {
        key: None if isinstance(value, list) else value
        for key, value in default.items()
        if key not in given and (not isinstance(value, list) or None in value)
    }


def _choice(section: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever YAML can hold
    return section.get("name", section.get("kind"))


def validate(
    values: Any,  # noqa: ANN401 - whatever YAML can hold
    kind: type[Read],
    path: Path,
    problems: list[str],
) -> Read | None:
    """Return what a file says; None where something is wrong, after adding that to `problems`.

    Args:
        values: What `read_yaml` read.
        kind: What they are to be.
        path: The file.
        problems: Added to, one line each.
    """
    try:
        # JSON mode is strict about types and still takes a sequence where a tuple is meant
        return kind.model_validate_json(json.dumps(values))
    except ValidationError as error:
        problems += [f"{path}: {explain(item, kind)}" for item in error.errors()]
    return None
