"""The sections of a dataset, in the order in which they answer: what changed, where, why."""

from collections.abc import Mapping, Sequence
from itertools import starmap

import pandas as pd

from imbalens.analysis.adversaries.scores import TWO_CLASSES, tells_of
from imbalens.analysis.common.measures import DISJOINT, IOBB, IOR, LOG_LOSS, UNIQUE, MeasureSpec
from imbalens.analysis.performance.measures import (
    AP,
    AUROC,
    PRECISION,
    PROBABILITY_POSITIVES,
    RECALL,
)
from imbalens.reports.differences.headings import heading, measure_heading
from imbalens.reports.page.charts import Chart, curves, dots, shares
from imbalens.reports.page.classes import ClassPage
from imbalens.reports.page.papers import claims_section, tables_section
from imbalens.reports.page.results import WHOLE, DatasetResults
from imbalens.reports.page.section import Section, anchor
from imbalens.reports.page.side_by_side import side_by_side
from imbalens.reports.page.tables import (
    PageTable,
    given_columns,
    make_table,
    pivot,
    with_interval,
)
from imbalens.reports.page.words import direction, with_names

PER_LABEL, PER_CLASS = (AUROC, AP, PROBABILITY_POSITIVES), (RECALL, PRECISION)
MAX_ROWS = 500  # a longer table is cut
DIFFERENCES = (  # columns that come first
    *("measure", "better", "setting", "baseline", "baseline_value", "value", "difference"),
    *("low", "high", "p", "p_adjusted"),
)
FIGURES = {  # sections that are made of figures alone: title, hint, stages
    "archetypes": (
        "Archetypes",
        "safe, border, rare and outlier images; their prototypes stand with each class",
        ("archetypes",),
    ),
    "features": ("Features that classes share", "", ("feature_overlap",)),
    "colours": ("Colours that decide", "of the most salient pixels", ("saliency_colours",)),
}


def build_sections(
    results: DatasetResults,
    links: Mapping[str, str],
    marks: Mapping[str, int],
    pages: Sequence[ClassPage],
) -> list[Section]:
    """Build the sections that there are results for.

    Args:
        results: All that was read of the dataset.
        links: Anchor by class.
        marks: Number of the colour by run and setting.
        pages: All classes.
    """
    performance = results.of_runs.get("performance")
    of_labels = performance is not None and AUROC.name in performance
    rates = PER_LABEL if of_labels else PER_CLASS
    hint = "Class activation maps against boxes"
    sections = [
        _measures(results, marks),
        _per_class(results, "performance", "Performance per class", rates, links, marks),
        Section(
            "Classes",
            anchor(results, "classes"),
            hint="everything about one class: prototypes, maps, neighbours",
            text="Open a class for all that was found of it.",
            pages=pages,
        ),
        _per_class(results, "cam_alignment", hint, (IOBB, IOR), links, marks, ("compare",)),
        _per_class(results, "concepts", "Concepts in boxes", (DISJOINT, UNIQUE), links, marks),
        _adversaries(results, marks),
        *starmap(lambda name, of: _figures(results, name, *of), FIGURES.items()),
        _changes(results, links, marks),
        claims_section(results, marks),
        tables_section(results, marks),
        _runs(results, links, marks),
    ]
    return [section for section in sections if section is not None]


def _drawn(results: DatasetResults, stages: Sequence[str]) -> bool:
    return any(figure.stage in stages for figure in results.figures)


def _figures(
    results: DatasetResults, name: str, title: str, hint: str, stages: Sequence[str]
) -> Section | None:
    if not _drawn(results, stages):
        return None
    return Section(title, anchor(results, name), hint=hint, stages=stages)


def _measures(results: DatasetResults, marks: Mapping[str, int]) -> Section | None:
    table = side_by_side(results, marks)
    if table is None:
        return None
    title, place = "All measures", anchor(results, "measures")
    if results.differences is None or results.differences.empty:
        return Section(title, place, hint="over all classes", tables=[table])
    overall = results.differences[results.differences["class"] == WHOLE].drop(columns="class")
    level = 1 - results.confidence
    n_intervals = int((overall["low"] != "").sum())
    text = (
        f"Below a value: setting minus baseline, means of their trainings, with its "
        f"{results.confidence:.0%} interval, not corrected for the number of comparisons over all "
        f"classes ({n_intervals}). Set apart: the interval excludes 0; with a star, the adjusted "
        f"p is at most {level:.2g} too. Differences of single classes stand with each class."
    )
    named = given_columns(with_names(overall))
    first = [name for name in DIFFERENCES if name in named]
    return Section(
        title,
        place,
        hint="all settings side by side, with differences from the baseline",
        text=text,
        notes=results.notes,
        charts=_difference_charts(overall, marks, level=level),
        tables=[table],
        closed=[
            make_table(
                with_interval(named[[*first, *(name for name in named if name not in first)]]),
                caption=f"Statistics of the differences, {results.name}",
                marks=marks,
            )
        ],
    )


