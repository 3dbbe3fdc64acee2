"""Reading an experiment: typed, strict and frozen, with every mistake named at once."""

import json
from pathlib import Path

from pydantic import ValidationError

from imbalens.errors import InputError
from imbalens.params.checks import find_problems
from imbalens.params.dvc_yaml import find_lost_texts, read_parameters
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
    raw = read_parameters(path)
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
    problems = [*find_lost_texts(raw), *find_problems(params)]
    if problems:
        raise InputError("\n".join(f"{path}: {problem}" for problem in problems))
    return params
