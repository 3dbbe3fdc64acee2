"""Write the source of `profiles/nih_predictions.yaml`: probabilities beside labels and patients.

    python docs/results/nih_predictions_tables.py $IMBALENS_NIH_PREDICTIONS

The folder holds nih_predictions.csv: `Image Index` and `prob_<finding>` for each finding. Labels
and patients are those of NIH's table, which the package torchxrayvision brings. A column `label_`
is written for each finding, and one of the patients.
"""

import csv
import gzip
import sys
from importlib.util import find_spec
from pathlib import Path

TABLE = "data/Data_Entry_2017_v2020.csv.gz"
PREFIX = "prob_"


def main(folder: Path) -> None:
    """Write nih_predictions_labelled.csv into the working folder."""
    package = find_spec("torchxrayvision")
    if package is None or package.origin is None:
        raise SystemExit("error: torchxrayvision is not installed; run: pip install torchxrayvision")
    table = Path(package.origin).parent / TABLE
    with gzip.open(table, "rt", encoding="utf-8", newline="") as file:
        known = {row["Image Index"]: row for row in csv.DictReader(file)}
    with (folder / "nih_predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    findings = [name.removeprefix(PREFIX) for name in rows[0] if name.startswith(PREFIX)]
    with Path("nih_predictions_labelled.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        scores = [f"{PREFIX}{name}" for name in findings]
        writer.writerow(["id", "patient", *scores, *(f"label_{name}" for name in findings)])
        for row in rows:
            image = known[row["Image Index"]]
            has = image["Finding Labels"].split("|")
            writer.writerow(
                [
                    row["Image Index"],
                    image["Patient ID"],
                    *(row[name] for name in scores),
                    *(int(name in has) for name in findings),
                ]
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
