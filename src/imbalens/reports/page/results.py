"""What a report is made of: everything that was read, nothing of how it looks."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from imbalens.reports.differences.paper_layout import PaperTable

WHOLE = ""  # class of the row over all classes

Record = Mapping[Hashable, str]  # one row of a table: field by column


@dataclass(frozen=True)
class RunAbout:
    """One training of a dataset.

    Attributes:
        name: Name of the run.
        setting: The setting that it is a training of.
        network: Name of the network.
        loss: Name of the loss and its numbers.
        recipe: Name of the recipe, with its epochs.
        seed: Seed of the training.
    """

    name: str
    setting: str
    network: str
    loss: str
    recipe: str
    seed: int


@dataclass(frozen=True)
class PageFigure:
    """One figure, encoded.

    Attributes:
        stage: Stage that drew it.
        owner: Run or dataset that it shows.
        title: What it shows.
        source: Data URI, empty where the figure would not fit into the file.
        dark: The same for dark paper; empty where there is none, or where it would not fit.
        path: Where it lies in the project.
        width: Width in pixels.
        height: Height in pixels.
    """

    stage: str
    owner: str
    title: str
    source: str
    path: str
    width: int
    height: int
    dark: str = ""


@dataclass(frozen=True)
class PageExample:
    """One annotated image of a class, with its boxes drawn, and the same under each run's map.

    Attributes:
        label: Class of the boxes.
        source: Data URI of the image.
        cams: Data URI of the image under the map, by run.
    """

    label: str
    source: str
    cams: Mapping[str, str]


@dataclass(frozen=True)
class DatasetResults:
    """Everything that the report shows of one dataset; tables have every field as text.

    Attributes:
        name: Name of the dataset.
        generated: What of the images is drawn by this package, empty where nothing is.
        facts: What there is to say of the images, by name.
        counts: Images per class: columns `class`, `training images`, `test images`, and
            `negatives per positive` where images have several labels.
        runs: Trainings, in their order.
        confidence: Nominal coverage of the intervals of the differences.
        of_runs: Table per kind, such as "performance", with a column `run` first; where there
            are rows over all classes, their class is empty.
        tables: Table per title of what changed between runs.
        settings: What was measured of each setting, None where there is no such table.
        differences: Comparisons with the baseline, None where there is no such table.
        papers: Tables of the papers, filled with what was measured here.
        sentences: The answer in words.
        headlines: Headline measures of each setting with their differences, None where there is
            no such table.
        notes: What has to be known to read the differences, as sentences.
        claims: Verdicts on the papers' claims, None where there is no such table.
        prior_shift: Sentence per measure on whether paper A's effect survives at matched scale,
            None where there is no such table.
        figures: Figures of all stages.
        prototypes: Data URI by run, class and archetype.
        unseen: Prototypes that there are but that are not shown, as keys of `prototypes`.
        cams: Annotated images.
        missing: What could not be shown, and the command that makes it.
        left_out: What is not shown for the size of the file, as sentences.
    """

    name: str
    generated: str
    facts: Mapping[str, str]
    counts: pd.DataFrame
    runs: Sequence[RunAbout]
    confidence: float
    of_runs: Mapping[str, pd.DataFrame]
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    settings: pd.DataFrame | None = None
    differences: pd.DataFrame | None = None
    papers: Sequence[PaperTable] = ()
    sentences: Sequence[str] = ()
    headlines: pd.DataFrame | None = None
    notes: Sequence[str] = ()
    claims: pd.DataFrame | None = None
    prior_shift: pd.DataFrame | None = None
    figures: Sequence[PageFigure] = ()
    prototypes: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    unseen: frozenset[tuple[str, str, str]] = frozenset()
    cams: Sequence[PageExample] = ()
    missing: Sequence[tuple[str, str]] = ()
    left_out: Sequence[str] = ()

    @property
    def by_setting(self) -> dict[str, list[RunAbout]]:
        """Trainings of each setting, settings and trainings in their order."""
        found: dict[str, list[RunAbout]] = {}
        for run in self.runs:
            found.setdefault(run.setting, []).append(run)
        return found

    @property
    def classes(self) -> list[str]:
        """Class names: those with images first, largest first, then those of other tables."""
        names = dict.fromkeys(self.counts["class"])
        for table in self.of_runs.values():
            if "class" in table:
                names |= dict.fromkeys(name for name in table["class"].unique() if name != WHOLE)
        return list(names)


def list_records(table: pd.DataFrame) -> list[Record]:
    """Return a table's rows, field by column; much faster than pandas does it for texts."""
    columns = table.columns.tolist()
    rows = table.to_numpy(dtype=object).tolist()
    return [dict(zip(columns, row, strict=True)) for row in rows]


def by_class_and_run(table: pd.DataFrame) -> dict[str, dict[str, list[Record]]]:
    """Return a table's rows by class and run, classes, runs and rows in the table's order."""
    found: dict[str, dict[str, list[Record]]] = {}
    for cells in list_records(table):
        found.setdefault(cells["class"], {}).setdefault(cells["run"], []).append(cells)
    return found


def anchors(results: DatasetResults) -> dict[str, str]:
    """Return the anchor of each class, `dataset/class`, of letters and digits, no two alike."""
    found: dict[str, str] = {}
    for name in results.classes:
        kept = "".join(letter if letter.isalnum() else " " for letter in name.lower())
        plain = "-".join(kept.split()) or "class"
        anchor, number = f"{results.name}/{plain}", 2
        while anchor in found.values():
            anchor, number = f"{results.name}/{plain}-{number}", number + 1
        found[name] = anchor
    return found
