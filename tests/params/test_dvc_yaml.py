"""One reading of YAML: what DVC reads, also after it has rewritten the file."""

import math
import os
import re

import pytest
import yaml
from dvc.exceptions import DvcException
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import load_yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from imbalens.errors import InputError
from imbalens.params.dvc_yaml import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_REPEATED,
    find_lost_texts,
    format_yaml,
    parse_yaml,
    read_parameters,
    read_yaml,
)
from imbalens.params.errors import MAX_LISTED, MAX_SHOWN
from imbalens.params.experiment import all_settings
from imbalens.params.loading import load_params
from tests.params.test_loading import ROOT

FILES = [ROOT / "params.yaml", *sorted((ROOT / "profiles").glob("*.yaml"))]
READ = {
    "014": 14,
    "0400": 400,
    "08": 8,
    "0o17": 15,
    "0x1F": 31,
    "0b11": 3,
    "1_000": 1000,
    "+5": 5,
    "1e3": 1000.0,
    "5e-3": 0.005,
    ".5e-3": 0.0005,
    "-.5": -0.5,
    "1.": 1.0,
    "-.inf": -math.inf,
    "~": None,
    "null": None,
    "true": True,
    "FALSE": False,
    "1:30": "1:30",
    "12:30.5": "12:30.5",
    ".5e3": ".5e3",
    "0o8": "0o8",
    "_1": "_1",
    "on": "on",
    "off": "off",
    "yes": "yes",
    "No": "No",
    "y": "y",
    "tRUE": "tRUE",
    "'no'": "no",
    "'014'": "014",
    "'1e3'": "1e3",
    "'~'": "~",
    "''": "",
    "'2024-01-01'": "2024-01-01",
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "params.yaml"


@pytest.mark.parametrize(("token", "value"), READ.items())
def test_a_value_is_what_dvc_reads_and_stays_so(path, token, value):
    path.write_text(f"a: {token}\nflow: {{a: {token}, b: [{token}]}}\nseed: 0\n", encoding="utf-8")
    expected = {"a": value, "flow": {"a": value, "b": [value]}, "seed": 0}
    assert read_parameters(path) == load_yaml(path) == expected
    apply_overrides(path, ["seed=1"])
    assert read_parameters(path) == load_yaml(path) == expected | {"seed": 1}


@pytest.mark.parametrize(("token", "value"), READ.items())
def test_a_key_is_the_text_that_dvc_reads_or_refused(path, token, value):
    path.write_text(f"{token}: 0\nflow: {{{token}: 0}}\nseed: 0\n", encoding="utf-8")
    if isinstance(value, str):
        expected = {value: 0, "flow": {value: 0}, "seed": 0}
        assert read_parameters(path) == load_yaml(path) == expected
        apply_overrides(path, ["seed=1"])
        assert read_parameters(path) == load_yaml(path) == expected | {"seed": 1}
    else:
        with pytest.raises(InputError) as caught:
            read_parameters(path)
        said = str(caught.value)
        assert f"key {token} is read as " in said
        assert f"; write '{token}'" in said


@pytest.mark.parametrize("shipped", FILES, ids=lambda p: p.name)
def test_an_override_changes_what_it_names_in_every_shipped_file(path, shipped):
    before = load_params(shipped)
    focus = list(all_settings(before))[-1]
    probe = "".join(f"  t{i}: {token}\n" for i, token in enumerate(READ))
    text = shipped.read_text(encoding="utf-8")
    for added in ("", f"\nprobe:\n{probe}"):
        path.write_text(text + added, encoding="utf-8")
        values = read_parameters(path)
        assert values == load_yaml(path)
        apply_overrides(path, [f"focus={focus}"])
        assert read_parameters(path) == load_yaml(path) == values | {"focus": focus}
        if not added:
            assert load_params(path) == before.model_copy(update={"focus": focus})


def test_a_class_called_no_survives_the_loss_of_its_quotes(path):
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("striped red square", "'no'"), encoding="utf-8")
    apply_overrides(path, ["focus=phantom/bce"])
    assert "reference_class: no\n" in path.read_text(encoding="utf-8")
    assert load_params(path).false_positives["planted"].reference_class == "no"


def rewritten(path):
    """What is read before and after DVC rewrites a file; None where it is refused."""
    try:
        values = read_parameters(path)
    except InputError:
        return None
    assert repr(values) == repr(load_yaml(path))
    if not any(find_lost_texts(values)):
        apply_overrides(path, ["seed=1"])
        assert repr(read_parameters(path)) == repr(values).replace("'seed': 0", "'seed': 1")
    return values