def _difference_charts(
    overall: pd.DataFrame, marks: Mapping[str, int], *, level: float
) -> list[Chart]:
    """Return a chart per stage and direction, so that one side of it is better."""
    pairs = list(zip(overall["stage"], overall["measure"], strict=True))
    rows = overall.assign(
        better=list(starmap(direction, pairs)), row=list(starmap(measure_heading, pairs))
    )
    rows = rows[rows["low"] != ""]
    return [
        dots(
            own,
            "difference",
            rows="row",
            who="setting",
            title=f"Differences from the baseline, {heading(str(stage))}: "
            f"{better or 'neither side is better'}",
            caption="Dot: difference; line: its interval; hollow where the adjusted p is above "
            f"{level:.2g}, or unknown.",
            marks=marks,
            level=level,
        )
        for (stage, better), own in rows.groupby(["stage", "better"], sort=False)
    ]


def _changes(
    results: DatasetResults, links: Mapping[str, str], marks: Mapping[str, int]
) -> Section | None:
    tables = [
        make_table(
            table.head(MAX_ROWS),
            caption=title if len(table) <= MAX_ROWS else f"{title}, the first {MAX_ROWS} rows",
            links=links,
            marks=marks,
        )
        for title, table in results.tables.items()
    ]
    stages = ("changes", "false_positives")
    if not tables and not _drawn(results, stages):
        return None
    return Section(
        "What changed image by image",
        anchor(results, "changes"),
        hint="archetypes, neighbours, features and errors, before and after",
        stages=stages,
        closed=tables,
    )


def _per_class(
    results: DatasetResults,
    kind: str,
    title: str,
    measures: Sequence[MeasureSpec],
    links: Mapping[str, str],
    marks: Mapping[str, int],
    further: Sequence[str] = (),
) -> Section | None:
    """Return a chart and a table of classes and runs for each measure that the table has."""
    table = results.of_runs.get(kind)
    if table is None:
        return None
    charts, tables = [], []
    of_classes = table[table["class"] != WHOLE]
    counts = results.counts[["class", *({"training images"} & {*results.counts})]]
    for spec in measures:
        measure = spec.name
        if measure not in table or not (of_classes[measure] != "").any():
            continue
        label = measure_heading(kind, measure)
        name = f"{label[0].upper()}{label[1:]} per class, {results.name}"
        better = direction(kind, measure)
        caption = f"One dot per training; {better}." if better else "One dot per training."
        charts.append(
            dots(of_classes, measure, label=label, title=name, caption=caption, marks=marks)
        )
        wide = pivot(of_classes, measure, rows="class", first=counts)
        caption = f"{name} ({better})" if better else name
        tables.append(make_table(wide, caption=caption, links=links, marks=marks))
    hint = ", ".join(dict.fromkeys(measure_heading(kind, spec.name) for spec in measures))
    place = anchor(results, kind)
    return Section(title, place, hint=hint, charts=charts, stages=(*further, kind), closed=tables)


def _adversaries(results: DatasetResults, marks: Mapping[str, int]) -> Section | None:
    table = results.of_runs.get("adversaries")
    if table is None:
        return None
    chart = shares(
        table,
        title=f"Adversaries of each class, {results.name}",
        caption="Whose images lie beside those of a class (neighbours), or where its errors go "
        "(errors). An empty row has nothing to count.",
    )
    predictors = results.of_runs.get("adversaries-predictors")
    tables: list[PageTable] = []
    scored = tells_of(table["class"].nunique())
    if predictors is not None and scored:
        wide = pivot(predictors, LOG_LOSS.name, rows="predictor")
        what = f"log loss per error, {direction(LOG_LOSS.stage, LOG_LOSS.name)}"
        caption = f"How well errors were foretold ({what}), {results.name}"
        tables = [make_table(wide, caption=caption, marks=marks)]
    return Section(
        "Nearest adversaries",
        anchor(results, "adversaries"),
        hint="which classes lie beside each, and whether errors go there",
        text="" if scored else f"No prediction of errors is scored: {TWO_CLASSES}.",
        charts=[chart],
        tables=tables,
        stages=("adversaries",),
    )


def _runs(results: DatasetResults, links: Mapping[str, str], marks: Mapping[str, int]) -> Section:
    runs = pd.DataFrame(
        {
            "run": [run.name for run in results.runs],
            "setting": [run.setting for run in results.runs],
            "network": [run.network for run in results.runs],
            "loss": [run.loss for run in results.runs],
            "recipe": [run.recipe for run in results.runs],
            "seed": [str(run.seed) for run in results.runs],
        }
    )
    history = results.of_runs.get("train")
    charts = []
    if history is not None:
        charts = [
            curves(
                history,
                title=f"Training loss, {results.name}",
                caption="Losses differ in scale: compare shapes, not heights.",
                marks=marks,
            )
        ]
    return Section(
        "Runs and images",
        anchor(results, "runs"),
        hint="trainings, images per class, training curves",
        charts=charts,
        tables=[make_table(runs, caption=f"Runs on {results.name}", marks=marks)],
        stages=("prepare",),
        closed=[
            make_table(results.counts, caption=f"Images per class of {results.name}", links=links)
        ],
    )
