"""Tables and figures of all runs of a dataset side by side.

Source: paper A, Figures 1 and 2, Tables 1 and 2.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from imbalens.reports.common.overlay import add_scale, overlay
from imbalens.reports.common.style import PALETTE, plain, quiet, save, say, titled
from imbalens.store.examples import Example

AVERAGE = "average"
MAX_SHOWN = 20
COLUMN_WIDTH = 23  # characters above an image
LABEL_PANELS = {
    "AUROC": "auroc",
    "AP": "ap",
    "probability\nof positives": "probability_positives",
}
CLASS_PANELS = ("recall", "precision")
# title of a table, then column: heading, stage, key in the stage's metrics
TABLES = {
    "Classification": {
        "accuracy": ("accuracy", "performance", "accuracy"),
        "balanced_accuracy": ("balanced accuracy", "performance", "balanced_accuracy"),
        "auroc": ("AUROC", "performance", "auroc"),
        "ap": ("AP", "performance", "ap"),
        "probability_positives": (
            "probability, positives",
            "performance",
            "probability_positives",
        ),
        "probability": ("probability, all", "performance", "probability"),
        "ece": ("ECE", "performance", "ece"),
    },
    "Alignment of class activation maps with boxes (paper A, Table 1)": {
        "iobb": ("IoBB", "cam_alignment", "iobb"),
        "ior": ("IoR", "cam_alignment", "ior"),
        "iou": ("IoU", "cam_alignment", "iou"),
        "pointing": ("pointing game", "cam_alignment", "pointing"),
        "all_zero": ("all-zero maps", "cam_alignment", "all_zero"),
        "iobb_untrained": ("IoBB, untrained", "cam_alignment", "untrained.iobb"),
        "iobb_shifted": ("IoBB, shifted boxes", "cam_alignment", "shifted.iobb"),
    },
    "Concepts in boxes (paper A, Table 2)": {
        "disjoint": ("disjoint", "concepts", "disjoint"),
        "unique": ("unique", "concepts", "unique"),
        "dead_channels": ("dead channels", "concepts", "dead_channels"),
    },
}
COLUMNS = {column: place for columns in TABLES.values() for column, place in columns.items()}
WHOLE = ("dead_channels",)

Values = dict[str | None, float | None]


def runs_table(metrics: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """One row per run: run, model, loss, and the figures that some run of the dataset has.

    Args:
        metrics: Per run its `model` and `loss`, and the metrics of each stage.
    """
    rows = []
    for run, stages in metrics.items():
        row = {"run": run, "model": stages["model"], "loss": stages["loss"]}
        for column, (_, stage, key) in COLUMNS.items():
            value: Any = stages.get(stage)
            for part in key.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
            row[column] = np.nan if value is None else value
        rows.append(row)
    table = pd.DataFrame(rows, columns=["run", "model", "loss", *COLUMNS])
    return table.drop(columns=[column for column in COLUMNS if table[column].isna().all()])


def runs_markdown(table: pd.DataFrame, *, dataset: str) -> str:
    """Return the table of runs as Markdown, one part per kind of figure.

    Args:
        table: As `runs_table` makes it.
        dataset: Name of the dataset, for the title.
    """
    lines = [f"# {dataset}: one row per run", ""]
    for title, columns in TABLES.items():
        shown = [column for column in columns if column in table]
        if not shown:
            continue
        lines += [f"## {title}", ""]
        lines.append(f"| run | network | loss | {' | '.join(COLUMNS[c][0] for c in shown)} |")
        lines.append("|---|---|---|" + "---:|" * len(shown))
        for _, row in table.iterrows():
            cells = [_cell(float(row[column]), column) for column in shown]
            lines.append(
                f"| {row['run']} | {row['model']} | {row['loss']} | {' | '.join(cells)} |"
            )
        lines.append("")
    return "\n".join(lines)


def _cell(value: float, column: str) -> str:
    if np.isnan(value):
        return ""
    if column in WHOLE:
        return f"{value:.0f}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.1f}"


def class_figures_figure(metrics: Mapping[str, Mapping[str, Any]], *, dataset: str) -> Figure:
    """Build what `draw_class_figures` writes."""
    panels, runs = _panels(metrics), list(metrics)
    values = next(iter(panels.values()))
    places, note = list(values[runs[0]]) if runs else [], ""
    if len(places) == 2:  # the average is that of the only class
        places = places[1:]
    if len(places) > MAX_SHOWN:
        note = f"average and the first {MAX_SHOWN - 1} of {len(places) - 1} classes, by name"
        places = places[:MAX_SHOWN]
    width = min(18.0, max(7.0, 0.13 * len(runs) * len(places) + 3.5))
    figure = Figure(figsize=(width, 2.4 * len(panels) + 1.6), layout="constrained")
    figure.suptitle(titled(f"Performance of each run · {dataset}", note))
    if not runs:
        say(figure.subplots(), "no run of this dataset")
        return figure
    cells = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    # half a place between the average and the classes, since it is none of them
    centres = np.arange(len(places)) + 0.5 * (np.arange(len(places)) > 0)
    bar = 0.84 / len(runs)
    for axes, (heading, of_run) in zip(cells, panels.items(), strict=True):
        for position, run in enumerate(runs):
            heights = np.array([of_run[run][place] for place in places], dtype=float)
            across = centres + (position - (len(runs) - 1) / 2) * bar
            colour = PALETTE[position % len(PALETTE)]
            axes.bar(across, np.nan_to_num(heights), bar, color=colour, label=plain(run, width=80))
            for x in across[np.isnan(heights)]:
                axes.text(x, 0.02, "none", ha="center", va="bottom", rotation=90, fontsize=6)
        axes.set_xlim(centres[0] - 0.7, centres[-1] + 0.7)
        axes.set_ylim(0, 1)
        axes.set_ylabel(heading)
        quiet(axes)
    cells[-1].set_xticks(
        centres,
        [AVERAGE if place is None else plain(place) for place in places],
        rotation=45,
        ha="right",
        rotation_mode="anchor",
    )
    widest = 0.078 * max(len(plain(run, width=80)) for run in runs) + 0.5  # inches
    figure.legend(
        *cells[0].get_legend_handles_labels(),
        loc="outside lower center",
        frameon=False,
        ncols=max(1, min(4, len(runs), int(width / widest))),
    )
    return figure


def draw_class_figures(
    metrics: Mapping[str, Mapping[str, Any]], path: Path, *, dataset: str
) -> None:
    """Draw AUROC, AP and predicted probability, or recall and precision, of all runs per class.

    Args:
        metrics: As for `runs_table`.
        path: PNG to write.
        dataset: Name of the dataset, for the title.

    Source: paper A, Figure 2.
    """
    save(class_figures_figure(metrics, dataset=dataset), path)


def _panels(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Values]]:
    """Return values per heading, run and class, the average, under None, first."""
    figures = {run: stages["performance"] for run, stages in metrics.items()}
    if any("auroc" in of_run for of_run in figures.values()):
        return {
            heading: {
                run: {
                    None: of_run[key],
                    **{label: of_class[key] for label, of_class in of_run["class"].items()},
                }
                for run, of_run in figures.items()
            }
            for heading, key in LABEL_PANELS.items()
        }
    return {
        key: {run: _with_average(of_run[key]) for run, of_run in figures.items()}
        for key in CLASS_PANELS
    }


def _with_average(values: Mapping[str, float | None]) -> Values:
    defined = [value for value in values.values() if value is not None]
    return {None: float(np.mean(defined)) if defined else None, **values}


def cam_rows_figure(
    examples: Sequence[Example], cams: Mapping[str, Float[np.ndarray, "e s s"]], *, dataset: str
) -> Figure:
    """Build what `draw_cam_rows` writes."""
    columns = ["image", *cams]
    figure = Figure(
        figsize=(max(6.0, 1.75 * len(columns) + 1.0), max(2.0, 1.65 * len(examples) + 1.2)),
        layout="constrained",
    )
    figure.suptitle(titled(f"Class activation maps of each run · {dataset}"))
    if not examples:
        say(figure.subplots(), "no maps: dumps.maps.runs names no run of this dataset")
        return figure
    cells = figure.subplots(len(examples), len(columns), squeeze=False)
    for place, (line, example) in enumerate(zip(cells, examples, strict=True)):
        for axes, cam in zip(line, [None, *(maps[place] for maps in cams.values())], strict=True):
            overlay(axes, example.image, cam, example.boxes)
        line[0].set_ylabel(plain(example.label), fontsize=9)
    for axes, column in zip(cells[0], columns, strict=True):
        axes.set_title("\n".join(wrap(plain(column, width=80), COLUMN_WIDTH)), fontsize=9)
    add_scale(figure, cells.flat)
    return figure


def draw_cam_rows(
    examples: Sequence[Example],
    cams: Mapping[str, Float[np.ndarray, "e s s"]],
    path: Path,
    *,
    dataset: str,
) -> None:
    """Draw images with their boxes, one column per run with its map, on one colour scale.

    Args:
        examples: Annotated images.
        cams: Map of each within [0, 1], in the pixels of the image, by run.
        path: PNG to write.
        dataset: Name of the dataset, for the title.

    Source: paper A, Figure 1.
    """
    save(cam_rows_figure(examples, cams, dataset=dataset), path)
