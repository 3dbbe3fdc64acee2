"""What every part of params.yaml is made of."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]  # DVC: no dots

Share = Annotated[float, Field(ge=0, lt=1)]

Count = Annotated[int, Field(ge=1, lt=2**31)]

Seed = Annotated[int, Field(ge=0, lt=2**32)]

Split = Literal["train", "val", "test"]


class Section(BaseModel):
    """A part of params.yaml: unknown keys are errors, values are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
