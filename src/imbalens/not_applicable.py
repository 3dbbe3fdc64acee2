"""What a stage writes of a question that cannot be asked: everything it declares, empty.

Features and predictions that somebody else's network made may be without features, logits,
training images or images at all. A stage that needs what there is not ends with `NotApplicable`,
wherever it is noticed; tables then have their columns and no rows, metrics say why, figures too.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Protocol, runtime_checkable

import pandas as pd
from markupsafe import escape

from imbalens.errors import NotApplicable
from imbalens.reports.common.not_applicable import STATUS, draw_reason, not_applicable
from imbalens.store.files import write_json, write_text
from imbalens.store.tables import Table, write_table


@runtime_checkable
class Main(Protocol):
    """What runs a stage."""

    def __call__(self, argv: Sequence[str] | None = None) -> None:
        """Take the arguments, None for those of the process."""


def empty_where_not_applicable(
    tables: Sequence[Table], *figures: str, texts: Mapping[str, str] | None = None
) -> Callable[[Main], Main]:
    """Return a decorator of a stage's `main`, that writes what it declares of `NotApplicable`.

    Args:
        tables: All tables that the stage writes, beside `metrics/STAGE/NAME.json`.
        figures: What follows the name in its figures, `plots/figures/STAGE/NAME*.png`.
        texts: Further files, `{name}` standing for the name, and what they say, `{reason}`
            standing for why.
    """
    stage = tables[0].stage

    def decorate(main: Main) -> Main:
        @wraps(main)
        def run(argv: Sequence[str] | None = None) -> None:
            try:
                main(argv)
            except NotApplicable as why:
                name, reason = _name_of(argv), str(why)
                print(f"{stage} of {name}: {STATUS}, for {reason}", file=sys.stderr)
                write_json(Path(f"metrics/{stage}/{name}.json"), not_applicable(reason))
                for table in tables:
                    write_table(table, name, empty(table))
                for suffix in figures:
                    draw_reason(reason, Path(f"plots/figures/{stage}/{name}{suffix}.png"))
                for path, text in (texts or {}).items():
                    shown = escape(reason) if path.endswith(".html") else reason
                    write_text(Path(path.format(name=name)), text.replace("{reason}", shown))

        return run

    return decorate


def empty(table: Table) -> pd.DataFrame:
    """Return a table with its columns and without rows."""
    return pd.DataFrame(columns=[*(column.name for column in table.columns), *table.drawn])


def _name_of(argv: Sequence[str] | None) -> str:
    """Return what a stage was called with, see `stage.parse_stage`."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("name")
    parser.add_argument("--params")
    return parser.parse_known_args(argv)[0].name
