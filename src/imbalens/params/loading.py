"""Reading an experiment: typed, strict and frozen, with every mistake named at once."""

import json
import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from imbalens.errors import InputError
from imbalens.params.analyses import Analyses
from imbalens.params.base import Section
from imbalens.params.checks import (
    find_analysis_problems,
    find_problems,
    find_unknown_methods,
)
from imbalens.params.errors import explain
from imbalens.params.experiment import Experiment, Params, combine

PARAMS_PATH = Path("params.yaml")
ANALYSES_PATH = Path("analyses.yaml")
DEFAULTS_PATH = Path(__file__).with_name("defaults.yaml")

Read = TypeVar("Read", bound=Section)


def load_params(path: Path = PARAMS_PATH) -> Params:
    """Read and validate an experiment and how it is measured.

    Args:
        path: A YAML file such as params.yaml. Beside it lies analyses.yaml, or else in the
            current folder.

    Raises:
        InputError: naming the file, every wrong key, what was found and what is allowed.
    """
    beside = path.with_name(ANALYSES_PATH.name)
    analyses_path = beside if beside.exists() else ANALYSES_PATH
    problems: list[str] = []
    experiment = _validate(read_experiment(path), Experiment, path, problems)
    analyses = _validate(read_yaml(analyses_path), Analyses, analyses_path, problems)
    if experiment and not problems:
        problems = [f"{path}: {problem}" for problem in find_unknown_methods(experiment)]
    if problems or not (experiment and analyses):
        raise InputError("\n".join(problems))
    params = combine(experiment, analyses)
    problems = [f"{path}: {problem}" for problem in find_problems(params)]
    problems += [f"{analyses_path}: {problem}" for problem in find_analysis_problems(params)]
    if problems:
        raise InputError("\n".join(problems))
    return params


def read_experiment(path: Path) -> Any:  # noqa: ANN401 - whatever YAML can hold
    """Read a file such as params.yaml, and fill in the defaults of what it leaves out.

    Raises:
        InputError: if it cannot be read, see `read_yaml`.
    """
    values = read_yaml(path)
    if not isinstance(values, dict):
        return values  # which validation refuses
    filled = {
        section: {name: _fill(item, default) for name, item in values[section].items()}
        for section, default in read_yaml(DEFAULTS_PATH).items()
        if isinstance(values.get(section), dict)
    }
    return values | filled


def _fill(given: Any, default: Any) -> Any:  # noqa: ANN401 - whatever YAML can hold
    """Return what is given, a mapping with what it lacks from a default for the same choice."""
    if not isinstance(given, dict) or not isinstance(default, dict):
        return given
    if given.get("name", default.get("name")) != default.get("name"):
        return given
    return {key: _fill(value, default.get(key)) for key, value in given.items()} | {
        key: value for key, value in default.items() if key not in given
    }


def _validate(
    values: Any,  # noqa: ANN401 - whatever YAML can hold
    kind: type[Read],
    path: Path,
    problems: list[str],
) -> Read | None:
    """Return what a file says; None where something is wrong, after adding that to `problems`."""
    try:
        # JSON mode is strict about types and still takes a sequence where a tuple is meant
        return kind.model_validate_json(json.dumps(values))
    except ValidationError as error:
        problems += [f"{path}: {explain(item, kind)}" for item in error.errors()]
    except (TypeError, ValueError) as error:
        problems.append(
            f"{path}: holds something other than texts, numbers, lists and mappings ({error})"
        )
    return None


def read_yaml(path: Path) -> Any:  # noqa: ANN401 - whatever YAML can hold
    """Read a YAML file, numbers as DVC reads them.

    Raises:
        InputError: if it is absent, not UTF-8, not YAML, or has a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); experiments lie in profiles/, "
            "and `git checkout` restores a file"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text ({error}); save it as UTF-8") from error
    if "\0" in text:  # UTF-16 without a mark is valid UTF-8
        raise InputError(f"{path}: is UTF-16, or not text at all; save it as UTF-8")
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not valid YAML: {error}") from error


def format_yaml(values: Any) -> str:  # noqa: ANN401 - whatever YAML can hold
    """Return the text of a file that `read_yaml` reads as these values."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=99)


class _Loader(yaml.SafeLoader):
    """YAML with 1e-4 as a number, as DVC reads it; a repeated key or a date is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # cannot be hashed, which the base class reports
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def refuse_date(self, node: yaml.Node) -> None:
        raise yaml.constructor.ConstructorError(
            None, None, f"found the date {node.value}; write it in quotes", node.start_mark
        )


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.refuse_date)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


class _Dumper(yaml.SafeDumper):
    """Quotes texts that `_Loader` would take for something else; repeats instead of aliases."""

    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - nothing is shared
        return True
