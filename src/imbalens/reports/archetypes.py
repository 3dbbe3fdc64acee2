"""Figures of the class archetypes: true positives per archetype, and prototype images."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int, UInt8
from matplotlib.figure import Figure

from imbalens.analysis.archetypes.archetypes import Archetypes
from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES, ArchetypeTable
from imbalens.classes import Classes, describe, list_pairs
from imbalens.reports.common import palette
from imbalens.reports.common.names import shorten
from imbalens.reports.common.not_applicable import draw_reason
from imbalens.reports.common.style import (
    INK,
    add_title,
    head_and_tail,
    quiet,
    save,
    show_image,
)
from imbalens.reports.common.tables import head_first

MAX_SHOWN = 30  # classes


def archetype_metrics(found: Archetypes, names: Sequence[str]) -> dict[str, object]:
    """Summarise the shares of archetypes, over all and per class, and their true positives."""
    table = found.table
    return {
        "share": dict(zip(ARCHETYPE_NAMES, table.overall_share, strict=True)),
        "true_positive_rate": dict(
            zip(ARCHETYPE_NAMES, table.overall_true_positive_rate, strict=True)
        ),
        "class_share": {
            label: dict(zip(ARCHETYPE_NAMES, shares, strict=True))
            for label, shares in zip(names, table.share, strict=True)
        },
    }


def instance_table(
    found: Archetypes,
    classes: Classes,
    predictions: Classes | None,
    index: Int[np.ndarray, " n"],
    files: Sequence[str],
    names: Sequence[str],
) -> pd.DataFrame:
    """One row per image and class that it has: where it is from, prediction and archetype."""
    rows, codes = list_pairs(classes)
    taken = [""] * len(classes) if predictions is None else describe(predictions, names)
    return pd.DataFrame(
        {
            "row": rows,
            "index": index[rows],
            "name": np.asarray(files, dtype=object)[rows],
            "label": np.asarray(names, dtype=object)[codes],
            "prediction": np.asarray(taken, dtype=object)[rows],
            "archetype": np.asarray(ARCHETYPE_NAMES, dtype=object)[found.codes],
        }
    )


def archetype_table(
    result: ArchetypeTable, names: Sequence[str], counts: Int[np.ndarray, " c"]
) -> pd.DataFrame:
    """One row per class and archetype: count, share, true positives and their rate.

    Without predictions the latter two are empty.
    """
    hits = result.true_positives
    return pd.DataFrame(
        [
            {
                "class": names[label],
                "archetype": name,
                "count": result.count[label, archetype],
                "share": result.share[label, archetype],
                "true_positives": None if hits is None else hits[label, archetype],
                "true_positive_rate": result.true_positive_rate[label, archetype],
            }
            for label in head_first(counts)
            for archetype, name in enumerate(ARCHETYPE_NAMES)
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
                "archetype": name,
                "row": row if row >= 0 else None,
                "index": index[row] if row >= 0 else None,
                "name": files[row] if row >= 0 else None,
            }
            for label in head_first(counts)
            for archetype, name in enumerate(ARCHETYPE_NAMES)
            for row in [int(prototypes[label, archetype])]
        ]
    ).astype({"row": "Int64", "index": "Int64"})


def true_positives_figure(table: pd.DataFrame, *, run: str) -> Figure:
    """Build what `draw_true_positives` writes."""
    classes = list(table["class"].unique())
    shown, note = head_and_tail(classes) if len(classes) > MAX_SHOWN else (classes, "")
    names = list(shorten(shown).values())
    archetypes = list(table["archetype"].unique())
    cells = table.set_index(["class", "archetype"])
    figure = Figure(figsize=(11, max(2.0, 0.3 * len(shown)) + 1.5), layout="constrained")
    panels = figure.subplots(1, len(archetypes), sharey=True, squeeze=False)[0]
    for axes, archetype in zip(panels, archetypes, strict=True):
        rates = [100 * float(cells["true_positive_rate"][name, archetype]) for name in shown]
        axes.barh(
            range(len(shown)), np.nan_to_num(rates), color=palette.ARCHETYPES[archetype].light
        )
        for place, (name, rate) in enumerate(zip(shown, rates, strict=True)):
            count = int(cells["count"][name, archetype])
            text = "none" if np.isnan(rate) else f"of {count}"
            axes.text(np.nan_to_num(rate) + 2, place, text, va="center", fontsize=8, color=INK)
        axes.set_title(archetype, fontsize=11)
        axes.set_xlim(0, 130)  # room for the last text
        axes.set_xticks(range(0, 101, 25))
        quiet(axes)
    panels[0].set_yticks(range(len(shown)), names)
    panels[0].set_ylim(len(shown) - 0.4, -0.6)
    panels[0].set_ylabel("class, head to tail")
    figure.supxlabel("true positives in the group, % (of how many instances)", fontsize=10)
    add_title(figure, f"True positives per archetype · {run}", note)
    return figure


def draw_true_positives(table: pd.DataFrame, path: Path, *, run: str) -> None:
    """Draw the share of true positives in each archetype of each class.

    Args:
        table: Columns `class` (head first), `archetype`, `count`, `true_positive_rate` (0 to 1,
            NaN for an empty group, which is drawn as the word "none").
        path: PNG to write.
        run: Name of the run, for the title.

    Source: paper B, Figure 2.
    """
    save(true_positives_figure(table, run=run), path)


def prototypes_figure(
    table: pd.DataFrame, images: Mapping[int, UInt8[np.ndarray, "_ _ _"]], *, run: str
) -> Figure:
    """Build what `draw_prototypes` writes."""
    shown, note = head_and_tail(list(table["class"].unique()))
    names = shorten(shown)
    archetypes = list(table["archetype"].unique())
    rows = table.set_index(["class", "archetype"])["row"]
    figure = Figure(figsize=(1.5 * len(archetypes) + 1.5, 1.5 * len(shown) + 1), dpi=100)
    figure.set_layout_engine("constrained", h_pad=0.03, w_pad=0.03)
    cells = figure.subplots(len(shown), len(archetypes), squeeze=False)
    for line, name in zip(cells, shown, strict=True):
        for axes, archetype in zip(line, archetypes, strict=True):
            row = rows[name, archetype]
            show_image(axes, None if pd.isna(row) else images[int(row)])
        line[0].set_ylabel(names[name], rotation=0, ha="right", va="center", labelpad=8)
    for axes, archetype in zip(cells[0], archetypes, strict=True):
        axes.set_title(archetype, fontsize=11)
    add_title(figure, f"Prototypes · {run}", note)
    return figure


def draw_prototypes(
    table: pd.DataFrame,
    images: Mapping[int, UInt8[np.ndarray, "_ _ _"]],
    path: Path,
    *,
    run: str,
) -> None:
    """Draw the medoid image of every class (rows) and archetype (columns).

    Args:
        table: Columns `class` (head first), `archetype` and `row`, which is absent for an empty
            group.
        images: By row, height x width x 1 or 3; none where the dataset has no images.
        path: PNG to write.
        run: Name of the run, for the title.

    Source: paper B, Figure 3.
    """
    if not images and table["row"].notna().any():
        draw_reason("the dataset has no images", path)
    else:
        save(prototypes_figure(table, images, run=run), path)
