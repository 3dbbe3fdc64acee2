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
from imbalens.reports.common.markdown import markdown_table
from imbalens.reports.common.not_applicable import is_applicable
from imbalens.reports.common.overlay import add_scale, overlay
from imbalens.reports.common.style import PALETTE, plain, quiet, save, say, titled
from imbalens.store.examples import Example
from imbalens.tables.compare import TRAININGS

AVERAGE = "average"
MAX_SHOWN = 20
COLUMN_WIDTH = 23  # characters above an image
HEADING_WIDTH = 22  # characters beside a panel
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


def class_figures_figure(metrics: Mapping[str, Mapping[str, Any]], *, dataset: str) -> Figure:
    """Build what `draw_class_figures` writes."""
    panels = _panels(metrics)
    values = next(iter(panels.values()))
    names = list(values)
    places, note = list(values[names[0]]) if names else [], ""
    if len(places) == 2:  # the average is that of the only class
        places = places[1:]
    if len(places) > MAX_SHOWN:
        note = f"average and the first {MAX_SHOWN - 1} of {len(places) - 1} classes, by name"
        places = places[:MAX_SHOWN]
    width = min(18.0, max(7.0, 0.13 * len(names) * len(places) + 3.5))
    figure = Figure(figsize=(width, 2.4 * len(panels) + 1.6), layout="constrained")
    figure.suptitle(
        titled(f"Performance of each setting, mean of its trainings · {dataset}", note)
    )
    if not names:
        say(figure.subplots(), "no run of this dataset" + (" has predictions" if metrics else ""))
        return figure
    cells = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    # half a place between the average and the classes, since it is none of them
    centres = np.arange(len(places)) + 0.5 * (np.arange(len(places)) > 0)
    bar = 0.84 / len(names)
    for axes, (heading, of_setting) in zip(cells, panels.items(), strict=True):
        for position, name in enumerate(names):
            heights = np.array([of_setting[name][place] for place in places], dtype=float)
            across = centres + (position - (len(names) - 1) / 2) * bar
            colour = PALETTE[position % len(PALETTE)]
            axes.bar(
                across, np.nan_to_num(heights), bar, color=colour, label=plain(name, width=80)
            )
            for x in across[np.isnan(heights)]:
                axes.text(x, 0.02, "none", ha="center", va="bottom", rotation=90, fontsize=6)
        axes.set_xlim(centres[0] - 0.7, centres[-1] + 0.7)
        axes.set_ylim(0, 1)
        axes.set_ylabel("\n".join(wrap(heading, HEADING_WIDTH)))
        quiet(axes)
    cells[-1].set_xticks(
        centres,
        [AVERAGE if place is None else plain(place) for place in places],
        rotation=45,
        ha="right",
        rotation_mode="anchor",
    )
    widest = 0.078 * max(len(plain(name, width=80)) for name in names) + 0.5  # inches
    figure.legend(
        *cells[0].get_legend_handles_labels(),
        loc="outside lower center",
        frameon=False,
        ncols=max(1, min(4, len(names), int(width / widest))),
    )
    return figure


def draw_class_figures(
    metrics: Mapping[str, Mapping[str, Any]], path: Path, *, dataset: str
) -> None:
    """Draw AUROC, AP and predicted probability, or recall and precision, of settings per class.

    Args:
        metrics: As for `settings_table`.
        path: PNG to write.
        dataset: Name of the dataset, for the title.

    Source: paper A, Figure 2.
    """
    save(class_figures_figure(metrics, dataset=dataset), path)


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
    examples: Sequence[Example], cams: Mapping[str, Float[np.ndarray, "e s s"]], *, dataset: str
) -> Figure:
    """Build what `draw_cam_rows` writes."""
    columns = ["image", *cams]
    figure = Figure(
        figsize=(max(6.0, 1.75 * len(columns) + 1.0), max(2.0, 1.65 * len(examples) + 1.2)),
        layout="constrained",
    )
    figure.suptitle(titled(f"Class activation maps, one training of each setting · {dataset}"))
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
