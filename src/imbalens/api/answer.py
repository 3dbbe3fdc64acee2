"""What a question that is asked from Python returns, and how it refuses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from inspect import signature
from math import isfinite
from numbers import Integral, Real
from typing import (
    Any,
    Generic,
    Literal,
    ParamSpec,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from imbalens.errors import InputError
from imbalens.params.base import Section
from imbalens.params.errors import shown
from imbalens.store.files import jsonable

Found = TypeVar("Found")
Given = ParamSpec("Given")


@dataclass(frozen=True)
class Answer(Generic[Found]):
    """What a question found.

    Attributes:
        result: Arrays as `imbalens.analysis` returns them, classes in the order of `names`.
        names: Name of each class, that of images without any label included, or of each label.
    """

    result: Found = field(repr=False)
    names: tuple[str, ...]
    _metrics: Callable[[], Mapping[str, Any]] = field(repr=False)
    _tables: Mapping[str, Callable[[], pd.DataFrame]] = field(repr=False)

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures that the stage of the same name writes; None where one is not defined."""
        return jsonable(self._metrics())

    @property
    def tables(self) -> tuple[str, ...]:
        """What the tables are called."""
        return tuple(self._tables)

    def table(self, name: str | None = None) -> pd.DataFrame:
        """Return the table of that name, by default the first; classes stand head first.

        Raises:
            InputError: if there is none of that name.
        """
        chosen = self.tables[0] if name is None else name
        if chosen not in self._tables:
            raise InputError(f"table: found {chosen!r}; allowed: {', '.join(self.tables)}")
        return self._tables[chosen]().reset_index(drop=True)


def question(ask: Callable[Given, Found]) -> Callable[Given, Found]:
    """Make whatever is wrong with what users give an `InputError`.

    That includes words of a choice, and options that are to be whole or finite numbers.
    """
    hints = get_type_hints(ask)
    choices = {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}

    @wraps(ask)
    def answer(*args: Given.args, **options: Given.kwargs) -> Found:
        given = signature(ask).bind(*args, **options).arguments
        for name in given.keys() & choices.keys():
            if given[name] not in choices[name]:
                allowed = ", ".join(map(str, choices[name]))
                raise InputError(f"{name}: found {given[name]!r}; allowed: {allowed}")
        for name, value in given.items():
            wanted = _wanted_number(hints[name], value)
            if wanted:
                raise InputError(f"{name}: found {value!r}; allowed: {wanted}")
        try:
            return ask(*args, **options)
        except InputError:
            raise
        except ValueError as error:
            raise InputError(str(error)) from error

    return answer


def require_bounds(section: type[Section], keys: Mapping[str, str], **options: int) -> None:
    """Refuse options outside of the bounds that a stage's parameters have.

    Args:
        section: The parameters.
        keys: What an option is called there, where that is not its own name.
        options: Their values.

    Raises:
        InputError: naming the first.
    """
    for name, value in options.items():
        field = section.model_fields[keys.get(name, name)]
        try:
            TypeAdapter(field.rebuild_annotation()).validate_python(value)
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise InputError(f"{name}: found {shown(value)}; {problem}") from error


def _wanted_number(hint: object, value: object) -> str:
    """Say what an option must be instead of its value; empty if it may be that."""
    if value is None and hint in (int | None, float | None):
        return ""
    if hint in (int, int | None) and (not isinstance(value, Integral) or isinstance(value, bool)):
        return "a whole number"
    if hint in (float, float | None):
        known = isinstance(value, Real) and not isinstance(value, bool) and isfinite(float(value))
        return "" if known else "a finite number"
    return ""
