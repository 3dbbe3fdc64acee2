"""What the report shows of one class of a dataset."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from imbalens.reports.page.results import CamExample, DatasetResults, of_run
from imbalens.reports.page.tables import PageTable, heading, make_table, number, with_interval

MOST = 3  # adversaries of a class
LEAST = 0.005  # share of a colour
TABLES = {  # kind of table: caption, columns that are left out
    "performance": ("Performance", ("train_count",)),
    "cam_alignment": ("Agreement of class activation maps with boxes", ()),
    "concepts": ("Concepts in boxes", ()),
}


@dataclass(frozen=True)
class Prototype:
    """The medoid of one archetype: its image, "" where the group is empty, and a caption."""

    archetype: str
    source: str
    caption: str


@dataclass(frozen=True)
class Strip:
    """Shares of one run's colours: per group its name, percentage and mean colour."""

    run: str
    parts: Sequence[tuple[str, float, str]]


@dataclass(frozen=True)
class ClassPage:
    """All of one class.

    Attributes:
        name: The class.
        anchor: Where it stands in the page.
        facts: Counts and the like, by name.
        tables: Tables with one row per run.
        prototypes: By run.
        colours: One strip per run.
        cams: Annotated images of the class.
        differences: Comparisons with the baseline, None where there are none.
    """

    name: str
    anchor: str
    facts: Mapping[str, str]
    tables: Sequence[PageTable]
    prototypes: Mapping[str, Sequence[Prototype]]
    colours: Sequence[Strip]
    cams: Sequence[CamExample]
    differences: PageTable | None


def class_pages(
    results: DatasetResults, links: Mapping[str, str], marks: Mapping[str, int]
) -> list[ClassPage]:
    """Build the page of each class.

    Args:
        results: All that was read of the dataset.
        links: Anchor by class.
        marks: Number of the colour by run.
    """
    counts = {cells["class"]: cells for cells in results.counts.to_dict("records")}
    return [
        ClassPage(
            name=label,
            anchor=links[label],
            facts={
                str(key): value
                for key, value in counts.get(label, {}).items()
                if key != "class" and value
            },
            tables=_tables(results, label, marks),
            prototypes=_prototypes(results, label),
            colours=_strips(results, label),
            cams=[example for example in results.cams if example.label == label],
            differences=_differences(results, label, marks),
        )
        for label in results.classes
    ]


def _tables(results: DatasetResults, label: str, marks: Mapping[str, int]) -> list[PageTable]:
    found = []
    for kind, (caption, hidden) in TABLES.items():
        table = results.of_runs.get(kind)
        if table is None or "class" not in table:
            continue
        rows = table[table["class"] == label].drop(columns=["class", *hidden], errors="ignore")
        rows = rows.loc[:, (rows != "").any(axis=0)]
        if len(rows):
            found.append(make_table(rows, caption=caption, marks=marks))
    adversaries = results.of_runs.get("adversaries")
    if adversaries is not None:
        nearest = nearest_adversaries(adversaries, label)
        if len(nearest):
            found.append(make_table(nearest, caption="Nearest adversaries", marks=marks))
    return found


def _differences(
    results: DatasetResults, label: str, marks: Mapping[str, int]
) -> PageTable | None:
    if results.differences is None:
        return None
    own = results.differences[results.differences["class"] == label].drop(columns="class")
    if own.empty:
        return None
    return make_table(
        with_interval(own), caption=f"Differences from the baseline run, {label}", marks=marks
    )


def nearest_adversaries(table: pd.DataFrame, label: str) -> pd.DataFrame:
    """Return per run the largest shares of a class among neighbours and among errors, as text.

    Args:
        table: Columns `run`, `class`, `adversary`, `share`, `kind`, every field as text.
        label: The class.
    """
    rows = []
    for run in table["run"].unique():
        own, row = of_run(table, run, label), {"run": run}
        for kind in table["kind"].unique():
            of_kind = own[own["kind"] == kind]
            parts = [
                (share, name)
                for name, text in zip(of_kind["adversary"], of_kind["share"], strict=True)
                if (share := number(text))
            ]
            largest = sorted(parts, key=lambda part: -part[0])[:MOST]
            row[kind] = ", ".join(f"{name} {share:.0%}" for share, name in largest)
        if len(own):
            rows.append(row)
    return pd.DataFrame(rows)


def _prototypes(results: DatasetResults, label: str) -> dict[str, list[Prototype]]:
    table = results.of_runs.get("archetypes")
    if table is None:
        return {}
    found = {}
    for run in table["run"].unique():
        own = of_run(table, run, label)
        found[run] = [
            Prototype(
                archetype=cells["archetype"],
                source=results.prototypes.get((run, label, cells["archetype"]), ""),
                caption=_describe(cells),
            )
            for cells in own.to_dict("records")
        ]
    return {run: prototypes for run, prototypes in found.items() if prototypes}


def _describe(cells: Mapping[Hashable, str]) -> str:
    rate = number(cells["true_positive_rate"])
    count = f"{cells['count']} images ({number(cells['share']) or 0:.0%})"
    return count if rate is None else f"{count}, {rate:.0%} true positives"


def _strips(results: DatasetResults, label: str) -> list[Strip]:
    table = results.of_runs.get("saliency_colours")
    if table is None:
        return []
    strips = []
    for run in table["run"].unique():
        own = of_run(table, run, label)
        parts = [
            (heading(cells["group"]), 100 * share, f"rgb({_rgb(cells)})")
            for cells in own[own["archetype"] == "all"].to_dict("records")
            if (share := number(cells["share"]) or 0) >= LEAST
        ]
        if parts:
            strips.append(Strip(run, parts))
    return strips


def _rgb(cells: Mapping[Hashable, str]) -> str:
    return " ".join(f"{number(cells[channel]) or 0:.0f}" for channel in ("red", "green", "blue"))
