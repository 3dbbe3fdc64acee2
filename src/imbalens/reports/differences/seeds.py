"""Every training of every setting, with mean and spread of those trained several times."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from imbalens.analysis.common.measured import Measure

COLUMNS = ("setting", "run", "seed", "stage", "measure", "value", "classes")


def seeds_table(
    measured: Mapping[str, Sequence[Sequence[Measure]]], seeds: Mapping[str, Mapping[str, int]]
) -> pd.DataFrame:
    """One row per training and measure over all classes, baselines included.

    Args:
        measured: Per setting the measures of each of its trainings.
        seeds: Per setting the run and the seed of each of its trainings, in the same order.
    """
    rows = [
        (setting, run, seed, one.stage, one.name, float(one.values[0, 0]), one.averaged)
        for setting, trainings in measured.items()
        for (run, seed), measures in zip(seeds[setting].items(), trainings, strict=True)
        for one in measures
        if one.classes is None
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"classes": "Int64"})


def seeds_metrics(table: pd.DataFrame) -> dict[str, Any]:
    """Nest mean and standard deviation over seeds: setting, stage, measure; of several trainings.

    Args:
        table: See `seeds_table`.

    Returns:
        The figures under the key `seeds`; nothing where each setting was trained once. An
        undefined value makes both undefined.
    """
    nested: dict[str, Any] = {}
    for (setting, stage, measure), rows in table.groupby(
        ["setting", "stage", "measure"], sort=False
    ):
        values = rows["value"].to_numpy()
        if len(values) > 1:
            stages = nested.setdefault(str(setting), {}).setdefault(str(stage), {})
            stages[str(measure)] = {"mean": values.mean(), "spread": values.std(ddof=1)}
    return {"seeds": nested} if nested else {}
