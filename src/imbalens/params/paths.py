"""Paths in params.yaml."""

import os
import re
from pathlib import Path
from string import Template
from typing import Annotated

from pydantic import AfterValidator

from imbalens.errors import InputError

MAX_PATH = 1000  # characters
_UNNAMEABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def check_path(text: str) -> str:
    """Return a path that files can have and that messages and results can hold.

    Raises:
        ValueError: if it is too long or has control characters, or half of a surrogate pair.
    """
    if len(text) > MAX_PATH:
        raise ValueError(f"needs at most {MAX_PATH} characters")
    if found := _UNNAMEABLE.search(text):
        raise ValueError(f"needs a path without the character U+{ord(found[0]):04X}")
    return text


def _forward(text: str) -> str:
    return text.replace("\\", "/")


# Backslashes, as Windows writes them, become slashes, which Windows reads too: a file that names
# `models\x.pt` holds on every system.
PathText = Annotated[str, AfterValidator(check_path), AfterValidator(_forward)]


def expand_path(text: str) -> Path:
    """Return a path with environment variables ($NAME) and ~ filled in.

    Raises:
        InputError: naming a variable that is not set, or if what they make is no path.
    """
    try:
        return Path(check_path(Template(text).substitute(os.environ))).expanduser()
    except KeyError as error:
        name = error.args[0]
        raise InputError(
            f"{text}: environment variable {name} is not set; run: export {name}=<path>"
        ) from error
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"{text}: is not a path ({error}); allowed: a path, with variables as $NAME"
        ) from error
