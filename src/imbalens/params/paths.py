"""Paths in params.yaml."""

from typing import Annotated

from pydantic import AfterValidator


def _forward(text: str) -> str:
    return text.replace("\\", "/")


# Backslashes, as Windows writes them, become slashes, which Windows reads too: a file that names
# `models\x.pt` holds on every system.
PathText = Annotated[str, AfterValidator(_forward)]
