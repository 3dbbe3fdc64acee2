"""Tables as stages write them, of which a test says only what it is about."""

import importlib
import pkgutil

import pandas as pd

import imbalens.tables
from imbalens.store.tables import Table, write_table


def save(table, name, rows):
    """Write a table, its columns without a value filled in."""
    frame = pd.DataFrame(rows, index=range(len(rows)) if isinstance(rows, list) else None)
    for column in table.columns:
        if column.name not in frame:
            text = column.words[0] if column.words else "some"
            filling = {"text": text, "integer": 0, "number": 0.0, "boolean": False}
            frame[column.name] = filling[column.kind]
    columns = [column.name for column in table.columns]
    further = [name for name in frame if name not in columns and table.further]
    write_table(table, name, frame[columns + further])


def declared():
    """The tables of all modules of declarations, by module and name."""
    found = {}
    for module in pkgutil.iter_modules(imbalens.tables.__path__):
        values = vars(importlib.import_module(f"imbalens.tables.{module.name}"))
        tables = {key: value for key, value in values.items() if isinstance(value, Table)}
        found |= {f"{module.name}.{key}": table for key, table in tables.items()}
    return found
