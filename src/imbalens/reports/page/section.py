"""What a foldable part of a dataset is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from imbalens.reports.page.charts import Chart
from imbalens.reports.page.classes import ClassPage
from imbalens.reports.page.results import DatasetResults
from imbalens.reports.page.tables import PageTable


@dataclass(frozen=True)
class Section:
    """A titled part of a dataset.

    Attributes:
        title: What it is about.
        anchor: Where it stands in the page.
        hint: What one finds in it, beside the title while it is folded.
        text: A sentence on how to read it, may be empty.
        notes: Further sentences, as a list.
        charts: Charts.
        tables: Tables shown.
        stages: Stages whose figures it shows.
        pages: Classes, each behind its name.
        closed: Tables behind a heading that opens them.
    """

    title: str
    anchor: str
    hint: str = ""
    text: str = ""
    notes: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[PageTable] = ()
    stages: Sequence[str] = ()
    pages: Sequence[ClassPage] = ()
    closed: Sequence[PageTable] = ()


def anchor(results: DatasetResults, name: str) -> str:
    """Return where a section stands; no class stands there, whose anchors have a slash."""
    return f"{results.name}--{name}"
