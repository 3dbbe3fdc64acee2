import numpy as np
import pytest

from imbalens.data.names import MAX_CLASSES, check_class_names, escape_unseen
from imbalens.data.source import Source, SourceSplit
from imbalens.errors import InputError


@pytest.mark.parametrize(
    "name",
    ["cat", "größe", "No Finding", "a/b|c, d", "鳥", "\\xff", "👩", "می\u200cخو", "👨\u200d⚕"],
)
def test_a_name_that_can_be_shown_is_allowed(name):
    check_class_names("some", ["x", name])


UNSEEN = {
    "carriage return": "\r",
    "line end": "\n",
    "null": "\0",
    "delete": "\x7f",
    "next line": "\x85",
    "zero width": "\u200b",
    "soft hyphen": "\xad",
    "direction": "\u202e",
    "mark": "\ufeff",
    "line separator": "\u2028",
    "paragraph": "\u2029",
    "surrogate": "\ud800",
}


@pytest.mark.parametrize("character", UNSEEN.values(), ids=UNSEEN)
def test_a_character_that_nobody_sees_is_named_with_the_class(character):
    with pytest.raises(InputError) as caught:
        check_class_names("some/file", ["ape", f"c{character}t"])
    assert str(caught.value) == (
        f"some/file: name of class 1, 'c{ascii(character)[1:-1]}t', has {character!a}; "
        "allowed: visible characters and blanks"
    )
    escaped = escape_unseen(f"c{character}t")
    assert escaped == f"c{ascii(character)[1:-1]}t"
    check_class_names("some/file", ["ape", escaped])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", ""], "name of class 1, '', is empty; give one"),
        ([" \u3000"], r"name of class 0, ' \u3000', is empty"),
        (["cat", "cat "], "name of class 1, 'cat ', begins or ends with a blank"),
        (["\u00a0cat"], r"name of class 0, '\xa0cat', begins or ends with a blank"),
        (["a" * 256], f"name of class 0, '{'a' * 90}"),
        (["a", "b", "a"], "classes 0 and 2 have one name, 'a'; allowed: names that look diff"),
        (["é", "e\u0301"], r"classes 0 and 1 have one name, '\xe9' or 'e\u0301'; allowed"),
        (["a"] * (MAX_CLASSES + 1), "found 32,769 classes; allowed: at most 32,768"),
    ],
)
def test_wrong_names_are_named(names, message):
    with pytest.raises(InputError) as caught:
        check_class_names("some/file", names)
    assert str(caught.value).startswith(f"some/file: {message}")


@pytest.mark.parametrize("name", ["\u200d", "c\u200d", "\u200ccat"])
def test_a_joiner_joins_something(name):
    with pytest.raises(InputError, match=r"name of class 0, .*, has '\\u200"):
        check_class_names("some/file", [name])


def test_names_that_differ_in_a_joiner_alone_look_alike():
    with pytest.raises(InputError, match=r"classes 0 and 1 have one name, 'cat' or 'c\\u200dat'"):
        check_class_names("some/file", ["cat", "c\u200dat"])


def test_every_source_has_its_class_names_checked():
    images = SourceSplit(np.array([0]), ["a"], lambda p: np.zeros((len(p), 8, 8, 3), np.uint8))
    with pytest.raises(InputError, match="memory: name of class 1"):
        Source("memory", ("a", "b\r"), images, images)


def test_of_all_characters_one_line_is_left_that_can_be_written():
    codes = [*range(0x3100), *range(0xD700, 0xE100), *range(0xFE00, 0x10100)]
    line = escape_unseen("".join(map(chr, codes)))
    assert len(line.splitlines()) == 1
    assert line.encode("utf-8")
    assert not set(line) & set(map(chr, range(32)))
