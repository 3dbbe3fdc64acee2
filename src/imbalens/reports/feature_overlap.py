"""Figures of the feature overlap: each class's strongest features, and what pairs share."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from jaxtyping import Int
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from imbalens.analysis.common.counting import divide
from imbalens.analysis.feature_overlap import FeatureOverlap, TopFeatures
from imbalens.reports.common import palette
from imbalens.reports.common.matrix import draw_cells, matrix_figure
from imbalens.reports.common.names import shorten
from imbalens.reports.common.style import (
    NEUTRAL,
    add_legend,
    add_title,
    head_and_tail,
    quiet,
    save,
    write_on,
)
from imbalens.reports.common.tables import head_first, matrix_table

# how many of the classes shown have a feature among their strongest: 1, 2, 3, 4 or more
SHARED_BY = (NEUTRAL, *(to_hex(matplotlib.colormaps["viridis_r"](x)) for x in (0.05, 0.5, 0.95)))
EDGE = palette.UNKNOWN.light
MIN_PLACES = 6  # for classes: the title needs the width of so many


def feature_overlap_metrics(
    found: FeatureOverlap, names: Sequence[str], counts: Int[np.ndarray, " c"]
) -> dict[str, object]:
    """Summarise what pairs of classes share; a class without top features is in no pair.

    `fewer_features` says, if any class with images has fewer than K features with a mean above
    0, how many these are.
    """
    listed, shared = (found.top.indices >= 0).sum(axis=1), found.pairs.shared
    present = listed > 0
    other = np.outer(present, present) & ~np.eye(len(present), dtype=bool)
    n_other = other.sum()
    metrics: dict[str, object] = {
        "mean_shared": divide(shared[other].sum(), n_other),
        "max_shared": shared[other].max() if n_other else None,
        "mean_jaccard": divide(found.pairs.jaccard[other].sum(), n_other),
        "mean_density_ratio": divide(found.density[other].sum(), n_other),
        "own_density_ratio": divide(np.diag(found.density)[present].sum(), present.sum()),
        "class_shared": dict(
            zip(names, divide((shared * other).sum(1), other.sum(1)), strict=True)
        ),
    }
    fewer = np.flatnonzero((listed < found.top.indices.shape[1]) & (counts > 0))
    if len(fewer):
        metrics["fewer_features"] = {names[label]: listed[label] for label in fewer.tolist()}
    return metrics


def top_feature_table(
    top: TopFeatures, names: Sequence[str], counts: Int[np.ndarray, " c"]
) -> pd.DataFrame:
    """One row per class and position (1 = largest): feature index, mean and share."""
    places = [
        (label, position)
        for label in head_first(counts)
        for position in np.flatnonzero(top.indices[label] >= 0)
    ]
    labels, positions = np.array(places, dtype=np.int64).reshape(-1, 2).T
    return pd.DataFrame(
        {
            "class": np.asarray(names, dtype=object)[labels],
            "position": positions + 1,
            "feature": top.indices[labels, positions],
            "mean": top.mean[labels, positions],
            "share": top.share[labels, positions],
        }
    )


def overlap_table(
    found: FeatureOverlap, names: Sequence[str], counts: Int[np.ndarray, " c"]
) -> pd.DataFrame:
    """One row per ordered pair of different classes: shared, jaccard, density_ratio."""
    matrices = {
        "shared": found.pairs.shared,
        "jaccard": found.pairs.jaccard,
        "density_ratio": found.density,
    }
    table = matrix_table(matrices, names, counts, rows="class", columns="other")
    table = table.assign(shared=table["shared"].where(table["jaccard"].notna()))
    return table[table["class"] != table["other"]]


def top_features_figure(table: pd.DataFrame, *, run: str, top_k: int) -> Figure:
    """Build what `draw_top_features` writes."""
    classes, note = head_and_tail(list(table["class"].unique()))
    shown = table[table["class"].isin(classes)].sort_values("position", kind="stable")
    users = shown["feature"].value_counts()
    names = shorten(classes)
    fewer = [names[name] for name in classes if (shown["class"] == name).sum() < top_k]
    places = max(len(classes), MIN_PLACES)
    figure = Figure(figsize=(0.85 * places + 3.5, 7), layout="constrained")
    axes = figure.subplots()
    for place, name in enumerate(classes):
        start = 0.0
        for feature, share in shown.loc[shown["class"] == name, ["feature", "share"]].to_numpy():
            colour = SHARED_BY[min(int(users[feature]), len(SHARED_BY)) - 1]
            height = 100 * float(share)
            axes.bar(place, height, 0.86, bottom=start, color=colour, edgecolor=EDGE, lw=0.6)
            write_on(axes, place, start + height / 2, f"{int(feature)}", colour, size=8)
            start += height
    axes.set_xticks(
        range(len(classes)),
        list(names.values()),
        rotation=45,
        ha="right",
        rotation_mode="anchor",
    )
    axes.set_xlabel("class, head to tail")
    blank = (places - len(classes)) / 2
    axes.set_xlim(-0.6 - blank, len(classes) - 0.4 + blank)
    axes.set_ylim(0, 100)
    axes.set_ylabel("share of the class's strongest features, %")
    quiet(axes)
    most = f"{len(SHARED_BY)} or more"
    entries = {
        f"{most if n == len(SHARED_BY) else n} of these classes": Patch(color=colour)
        for n, colour in enumerate(SHARED_BY, start=1)
    }
    add_legend(figure, entries, loc="outside right center", title="feature in")
    add_title(
        figure,
        f"Strongest features per class · {run}",
        "number in a segment: feature index; the largest mean is at the bottom",
        f"fewer than {top_k} features above 0: {', '.join(fewer)}" if fewer else "",
        note,
    )
    return figure


def draw_top_features(table: pd.DataFrame, path: Path, *, run: str, top_k: int) -> None:
    """Draw the strongest features of each class, darker the more classes share them.

    The paper colours a segment by its position, which the stacking already shows; here the
    colour says what the figure is read for, whether other classes use the same feature.

    Args:
        table: Columns `class` (head first), `position` (rising from the strongest), `feature`
            (index), `share` (0 to 1 within a class).
        path: PNG to write.
        run: Name of the run, for the title.
        top_k: Features per class, if as many have a mean above 0.

    Source: paper B, Figure 5.
    """
    save(top_features_figure(table, run=run, top_k=top_k), path)


def pairs_figure(table: pd.DataFrame, *, run: str) -> Figure:
    """Build what `draw_pairs` writes."""
    classes = list(pd.concat([table["class"], table["other"]]).unique())
    cells = table.pivot(index="class", columns="other", values="shared")
    counts = cells.reindex(index=classes, columns=classes).to_numpy(dtype=float)
    counts = np.where(np.isnan(counts), counts.T, counts)
    np.fill_diagonal(counts, np.nan)
    figure, axes = matrix_figure(len(classes))
    draw_cells(
        axes,
        counts,
        [["" if np.isnan(value) else f"{value:.0f}" for value in line] for line in counts],
        rows=classes,
        columns=classes,
        colour_label="strongest features in common",
        gamma=1.0,
    )
    add_title(figure, f"Strongest features that two classes share · {run}")
    return figure


def draw_pairs(table: pd.DataFrame, path: Path, *, run: str) -> None:
    """Draw how many of their strongest features each two classes have in common.

    Args:
        table: Columns `class` (head first), `other`, `shared` (count); a pair may be given in
            one order or in both.
        path: PNG to write.
        run: Name of the run, for the title.

    Source: paper B, section 3.4.
    """
    save(pairs_figure(table, run=run), path)
