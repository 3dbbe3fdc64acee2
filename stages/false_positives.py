"""Put the errors around one class under two losses side by side."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from imbalens.errors import InputError
from imbalens.reports.false_positives import draw_false_positives
from imbalens.stage import parse_stage, pick, run_stage
from imbalens.store.files import read_table, write_csv


def main(argv: Sequence[str] | None = None) -> None:
    """Write the table and its figure."""
    name, params = parse_stage(__doc__, "comparison", argv)
    pair = pick(params.false_positives, "false_positives", name)
    parts = []
    for run in (pair.baseline, pair.other):
        path = Path(f"plots/performance/{run}-confusion.csv")
        confusion = read_table(path, command=f"dvc repro performance@{run}")
        if pair.reference_class not in set(confusion["actual"]):
            raise InputError(
                f"false_positives.{name}.reference_class: found {pair.reference_class!r}; "
                f"allowed: {', '.join(confusion['actual'].unique())}"
            )
        wrong = confusion[
            (confusion[pair.reference] == pair.reference_class)
            & (confusion["actual"] != confusion["predicted"])
        ]
        adversaries = wrong["predicted" if pair.reference == "actual" else "actual"]
        parts.append(
            pd.DataFrame(
                {"run": run, "adversary": adversaries, "count": wrong["count"].astype(int)}
            )
        )
    table = pd.concat(parts)
    write_csv(Path(f"plots/false_positives/{name}.csv"), table)
    draw_false_positives(
        table,
        Path(f"plots/figures/false_positives/{name}.png"),
        reference=pair.reference,
        reference_class=pair.reference_class,
    )


if __name__ == "__main__":
    run_stage(main)
