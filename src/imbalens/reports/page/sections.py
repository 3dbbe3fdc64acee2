"""The sections of a dataset: their charts and tables, and which stage makes what is absent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from imbalens.analysis.adversaries.scores import TWO_CLASSES, tells_of
from imbalens.analysis.common.measures import IOBB, IOR, LOG_LOSS, UNIQUE
from imbalens.analysis.performance.measures import (
    AP,
    AUROC,
    PRECISION,
    PROBABILITY_POSITIVES,
    RECALL,
)
from imbalens.reports.differences.headings import heading
from imbalens.reports.page.charts import Chart, curves, dots, shares
from imbalens.reports.page.results import WHOLE, DatasetResults
from imbalens.reports.page.tables import (
    PageTable,
    make_table,
    paper_texts,
    pivot,
    with_interval,
)

PER_LABEL, PER_CLASS = (AUROC, AP, PROBABILITY_POSITIVES), (RECALL, PRECISION)
MANY_ROWS = 60  # a longer table is closed at first
MAX_ROWS = 500  # a longer table is cut
DIFFERENCES = (
    "stage",
    "measure",
    "setting",
    "baseline",
    "baseline_value",
    "value",
    "difference",
    "low",
    "high",
)


@dataclass(frozen=True)
class Section:
    """A titled part of a dataset.

    Attributes:
        title: What it is about.
        anchor: Where it stands in the page.
        text: A sentence on how to read it, may be empty.
        notes: Further sentences, as a list.
        charts: Charts.
        tables: Tables shown.
        closed: Tables behind a heading that opens them.
    """

    title: str
    anchor: str
    text: str = ""
    notes: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[PageTable] = ()
    closed: Sequence[PageTable] = ()


def build_sections(
    results: DatasetResults, links: Mapping[str, str], marks: Mapping[str, int]
) -> list[Section]:
    """Build the sections that there are results for.

    Args:
        results: All that was read of the dataset.
        links: Anchor by class.
        marks: Number of the colour by run and setting.
    """
    performance = results.of_runs.get("performance")
    of_labels = performance is not None and AUROC.name in performance
    sections = [
        _side_by_side(results, links, marks),
        _differences(results, marks),
        *_papers(results, marks),
        _claims(results, marks),
        _per_class(
            results,
            "performance",
            "Performance per class",
            [spec.name for spec in (PER_LABEL if of_labels else PER_CLASS)],
            links,
            marks,
        ),
        _per_class(
            results,
            "cam_alignment",
            "Class activation maps against boxes",
            (IOBB.name, IOR.name),
            links,
            marks,
        ),
        _per_class(results, "concepts", "Concepts in boxes", (UNIQUE.name,), links, marks),
        _adversaries(results, marks),
        _training(results, marks),
    ]
    return [section for section in sections if section is not None]


def _anchor(results: DatasetResults, name: str) -> str:
    return f"{results.name}--{name}"  # no class: those have a slash


def _side_by_side(
    results: DatasetResults, links: Mapping[str, str], marks: Mapping[str, int]
) -> Section | None:
    tables = [
        make_table(
            table.head(MAX_ROWS).drop(columns="model", errors="ignore"),
            caption=title if len(table) <= MAX_ROWS else f"{title}, the first {MAX_ROWS} rows",
            links=links,
            marks=marks,
        )
        for title, table in results.tables.items()
    ]
    if not tables:
        return None
    return Section(
        "Side by side",
        _anchor(results, "runs"),
        tables=[table for table in tables if len(table.rows) <= MANY_ROWS],
        closed=[table for table in tables if len(table.rows) > MANY_ROWS],
    )


def _differences(results: DatasetResults, marks: Mapping[str, int]) -> Section | None:
    if results.differences is None:
        return None
    overall = results.differences[results.differences["class"] == WHOLE].drop(columns="class")
    n_intervals, level = int((overall["low"] != "").sum()), 1 - results.confidence
    caption = (
        "Dot: setting minus baseline, means of their trainings; line: its "
        f"{results.confidence:.0%} interval, not corrected for the number of comparisons over all "
        f"classes ({n_intervals}); hollow where the adjusted p is above {level:.2g}, or unknown."
    )
    charts = [
        dots(
            rows.assign(measure=rows["measure"].map(heading)),
            "difference",
            rows="measure",
            who="setting",
            title=f"Differences from the baseline: {heading(str(stage))}, {results.name}",
            caption=caption,
            marks=marks,
            level=level,
        )
        for stage, rows in overall.groupby("stage", sort=False)
        if (rows["difference"] != "").any()
    ]
    first = [name for name in DIFFERENCES if name in overall]
    ordered = overall[[*first, *(name for name in overall if name not in first)]]
    table = make_table(
        with_interval(ordered),
        caption=f"Every setting against the baseline, {results.name}",
        marks=marks,
    )
    return Section(
        "Differences from the baseline",
        _anchor(results, "differences"),
        text="Those of single classes stand with each class.",
        notes=results.notes,
        charts=charts,
        tables=[table] if len(table.rows) <= MANY_ROWS else [],
        closed=[] if len(table.rows) <= MANY_ROWS else [table],
    )


def _papers(results: DatasetResults, marks: Mapping[str, int]) -> list[Section]:
    return [
        Section(
            table.title,
            _anchor(results, table.name),
            text=table.text,
            tables=[make_table(paper_texts(table), caption=results.name, marks=marks)]
            if table.rows
            else [],
        )
        for table in results.papers
    ]


def _claims(results: DatasetResults, marks: Mapping[str, int]) -> Section | None:
    table = results.claims
    if table is None or table.empty:
        return None
    details = table.drop(columns=["claim", "paper", "section"]).rename(columns={"text": "claim"})
    of_trainings = table["judged"].isin([run.name for run in results.runs])
    tables = [
        make_table(
            _verdicts(rows, marks),
            caption=f"Verdicts about {what}, {results.name}",
            marks=marks,
            verdicts=True,
        )
        for what, rows in (
            ("losses", table[~of_trainings]),
            ("single trainings", table[of_trainings]),
        )
        if not rows.empty
    ]
    if results.prior_shift is not None:
        caption = f"Do paper A's effects survive at matched scale? {results.name}"
        tables.append(make_table(results.prior_shift, caption=caption, marks=marks))
    return Section(
        "Claims of the papers",
        _anchor(results, "claims"),
        text="Judged by the whole interval. Not decided: the interval lies on both sides of the "
        "threshold, a difference is no more than chance after correction for the number of "
        "comparisons, or each loss was trained once, which tells of two networks and not of their "
        "losses. Not applicable: the claim says nothing of such a dataset. Not measured: what it "
        "is about was not computed. The statistics behind the verdicts say which.",
        tables=tables,
        closed=[
            make_table(
                with_interval(details),
                caption=f"Statistics behind the verdicts, {results.name}",
                marks=marks,
                verdicts=True,
            )
        ],
    )


def _verdicts(rows: pd.DataFrame, marks: Mapping[str, int]) -> pd.DataFrame:
    """Return a row per claim, and a column for what it is judged on."""
    about = rows.drop_duplicates("claim").set_index("claim")
    each = rows.drop_duplicates(["claim", "judged"])
    verdicts = each.pivot(index="claim", columns="judged", values="verdict").fillna("")
    ordered = [name for name in marks if name in verdicts]
    verdicts = verdicts[[*ordered, *verdicts.columns.difference(ordered)]]
    text = about["text"].rename("what the paper says")
    # a run may be called as one of the other columns
    return pd.concat([text, verdicts.reindex(about.index), about[["paper", "section"]]], axis=1)


def _per_class(
    results: DatasetResults,
    kind: str,
    title: str,
    measures: Sequence[str],
    links: Mapping[str, str],
    marks: Mapping[str, int],
) -> Section | None:
    """Return a chart and a table of classes and runs for each measure that the table has."""
    table = results.of_runs.get(kind)
    if table is None:
        return None
    charts, tables = [], []
    of_classes = table[table["class"] != WHOLE]
    counts = results.counts[["class", *({"training images"} & {*results.counts})]]
    for measure in measures:
        if measure not in table or not (of_classes[measure] != "").any():
            continue
        name = f"{heading(measure)} per class, {results.name}"
        name = name[0].upper() + name[1:]
        charts.append(
            dots(of_classes, measure, title=name, caption="One dot per run.", marks=marks)
        )
        wide = pivot(of_classes, measure, rows="class", first=counts)
        tables.append(make_table(wide, caption=name, links=links, marks=marks))
    return Section(title, _anchor(results, kind), charts=charts, closed=tables)


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
    tables = []
    if predictors is not None:
        wide = pivot(predictors, LOG_LOSS.name, rows="predictor")
        what = f"log loss per error, {LOG_LOSS.direction}"
        caption = f"How well errors were foretold ({what}), {results.name}"
        if not tells_of(table["class"].nunique()):
            caption += f"; undefined: {TWO_CLASSES}"
        tables = [make_table(wide, caption=caption, marks=marks)]
    return Section(
        "Nearest adversaries", _anchor(results, "adversaries"), charts=[chart], tables=tables
    )


def _training(results: DatasetResults, marks: Mapping[str, int]) -> Section | None:
    table = results.of_runs.get("train")
    if table is None:
        return None
    chart = curves(
        table,
        title=f"Training loss, {results.name}",
        caption="Losses differ in scale: compare shapes, not heights.",
        marks=marks,
    )
    return Section("Training", _anchor(results, "training"), charts=[chart])