slow_files = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
LAYOUTS = ("a: {0}\nseed: 0\n", "a: {{b: {0}, c: [{0}]}}\nseed: 0\n", "{0}: a\nseed: 0\n")


@slow_files
@given(st.text("0123456789._-+eEoxbaf:", min_size=1, max_size=7), st.sampled_from(LAYOUTS))
@example(".", LAYOUTS[0])
@example("._", LAYOUTS[0])
@example("0x_", LAYOUTS[0])
def test_what_looks_like_a_number_is_read_as_dvc_does_or_refused(path, token, layout):
    assume(not token.lower().startswith("-0e"))  # ruamel.yaml fails to write it
    path.write_text(layout.format(token), encoding="utf-8")
    rewritten(path)


PRINTED = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"))
TEXTS = st.text(
    st.sampled_from(list("ab10.-+_:?,[]{}#&*!|>'\"%@`~ <=\\/é😀$")) | PRINTED, max_size=12
)


@slow_files
@given(TEXTS, st.booleans())
@example("a?b", True)
@example("a:", True)
@example("on", False)
@example("<<", True)
def test_a_quoted_text_survives_or_is_named(path, text, flow):
    values = {"a": {"b": text, "c": [text, {"d": text}]}, "seed": 0}
    path.write_text(format_yaml(values, flow=flow), encoding="utf-8")
    if "\ufeff" not in text:
        assert rewritten(path) == values


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("${HOME}/x", "which DVC's -S takes for another parameter's name; allowed: '$HOME/x'"),
        (
            "$A/${a.b}",
            "which DVC's -S takes for another parameter's name; allowed: a text without",
        ),
        ("???", "which DVC's -S takes for a missing value; allowed: any other text"),
        (":x", "whose quotes DVC's -S drops; allowed: a text without that : or ?"),
        ("? x", "whose quotes DVC's -S drops; allowed: a text without that : or ?"),
        ("a:?", "whose quotes DVC's -S drops; allowed: a text without that : or ?"),
        ("a\nb", "which DVC's -S may break; allowed: one line without control characters"),
        ("a\u2028b", "which DVC's -S may break; allowed: one line without control characters"),
    ],
)
def test_a_text_that_does_not_survive_is_named(text, named):
    (found,) = find_lost_texts({"datasets": {"mine": {"roots": ["x", text]}}})
    assert found.startswith(f"datasets.mine.roots.1: found {text!r}, {named}")


@pytest.mark.parametrize("text", ["${HOME}/x", "${x", "???"])
def test_dvc_ends_at_what_it_is_said_to_end_at(path, text):
    path.write_text(format_yaml({"a": text, "seed": 0}), encoding="utf-8")
    with pytest.raises(Exception, match=r"full_key: a"):
        apply_overrides(path, ["seed=1"])


@pytest.mark.parametrize("text", [":x", "?x", "a:?"])
def test_quotes_that_dvc_drops_are_needed(path, text):
    path.write_text(format_yaml({"a": {"b": text}, "seed": 0}, flow=True), encoding="utf-8")
    apply_overrides(path, ["seed=1"])
    with pytest.raises((InputError, AssertionError)):
        assert read_yaml(path)["a"] == {"b": text}


def test_both_programs_are_told_of_a_braced_variable(path):
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    loss = "    loss: {name: ldam, max_margin: 0.5, scale: 30}\n"
    assert loss in text
    path.write_text(text.replace(loss, f"{loss}    checkpoint: ${{W}}/x.pt\n"), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_params(path)
    assert str(caught.value) == (
        f"{path}: methods.ldam_drw.checkpoint: found '${{W}}/x.pt', which DVC's -S takes for "
        "another parameter's name; allowed: '$W/x.pt'"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("%YAML 1.1\n---\na: on\n", r"line 1: found a directive \(%\), which DVC drops"),
        ("a: !!int 5\n", "line 1: found the tag !!int; write the value without"),
        ("b: 0\na: ! 5\n", "line 2: found the tag !; "),
        ("a: !mine 5\n", "line 1: found the tag !mine; write the value without"),
        ("b: 0\na: 1\t# one\n", "line 2: holds a tab, which DVC reads otherwise; write a space"),
        ("a: 'b\u2028c'\n", "line 1: holds the character U\\+2028, which DVC reads otherwise"),
        ("a: 2024-01-01\n", "found the date 2024-01-01; write it in quotes"),
        ("a: =\n", "found the sign =; write it in quotes"),
        ("a: 0x_\n", "found the number 0x_; write it in quotes"),
        ("a: -0o7\n", "found the number -0o7; write it with digits alone"),
        ("2024-01-01: a\n", "key 2024-01-01 is read as the date; write '2024-01-01'"),
        ("a: &a 1\nb: &a 2\n", "found duplicate anchor"),
        ("a: 1\n'a': 2\n", "key 'a' stands twice"),
        ("a: {b: {c: 1, c: 2}}\n", "key 'c' stands twice"),
        ("a: [{b: 1, b: 2}]\n", "key 'b' stands twice"),
    ],
)
def test_what_dvc_reads_otherwise_is_refused(path, text, message):
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"params\.yaml: (?s:.)*{message}"):
        read_parameters(path)


