"""Every training of every run, seed by seed, with the mean and the spread of those repeated."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from imbalens.analysis.common.measured import Measure

COLUMNS = ("run", "training", "seed", "stage", "measure", "value", "classes")


def seeds_table(
    measured: Mapping[str, Sequence[Sequence[Measure]]], seeds: Mapping[str, Mapping[str, int]]
) -> pd.DataFrame:
    """One row per training and measure over all classes, baselines included.

    Args:
        measured: Per run the measures of each of its repeats.
        seeds: Per run the name and the training seed of each of its repeats, in the same order.
    """
    rows = [
        (run, training, seed, one.stage, one.name, float(one.values[0, 0]), one.averaged)
        for run, trainings in measured.items()
        for (training, seed), measures in zip(seeds[run].items(), trainings, strict=True)
        for one in measures
        if one.classes is None
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"classes": "Int64"})


def seeds_metrics(table: pd.DataFrame) -> dict[str, Any]:
    """Nest mean and standard deviation over seeds: run, stage, measure; of repeated runs only.

    Args:
        table: See `seeds_table`.

    Returns:
        The figures under the key `seeds`; nothing where no run is repeated. An undefined value
        makes both undefined.
    """
    nested: dict[str, Any] = {}
    for (run, stage, measure), rows in table.groupby(["run", "stage", "measure"], sort=False):
        values = rows["value"].to_numpy()
        if len(values) > 1:
            stages = nested.setdefault(str(run), {}).setdefault(str(stage), {})
            stages[str(measure)] = {"mean": values.mean(), "spread": values.std(ddof=1)}
    return {"seeds": nested} if nested else {}
