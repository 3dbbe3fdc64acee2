"""Table and figure of how alike the features of a dataset's runs are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from imbalens.analysis.changes.similarity import Similarity
from imbalens.reports.common.matrix import draw_cells, matrix_figure
from imbalens.reports.common.names import short_names
from imbalens.reports.common.style import add_title, save, say


def similarity_table(similarity: Similarity, runs: Sequence[str]) -> pd.DataFrame:
    """One row per ordered pair of runs, each with itself too: run, other, cka, cka_debiased.

    Args:
        similarity: How alike the features of every two runs are.
        runs: Names of the runs, in the order of the matrices.
    """
    return pd.DataFrame(
        {
            "run": np.repeat(np.asarray(runs, dtype=object), len(runs)),
            "other": np.tile(np.asarray(runs, dtype=object), len(runs)),
            "cka": similarity.plain.ravel(),
            "cka_debiased": similarity.debiased.ravel(),
        }
    )


def similarity_figure(table: pd.DataFrame, *, dataset: str) -> Figure:
    """Build what `draw_similarity` writes."""
    runs = list(table["run"].unique())
    cells = table.pivot(index="run", columns="other", values="cka_debiased")
    values = cells.reindex(index=runs, columns=runs).to_numpy(dtype=float)
    shown = short_names(runs)
    figure, axes = matrix_figure(len(runs))
    if not runs:
        say(axes, "no run of this dataset")
        return figure
    draw_cells(
        axes,
        values,
        [[f"{value:.2f}" for value in line] for line in values],
        rows=shown,
        columns=shown,
        colour_label="linear CKA, debiased",
        gamma=1.0,
    )
    add_title(figure, f"Similarity of features of the same images · {dataset}")
    return figure


def draw_similarity(table: pd.DataFrame, path: Path, *, dataset: str) -> None:
    """Draw how alike the features of every two runs are, by the debiased estimator.

    Args:
        table: Columns `run`, `other`, `cka_debiased`, one row per ordered pair.
        path: PNG to write.
        dataset: Name of the dataset, for the title.

    Source: Kornblith et al., Similarity of Neural Network Representations Revisited, ICML 2019.
    """
    save(similarity_figure(table, dataset=dataset), path)
