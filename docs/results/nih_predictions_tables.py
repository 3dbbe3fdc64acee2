"""Write what `profiles/nih_predictions.yaml` reads beside the files as they are.

    python docs/results/nih_predictions_tables.py $IMBALENS_NIH_PREDICTIONS

The folder holds nih_predictions.csv: `Image Index` and `prob_<finding>` for each finding. Labels
and patients are those of NIH's table, which the package torchxrayvision brings. A column `label_`
is written for each finding, and one of the patients. Of the trainings in nih_28px_predictions, the
probabilities of the five seeds of either network are averaged. All is written into the working
folder.
"""

import csv
import gzip
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

TABLE = "data/Data_Entry_2017_v2020.csv.gz"
PREFIX = "prob_"
NETWORKS, SEEDS = ("densenet121", "searched_nonrec"), range(5)


def write_labelled(folder: Path) -> None:
    """Write nih_predictions_labelled.csv."""
    package = find_spec("torchxrayvision")
    if package is None or package.origin is None:
        raise SystemExit(
            "error: torchxrayvision is not installed; run: pip install torchxrayvision"
        )
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


def write_averaged(folder: Path) -> None:
    """Write NETWORK_averaged.npz of each network."""
    for network in NETWORKS:
        found = [np.load(folder / f"{network}_seed{seed}.npz") for seed in SEEDS]
        logits = np.stack([each["test_logits"] for each in found]).astype(np.float64)
        np.savez(
            f"{network}_averaged.npz",
            test_probabilities=(1 / (1 + np.exp(-logits))).mean(axis=0),
            test_labels=found[0]["test_labels"],
            test_patient=found[0]["test_patient"],
        )


if __name__ == "__main__":
    given = Path(sys.argv[1])
    write_labelled(given)
    write_averaged(given / "nih_28px_predictions")
