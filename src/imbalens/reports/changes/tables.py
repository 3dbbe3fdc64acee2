"""Tables of what became different in the runs of a dataset; `figures` draws them."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

import numpy as np
import pandas as pd
from jaxtyping import Int

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.changes.activation import AddedActivation
from imbalens.analysis.changes.changes import ArchetypeFlow
from imbalens.analysis.changes.measures import Change, Changes, FirstAdversaries
from imbalens.analysis.common.counting import divide
from imbalens.reports.changes.similarity import similarity_table
from imbalens.reports.common.tables import head_first

PREDICTIONS = ("run", "baseline", "class", "predicted_baseline", "predicted", "count")
ACTIVATION = ("run", "baseline", "row", "patient", "class", "total", "inside", "elsewhere")
NONE = (None, np.nan)  # adversary and share of a class without adversaries


def changes_tables(
    found: Changes,
    runs: Sequence[str],
    names: Sequence[str],
    counts: Int[np.ndarray, " c"],
) -> dict[str, pd.DataFrame]:
    """Lay out what became different: similarity, changes, archetypes' flow, adversaries.

    Args:
        found: What was found.
        runs: All runs, in the order of the similarities.
        names: Class names, in label order.
        counts: Training images per class.
    """
    return {
        "similarity": similarity_table(found.similarity, runs),
        "changes": change_table(found.measures, names, counts),
        "flow": flow_table(found.flows, names, counts),
        "adversaries": adversary_table(found.first_adversaries, names, counts),
    }


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
    first: Mapping[str, tuple[FirstAdversaries, FirstAdversaries]],
    names: Sequence[str],
    counts: Int[np.ndarray, " c"],
) -> pd.DataFrame:
    """One row per run and class: its first adversary and the share, in baseline and run.

    Where several are first they stand below one another by `position`, as many rows as the side
    with more of them needs. What a side does not have is empty.

    Args:
        first: By run, the first adversaries in the baseline and in the run.
        names: Class names, in label order.
        counts: Training images per class.
    """
    rows = [
        (run, names[c], position, before, after, share_before, share_after)
        for run, sides in first.items()
        for c in head_first(counts)
        for position, ((before, share_before), (after, share_after)) in enumerate(
            zip_longest(*(_list_first(side, c, names) for side in sides), fillvalue=NONE),
            start=1,
        )
    ]
    columns = ["run", "class", "position"]
    columns += ["adversary_baseline", "adversary", "share_baseline", "share"]
    return pd.DataFrame(rows, columns=columns)


def _list_first(
    adversaries: FirstAdversaries, label: int, names: Sequence[str]
) -> list[tuple[str | None, float]]:
    """Return the first adversaries of a class with their share; at least one, perhaps `NONE`."""
    share = float(adversaries.share[label])
    return [(names[c], share) for c in np.flatnonzero(adversaries.first[label]).tolist()] or [NONE]


def prediction_table(
    counts: Mapping[tuple[str, str], Int[np.ndarray, "k 4"]], names: Sequence[str]
) -> pd.DataFrame:
    """One row per training, training of its baseline, and three classes with an image.

    Args:
        counts: By training and training of its baseline, see `count_predictions`.
        names: Class names, in label order.
    """
    rows = [
        (*pair, *(names[code] for code in codes), count)
        for pair, cells in counts.items()
        for *codes, count in cells.tolist()
    ]
    return pd.DataFrame(rows, columns=list(PREDICTIONS)).astype({"count": int})


def activation_table(
    added: Mapping[tuple[str, str], AddedActivation],
    pairs: Int[np.ndarray, "p 3"],
    names: Sequence[str],
) -> pd.DataFrame:
    """One row per training, training of its baseline, and annotated pair of image and class.

    Args:
        added: By training and training of its baseline, what it activates in addition.
        pairs: Row in the prepared split, patient and class of each pair.
        names: Class names, in label order.
    """
    rows = [
        (*sides, row, patient, names[code], *sums)
        for sides, one in added.items()
        for (row, patient, code), *sums in zip(
            pairs.tolist(), one.total, one.inside, one.elsewhere, strict=True
        )
    ]
    kinds = {"row": int, "patient": int, "total": float, "inside": float, "elsewhere": float}
    return pd.DataFrame(rows, columns=list(ACTIVATION)).astype(kinds)
