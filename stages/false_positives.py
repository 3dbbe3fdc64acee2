"""Put the errors around one class under two losses side by side."""

from imbalens.stage import parse_stage, pick, run_stage
from collections.abc import Sequence
from pathlib import Path

from imbalens.errors import InputError
from imbalens.params.experiment import settings
from imbalens.reports.common.palette import run_numbers
from imbalens.reports.false_positives import draw_false_positives, false_positive_table
from imbalens.store.tables import read_table, write_table
from imbalens.tables.false_positives import FALSE_POSITIVES
from imbalens.tables.matrices import require_pairs
from imbalens.tables.performance import CONFUSION

SIDES = ("actual", "predicted")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the table and its figure."""
    name, params = parse_stage(__doc__, "comparison", argv)
    pair = pick(params.false_positives, "false_positives", name)
    confusions = {run: read_table(CONFUSION, run) for run in (pair.baseline, pair.other)}
    named = [confusion[side] for confusion in confusions.values() for side in SIDES]
    names = list(dict.fromkeys(name for column in named for name in column))
    for run, confusion in confusions.items():
        require_pairs(CONFUSION, run, confusion, rows=(SIDES[0], names), columns=(SIDES[1], names))
        if pair.reference_class not in set(confusion["actual"]):
            raise InputError(
                f"false_positives.{name}.reference_class: found {pair.reference_class!r}; "
                f"allowed: {', '.join(confusion['actual'].unique())}"
            )
    around = pair.model_dump(include={"reference", "reference_class"})
    table = false_positive_table(confusions, **around)
    write_table(FALSE_POSITIVES, name, table)
    numbers = run_numbers(settings(params, params.runs[pair.baseline].dataset))
    path = Path(f"plots/figures/false_positives/{name}.png")
    draw_false_positives(table, path, **around, numbers=numbers)


if __name__ == "__main__":
    run_stage(main)
