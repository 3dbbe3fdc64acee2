"""What the report shows of one class of a dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from imbalens.reports.differences.headings import heading
from imbalens.reports.page.results import (
    DatasetResults,
    PageExample,
    Record,
    by_class_and_run,
)
from imbalens.reports.page.tables import (
    PageTable,
    given_columns,
    make_table,
    number,
    with_interval,
)
from imbalens.reports.page.words import with_names
from imbalens.tables.saliency_colours import ALL

MOST = 3  # adversaries of a class
MAX_DIFFERENCES = 2500  # rows of all classes together, at least `FEWEST` of each
FEWEST = 10
LEAST = 0.005  # share of a colour
TABLES = {  # kind of table: caption, columns that are left out
    "performance": ("Performance", ("train_count",)),
    "cam_alignment": ("Agreement of class activation maps with boxes", ()),
    "concepts": ("Concepts in boxes", ()),
}


@dataclass(frozen=True)
class Prototype:
    """The medoid of one archetype: number of its picture, None in an empty group, and caption."""

    archetype: str
    picture: int | None
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
    cams: Sequence[PageExample]
    differences: PageTable | None


def class_pages(
    results: DatasetResults,
    links: Mapping[str, str],
    marks: Mapping[str, int],
    pictures: Sequence[str],
) -> list[ClassPage]:
    """Build the page of each class.

    Args:
        results: All that was read of the dataset.
        links: Anchor by class.
        marks: Number of the colour by run and setting.
        pictures: Data URIs of the prototypes, each once.
    """
    numbers = {source: place for place, source in enumerate(pictures)}
    places = {key: numbers[source] for key, source in results.prototypes.items()}
    tables = {
        kind: dict(iter(table.groupby("class", sort=False)))
        for kind, table in results.of_runs.items()
        if kind in TABLES and "class" in table
    }
    cells_of = {
        kind: by_class_and_run(results.of_runs[kind]) if kind in results.of_runs else {}
        for kind in ("adversaries", "archetypes", "saliency_colours")
    }
    differences = {}
    if results.differences is not None:
        differences = dict(iter(results.differences.groupby("class", sort=False)))
    most = max(FEWEST, MAX_DIFFERENCES // max(1, len(results.classes)))
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
            tables=_tables(
                {kind: table[label] for kind, table in tables.items() if label in table},
                cells_of["adversaries"].get(label, {}),
                marks,
            ),
            prototypes=_prototypes(results, label, cells_of["archetypes"].get(label, {}), places),
            colours=_strips(cells_of["saliency_colours"].get(label, {})),
            cams=[example for example in results.cams if example.label == label],
            differences=_differences(differences.get(label), label, marks, most=most),
        )
        for label in results.classes
    ]


def _tables(
    own: Mapping[str, pd.DataFrame],
    adversaries: Mapping[str, Sequence[Record]],
    marks: Mapping[str, int],
) -> list[PageTable]:
    found = []
    for kind, (caption, hidden) in TABLES.items():
        if kind in own:
            rows = own[kind].drop(columns=["class", *hidden], errors="ignore")
            rows = given_columns(rows)
            found.append(make_table(rows, caption=caption, marks=marks, stage=kind))
    if adversaries:
        nearest = nearest_adversaries(adversaries)
        found.append(make_table(nearest, caption="Nearest adversaries", marks=marks))
    return found


def _differences(
    own: pd.DataFrame | None, label: str, marks: Mapping[str, int], *, most: int
) -> PageTable | None:
    if own is None:
        return None
    caption = f"Differences from the baseline, {label}"
    if len(own) > most:
        caption += f": the {most} with the smallest p, of {len(own)}"
        smallest = np.argsort(pd.to_numeric(own["p"]).to_numpy(), kind="stable")[:most]
        own = own.iloc[np.sort(smallest)]
    named = given_columns(with_names(own.drop(columns="class")))
    return make_table(with_interval(named), caption=caption, marks=marks)


def nearest_adversaries(adversaries: Mapping[str, Sequence[Record]]) -> pd.DataFrame:
    """Return per run the largest shares of a class among neighbours and among errors, as text.

    Args:
        adversaries: By run, the rows of the class: `adversary`, `share`, `kind`.
    """
    kinds = list(dict.fromkeys(cells["kind"] for own in adversaries.values() for cells in own))
    rows = []
    for run, own in adversaries.items():
        row = {"run": run}
        for kind in kinds:
            parts = [
                (share, cells["adversary"])
                for cells in own
                if cells["kind"] == kind and (share := number(cells["share"]))
            ]
            largest = sorted(parts, key=lambda part: -part[0])[:MOST]
            row[kind] = ", ".join(f"{name} {share:.0%}" for share, name in largest)
        rows.append(row)
    return pd.DataFrame(rows)


def _prototypes(
    results: DatasetResults,
    label: str,
    archetypes: Mapping[str, Sequence[Record]],
    places: Mapping[tuple[str, str, str], int],
) -> dict[str, list[Prototype]]:
    found = {
        run: [
            Prototype(
                archetype=cells["archetype"],
                picture=places.get((run, label, cells["archetype"])),
                caption=_describe(cells),
            )
            for cells in own
            if (run, label, cells["archetype"]) not in results.unseen
        ]
        for run, own in archetypes.items()
    }
    return {run: prototypes for run, prototypes in found.items() if prototypes}


def _describe(cells: Record) -> str:
    rate = number(cells["true_positive_rate"])
    noun = "image" if cells["count"] == "1" else "images"
    count = f"{cells['count']} {noun} ({number(cells['share']) or 0:.0%})"
    return count if rate is None else f"{count}, {rate:.0%} true positives"


def _strips(colours: Mapping[str, Sequence[Record]]) -> list[Strip]:
    strips = []
    for run, own in colours.items():
        parts = [
            (heading(cells["group"]), 100 * share, f"rgb({_rgb(cells)})")
            for cells in own
            if cells["archetype"] == ALL
            if (share := number(cells["share"]) or 0) >= LEAST
        ]
        if parts:
            strips.append(Strip(run, parts))
    return strips


def _rgb(cells: Record) -> str:
    return " ".join(f"{number(cells[channel]) or 0:.0f}" for channel in ("red", "green", "blue"))
