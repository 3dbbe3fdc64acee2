"""Saying what is wrong in params.yaml: key, what was found, what is allowed."""

import difflib
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from imbalens.errors import InputError, escape

MAX_SHOWN = 100  # characters of what was found
MAX_LISTED = 100  # problems of a file, and names that are allowed


def shown(found: object) -> str:
    """Return what was found as Python writes it, the beginning of what is long."""
    return _cut(repr(found))


def shown_text(text: str) -> str:
    """Return a text without quotes, escaped where it cannot be printed, its beginning if long."""
    return _cut(escape(text[: 2 * MAX_SHOWN]))


def listed(names: Iterable[str]) -> str:
    """Return the names that are allowed, the first of many."""
    first = list(islice(names, MAX_LISTED + 1))
    return ", ".join(first[:MAX_LISTED]) + (", ..." if len(first) > MAX_LISTED else "")


def refuse(problems: Sequence[str]) -> InputError:
    """Return an error that says all problems, the first of many."""
    more = len(problems) - MAX_LISTED
    rest = [f"... and {more:,} more"] if more > 0 else []
    return InputError("\n".join([*problems[:MAX_LISTED], *rest]))


def explain(error: ErrorDetails, root: type[BaseModel]) -> str:
    """Say one validation error in one line.

    Args:
        error: As pydantic reports it.
        root: The model that was validated.
    """
    keys, owner = _locate(error["loc"], root)
    found, context = error["input"], error.get("ctx", {})
    if keys[-1:] == ["[key]"]:  # how pydantic marks a name that is wrong itself
        name, why = shown(found), error["msg"].removeprefix("Value error, ")
        return f"{_join(keys[:-2])}: found the name {name}; {why}"
    place = _join(keys) or "the whole file"
    match error["type"]:
        case "extra_forbidden":
            known = list(owner.model_fields) if owner else []
            close = difflib.get_close_matches(str(keys[-1])[:MAX_SHOWN], known, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            return f"{place}: unknown key; {hint}allowed: {', '.join(known)}"
        case "missing":
            return f"{place}: is missing"
        case "union_tag_invalid":
            tag = context["discriminator"].strip("'")
            allowed = context["expected_tags"]
            return f"{place}.{tag}: found {shown(context['tag'])}; allowed: {allowed}"
        case "union_tag_not_found":
            tag = context["discriminator"].strip("'")
            allowed = ", ".join(map(repr, _choices(owner, str(keys[-1]))))
            return f"{place}: has no {tag}; found {shown(found)}; allowed as {tag}: {allowed}"
        case _:
            return f"{place}: found {shown(found)}; {error['msg'].removeprefix('Value error, ')}"


def _join(keys: Iterable[int | str]) -> str:
    return ".".join(shown_text(str(key)) for key in keys)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _locate(
    loc: tuple[int | str, ...], root: type[BaseModel]
) -> tuple[list[int | str], type[BaseModel] | None]:
    """Return the path of keys, without pydantic's union tags, and the model of the last key."""
    keys: list[int | str] = []
    owner: type[BaseModel] | None = None
    annotation: Any = root
    for part in loc:
        if get_origin(annotation) in (dict, tuple):  # a name or a position
            keys.append(part)
            annotation = get_args(annotation)[get_origin(annotation) is dict]
            continue
        models = _models(annotation)
        tagged = [model for model in models if part in tags(model)]
        if tagged:
            annotation = tagged[0]
            continue
        keys.append(part)
        owner = models[0] if models else None
        field = owner.model_fields.get(str(part)) if owner else None
        annotation = field.annotation if field else None
    return keys, owner


def _models(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - a type annotation
    """All models that an annotation mentions, at any depth of unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _choices(owner: type[BaseModel] | None, key: str) -> list[str]:
    """Tags of all models that may stand under a key."""
    models = _models(owner.model_fields[key].annotation) if owner else []
    return [tag for model in models for tag in tags(model)]


def tags(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the names, or kinds, that stand for a model in a union; none if it is in no union."""
    field = model.model_fields.get("name") or model.model_fields.get("kind")
    return get_args(field.annotation) if field else ()
