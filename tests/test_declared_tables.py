"""Every table between stages is declared, and another one is refused, written or read."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from imbalens.errors import InputError
from imbalens.not_applicable import empty
from imbalens.params.loading import load_params
from imbalens.store.tables import read_as_text, read_table, write_table
from tests.table_cases import declared

ROOT = Path(__file__).parent.parent
FIELDS = {"text": "a", "integer": 1, "number": 0.5, "boolean": True}
# Laid out as the papers have them, for readers; no stage reads these.
PAPERS = re.compile(r"plots/differences/\{name\}-paper_[ab]_table_[12]\.csv")


TABLES = declared()
CASES = [
    pytest.param(table, column, id=f"{name}-{column.name}")
    for name, table in TABLES.items()
    for column in table.columns
]
WORDS = [case for case in CASES if case.values[1].words]


def made_up(table):
    """Two rows, with a further column where a table may have some."""
    fields = {
        column.name: column.words[0] if column.words else FIELDS[column.kind]
        for column in table.columns
    }
    if table.further:
        fields["further"] = FIELDS[table.further]
    return pd.DataFrame([fields, fields])


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_what_a_stage_writes_as_a_table_is_declared_and_the_other_way_round():
    written = set()
    for stage, entry in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items():
        body = entry.get("do", entry)
        for out in [*body.get("outs", []), *body.get("plots", [])]:
            path = re.sub(r"\$\{\w+\}", "{name}", out if isinstance(out, str) else next(iter(out)))
            if path.endswith(".csv") and not PAPERS.fullmatch(path):
                written.add((stage, path))
    tables = [(table.stage, table.path) for table in TABLES.values()]
    assert len(tables) == len(set(tables))
    assert set(tables) == written


def test_what_dvc_plots_draws_of_a_table_is_there_without_rows_too():
    tables, drawn = {table.path: table for table in TABLES.values()}, 0
    for entry in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values():
        for plot in entry.get("do", entry).get("plots", []):
            path, options = next(iter(plot.items())) if isinstance(plot, dict) else (plot, {})
            table = tables.get(re.sub(r"\$\{\w+\}", "{name}", path))
            columns = {options[axis] for axis in ("x", "y") if axis in options}
            drawn += len(columns)
            if table:
                write_table(table, "a", empty(table))
                assert columns <= {*read_as_text(table, "a")}, path
    assert drawn > 20


def test_only_the_store_writes_csv():
    """Anything else would write a table that nobody checks."""
    writing = re.compile(r"\b(write_csv|to_csv|csv\.writer|DictWriter|savetxt)\b")
    modules = [*(ROOT / "src").rglob("*.py"), *(ROOT / "stages").glob("*.py")]
    found = {path for path in modules if writing.search(path.read_text(encoding="utf-8"))}
    store = ROOT / "src/imbalens/store"
    assert found == {store / "files.py", store / "tables.py"}


def test_columns_of_a_table_have_names_of_their_own():
    for name, table in TABLES.items():
        columns = [column.name for column in table.columns]
        assert len(columns) == len(set(columns)), name
        assert columns, name


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_what_is_declared_is_written_and_read(table):
    write_table(table, "x", made_up(table))
    assert len(read_table(table, "x")) == 2


def refused(table, frame, says):
    """Both ways, with the file, what is wrong and what to run; nothing is left behind."""
    path = table.path_of("x")
    told = rf"^{re.escape(path.as_posix())}.*{says}.*; run: {table.command('x')}$"
    with pytest.raises(InputError, match=told):
        write_table(table, "x", frame)
    assert not path.exists()
    path.parent.mkdir(parents=True)
    frame.to_csv(path, index=False)
    for read in (read_table, read_as_text):
        with pytest.raises(InputError, match=told):
            read(table, "x")


@pytest.mark.parametrize(("table", "column"), CASES)
def test_a_renamed_column_is_refused(table, column):
    frame = made_up(table).rename(columns={column.name: f"{column.name}_"})
    refused(table, frame, f"has no column '{column.name}'")


@pytest.mark.parametrize(("table", "column"), WORDS)
def test_a_renamed_word_is_refused(table, column):
    frame = made_up(table)
    frame.loc[1, column.name] = f"{column.words[0]}s"
    refused(table, frame, f"column '{column.name}' holds '{column.words[0]}s'; allowed: ")


@pytest.mark.parametrize(
    ("table", "column"), [case for case in CASES if case.values[1].kind != "text"]
)
def test_another_kind_is_refused(table, column):
    frame = made_up(table).astype({column.name: object})
    frame.loc[1, column.name] = "much"
    refused(table, frame, f"column '{column.name}': .*much")


def committed():
    """Tables of the shipped results, each with what it is about."""
    params = load_params(ROOT / "params.yaml")
    names = {*params.runs, *params.datasets, *params.false_positives}
    return [
        pytest.param(table, name, id=f"{key}-{name}")
        for key, table in TABLES.items()
        for name in sorted(names)
        if table.path.startswith("plots/") and (ROOT / table.path_of(name)).exists()
    ]


@pytest.mark.parametrize(("table", "name"), committed())
def test_shipped_tables_are_what_is_declared(monkeypatch, table, name):
    monkeypatch.chdir(ROOT)
    assert list(read_table(table, name))[: len(table.columns)] == [
        column.name for column in table.columns
    ]
