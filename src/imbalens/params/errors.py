"""Saying what is wrong in params.yaml: key, what was found, what is allowed."""

import difflib
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails


def explain(error: ErrorDetails, root: type[BaseModel]) -> str:
    """Say one validation error in one line.

    Args:
        error: As pydantic reports it.
        root: The model that was validated.
    """
    keys, owner = _locate(error["loc"], root)
    found, context = error["input"], error.get("ctx", {})
    if keys[-1:] == ["[key]"]:  # how pydantic marks a name that is wrong itself
        section = ".".join(str(key) for key in keys[:-2])
        return f"{section}: found the name {found!r}; {error['msg'].removeprefix('Value error, ')}"
    place = ".".join(str(key) for key in keys) or "the whole file"
    match error["type"]:
        case "extra_forbidden":
            known = list(owner.model_fields) if owner else []
            close = difflib.get_close_matches(str(keys[-1]), known, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            return f"{place}: unknown key; {hint}allowed: {', '.join(known)}"
        case "missing":
            return f"{place}: is missing"
        case "union_tag_invalid":
            tag = context["discriminator"].strip("'")
            return f"{place}.{tag}: found {context['tag']!r}; allowed: {context['expected_tags']}"
        case "union_tag_not_found":
            tag = context["discriminator"].strip("'")
            allowed = ", ".join(map(repr, _choices(owner, str(keys[-1]))))
            return f"{place}: has no {tag}; found {found!r}; allowed as {tag}: {allowed}"
        case _:
            return f"{place}: found {found!r}; {error['msg'].removeprefix('Value error, ')}"


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
