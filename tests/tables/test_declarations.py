"""Every declared table: what a writer renames is refused, not read as if it were undefined."""

import pkgutil
from importlib import import_module

import pandas as pd
import pytest

import imbalens.tables
from imbalens.errors import InputError
from imbalens.store.files import write_csv
from imbalens.store.tables import Table, read_as_text, read_table, write_table
from tests.table_cases import save

TABLES = {
    f"{module.name}.{name}": table
    for module in pkgutil.iter_modules(imbalens.tables.__path__)
    for name, table in vars(import_module(f"imbalens.tables.{module.name}")).items()
    if isinstance(table, Table)
}


@pytest.fixture(params=TABLES)
def table(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(TABLES[request.param], "x", [{}, {}])
    return TABLES[request.param]


def test_every_stage_declares_its_tables_once():
    assert len(TABLES) > 20
    paths = [table.path for table in TABLES.values()]
    assert len(paths) == len(set(paths))


def refuse(table, frame, *parts):
    """Neither written nor, where it stands already, read."""
    before = read_as_text(table, "x")
    with pytest.raises(InputError):
        write_table(table, "x", frame)
    pd.testing.assert_frame_equal(read_as_text(table, "x"), before)
    write_csv(table.path_of("x"), frame)
    for read in (read_table, read_as_text):
        with pytest.raises(InputError) as caught:
            read(table, "x")
        for part in (str(table.path_of("x")), *parts, f"run: dvc repro {table.stage}@x"):
            assert part in str(caught.value)
    write_table(table, "x", before)


def test_a_renamed_column_is_refused(table):
    frame = read_as_text(table, "x")
    for column in table.columns:
        refuse(table, frame.rename(columns={column.name: "renamed"}), repr(column.name), "renamed")


def test_a_renamed_word_or_another_kind_is_refused(table):
    frame = read_as_text(table, "x")
    for column in table.columns:
        if column.words or column.kind != "text":
            refuse(table, frame.assign(**{column.name: "renamed"}), repr(column.name), "renamed")
