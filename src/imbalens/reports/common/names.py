"""Names as figures show them: safe to draw, short, and still told apart."""

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile

WIDTH = 24  # characters of the longest name that is drawn whole


def plain(name: object, *, width: int = WIDTH) -> str:
    """Return a name on one line, no longer than `width`: a long one loses its middle.

    Names that stand together are for `shorten`, which keeps them apart.
    """
    text = " ".join(str(name).split())
    if len(text) <= width:
        return text
    front, back = width // 2, (width - 1) // 2
    return f"{text[:front]}…{text[len(text) - back :]}"


def shorten(names: Iterable[str], *, width: int = WIDTH) -> dict[str, str]:
    """Shorten names that stand together so that no two become one.

    Of names that would, what they have in common goes first; where that is not enough they are
    numbered.

    Args:
        names: Any names.
        width: Characters that each may have, at least 8.

    Returns:
        What is shown of each.
    """
    found = {name: plain(name, width=width) for name in names}
    for alike in _alike(found):
        found |= {name: _told_apart(name, alike, width) for name in alike}
    for alike in _alike(found):
        for name in alike:
            number = 1
            while (text := _numbered(found[name], number, width)) in found.values():
                number += 1
            found[name] = text
    return found


def short_names(runs: Sequence[str]) -> list[str]:
    """Shorten names of runs, without the hyphenated parts that all begin with.

    Args:
        runs: Names of the runs drawn; those of a dataset often differ only in how they end.

    Returns:
        One name per run, all of them without the same beginning if some are too long to be drawn
        whole.
    """
    if len(runs) < 2 or max(len(run) for run in runs) <= WIDTH:
        return list(runs)
    parts = [run.split("-") for run in runs]
    shared = [len(set(column)) == 1 for column in zip(*parts, strict=False)]
    n_shared = [*shared[:-1], False].index(False)  # the last part stays
    ends = ["-".join(part[n_shared:]) for part in parts]
    shown = shorten(ends)
    return [shown[end] for end in ends]


def _alike(found: dict[str, str]) -> list[list[str]]:
    """Return the names of which the same is shown, group by group."""
    groups: dict[str, list[str]] = {}
    for name, text in found.items():
        groups.setdefault(text, []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def _told_apart(name: str, others: Sequence[str], width: int) -> str:
    """Cut a name around the part in which it differs from others, whole words if they fit."""
    texts = [" ".join(other.split()) for other in others]
    text = " ".join(name.split())
    start = _n_shared(texts)
    end = _n_shared([other[start:][::-1] for other in texts])
    head, tail = text[:start], text[len(text) - end :]
    word = re.split("[^A-Za-z0-9]", head)[-1], re.split("[^A-Za-z0-9]", tail)[0]
    if len(text) - len(head) - len(tail) + len("".join(word)) <= width - 2:
        start, end = start - len(word[0]), end - len(word[1])
    own = text[start : len(text) - end]
    room = width - len(own) - 2
    if room < 0:
        return plain(own, width=width)
    back = min(end, max(room // 2, room - start))
    front = room - back
    before = "…" if front < start else ""
    after = "…" if back < end else ""
    return f"{text[:front]}{before}{own}{after}{text[len(text) - back :]}"


def _n_shared(texts: Sequence[str]) -> int:
    """Return how many characters all texts begin with."""
    return len(list(takewhile(lambda signs: len(set(signs)) == 1, zip(*texts, strict=False))))


def _numbered(text: str, number: int, width: int) -> str:
    sign = f" #{number}"
    return plain(text, width=width - len(sign)) + sign
