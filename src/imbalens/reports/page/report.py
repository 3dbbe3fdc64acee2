"""The report: one HTML page of all datasets, from what was read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from imbalens.reports.differences.headings import heading
from imbalens.reports.page.classes import ClassPage, class_pages
from imbalens.reports.page.results import DatasetResults, PageFigure, anchors
from imbalens.reports.page.sections import Section, build_sections
from imbalens.reports.page.shell import ENVIRONMENT, embed_json, read_asset, render_page
from imbalens.reports.page.tables import PageTable, colour_numbers, make_table


@dataclass(frozen=True)
class DatasetPart:
    """A dataset's part of the page: results as they were read, and what is made of them.

    Attributes:
        results: All that was read.
        runs: Table of the trainings.
        counts: Table of the classes.
        sections: Charts and tables.
        pages: All classes.
        pictures: Data URIs that class pages show by number.
        marks: Number of the colour by run and setting.
    """

    results: DatasetResults
    runs: PageTable
    counts: PageTable
    sections: Sequence[Section]
    pages: Sequence[ClassPage]
    pictures: Sequence[str]
    marks: Mapping[str, int]

    @property
    def figures(self) -> dict[str, list[PageFigure]]:
        """Figures by stage."""
        found: dict[str, list[PageFigure]] = {}
        for figure in self.results.figures:
            found.setdefault(figure.stage, []).append(figure)
        return found


def render_report(
    parts: Sequence[DatasetPart], *, versions: Mapping[str, str], vega: Sequence[str]
) -> str:
    """Render the report.

    Args:
        parts: What was made of each dataset's results.
        versions: Version by package, of those that wrote the page.
        vega: Scripts of vega, vega-lite and vega-embed.

    Returns:
        A page that needs no network; every text in it that comes from data is escaped.
    """
    body = ENVIRONMENT.get_template("report.html").render(
        parts=parts,
        versions=versions,
        heading=heading,
        embed_json=embed_json,
    )
    return render_page(
        title="imbalens report",
        subtitle="What the loss changed inside networks trained on imbalanced data",
        body=Markup(body),  # the template's own output, which escapes what it is given
        styles=read_asset("report.css"),
        scripts=[*vega, read_asset("report.js")],
    )


def describe_dataset(results: DatasetResults) -> DatasetPart:
    """Make tables, charts and class pages of a dataset."""
    marks = colour_numbers(results.runs)
    links = anchors(results)
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
    pictures = list(dict.fromkeys(results.prototypes.values()))
    return DatasetPart(
        results=results,
        runs=make_table(runs, caption=f"Runs on {results.name}", marks=marks),
        counts=make_table(
            results.counts, caption=f"Images per class of {results.name}", links=links
        ),
        sections=build_sections(results, links, marks),
        pages=class_pages(results, links, marks, pictures),
        pictures=pictures,
        marks=marks,
    )
