"""The report: one HTML page of all datasets, from what was read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from imbalens.reports.page.answer import (
    DifferenceChart,
    SettingAbout,
    chart_of_differences,
    settings_of,
    values_of,
)
from imbalens.reports.page.classes import ClassPage, class_pages
from imbalens.reports.page.results import DatasetResults, PageFigure, anchors
from imbalens.reports.page.section import Section
from imbalens.reports.page.sections import build_sections
from imbalens.reports.page.shell import ENVIRONMENT, embed_json, read_asset, render_page
from imbalens.reports.page.tables import colour_numbers


@dataclass(frozen=True)
class DatasetPart:
    """A dataset's part of the page: results as they were read, and what is made of them.

    Attributes:
        results: All that was read.
        chart: Differences of the headline measures; None where nothing is compared.
        values: Headline measures and their values, of the only setting.
        settings: What was trained.
        sections: What unfolds.
        pages: All classes.
        pictures: Data URIs that class pages show by number.
        marks: Number of the colour by run and setting.
    """

    results: DatasetResults
    chart: DifferenceChart | None
    values: Sequence[tuple[str, str]]
    settings: Sequence[SettingAbout]
    sections: Sequence[Section]
    pages: Sequence[ClassPage]
    pictures: Sequence[str]
    marks: Mapping[str, int]

    @property
    def networks(self) -> list[str]:
        """Names of the networks, each once."""
        return list(dict.fromkeys(setting.network for setting in self.settings))

    def figures_of(self, stages: Sequence[str]) -> dict[str, list[PageFigure]]:
        """Return the figures of stages by what they show, in the order of the stages."""
        found: dict[str, list[PageFigure]] = {}
        for stage in stages:
            for figure in self.results.figures:
                if figure.stage == stage:
                    found.setdefault(figure.title, []).append(figure)
        return found


def render_report(
    parts: Sequence[DatasetPart], *, versions: Mapping[str, str], vega: Sequence[str]
) -> str:
    """Render the report.

    What is folded is kept in `template` elements, which are no part of the document before they
    are opened: the page is drawn at once, however much it holds.

    Args:
        parts: What was made of each dataset's results.
        versions: Version by package, of those that wrote the page.
        vega: Scripts of vega, vega-lite and vega-embed.

    Returns:
        A page that needs no network; every text in it that comes from data is escaped.
    """
    body = ENVIRONMENT.get_template("report.html").render(
        parts=parts, versions=versions, embed_json=embed_json
    )
    return render_page(
        title="imbalens report",
        subtitle="What the loss changed inside networks trained on imbalanced data",
        body=Markup(body),  # the template's own output, which escapes what it is given
        styles=read_asset("report.css"),
        scripts=[*vega, *map(read_asset, ("folding.js", "report.js"))],
    )


def describe_dataset(results: DatasetResults) -> DatasetPart:
    """Make tables, charts and class pages of a dataset."""
    marks = colour_numbers(results.runs)
    links = anchors(results)
    pictures = list(dict.fromkeys(results.prototypes.values()))
    pages = class_pages(results, links, marks, pictures)
    return DatasetPart(
        results=results,
        chart=chart_of_differences(results, marks),
        values=values_of(results),
        settings=settings_of(results, marks),
        sections=build_sections(results, links, marks, pages),
        pages=pages,
        pictures=pictures,
        marks=marks,
    )
