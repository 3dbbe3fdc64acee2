"""Names of params.yaml, which become parts of commands, paths and keys."""

import re

import pytest

from imbalens.errors import InputError
from tests.params.test_loading import SHIPPED, load_changed

SECTIONS = ("datasets", "methods", "runs", "recipes", "false_positives")
LETTERS = "allowed: letters, digits, - and _, beginning with a letter or a digit"
DEVICE = "allowed: any other name; Windows keeps this one for a device"
DOT = "allowed: - or _ instead of the dot, which DVC reads as a further level"
REFUSED = {
    "d; touch pwned": LETTERS,
    "$(touch pwned)": LETTERS,
    "`touch pwned`": LETTERS,
    "a b": LETTERS,
    "-rf": LETTERS,
    "a|b": LETTERS,
    "a&b": LETTERS,
    "a\nb": LETTERS,
    "a\n": LETTERS,
    "'": LETTERS,
    "..": LETTERS,
    "../a": LETTERS,
    "a/b": LETTERS,
    "a\\b": LETTERS,
    ".a": LETTERS,
    "_a": LETTERS,
    "": LETTERS,
    "\u00e9": LETTERS,
    "a\u0660": LETTERS,
    "NUL": DEVICE,
    "con": DEVICE,
    "Con.txt": DEVICE,
    "aux.tar.gz": DEVICE,
    "COM0": DEVICE,
    "lpt9": DEVICE,
    "a.b": DOT,
    "a.": DOT,
    "a" * 101: "allowed: at most 100 characters",
}


def add(section, name):
    """A change: the section's first item once more, under `name`."""

    def change(values):
        item = next(iter(values[section].values()))
        new = {"runs": {"seed": 99}, "methods": {"model": {"name": "resnet14"}}}
        values[section][name] = item | new.get(section, {})

    return change


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_is_unsafe_is_refused(tmp_path, section, name):
    with pytest.raises(InputError) as caught:
        load_changed(tmp_path, add(section, name))
    shown = repr(name) if len(name) < 100 else repr(name)[:100] + "..."
    message = f"{tmp_path / 'params.yaml'}: {section}: found the name {shown}; {REFUSED[name]}"
    assert str(caught.value) == message


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize(
    "name", ["a", "0", "A-b_c-9", "CONSOLE", "com10", "nul-1", "2024-01-01", "b" * 100]
)
def test_a_safe_name_is_taken(tmp_path, section, name):
    assert name in getattr(load_changed(tmp_path, add(section, name)), section)


@pytest.mark.parametrize("section", SECTIONS)
def test_names_that_differ_in_case_only_are_refused(tmp_path, section):
    first = next(iter(SHIPPED[section]))
    message = f"{section}.{first.upper()}: differs from {section}.{first} in case only"
    with pytest.raises(InputError, match=re.escape(message)):
        load_changed(tmp_path, add(section, first.upper()))


@pytest.mark.parametrize("section", ["datasets", "runs"])
def test_sections_may_share_names(tmp_path, section):
    first = next(iter(SHIPPED["runs" if section == "datasets" else "datasets"]))
    assert first.upper() in getattr(load_changed(tmp_path, add(section, first.upper())), section)
