"""Paths of params.yaml, which end in calls of the operating system."""

import os
import sys

import pytest

from imbalens.errors import InputError
from imbalens.params.paths import expand_path
from tests.params.test_loading import at, load_changed

LONG = "needs at most 1000 characters"
REFUSED = {
    "a\0b": "needs a path without the character U+0000",
    "a\nb": "needs a path without the character U+000A",
    "a\x1b[31mb": "needs a path without the character U+001B",
    "a\u2028b": "needs a path without the character U+2028",
    "x" * 1001: LONG,
}
PLACES = {
    "methods.ce.checkpoint": lambda text: at("methods", "ce", checkpoint=text),
    "datasets.planted.source.root": lambda text: at(
        "datasets", "planted", source={"name": "folder", "root": text, "digest": None}
    ),
}


@pytest.mark.parametrize("key", PLACES)
@pytest.mark.parametrize("text", REFUSED, ids=REFUSED.values())
def test_a_path_that_no_file_has_is_refused(tmp_path, key, text):
    with pytest.raises(InputError) as caught:
        load_changed(tmp_path, PLACES[key](text))
    shown = repr(text) if len(text) < 100 else repr(text)[:100] + "..."
    assert str(caught.value) == (
        f"{tmp_path / 'params.yaml'}: {key}: found {shown}; {REFUSED[text]}"
    )


@pytest.mark.parametrize("text", ["data/é ü/\u3000x", "x" * 1000, "$HOME/\u0645"])
def test_a_path_in_any_language_is_taken(tmp_path, text):
    params = load_changed(tmp_path, PLACES["methods.ce.checkpoint"](text))
    assert params.methods["ce"].checkpoint == text


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("a\nb", "needs a path without the character U+000A"),
        ("x" * 1001, LONG),
        pytest.param(
            os.fsdecode(b"\xff"),
            "needs a path without the character U+DCFF",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="variables are UTF-16"),
        ),
    ],
)
def test_a_variable_that_holds_no_path_is_refused(monkeypatch, value, problem):
    monkeypatch.setenv("PLACE", value)
    with pytest.raises(InputError) as caught:
        expand_path("$PLACE/w.pt")
    assert str(caught.value) == (
        f"$PLACE/w.pt: is not a path ({problem}); allowed: a path, with variables as $NAME"
    )


def test_a_backslash_of_a_variable_stays(monkeypatch):
    monkeypatch.setenv("PLACE", "a\\b")
    assert str(expand_path("$PLACE")) == "a\\b"