def doubled(levels, first, layout):
    """A text of a few lines that aliases make ten times as much at each level."""
    lines = [f"a0: &a0 {first}"]
    lines += [f"a{i}: &a{i} {layout.format(f'*a{i - 1}')}" for i in range(1, levels)]
    return "\n".join(lines) + "\n"


LIST = "[" + ", ".join(["{0}"] * 10) + "]"
MAPPING = "{{" + ", ".join(f"k{i}: {{0}}" for i in range(10)) + "}}"
REPEATED = f"aliases repeat more than {MAX_REPEATED:,} values; write them out"
DEEP = f"line 1: lists and mappings stand more than {MAX_DEPTH} deep; allowed: less"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: " + "[" * 60 + "]" * 60, DEEP),
        ("a: " + "{b: " * 60 + "1" + "}" * 60, DEEP),
        ("- " * 60 + "1", DEEP),
        ("a: " + "[" * 2000 + "]" * 2000, "params.yaml: "),
        ("- " * 2000 + "1", "params.yaml: "),
        (doubled(9, "[1]", LIST), REPEATED),
        (doubled(9, "{k: 1}", MAPPING), REPEATED),
        (doubled(9, "{k: 1}", f"{{{{<<: {LIST}}}}}"), REPEATED),
        ("a: &a [1, [*a]]", "line 1: *a stands in &a, which it repeats; write it out"),
        ("a: 0\nb: &b {<<: *b}", "line 2: *b stands in &b, which it repeats; write it out"),
        ("a: " + "1" * 5000, f"line 1: found the number {'1' * MAX_SHOWN}...; write it in quotes"),
        ("a: 0x" + "f" * 5000, f"line 1: found the number 0x{'f' * (MAX_SHOWN - 2)}...;"),
        ("a: 1." + "1" * 5000, "line 1: found the number 1."),
        ("a: !!bool x", "line 1: found the tag !!bool; write the value without"),
        ("a: !!timestamp [1]", "line 1: found the tag !!timestamp; write the value without"),
        ("a: !!python/name:os.system", "line 1: found the tag !!python/name:os.system; "),
        (f"a: !{'x' * 5000} 1", f"line 1: found the tag !{'x' * (MAX_SHOWN - 1)}...; "),
        (
            "? " + "x" * 900 + "\n: 0\n? " + "x" * 900,
            f"key '{'x' * (MAX_SHOWN - 1)}... stands twice",
        ),
        ("a: *" + "x" * 5000, "found undefined alias"),
    ],
    ids=range(19),
)
def test_what_takes_long_or_goes_deep_is_refused_in_few_words(path, text, message):
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_yaml(path)
    assert len(str(caught.value)) < len(str(path)) + 3 * MAX_SHOWN


