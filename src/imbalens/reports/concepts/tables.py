"""Numbers and tables of the concepts that channels detect in boxes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int

from imbalens.analysis.concepts.channels import ConceptSummary, fire_shares
from imbalens.analysis.concepts.counting import ConceptCounts
from imbalens.reports.common.tables import head_first
from imbalens.tables.concepts import ALL, FIRES_IN, PER_PAIR


def concept_metrics(summary: ConceptSummary, names: Sequence[str]) -> dict[str, Any]:
    """Arrange the means as they are written to the metrics file.

    Args:
        summary: Means per class and overall.
        names: Class names, in label order.
    """
    per_class = zip(
        names, summary.class_disjoint, summary.class_unique, summary.class_pairs, strict=True
    )
    return {
        "disjoint": summary.disjoint,
        "unique": summary.unique,
        "normalize_by": summary.normalize_by,
        "dead_channels": summary.n_dead,
        "channels": summary.n_channels,
        "images": summary.n_images,
        "pairs": summary.n_pairs,
        "class": {
            label: {"disjoint": disjoint, "unique": unique, "pairs": n}
            for label, disjoint, unique, n in per_class
            if n
        },
    }


def concept_table(summary: ConceptSummary, names: Sequence[str]) -> pd.DataFrame:
    """One row per class, by falling number of pairs, and a last one, "all".

    Args:
        summary: Means per class and overall.
        names: Class names, in label order.

    Returns:
        As `tables.concepts.CLASSES` declares it.
    """
    order = head_first(summary.class_pairs)
    return pd.DataFrame(
        {
            "class": [*(names[label] for label in order), ALL],
            "pairs": [*summary.class_pairs[order].tolist(), summary.n_pairs],
            "per": [*(PER_PAIR for _ in order), summary.normalize_by],
            "disjoint": [*summary.class_disjoint[order], summary.disjoint],
            "unique": [*summary.class_unique[order], summary.unique],
        }
    )


def channel_table(counts: ConceptCounts, names: Sequence[str]) -> pd.DataFrame:
    """One row per channel: the class in whose boxes it fires most reliably, and all classes.

    Args:
        counts: Counts of all channels.
        names: Class names, in label order.

    Returns:
        As `tables.concepts.CHANNELS` declares it: class, pairs and share are those of the class
        with the largest share, empty where the channel fires in no class with enough pairs.
        Largest share first.
    """
    pairs = np.bincount(counts.pairs[:, 1], minlength=len(names))
    share = np.nan_to_num(fire_shares(counts))
    best, largest = share.argmax(axis=1), share.max(axis=1)
    some = largest > 0
    labels = [int(label) if any_ else None for label, any_ in zip(best, some, strict=True)]
    table = pd.DataFrame(
        {
            "channel": np.arange(len(share)),
            "dead": counts.dead,
            "threshold": counts.tau,
            "class": [None if label is None else names[label] for label in labels],
            "pairs": [None if label is None else pairs[label] for label in labels],
            "share": np.where(some, largest, np.nan),
            **{
                f"{FIRES_IN}{names[label]}": counts.fires[:, label]
                for label in np.flatnonzero(pairs).tolist()
            },
        }
    ).astype({"pairs": "Int64"})
    return table.iloc[np.argsort(-largest, kind="stable")].reset_index(drop=True)


def instance_table(
    counts: ConceptCounts, rows: Int[np.ndarray, " n"], names: Sequence[str]
) -> pd.DataFrame:
    """One row per annotated image and, with a class, per pair, to compare runs one by one.

    The mean over the rows without a class is the overall figure of `normalize_by: image`, that
    over the rows with one the overall figure of `label`, and that over the rows of a class the
    class's.

    Args:
        counts: Counts of all channels.
        rows: Row of each image in its prepared split.
        names: Class names, in label order.

    Returns:
        As `tables.concepts.COUNTS` declares it, images first.
    """
    images = np.unique(counts.pairs[:, 0])
    labels = np.asarray(names, dtype=object)
    per_image = pd.DataFrame(
        {
            "row": rows[images],
            "class": "",
            "disjoint": counts.disjoint_per_image[images],
            "unique": counts.unique_per_image[images],
        }
    )
    per_pair = pd.DataFrame(
        {
            "row": rows[counts.pairs[:, 0]],
            "class": labels[counts.pairs[:, 1]],
            "disjoint": counts.disjoint_per_pair,
            "unique": counts.unique_per_pair,
        }
    )
    return pd.concat([per_image, per_pair], ignore_index=True)
