"""Tables as stages write them, of which a test says only what it is about."""

import pandas as pd

from imbalens.store.tables import write_table


def save(table, name, rows):
    """Write a table, its columns without a value filled in."""
    frame = pd.DataFrame(rows, index=range(len(rows)) if isinstance(rows, list) else None)
    for column in table.columns:
        if column.name not in frame:
            text = column.words[0] if column.words else "some"
            filling = {"text": text, "integer": 0, "number": 0.0, "boolean": False}
            frame[column.name] = filling[column.kind]
    declared = [column.name for column in table.columns]
    further = [name for name in frame if name not in declared and table.further]
    write_table(table, name, frame[declared + further])
