import numpy as np
import pandas as pd
import pytest

from imbalens.errors import InputError
from imbalens.store.tables import Column, Table, read_as_text, read_table, write_table

SEEN = Table(
    "look",
    "plots/look/{name}.csv",
    (
        Column("class", "text", "class"),
        Column("kind", "text", "kind", words=("errors", "neighbours")),
        Column("count", "integer", "images"),
        Column("share", "number", "share of the images"),
        Column("row", "integer", "row, if there is one", may_be_empty=True),
        Column("dead", "boolean", "whether dead"),
    ),
)
OPEN = Table("look", "plots/look/{name}-open.csv", SEEN.columns[:1], further="number")


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def frame(**changed):
    values = {
        "class": ["3", "NA", "a,b"],
        "kind": ["errors", "errors", "neighbours"],
        "count": [1, 2, 3],
        "share": [0.1, np.nan, 1e-300],
        "row": pd.array([5, None, 7], dtype="Int64"),
        "dead": [True, False, False],
    }
    return pd.DataFrame(values | changed)


def test_what_was_written_is_read_with_its_kinds():
    write_table(SEEN, "x", frame())
    found = read_table(SEEN, "x")
    pd.testing.assert_frame_equal(found, frame().astype({"class": object, "kind": object}))
    text = read_as_text(SEEN, "x")
    assert text.loc[1].tolist() == ["NA", "errors", "2", "", "", "False"]


def test_an_empty_table_keeps_its_kinds():
    write_table(SEEN, "x", frame().iloc[:0])
    found = read_table(SEEN, "x")
    assert found.empty
    assert found.dtypes.map(str).tolist() == [
        *("object", "object", "int64", "float64", "Int64", "bool")
    ]


def test_further_columns_are_of_one_kind():
    write_table(OPEN, "x", pd.DataFrame({"class": ["a"], "auroc": [np.nan], "ap": [0.5]}))
    assert read_table(OPEN, "x")["ap"].tolist() == [0.5]
    with pytest.raises(InputError, match="'ap'"):
        write_table(OPEN, "x", pd.DataFrame({"class": ["a"], "ap": ["high"]}))


BROKEN = {
    "a renamed column": (
        frame().rename(columns={"share": "part"}),
        r"has no column 'share' \(found: class, kind, count, part, row, dead\)",
    ),
    "a column too many": (frame(more=[1, 2, 3]), "columns must be .* found .*more"),
    "another order": (frame()[["kind", "class", "count", "share", "row", "dead"]], "must be"),
    "an unknown word": (
        frame(kind=["errors", "neighbors", "errors"]),
        "'kind' holds 'neighbors'; allowed: 'errors', 'neighbours'",
    ),
    "a fraction": (frame(count=[1.5, 2, 3]), "'count': found 1.5, wanted an integer"),
    "text for a number": (frame(share=["a", "0", "1"]), "'share': .*a"),
    "an empty integer": (frame(count=[1, np.nan, 3]), "'count': row 1 is empty"),
    "an empty text": (frame(**{"class": ["a", None, "b"]}), "'class': row 1 is empty"),
    "an end of a line": (frame(**{"class": ["a", "b\rc", "d"]}), "wanted no carriage return"),
    "a number for text": (frame(**{"class": [1, 2, 3]}), "'class': found 1, wanted text"),
    "a number for a flag": (frame(dead=[2, 0, 0]), "'dead': found 2, wanted True or False"),
}


@pytest.mark.parametrize(("broken", "says"), BROKEN.values(), ids=BROKEN)
def test_what_is_not_declared_is_refused_and_nothing_written(broken, says):
    with pytest.raises(InputError, match=rf"plots/look/x\.csv.*{says}.*run: dvc repro look@x"):
        write_table(SEEN, "x", broken)
    assert not SEEN.path_of("x").exists()


NOT_IN_FILES = ("a number for text", "an end of a line")


@pytest.mark.parametrize("name", [name for name in BROKEN if name not in NOT_IN_FILES])
def test_a_file_that_is_not_what_is_declared_is_refused(name):
    broken, _ = BROKEN[name]
    SEEN.path_of("x").parent.mkdir(parents=True)
    broken.to_csv(SEEN.path_of("x"), index=False)
    for read in (read_table, read_as_text):
        with pytest.raises(InputError, match=r"plots/look/x\.csv.*run: dvc repro look@x"):
            read(SEEN, "x")


def test_a_missing_file_says_what_to_run():
    with pytest.raises(InputError, match=r"x\.csv is missing; run: dvc repro look@x"):
        read_table(SEEN, "x")


DAMAGED = {
    "empty": (lambda _: b"", "it is empty"),
    "cut in a field": (lambda content: content[:-3], "its end is cut off"),
    "cut in a row": (
        lambda content: content[: content.rindex(b",")] + b"\n",
        "line 4 has 5 fields",
    ),
    "cut in quotes": (lambda content: content.replace(b'b"', b"b"), "line 4: unexpected end"),
    "a field too many": (lambda content: content[:-1] + b",1\n", "4 has 7 fields, wanted 6"),
    "fields too many in all rows": (
        lambda content: content.replace(b"\n", b",1\n").replace(b"dead,1", b"dead"),
        "line 2 has 7 fields",
    ),
    "a column twice": (lambda content: content.replace(b"dead", b"row"), "two columns have one"),
    "other bytes": (lambda content: content.replace(b"NA", b"\xff"), "can't decode byte 0xff"),
}


@pytest.mark.parametrize(("damage", "says"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_says_what_to_run(damage, says):
    write_table(SEEN, "x", frame())
    content = SEEN.path_of("x").read_bytes()
    SEEN.path_of("x").write_bytes(damage(content))
    assert SEEN.path_of("x").read_bytes() != content
    for read in (read_table, read_as_text):
        with pytest.raises(
            InputError, match=rf"x\.csv is damaged: .*{says}.*; run: dvc repro look@x"
        ):
            read(SEEN, "x")


FORMULAS = [
    "x;=1",
    "x;'=1",
    ";;-1",
    "a; -1",
    "=1+1",
    "@SUM(A1)",
    "+1",
    "-1",
    "-",
    "'=1",
    "\uff1d1",
    "'",
    "a=1",
    "''@",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_spreadsheet_computes_nothing_that_stands_in_a_table(text):
    """It computes what begins with one of = + - @, as narrow as here or as wide as in Japanese."""
    written = frame(**{"class": [text, "b", "c"]})
    write_table(SEEN, "x", written)
    line = SEEN.path_of("x").read_text(encoding="utf-8").splitlines()[1]
    for field in line.split(",")[0].split(";"):
        assert field[:1] not in set("=+-@\uff1d\uff0b\uff0d\uff20")
    assert read_table(SEEN, "x")["class"].tolist() == [text, "b", "c"]
    assert read_as_text(SEEN, "x")["class"].tolist() == [text, "b", "c"]


def test_columns_named_after_the_data_are_no_formulas_either():
    table = pd.DataFrame({"class": ["a"], "=cmd": [-0.5]})
    write_table(OPEN, "x", table)
    assert OPEN.path_of("x").read_text(encoding="utf-8") == "class,'=cmd\na,-0.5\n"
    pd.testing.assert_frame_equal(read_table(OPEN, "x"), table.astype({"class": object}))
