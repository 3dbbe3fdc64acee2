"""Results as tidy tables: what is plotted, and what DVC renders. Classes stand head first."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from imbalens.analysis.adversary_scores import PredictorScore
from imbalens.analysis.archetypes import Archetype, ArchetypeTable
from imbalens.analysis.colours import COLOUR_GROUPS, ColourTable
from imbalens.analysis.feature_overlap import PairOverlap, TopFeatures
from imbalens.analysis.performance import Performance


def head_first(counts: Int[np.ndarray, " c"]) -> list[int]:
    """Return the classes by falling number of training images, ties in label order."""
    return np.argsort(-counts, kind="stable").tolist()


def archetype_name(archetype: Archetype) -> str:
    """Return the name as the tables write it."""
    return archetype.name.lower()


def performance_table(
    result: Performance, names: Sequence[str], counts: Int[np.ndarray, " c"]
) -> pd.DataFrame:
    """One row per class: class, train_count, recall, precision, f1."""
    table = pd.DataFrame(
        {
            "class": names,
            "train_count": counts,
            "recall": result.recall,
            "precision": result.precision,
            "f1": result.f1,
        }
    )
    return table.iloc[head_first(counts)]


def matrix_table(
    matrices: Mapping[str, np.ndarray],
    names: Sequence[str],
    counts: Int[np.ndarray, " c"],
    *,
    rows: str,
    columns: str,
) -> pd.DataFrame:
    """One row per pair of classes: their names, then the entry of each matrix.

    Args:
        matrices: Column name to a matrix of classes x classes.
        names: Class names, in label order.
        counts: Training images per class.
        rows: Column that names the matrices' row.
        columns: Column that names the matrices' column.
    """
    order = head_first(counts)
    first, second = (axis.ravel() for axis in np.meshgrid(order, order, indexing="ij"))
    labels = np.asarray(names, dtype=object)
    entries = {name: matrix[first, second] for name, matrix in matrices.items()}
    return pd.DataFrame({rows: labels[first], columns: labels[second], **entries})


def archetype_table(
    result: ArchetypeTable, names: Sequence[str], counts: Int[np.ndarray, " c"]
) -> pd.DataFrame:
    """One row per class and archetype: count, share, true positives and their rate."""
    return pd.DataFrame(
        [
            {
                "class": names[label],
                "archetype": archetype_name(archetype),
                "count": result.count[label, archetype],
                "share": result.share[label, archetype],
                "true_positives": result.true_positives[label, archetype],
                "true_positive_rate": result.true_positive_rate[label, archetype],
            }
            for label in head_first(counts)
            for archetype in Archetype
        ]
    )


def prototype_table(
    prototypes: Int[np.ndarray, "c 4"],
    index: Int[np.ndarray, " n"],
    files: Sequence[str],
    names: Sequence[str],
    counts: Int[np.ndarray, " c"],
) -> pd.DataFrame:
    """One row per class and archetype: row in the training split, source position and file."""
    return pd.DataFrame(
        [
            {
                "class": names[label],
                "archetype": archetype_name(archetype),
                "row": row if row >= 0 else None,
                "index": index[row] if row >= 0 else None,
                "name": files[row] if row >= 0 else None,
            }
            for label in head_first(counts)
            for archetype in Archetype
            for row in [int(prototypes[label, archetype])]
        ]
    ).astype({"row": "Int64", "index": "Int64"})


def predictor_table(scores: Mapping[str, PredictorScore]) -> pd.DataFrame:
    """One row per predictor of errors: KLD (nats), rank correlation, hit rates, classes."""
    return pd.DataFrame(
        [
            {
                "predictor": name,
                "kld": score.kld,
                "rank_correlation": score.rank_correlation,
                "top1": score.top1,
                "top3": score.top3,
                "classes": score.n_classes,
            }
            for name, score in scores.items()
        ]
    )


def top_feature_table(
    result: TopFeatures, names: Sequence[str], counts: Int[np.ndarray, " c"]
) -> pd.DataFrame:
    """One row per class and position (1 = largest): feature index, mean and share."""
    return pd.DataFrame(
        [
            {
                "class": names[label],
                "position": position + 1,
                "feature": result.indices[label, position],
                "mean": result.mean[label, position],
                "share": result.share[label, position],
            }
            for label in head_first(counts)
            for position in range(result.indices.shape[1])
        ]
    )


def overlap_table(
    pairs: PairOverlap,
    density: Float[np.ndarray, "c c"],
    names: Sequence[str],
    counts: Int[np.ndarray, " c"],
) -> pd.DataFrame:
    """One row per ordered pair of different classes: shared, jaccard, density_ratio."""
    matrices = {"shared": pairs.shared, "jaccard": pairs.jaccard, "density_ratio": density}
    table = matrix_table(matrices, names, counts, rows="class", columns="other")
    return table[table["class"] != table["other"]]


def colour_table(
    tables: Mapping[str, ColourTable], names: Sequence[str], counts: Int[np.ndarray, " c"]
) -> pd.DataFrame:
    """One row per class, set of pixels and colour group: pixels, share and mean colour.

    Args:
        tables: What the pixels were taken from ("all", an archetype, "any pixel") to its table.
        names: Class names, in label order.
        counts: Training images per class.
    """
    return pd.DataFrame(
        [
            {
                "class": names[label],
                "archetype": part,
                "group": group,
                "pixels": table.pixels[label, code],
                "share": table.share[label, code],
                **dict(
                    zip(
                        ("red", "green", "blue"), table.mean_rgb[label, code].round(1), strict=True
                    )
                ),
            }
            for part, table in tables.items()
            for label in head_first(counts)
            for code, group in enumerate(COLOUR_GROUPS)
        ]
    )
