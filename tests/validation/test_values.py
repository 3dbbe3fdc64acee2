import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalens.errors import InputError
from imbalens.validation.values import find_differences, parse, read_values

EXACT = {"relative": 0.0, "absolute": 0.0}


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def test_every_kind_of_file_by_hand(tmp_path):
    write(tmp_path, "m/a.json", '{"x": {"y": 1, "z": null}, "w": [0.5, "b"], "e": {}}')
    write(tmp_path, "p/a.csv", 'class,count,share\n"red, ""big""\nsquare",3,0.25\nNA,,1e-05\n')
    write(tmp_path, "p/a.md", "| a | 0.25 (-1.5 to 2) |\n")
    write(tmp_path, "p/a.png", "not read")
    assert read_values(tmp_path) == {
        "m/a.json:x.y": 1,
        "m/a.json:x.z": None,
        "m/a.json:w.0": 0.5,
        "m/a.json:w.1": "b",
        "m/a.json:e": "empty",
        "p/a.csv:columns": "class, count, share",
        "p/a.csv:2:class": 'red, "big"\nsquare',
        "p/a.csv:2:count": 3,
        "p/a.csv:2:share": 0.25,
        "p/a.csv:3:class": "NA",
        "p/a.csv:3:count": "",
        "p/a.csv:3:share": 1e-05,
        "p/a.md:1:0": "|",
        "p/a.md:1:1": "a",
        "p/a.md:1:2": "|",
        "p/a.md:1:3": 0.25,
        "p/a.md:1:4": "(-1.5",
        "p/a.md:1:5": "to",
        "p/a.md:1:6": "2)",
        "p/a.md:1:7": "|",
    }


@pytest.mark.parametrize(("name", "text"), [("a.json", '{"x": 1'), ("b.json", "")])
def test_a_damaged_file_is_named(tmp_path, name, text):
    write(tmp_path, name, text)
    with pytest.raises(InputError, match=rf"{name}: is damaged"):
        read_values(tmp_path)


@pytest.mark.parametrize(
    ("before", "now", "equal"),
    [
        (1.0, 1.0 + 9e-7, True),
        (1.0, 1.0 + 3e-6, False),
        (0.0, 5e-8, True),
        (0.0, 2e-7, False),
        (3, 4, False),
        (3, 3.0, False),
        (True, 1, False),
        ("holds", "does not hold", False),
        (None, 0.0, False),
        (1e9, 1e9 + 100, True),
    ],
)
def test_what_is_equal(before, now, equal):
    found = find_differences({"k": before}, {"k": now}, relative=1e-6, absolute=1e-7)
    assert (not found) is equal


def test_what_is_on_one_side_only_differs():
    found = find_differences({"a": 1, "b": 2}, {"b": 2, "c": None}, **EXACT)
    assert [(each.place, each.before, each.now) for each in found] == [
        ("a", 1, None),
        ("c", None, None),
    ]


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
KEYS = st.sampled_from(["a", "b", "b.c", "d"])
RESULTS = st.dictionaries(KEYS, LEAVES | st.dictionaries(KEYS, LEAVES))


@given(RESULTS)
def test_results_do_not_differ_from_themselves(results):
    values = dict(parse(json.dumps(results), ".json"))
    assert find_differences(values, values, **EXACT) == []


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=5), st.data())
def test_any_changed_digit_of_a_table_is_found(numbers, data):
    text = "share\n" + "".join(f"{number:.6f}\n" for number in numbers)
    places = [place for place, letter in enumerate(text) if letter.isdigit()]
    place = data.draw(st.sampled_from(places))
    digit = data.draw(st.sampled_from([d for d in string.digits if d != text[place]]))
    changed = text[:place] + digit + text[place + 1 :]
    found = find_differences(dict(parse(text, ".csv")), dict(parse(changed, ".csv")), **EXACT)
    assert len(found) == 1
