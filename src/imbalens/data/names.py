"""Names of classes and images, which tables, pages and terminals show."""

import unicodedata
from collections.abc import Sequence

from imbalens.errors import InputError
from imbalens.params.errors import shown

MAX_CLASSES = 2**15
MAX_LENGTH = 255  # characters of a class name, or of a value in a table of images
NAMED = 5  # names in a message
# controls and ends of lines; zero widths and directions; lone surrogates, which are no text
UNSEEN = {"Cc", "Zl", "Zp", "Cf", "Cs"}
JOINERS = "\u200c\u200d"  # between letters, which several scripts, and emoji, need them for
WITHOUT = dict.fromkeys(map(ord, JOINERS))


def check_class_names(place: str, names: Sequence[str]) -> None:
    """Refuse names that cannot be shown, or told from each other.

    Names that differ only in how accents are encoded (Unicode NFC) look alike and count as one.

    Args:
        place: Where they came from, for messages.
        names: Name of each class, in label order.

    Raises:
        InputError: naming the first wrong one and its position.
    """
    if len(names) > MAX_CLASSES:
        raise InputError(
            f"{place}: found {len(names):,} classes; allowed: at most {MAX_CLASSES:,}"
        )
    seen: dict[str, int] = {}
    for position, name in enumerate(names):
        problem = _find_problem(name)
        if problem:
            raise InputError(f"{place}: name of class {position}, {shown(name)}, {problem}")
        looks = "".join(each for each in name if each not in JOINERS)
        first = seen.setdefault(composed(looks), position)
        if first != position:
            one = shown(name) if name == names[first] else f"{names[first]!a} or {name!a}"
            raise InputError(
                f"{place}: classes {first} and {position} have one name, {one}; allowed: names "
                "that look different"
            )


def composed(name: str) -> str:
    """Return the one spelling of a name that Unicode may have several of (NFC)."""
    return unicodedata.normalize("NFC", name)


def first_names(names: Sequence[str]) -> str:
    """Return names for a message, the first of many and how many there are."""
    first = ", ".join(names[:NAMED])
    return first if len(names) <= NAMED else f"{first}, ... ({len(names):,} in all)"


def escape_unseen(name: str) -> str:
    r"""Write characters that nobody sees, or that end a line, as escapes such as \n."""
    if name.isprintable():  # as most are, and then there is nothing to do
        return name
    return "".join(
        each
        if each in JOINERS or not _is_unseen(each)
        else each.encode("unicode_escape").decode("ascii")
        for each in name
    )


def _find_problem(name: str) -> str | None:
    if not name.strip():
        return "is empty; give one"
    if len(name) > MAX_LENGTH:
        return f"has {len(name):,} characters; allowed: at most {MAX_LENGTH}"
    if name != name.strip():
        return "begins or ends with a blank; take it away"
    for character in filter(_is_unseen, name[0] + name[1:-1].translate(WITHOUT) + name[-1]):
        return f"has {character!a}; allowed: visible characters and blanks"
    return None


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in UNSEEN