def test_what_is_just_within_the_limits_is_read(path):
    deep = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    aliases = ", ".join(["*x"] * (MAX_REPEATED // 10))
    path.write_text(f"a: {deep}\nx: &x [{', '.join('1' * 9)}]\nb: [{aliases}]\n", encoding="utf-8")
    values = read_yaml(path)
    assert values["b"] == [[1] * 9] * (MAX_REPEATED // 10)
    path.write_text(path.read_text(encoding="utf-8") + "c: *x\n", encoding="utf-8")
    with pytest.raises(InputError, match="aliases repeat more than"):
        read_yaml(path)


def test_a_lock_may_be_longer_than_a_file_of_parameters():
    n = MAX_CHARACTERS // 3
    assert len(parse_yaml(f"a: 1\nb: [{', '.join(['x'] * n)}]\n")["b"]) == n


@pytest.mark.parametrize("size", [MAX_CHARACTERS + 1, 2**30])
def test_a_file_that_is_too_long_is_not_read(path, size):
    with path.open("wb") as file:
        file.truncate(size)
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    assert str(caught.value) == f"{path}: has more than {MAX_CHARACTERS:,} characters; shorten it"


@pytest.mark.parametrize("make", ["mkdir", "mkfifo"])
def test_what_is_no_file_is_not_waited_for(path, make):
    if not hasattr(os, make):
        pytest.skip("no pipes here")
    getattr(os, make)(path)
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    assert str(caught.value) == (
        f"{path}: cannot be read (it is a folder, a pipe or a device); copy one of profiles/ here"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: \x00", "is UTF-16, or not text at all"),
        (b"\xff\xfea\x00", "is not UTF-8 text"),
        (b"a: \xed\xa0\x80", "is not UTF-8 text"),
        (b"a: 1\n---\nb: 1\n", "expected a single document"),
        (b'a: "\\ud800"', "is not valid YAML: "),
    ],
)
def test_what_is_no_yaml_is_refused(path, content, message):
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"params\.yaml: (?s:.)*{message}"):
        read_yaml(path)


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfa: 1\n", b"a: 1\r\n"])
def test_a_mark_and_the_line_ends_of_windows_are_no_part_of_the_text(path, content):
    path.write_bytes(content)
    assert read_parameters(path) == {"a": 1}


def test_of_many_problems_the_first_are_said(path):
    path.write_text("x: &x {}\ny: [\n" + "  *x,\n" * 5000 + "]\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_parameters(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == MAX_LISTED + 1
    assert lines[-1] == "... and 4,900 more"


SHARED = "x: &x {k: {l: 1}, s: 0}\n"
MERGED = SHARED + "y: {<<: *x, s: 1}\n"


@pytest.mark.parametrize(
    ("text", "override", "now"),
    [
        (MERGED, "x.k.l=7", (1, 1)),
        (MERGED, "y.k.l=7", (7, 7)),
        (SHARED + "y: *x\n", "x.k.l=7", (1, 1)),
        (SHARED + "y: *x\n", "y.k.l=7", (7, 7)),
    ],
)
def test_dvc_changes_nothing_or_too_much_of_a_shared_mapping(path, text, override, now):
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_parameters(path)
    assert str(caught.value) == (
        f"{path}: line 2: *x shares the mapping &x, of which `dvc exp run -S` would change "
        "nothing, or more than it names; write it out"
    )
    apply_overrides(path, [override])
    values = load_yaml(path)
    assert (values["x"]["k"]["l"], values["y"]["k"]["l"]) == now


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("x: [&x {k: 1}, *x]\n", "line 1: *x"),
        ("x: {a: &x {k: 1}}\n\ny: [{b: *x}]\n", "line 3: *x"),
    ],
)
def test_a_shared_mapping_is_found_wherever_it_stands(path, text, shared):
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(f"params.yaml: {shared} shares the mapping")):
        read_parameters(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x: &x 1\ny: *x\nseed: 0\n", {"x": 7, "y": 1}),
        ("x: &x [1]\ny: *x\nseed: 0\n", {"x": 7, "y": [1]}),
        ("x: &x {k: 1}\ny: {<<: {k: 1}}\nseed: 0\n", {"x": 7, "y": {"k": 1}}),
    ],
)
def test_dvc_changes_what_is_shared_otherwise_in_one_place(path, text, expected):
    path.write_text(text, encoding="utf-8")
    read_parameters(path)
    apply_overrides(path, ["x=7", "seed=1"])
    assert read_parameters(path) == load_yaml(path) == {**expected, "seed": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@slow_files
@given(st.dictionaries(TEXTS, JSON, min_size=1, max_size=3), st.sampled_from([True, False, None]))
def test_what_is_written_is_read_back_by_both(path, values, flow):
    path.write_text(format_yaml(values, flow=flow), encoding="utf-8")
    try:
        assert load_yaml(path) == values
    except DvcException:  # a line of ruamel.yaml's may hold no more than 1,024 characters of a key
        assume(False)
    assert read_yaml(path) == values


def test_what_stands_in_two_places_is_written_twice():
    shared = {"a": 1}
    assert format_yaml({"x": shared, "y": [shared]}) == "x:\n  a: 1\ny:\n- a: 1\n"


def test_locks_and_rules_are_read_by_the_same_reader():
    """YAML 1.1 would read the same files otherwise, or at all."""
    sources = [
        *(ROOT / "src").rglob("*.py"),
        *(ROOT / "stages").glob("*.py"),
        *(ROOT / "benchmarks").glob("*.py"),
    ]
    named = {
        path.relative_to(ROOT).as_posix()
        for path in sources
        for word in ("yaml.safe_load", "yaml.load(", "yaml.safe_dump", "yaml.dump(")
        if word in path.read_text(encoding="utf-8")
    }
    assert named == {"src/imbalens/params/dvc_yaml.py"}
    assert yaml.safe_load("a: 014") == {"a": 12}
