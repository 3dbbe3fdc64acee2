"""What every part of params.yaml is made of."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_ALLOWED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
MAX_NAME = 100  # characters: a file's name may have 255 bytes, and adds what it is a file of
_OF_WINDOWS = re.compile(r"(CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(\..*)?", re.IGNORECASE)


def check_name(name: str) -> str:
    """Return a name that is safe in a shell's command line, a file's name and DVC's keys.

    Raises:
        ValueError: if it is not; the message says what is allowed.
    """
    if len(name) > MAX_NAME:
        raise ValueError(f"allowed: at most {MAX_NAME} characters")
    if not _ALLOWED.fullmatch(name):
        raise ValueError("allowed: letters, digits, - and _, beginning with a letter or a digit")
    if _OF_WINDOWS.fullmatch(name):
        raise ValueError("allowed: any other name; Windows keeps this one for a device")
    if "." in name:
        raise ValueError("allowed: - or _ instead of the dot, which DVC reads as a further level")
    return name


Name = Annotated[str, AfterValidator(check_name)]

# Bounds are far from what anybody means, and near enough for memory and arithmetic.
MAX_NAMED = 1000  # of a section

Share = Annotated[float, Field(ge=0, lt=1)]

Factor = Annotated[float, Field(ge=1e-6, le=1e6)]

Count = Annotated[int, Field(ge=1, lt=2**31)]  # that something is compared with

BatchSize = Annotated[int, Field(ge=1, le=65_536)]

Neighbors = Annotated[int, Field(ge=1, le=1000)]

Resamples = Annotated[int, Field(ge=100, le=100_000)]  # a copy of the images' weights each

Epoch = Annotated[int, Field(ge=0, le=10_000)]

Seed = Annotated[int, Field(ge=0, lt=2**32)]

Split = Literal["train", "val", "test"]


class Section(BaseModel):
    """A part of params.yaml: unknown keys are errors, values are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
