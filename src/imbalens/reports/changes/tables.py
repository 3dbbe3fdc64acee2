"""Tables of what became different in the runs of a dataset; `change_figures` draws them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.changes.changes import ArchetypeFlow, largest_entries
from imbalens.analysis.common.counting import divide
from imbalens.reports.common.tables import head_first


@dataclass(frozen=True)
class Change:
    """How much differs between a run and its baseline, by one measure.

    Attributes:
        overall: Over all classes; NaN where undefined.
        per_class: For each class, in label order; NaN where undefined.
        instances: Images, or pairs of an image and a class, behind each class.
        chance: What the measure is where nothing corresponds; NaN where that is not known.
    """

    overall: float
    per_class: Float[np.ndarray, " c"]
    instances: Int[np.ndarray, " c"]
    chance: float


def mean_change(
    per_class: Float[np.ndarray, " c"], instances: Int[np.ndarray, " c"], *, chance: float
) -> Change:
    """Take the mean over the classes in which a measure is defined as its overall value.

    Args:
        per_class: The measure for each class; NaN where undefined.
        instances: Images, or pairs of an image and a class, behind each class.
        chance: What the measure is where nothing corresponds; NaN where that is not known.
    """
    defined = per_class[~np.isnan(per_class)]
    overall = float(divide(defined.sum(), len(defined)))
    return Change(overall=overall, per_class=per_class, instances=instances, chance=chance)


def change_table(
    changes: Mapping[str, Mapping[str, Change]],
    names: Sequence[str],
    counts: Int[np.ndarray, " c"],
) -> pd.DataFrame:
    """One row per run, measure and class: value, chance, instances; class empty: over all.

    Args:
        changes: By run and measure, what differs from the baseline.
        names: Class names, in label order.
        counts: Training images per class.
    """
    rows = [
        (run, measure, *cell, change.chance)
        for run, measures in changes.items()
        for measure, change in measures.items()
        for cell in [
            (None, change.overall, int(change.instances.sum())),
            *(
                (names[label], change.per_class[label], int(change.instances[label]))
                for label in head_first(counts)
            ),
        ]
    ]
    table = pd.DataFrame(rows, columns=["run", "measure", "class", "value", "instances", "chance"])
    return table.astype({"value": float, "chance": float})


def flow_table(
    flows: Mapping[str, ArchetypeFlow], names: Sequence[str], counts: Int[np.ndarray, " c"]
) -> pd.DataFrame:
    """One row per run, class and two archetypes: in the baseline, in the run, count, share.

    The share is that of the instances of the class and the baseline's archetype, NaN where there
    are none. An empty class stands for all classes.

    Args:
        flows: By run, where instances went from the baseline.
        names: Class names, in label order.
        counts: Training images per class.
    """
    rows = []
    for run, flow in flows.items():
        every = [(None, flow.overall_count)]
        every += [(names[label], flow.count[label]) for label in head_first(counts)]
        for name, count in every:
            share = divide(count, count.sum(axis=1, keepdims=True))
            rows += [
                (run, name, before, after, int(count[i, j]), share[i, j])
                for i, before in enumerate(ARCHETYPE_NAMES)
                for j, after in enumerate(ARCHETYPE_NAMES)
            ]
    return pd.DataFrame(rows, columns=["run", "class", "baseline", "other", "count", "share"])


def adversary_table(
    baseline: Float[np.ndarray, "c c"],
    others: Mapping[str, Float[np.ndarray, "c c"]],
    names: Sequence[str],
    counts: Int[np.ndarray, " c"],
) -> pd.DataFrame:
    """One row per run and class: its first adversaries and their share, in baseline and run.

    Adversaries with equal shares are joined by "|"; empty where a class has none.

    Args:
        baseline: How the other classes share each class's neighbours, or errors, in the baseline.
        others: The same by run.
        names: Class names, in label order.
        counts: Training images per class.
    """
    before = _describe_largest(baseline, names)
    rows = []
    for run, shares in others.items():
        after = _describe_largest(shares, names)
        rows += [
            (run, names[c], before[c], after[c], baseline[c].max(), shares[c].max())
            for c in head_first(counts)
        ]
    columns = ["run", "class", "adversary_baseline", "adversary", "share_baseline", "share"]
    return pd.DataFrame(rows, columns=columns)


def _describe_largest(shares: Float[np.ndarray, "c c"], names: Sequence[str]) -> list[str]:
    marks: Bool[np.ndarray, "c c"] = largest_entries(shares)
    return ["|".join(name for name, mark in zip(names, row, strict=True) if mark) for row in marks]
