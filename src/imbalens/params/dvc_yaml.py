"""YAML as DVC reads it, and what DVC's rewriting would not leave as it is.

DVC reads YAML 1.2 with ruamel.yaml; PyYAML by itself reads YAML 1.1, where 014 is 12 and not 14,
1:30 is 90, and `on` and `no` are booleans and not texts. `dvc exp run -S` rewrites the whole file,
without the quotes that 1.2 does not need.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Never

import yaml
from yaml.constructor import ConstructorError

from imbalens.errors import InputError

# libyaml: eight times as fast, and reads `[a?b]` and `{a:}` as ruamel.yaml does or not at all
_BASE: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
# what is no text to ruamel.yaml and how it begins: YAML 1.2's core schema, 0b1 and 1_000 besides
_SCALARS = {
    "bool": (r"(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    "int": (r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9_]+)$", "-+0123456789"),
    "float": (
        r"(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        "-+0123456789.",
    ),
}
_BASES = {"0b": 2, "0o": 8, "0x": 16}
# DVC does not read a tab everywhere; the others end lines in YAML 1.1 alone, or mark an encoding
_UNLIKE = re.compile("[\t\x85\u2028\u2029\ufeff]")
_QUOTED = re.compile(r"[:?]|.*:\?")  # ruamel.yaml writes it without quotes; no YAML without any
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


def read_yaml(path: Path) -> Any:  # noqa: ANN401 - whatever YAML can hold
    """Read a YAML file as DVC does.

    Raises:
        InputError: if it is absent, not UTF-8, not YAML, or has a date, or a key that stands
            twice or is no text.
    """
    return _read(path)[1]


def read_parameters(path: Path) -> Any:  # noqa: ANN401 - whatever YAML can hold
    """Read a YAML file that `dvc exp run -S` rewrites.

    Raises:
        InputError: as `read_yaml`, and naming what DVC reads otherwise, drops or cannot change.
    """
    text, values = _read(path)
    problems = list(_find_syntax(text))
    if problems:
        raise InputError("\n".join(f"{path}: {problem}" for problem in problems))
    return values


def parse_yaml(text: str) -> Any:  # noqa: ANN401 - whatever YAML can hold
    """Return what a YAML text holds, as DVC reads it.

    Raises:
        yaml.YAMLError: if it is not YAML, or has a date, or a key that stands twice or is no text.
    """
    return yaml.load(text, Loader=_Loader)


def format_yaml(value: Any, *, flow: bool | None = False, width: int = 80) -> str:  # noqa: ANN401
    """Return values as a YAML text that `parse_yaml` and DVC read back as they are.

    Args:
        value: Mappings, lists, texts, numbers and null; what stands in two places is written out.
        flow: Whether mappings and lists stand in braces and brackets; None for the innermost.
        width: Of a line, in characters, as far as it can be kept.
    """
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, default_flow_style=flow, width=width)


def find_lost_texts(value: Any, keys: tuple[str, ...] = ()) -> Iterator[str]:  # noqa: ANN401
    """Yield the texts that `dvc exp run -S` changes when it rewrites a file, or ends at.

    Args:
        value: What the file holds, or a part of it.
        keys: Where that part stands.
    """
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from find_lost_texts(item, (*keys, str(key)))
    elif isinstance(value, str):
        if "${" in value:
            remedy = re.sub(r"\$\{(\w+)\}", r"$\1", value)
            allowed = "a text without it" if "${" in remedy else repr(remedy)
            problem = f"which DVC's -S takes for another parameter's name; allowed: {allowed}"
        elif value == "???":
            problem = "which DVC's -S takes for a missing value; allowed: any other text"
        elif _QUOTED.match(value):
            problem = "whose quotes DVC's -S drops; allowed: a text without that : or ?"
        elif _UNPRINTABLE.search(value):
            problem = "which DVC's -S may break; allowed: one line without control characters"
        else:
            return
        yield f"{'.'.join(keys)}: found {value!r}, {problem}"


def _read(path: Path) -> tuple[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); copy one of profiles/ here"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text ({error}); save it as UTF-8") from error
    if "\0" in text:  # UTF-16 without a mark is valid UTF-8
        raise InputError(f"{path}: is UTF-16, or not text at all; save it as UTF-8")
    try:
        return text, parse_yaml(text)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not valid YAML: {error}") from error


def _find_syntax(text: str) -> Iterator[str]:
    """Yield what is written in a way that DVC reads otherwise, drops or cannot change."""
    for found in dict.fromkeys(_UNLIKE.findall(text)):
        name = "a tab" if found == "\t" else f"the character U+{ord(found):04X}"
        line = text[: text.index(found)].count("\n") + 1
        yield f"line {line}: holds {name}, which DVC reads otherwise; write a space"
    mappings: set[str | None] = set()  # names of those that an alias can share
    for event in yaml.parse(text, Loader=_Loader):
        place = f"line {event.start_mark.line + 1}"  # pyright: ignore[reportOptionalMemberAccess]
        if isinstance(event, yaml.DocumentStartEvent) and (event.version or event.tags):
            yield f"{place}: found a directive (%), which DVC drops; remove it"
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor in mappings:
                yield (
                    f"{place}: *{event.anchor} shares the mapping &{event.anchor}, of which "
                    "`dvc exp run -S` would change nothing, or more than it names; write it out"
                )
        elif isinstance(event, yaml.NodeEvent):
            if isinstance(event, yaml.MappingStartEvent):
                mappings.add(event.anchor)
            if tag := getattr(event, "tag", None):
                yield f"{place}: found the tag {tag.replace(_TAG, '!!')}; write the value without"


def _check_keys(node: yaml.Node, seen: set[yaml.Node]) -> None:
    """Refuse keys that stand twice in a mapping, and those that are read as no text."""
    if isinstance(node, yaml.ScalarNode) or node in seen:
        return
    seen.add(node)
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_keys(item, seen)
        return
    keys: set[str] = set()
    for key, item in node.value:
        _check_keys(item, seen)
        if not isinstance(key, yaml.ScalarNode):
            continue  # cannot be hashed, which the constructor reports
        if key.tag not in (f"{_TAG}str", f"{_TAG}merge"):
            _fail(key, f"key {key.value} is read as {_name(key)}; write '{key.value}'")
        if key.value in keys:
            _fail(key, f"key {key.value!r} stands twice")
        keys.add(key.value)


class _Loader(_BASE):
    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            _check_keys(node, set())
        return node


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the base class's name
        return True


def _construct_int(loader: _Loader, node: yaml.ScalarNode) -> int:
    sign, digits = _split_sign(loader, node)
    base = _BASES.get(digits[:2], 10)
    if sign < 0 and base != 10:  # which ruamel.yaml writes as 0o-7, with a tag
        _fail(node, f"found the number {node.value}; write it with digits alone")
    try:
        return sign * int(digits if base == 10 else digits[2:], base)
    except ValueError:  # such as 0x_
        _refuse(loader, node)


def _construct_float(loader: _Loader, node: yaml.ScalarNode) -> float:
    sign, digits = _split_sign(loader, node)
    try:
        return sign * float(digits.replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        _refuse(loader, node)


def _split_sign(loader: _Loader, node: yaml.ScalarNode) -> tuple[int, str]:
    text = loader.construct_scalar(node).replace("_", "").lower()
    return (-1 if text.startswith("-") else 1), text.removeprefix("-").removeprefix("+")


def _refuse(_: _Loader, node: yaml.Node) -> Never:
    _fail(node, f"found {_name(node)} {node.value}; write it in quotes")


def _name(node: yaml.Node) -> str:
    kind = node.tag.removeprefix(_TAG)
    names = {"timestamp": "the date", "null": "null", "bool": "true or false"}
    return names.get(kind, "the number" if kind in ("int", "float") else "the sign")


def _fail(node: yaml.Node, problem: str) -> Never:
    raise ConstructorError(None, None, problem, node.start_mark)


for _class in (_Loader, _Dumper):
    _class.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0].removeprefix(_TAG) not in _SCALARS]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    for _kind, (_pattern, _first) in _SCALARS.items():
        _class.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(_pattern), list(_first))
_Loader.add_constructor(f"{_TAG}int", _construct_int)
_Loader.add_constructor(f"{_TAG}float", _construct_float)
_Loader.add_constructor(f"{_TAG}timestamp", _refuse)
_Loader.add_constructor(f"{_TAG}value", _refuse)
