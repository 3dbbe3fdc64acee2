"""Reading an experiment: typed, strict and frozen, with every mistake named at once."""

import json
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from imbalens.errors import InputError
from imbalens.params.checks import find_problems
from imbalens.params.errors import explain
from imbalens.params.experiment import Params

PARAMS_PATH = Path("params.yaml")


def load_params(path: Path = PARAMS_PATH) -> Params:
    """Read and validate an experiment.

    Args:
        path: A YAML file such as params.yaml.

    Raises:
        InputError: naming the file, every wrong key, what was found and what is allowed.
    """
    raw = read_yaml(path)
    try:
        # JSON mode is strict about types and still takes a sequence where a tuple is meant
        params = Params.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        problems = [explain(item, Params) for item in error.errors()]
        raise InputError("\n".join(f"{path}: {problem}" for problem in problems)) from None
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{path}: holds something other than texts, numbers, lists and mappings ({error})"
        ) from error
    problems = find_problems(params)
    if problems:
        raise InputError("\n".join(f"{path}: {problem}" for problem in problems))
    return params


def read_yaml(path: Path) -> Any:  # noqa: ANN401 - whatever YAML can hold
    """Read a YAML file, numbers as DVC reads them.

    Raises:
        InputError: if it is absent, not UTF-8, not YAML, or has a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); copy one of profiles/ here"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text ({error}); save it as UTF-8") from error
    if "\0" in text:  # UTF-16 without a mark is valid UTF-8
        raise InputError(f"{path}: is UTF-16, or not text at all; save it as UTF-8")
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not valid YAML: {error}") from error


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
