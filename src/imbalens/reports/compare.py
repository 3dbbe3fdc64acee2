"""Tables and figures of all settings of a dataset side by side.

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

from imbalens.analysis.common.measures import CAM_ALIGNMENT, CONCEPTS, DEAD_CHANNELS, MeasureSpec
from imbalens.analysis.performance.measures import (
    AP,
    AUROC,
    OF_CLASSES,
    OF_LABELS,
    PRECISION,
    PROBABILITY_POSITIVES,
    RECALL,
)
from imbalens.reports.common import palette
from imbalens.reports.common.markdown import markdown_table
from imbalens.reports.common.names import shorten
from imbalens.reports.common.not_applicable import is_applicable
from imbalens.reports.common.overlay import add_scale, overlay, places_of
from imbalens.reports.common.style import (
    NEUTRAL,
    add_legend,
    add_title,
    head_and_tail,
    quiet,
    save,
    say,
)
from imbalens.store.examples import Example
from imbalens.tables.compare import TRAININGS

AVERAGE = "average"
MAX_SHOWN = 30  # classes
COLUMN_WIDTH = 23  # characters above an image
HEADING_WIDTH = 36  # characters above a panel
LABEL_PANELS = (AUROC, AP, PROBABILITY_POSITIVES)
CLASS_PANELS = (RECALL, PRECISION)
# title of a table: the measures that may stand in it
TABLES = {
    "Classification": (
        *(spec for spec in OF_CLASSES if spec.name not in {other.name for other in OF_LABELS}),
        *OF_LABELS,
    ),
    "Alignment of class activation maps with boxes (paper A, Table 1)": CAM_ALIGNMENT,
    "Concepts in boxes (paper A, Table 2)": CONCEPTS,
}
CLASSES = "_classes"  # ends the column that says how many classes a mean is over

Values = dict[str | None, float | None]


def settings_table(metrics: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """One row per setting: setting, model, loss, and the figures that some setting has.

    Before the figures of a stage stands how many trainings they are means over, behind a mean
    over classes how many these are.

    Args:
        metrics: Per setting its `model` and `loss`, and the metrics of each stage.
    """
    first = ["setting", "model", "loss"]
    rows = []
    for setting, stages in metrics.items():
        row = {"setting": setting, "model": stages["model"], "loss": stages["loss"]}
        for spec in (spec for measures in TABLES.values() for spec in _shown(measures)):
            of_stage = stages.get(spec.stage, {})
            row[_trainings(spec)] = _at(of_stage, (TRAININGS,))
            row[spec.name] = _at(of_stage, spec.path)
            if _over_classes(spec):
                row[f"{spec.name}{CLASSES}"] = _at(of_stage, ("classes", spec.name))
        rows.append(row)
    table = pd.DataFrame(rows) if rows else pd.DataFrame(columns=first)
    columns = [str(name) for name in table]
    counts = [name for name in columns if name.endswith((CLASSES, f"_{TRAININGS}"))]
    whole = table[counts].convert_dtypes()  # a mean of counts may be no whole number
    table = table.assign(**{name: whole[name] for name in counts})
    absent = [name for name in columns if name not in first and table[name].isna().all()]
    return table.drop(columns=absent)


def settings_markdown(table: pd.DataFrame, *, dataset: str) -> str:
    """Return the table of settings as Markdown, one part per kind of figure.

    Args:
        table: As `settings_table` makes it.
        dataset: Name of the dataset, for the title.
    """
    lines = [f"# {dataset}: one row per setting, means over its trainings", ""]
    for title, measures in TABLES.items():
        shown = [spec for spec in _shown(measures) if spec.name in table]
        if not shown:
            continue
        lines += [f"## {title}", ""]
        if any(f"{spec.name}{CLASSES}" in table for spec in shown):
            lines += ["In brackets: classes, or labels, that a mean is over.", ""]
        head = ["setting", "network", "loss", "trainings", *(spec.heading for spec in shown)]
        rows = []
        for _, row in table.iterrows():
            trainings = row[_trainings(shown[0])]
            rows.append(
                [
                    *(str(row[key]) for key in ("setting", "model", "loss")),
                    "" if pd.isna(trainings) else str(trainings),
                    *(_cell(row, spec) for spec in shown),
                ]
            )
        lines += markdown_table(head, rows, numbers=1 + len(shown))
        lines.append("")
    return "\n".join(lines)


def _trainings(spec: MeasureSpec) -> str:
    return f"{spec.stage}_{TRAININGS}"


def _shown(measures: Sequence[MeasureSpec]) -> list[MeasureSpec]:
    return [spec for spec in measures if spec.in_table]


def _over_classes(spec: MeasureSpec) -> bool:
    return spec.mean in ("rates", "rankings")


def _at(metrics: Any, path: Sequence[str]) -> float | int:  # noqa: ANN401
    """Return what stands under a path of keys, NaN if nothing does."""
    for key in path:
        metrics = metrics.get(key) if isinstance(metrics, Mapping) else None
    return np.nan if metrics is None else metrics


def _cell(row: pd.Series, spec: MeasureSpec) -> str:
    value, n = float(row[spec.name]), row.get(f"{spec.name}{CLASSES}")
    if np.isnan(value):
        return ""
    if spec is DEAD_CHANNELS:
        return f"{value:.0f}"
    shown = f"{value:.4f}" if abs(value) < 10 else f"{value:.1f}"
    return shown if n is None or pd.isna(n) else f"{shown} ({float(n):.3g})"


def class_figures_figure(
    metrics: Mapping[str, Mapping[str, Any]], *, order: Sequence[str], dataset: str
) -> Figure:
    """Build what `draw_class_figures` writes."""
    panels = _panels(metrics)
    values = next(iter(panels.values()))
    names = [name for name in metrics if name in values]
    known = dict.fromkeys(name for of in values.values() for name in of if name is not None)
    classes = sorted(known, key=lambda name: order.index(name) if name in order else len(order))
    shown, note = head_and_tail(classes) if len(classes) > MAX_SHOWN else (classes, "")
    places = [None, *shown] if len(classes) > 1 else shown  # the average is that of the only class
    height = len(places) * (0.09 * len(names) + 0.16)
    figure = Figure(figsize=(12, max(1.6, height) + 1.6), layout="constrained")
    add_title(figure, f"Performance of each setting, mean of its trainings · {dataset}", note)
    if not names:
        say(figure.subplots(), "no run of this dataset" + (" has predictions" if metrics else ""))
        return figure
    cells = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    # half a place between the average and the classes, since it is none of them
    centres = np.array([0.0 if place is None else 0.5 + i for i, place in enumerate(places)])
    numbers = palette.run_numbers(dict.fromkeys(metrics, ()))
    handles = {}
    for axes, (heading, of_setting) in zip(cells, panels.items(), strict=True):
        for position, name in enumerate(names):
            drawn = np.array([of_setting[name].get(place) for place in places], dtype=float)
            down = centres + (position - (len(names) - 1) / 2) * 0.7 / len(names)
            colour = palette.RUNS[numbers[name]].light
            marker = palette.MARKERS[numbers[name]]
            handles[name] = axes.scatter(drawn, down, s=32, color=colour, marker=marker, lw=0)
            for y in down[np.isnan(drawn)]:
                axes.text(0, y, "none", va="center", fontsize=6, color=colour)
        for edge in centres[1:] - 0.5:
            axes.axhline(edge, color=NEUTRAL, lw=0.6, zorder=0)
        axes.set_xlim(-0.02, 1.02)
        axes.set_title("\n".join(wrap(heading, HEADING_WIDTH)), fontsize=11)
        quiet(axes)
    texts = shorten(shown)
    cells[0].set_yticks(centres, [AVERAGE if one is None else texts[one] for one in places])
    cells[0].set_ylim(centres[-1] + 0.5, -0.5)
    legend = dict(zip(shorten(handles, width=60).values(), handles.values(), strict=True))
    widest = 0.078 * max(map(len, legend)) + 0.6  # inches
    columns = max(1, min(4, len(names), int(12 / widest)))
    add_legend(figure, legend, loc="outside lower center", ncols=columns)
    return figure


def draw_class_figures(
    metrics: Mapping[str, Mapping[str, Any]], path: Path, *, order: Sequence[str], dataset: str
) -> None:
    """Draw AUROC, AP and predicted probability, or recall and precision, of settings per class.

    Dots, not bars: of 14 labels under 4 losses, bars are too thin to be told apart.

    Args:
        metrics: As for `settings_table`, all settings in their order, which their colours follow.
        path: PNG to write.
        order: Names of the classes, head first.
        dataset: Name of the dataset, for the title.

    Source: paper A, Figure 2.
    """
    save(class_figures_figure(metrics, order=order, dataset=dataset), path)


def _panels(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Values]]:
    """Return values per heading, setting and class, the average, under None, first."""
    figures = {
        name: stages["performance"]
        for name, stages in metrics.items()
        if is_applicable(stages["performance"])
    }
    if any(AUROC.name in found for found in figures.values()):
        return {
            spec.heading: {
                name: {
                    None: found[spec.name],
                    **{label: of_class[spec.name] for label, of_class in found["class"].items()},
                }
                for name, found in figures.items()
            }
            for spec in LABEL_PANELS
        }
    return {
        spec.heading: {name: _with_average(found[spec.name]) for name, found in figures.items()}
        for spec in CLASS_PANELS
    }


def _with_average(values: Mapping[str, float | None]) -> Values:
    defined = [value for value in values.values() if value is not None]
    return {None: float(np.mean(defined)) if defined else None, **values}


def cam_rows_figure(
    examples: Sequence[Example],
    cams: Mapping[str, Float[np.ndarray, "e s s"]],
    *,
    order: Sequence[str],
    dataset: str,
) -> Figure:
    """Build what `draw_cam_rows` writes."""
    columns = ["image", *cams]
    figure = Figure(
        figsize=(1.75 * len(columns) + 1.5, max(2.0, 1.65 * len(examples) + 1.2)),
        layout="constrained",
    )
    add_title(figure, f"Class activation maps, one training of each setting · {dataset}")
    if not examples:
        say(figure.subplots(), "no maps: dumps.maps.runs names no run of this dataset")
        return figure
    cells = figure.subplots(len(examples), len(columns), squeeze=False)
    labels = shorten(example.label for example in examples)
    headings = shorten(columns, width=80)
    for line, place in zip(cells, places_of(examples, order), strict=True):
        example = examples[place]
        for axes, cam in zip(line, [None, *(maps[place] for maps in cams.values())], strict=True):
            overlay(axes, example.image, cam, example.boxes)
        line[0].set_ylabel(labels[example.label], fontsize=9)
    for axes, column in zip(cells[0], columns, strict=True):
        axes.set_title("\n".join(wrap(headings[column], COLUMN_WIDTH)), fontsize=9)
    add_scale(figure, cells.flat)
    return figure


def draw_cam_rows(
    examples: Sequence[Example],
    cams: Mapping[str, Float[np.ndarray, "e s s"]],
    path: Path,
    *,
    order: Sequence[str],
    dataset: str,
) -> None:
    """Draw images with their boxes, one column per run with its map, on one colour scale.

    Args:
        examples: Annotated images.
        cams: Map of each within [0, 1], in the pixels of the image, by run.
        path: PNG to write.
        order: Names of the classes, head first.
        dataset: Name of the dataset, for the title.

    Source: paper A, Figure 1.
    """
    save(cam_rows_figure(examples, cams, order=order, dataset=dataset), path)
