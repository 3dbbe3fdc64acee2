"""Results as values by place, and how two sets of results differ."""

import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from csv import reader
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from imbalens.errors import InputError

WORD = re.compile(r"[-+]?\d+\.\d+(?:e[-+]?\d+)?|\S+")
COMPARED = (".json", ".csv", ".md")


@dataclass(frozen=True)
class Difference:
    """One value of a result that is not as it was.

    Attributes:
        place: `file:key`, the key of a table being `line:column`.
        before: The value that is kept; None if there is none.
        now: The value computed now; None if there is none.
    """

    place: str
    before: object
    now: object


def read_values(folder: Path) -> dict[str, object]:
    """Read all results below a folder: JSON, CSV and Markdown.

    Numbers written with a decimal point or an exponent are floats, whole numbers stay as they
    are, all else is text.

    Returns:
        `file:key` to value, files relative to `folder`.

    Raises:
        InputError: if a file is damaged.
    """
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix in COMPARED and path.is_file():
            name = path.relative_to(folder).as_posix()
            try:
                pairs = list(parse(path.read_text(encoding="utf-8"), path.suffix))
            except ValueError as error:
                raise InputError(f"{path}: is damaged ({error}); write it again") from error
            found |= {f"{name}:{key}": value for key, value in pairs}
    return found


def read_if_whole(folder: Path) -> dict[str, object]:
    """Read all results below a folder; none if one is damaged, so that a change can mend it."""
    try:
        return read_values(folder)
    except InputError:
        return {}


def parse(text: str, suffix: str) -> Iterator[tuple[str, object]]:
    """Yield key and value of everything that a file of results holds, see `read_values`."""
    match suffix:
        case ".json":
            yield from flatten(json.loads(text))
        case ".csv":
            rows = list(reader(io.StringIO(text, newline="")))
            header = rows[0] if rows else []
            yield "columns", ", ".join(header)
            for line, row in enumerate(rows[1:], start=2):
                for column, cell in zip_longest(header, row):
                    yield f"{line}:{column}", _plain_value(cell or "")
        case _:
            for line, words in enumerate(text.splitlines(), start=1):
                for place, word in enumerate(WORD.findall(words)):
                    yield f"{line}:{place}", _plain_value(word)


def flatten(value: Any, key: str = "") -> Iterator[tuple[str, object]]:  # noqa: ANN401 - JSON
    """Yield dotted key and value of everything in nested mappings and lists."""
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    else:
        yield key, value
        return
    if not value:
        yield key, "empty"
    for name, item in pairs:
        yield from flatten(item, f"{key}.{name}" if key else str(name))


def _plain_value(text: str) -> object:
    if re.fullmatch(r"[-+]?\d+", text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def find_differences(
    before: Mapping[str, object],
    now: Mapping[str, object],
    *,
    relative: float,
    absolute: float,
) -> list[Difference]:
    """Return where two sets of results differ.

    Floats may lie apart by `relative` times the larger one, or by `absolute`, which a difference
    of equal numbers leaves of zero; whole numbers, texts and what is missing may not differ.
    """
    return [
        Difference(place, before.get(place), now.get(place))
        for place in sorted({*before, *now})
        if place not in before
        or place not in now
        or not _equal(before[place], now[place], relative, absolute)
    ]


def _equal(one: object, other: object, relative: float, absolute: float) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=relative, abs_tol=absolute)
    return type(one) is type(other) and one == other
