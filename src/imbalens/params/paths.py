"""Paths in params.yaml."""

import os
from pathlib import Path
from string import Template
from typing import Annotated

from pydantic import AfterValidator

from imbalens.errors import InputError


def _forward(text: str) -> str:
    return text.replace("\\", "/")


# Backslashes, as Windows writes them, become slashes, which Windows reads too: a file that names
# `models\x.pt` holds on every system.
PathText = Annotated[str, AfterValidator(_forward)]


def expand_path(text: str) -> Path:
    """Return a path with environment variables ($NAME) and ~ filled in.

    Raises:
        InputError: naming a variable that is not set.
    """
    try:
        return Path(Template(text).substitute(os.environ)).expanduser()
    except KeyError as error:
        name = error.args[0]
        raise InputError(
            f"{text}: environment variable {name} is not set; run: export {name}=<path>"
        ) from error
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"{text}: is not a path ({error}); allowed: a path, with variables as $NAME"
        ) from error
