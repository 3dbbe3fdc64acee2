"""YAML as DVC reads it, and what DVC's rewriting would not leave as it is.

DVC reads YAML 1.2 with ruamel.yaml; PyYAML by itself reads YAML 1.1, where 014 is 12 and not 14,
1:30 is 90, and `on` and `no` are booleans and not texts. `dvc exp run -S` rewrites the whole file,
without the quotes that 1.2 does not need.
"""

import errno
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Never

import yaml

from imbalens.errors import InputError
from imbalens.params.errors import refuse, shown, shown_text

MAX_CHARACTERS = 500_000  # of a file: params.yaml with a thousand runs and methods has fewer
MAX_DEPTH = 50  # of mappings and lists in one another
MAX_REPEATED = 10_000  # values that aliases stand for, each counted as often as it is read
MAX_DIGITS = 100  # characters of a number

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
        InputError: if it is absent, no file, longer than `MAX_CHARACTERS`, not UTF-8, or not what
            `parse_yaml` takes.
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
        raise refuse([f"{path}: {problem}" for problem in problems])
    return values


def parse_yaml(text: str) -> Any:  # noqa: ANN401 - whatever YAML can hold
    """Return what a YAML text holds, as DVC reads it.

    Raises:
        yaml.YAMLError: if it is not YAML, or has a date, a tag, or a key that stands twice or is
            no text, or exceeds `MAX_DEPTH`, `MAX_REPEATED` or `MAX_DIGITS`.
    """
    _check_events(text)
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
            allowed = "a text without it" if "${" in remedy else shown(remedy)
            problem = f"which DVC's -S takes for another parameter's name; allowed: {allowed}"
        elif value == "???":
            problem = "which DVC's -S takes for a missing value; allowed: any other text"
        elif _QUOTED.match(value):
            problem = "whose quotes DVC's -S drops; allowed: a text without that : or ?"
        elif _UNPRINTABLE.search(value):
            problem = "which DVC's -S may break; allowed: one line without control characters"
        else:
            return
        yield f"{'.'.join(keys)}: found {shown(value)}, {problem}"


def _read(path: Path) -> tuple[str, Any]:
    try:
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "it is a folder, a pipe or a device")
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(MAX_CHARACTERS + 1)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); copy one of profiles/ here"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text ({error}); save it as UTF-8") from error
    except ValueError as error:  # a null character
        raise InputError(f"{path}: is no path ({error}); name a file") from error
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"{path}: has more than {MAX_CHARACTERS:,} characters; shorten it")
    if "\0" in text:  # UTF-16 without a mark is valid UTF-8
        raise InputError(f"{path}: is UTF-16, or not text at all; save it as UTF-8")
    try:
        return text, parse_yaml(text)
    except _RefusedError as error:
        raise InputError(f"{path}: {error}") from error
    except yaml.YAMLError as error:
        lines = "\n".join(map(shown_text, str(error).splitlines()))
        raise InputError(f"{path}: is not valid YAML: {lines}") from error


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
        elif isinstance(event, yaml.MappingStartEvent):
            mappings.add(event.anchor)
        elif isinstance(event, yaml.AliasEvent) and event.anchor in mappings:
            name = shown_text(str(event.anchor))
            yield (
                f"{place}: *{name} shares the mapping &{name}, of which `dvc exp run -S` would "
                "change nothing, or more than it names; write it out"
            )


def _check_events(text: str) -> None:
    """Refuse tags, and what takes long or goes deep, before anything is made of it."""
    around: list[tuple[str | None, int]] = []  # anchor, and how many values stand before it
    sizes: dict[str | None, int] = {}  # values that an anchor stands for
    n_values = n_repeated = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in (anchor for anchor, _ in around):
                name = shown_text(str(event.anchor))
                _fail(event, f"*{name} stands in &{name}, which it repeats; write it out")
            size = sizes.get(event.anchor, 0)  # 0: of none, which the composer reports
            n_values, n_repeated = n_values + size, n_repeated + size
            if n_repeated > MAX_REPEATED:
                _fail(event, f"aliases repeat more than {MAX_REPEATED:,} values; write them out")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = around.pop()
            sizes[anchor] = n_values - before
        elif isinstance(event, yaml.CollectionStartEvent | yaml.ScalarEvent):
            if event.tag:
                tag = shown_text(event.tag.replace(_TAG, "!!"))
                _fail(event, f"found the tag {tag}; write the value without")
            if isinstance(event, yaml.CollectionStartEvent):
                around.append((event.anchor, n_values))
            n_values += 1
            sizes[event.anchor] = 1
            if len(around) > MAX_DEPTH:
                _fail(event, f"lists and mappings stand more than {MAX_DEPTH} deep; allowed: less")


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
            text = shown_text(key.value)
            _fail(key, f"key {text} is read as {_name(key)}; write '{text}'")
        if key.value in keys:
            _fail(key, f"key {shown(key.value)} stands twice")
        keys.add(key.value)


class _RefusedError(yaml.YAMLError):
    """YAML that is not taken here."""


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
    if len(node.value) > MAX_DIGITS:
        _refuse(loader, node)
    text = loader.construct_scalar(node).replace("_", "").lower()
    return (-1 if text.startswith("-") else 1), text.removeprefix("-").removeprefix("+")


def _refuse(_: _Loader, node: yaml.ScalarNode) -> Never:
    _fail(node, f"found {_name(node)} {shown_text(node.value)}; write it in quotes")


def _name(node: yaml.Node) -> str:
    kind = node.tag.removeprefix(_TAG)
    names = {"timestamp": "the date", "null": "null", "bool": "true or false"}
    return names.get(kind, "the number" if kind in ("int", "float") else "the sign")


def _fail(found: yaml.Node | yaml.Event, problem: str) -> Never:
    line = found.start_mark.line + 1  # pyright: ignore[reportOptionalMemberAccess]
    raise _RefusedError(f"line {line}: {problem}")


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
