"""Reads what the other stages left in `metrics/` and `plots/` for the report."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from imbalens.errors import InputError
from imbalens.reports.common.dark import find_dark
from imbalens.reports.differences.paper_layout import PaperTable, read_paper_tables
from imbalens.reports.page.images import figure
from imbalens.reports.page.results import WHOLE, PageFigure
from imbalens.reports.page.words import measure_heading
from imbalens.store.files import read_json
from imbalens.store.tables import Table, read_as_text, read_table
from imbalens.tables import (
    adversaries,
    archetypes,
    cam_alignment,
    changes,
    compare,
    concepts,
    performance,
    saliency_colours,
    train,
)
from imbalens.tables.summary import SUMMARY

FIGURES = Path("plots/figures")
RUN_TABLES = {
    "performance": performance.CLASSES,
    "archetypes": archetypes.ARCHETYPES,
    "archetypes-prototypes": archetypes.PROTOTYPES,
    "adversaries": adversaries.ADVERSARIES,
    "adversaries-predictors": adversaries.PREDICTORS,
    "train": train.HISTORY,
    "saliency_colours": saliency_colours.COLOURS,
    "cam_alignment": cam_alignment.CLASSES,
    "concepts": concepts.CLASSES,
}
DATASET_TABLES = {
    "compare": compare.SETTINGS,
    "changes": changes.CHANGES,
    "changes-adversaries": changes.ADVERSARIES,
    "changes-flow": changes.FLOW,
    "changes-similarity": changes.SIMILARITY,
}
KINDS = (adversaries.ERRORS, adversaries.NEIGHBOURS)  # adversaries that are shown
OVERALL = {"cam_alignment": cam_alignment.ALL, "concepts": concepts.ALL}  # class of the last row
SPLITS = {"train": "training images", "val": "validation images", "test": "test images"}
# what the page's own charts do not show; all figures lie in plots/figures
DATASET_FIGURES = {
    "prepare": {"": "Prepared images"},
    "compare": {"-cams": "Class activation maps side by side"},
    "changes": {
        "": "What differs from the baseline",
        "-flow": "Archetypes before and after",
        "-similarity": "Similarity of features (debiased CKA)",
    },
    "claims": {"": "What the verdicts rest on"},
}
RUN_FIGURES = {  # what follows the run's name, and what the figure shows
    "performance": {"-confusion": "Confusion matrix"},
    "cam_alignment": {"-cams": "Class activation maps", "": "Alignment per class"},
    "concepts": {"-channels": "Channels and what they fire in"},
    "archetypes": {"": "True positives per archetype"},
    "adversaries": {"-predictors": "What predicts errors"},
    "feature_overlap": {"": "Largest mean features", "-pairs": "Features that classes share"},
    "saliency_colours": {"": "Colours per class", "-pages": "Colours and prototypes per class"},
}


def read_counts(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Return images per class and split, most training images first, every field as text.

    Without training images, most test images come first.
    """
    splits, ratio = metrics["counts"], metrics.get("imbalance_ratio")
    first = splits.get("train", splits["test"])
    order = sorted(first, key=lambda label: (-first[label], label))
    table = pd.DataFrame({"class": order})
    for split, name in SPLITS.items():
        if split in splits:
            table[name] = [str(splits[split][label]) for label in order]
    if isinstance(ratio, Mapping):
        of_first = ratio.get("train", ratio["test"])
        table["negatives per positive"] = [_text(of_first[label]) for label in order]
    return table


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def read_facts(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Return what there is to say of a dataset's images, by name."""
    counts = metrics["counts"].get("train", {}).values()
    images = metrics["images"]
    facts = {name: f"{images[split]:,}" for split, name in SPLITS.items() if split in images}
    facts["classes"] = str(metrics["classes"])
    if metrics["image_size"] is not None:
        facts["side of an image"] = f"{metrics['image_size']} px"
    if counts:
        facts["training images of a class"] = f"{min(counts)} to {max(counts)}"
    if counts and not isinstance(metrics["imbalance_ratio"], Mapping):
        facts["imbalance ratio"] = _text(metrics["imbalance_ratio"])
    return facts


def read_run_tables(
    runs: Sequence[str], *, some: Mapping[str, Iterable[str]]
) -> tuple[dict[str, pd.DataFrame], list[tuple[str, str]]]:
    """Read the tables of all runs, those of one kind under one another.

    Args:
        runs: Runs of one dataset.
        some: For stages that only some runs have, those runs.

    Returns:
        Table per kind, with a column `run` first and every field as text; and what was not
        there, with the command that makes it.
    """
    tables, missing = {}, []
    for kind, table in RUN_TABLES.items():
        parts = []
        for run in (run for run in runs if run in some.get(table.stage, runs)):
            part = read_optional(table, run)
            if part is None:
                missing.append((table.path_of(run).as_posix(), table.command(run)))
                continue
            if part.empty and kind != "train":
                continue  # not applicable, as the figures say
            if kind == "adversaries":
                part = part[part["kind"].isin(KINDS)]
            part.insert(0, "run", run)
            if kind in OVERALL and part["class"].tail(1).eq(OVERALL[kind]).any():
                part.loc[part.index[-1], "class"] = WHOLE
            parts.append(part)
        if parts:
            tables[kind] = pd.concat(parts, ignore_index=True).fillna("")
    return tables, missing


def read_dataset_tables(dataset: str) -> dict[str, pd.DataFrame]:
    """Read the table of settings and those of changes between runs that there are, by kind."""
    found = {kind: read_optional(table, dataset) for kind, table in DATASET_TABLES.items()}
    return {kind: table for kind, table in found.items() if table is not None}


def read_optional(table: Table, name: str) -> pd.DataFrame | None:
    """Read a table, every field as text; None where there is no such file."""
    return read_as_text(table, name) if table.path_of(name).exists() else None


def read_headlines(dataset: str) -> pd.DataFrame | None:
    """Read the headline measures of a dataset's settings, called as the page calls them.

    None where nothing was summed up.
    """
    if not SUMMARY.path_of(dataset).exists():
        return None
    table = read_table(SUMMARY, dataset)
    own = table[table["dataset"] == dataset].reset_index(drop=True)
    names = map(measure_heading, own["stage"], own["measure"])
    return own.assign(heading=list(names))


def read_papers(dataset: str) -> list[PaperTable]:
    """Read the papers' tables of a dataset; none where there is no such file.

    Raises:
        InputError: if the file is damaged; it says what to run.
    """
    path = Path(f"plots/differences/{dataset}-tables.json")
    if not path.exists():
        return []
    command = f"dvc repro differences@{dataset}"
    try:
        return read_paper_tables(read_json(path, command=command))
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} holds no tables ({error}); run: {command}") from error


def read_notes(path: Path) -> list[str]:
    """Return the notes of a Markdown file, the list under its last heading.

    Args:
        path: The file; where it is missing, there are none.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = text.rpartition("\n## ")[2].splitlines()
    return [line[2:].replace("`", "") for line in lines if line.startswith("- ")]


def find_figures(
    dataset: str, runs: Sequence[str], *, pairs: Sequence[str], maps_compared: bool
) -> list[PageFigure]:
    """Encode the figures of a dataset, by stage and in the order of its runs.

    Figures of runs that are no more may still lie there; they are not taken. The maps of the
    same images are shown once: side by side, or of each run.

    Args:
        dataset: The dataset.
        runs: Its runs.
        pairs: Comparisons of two of its runs, of the stage `false_positives`.
        maps_compared: Whether several settings have maps.
    """
    twice = ("cam_alignment", "-cams") if maps_compared else ("compare", "-cams")
    owners = ((DATASET_FIGURES, [dataset]), (RUN_FIGURES, runs))
    named = [
        (stage, owner, title, FIGURES / stage / f"{owner}{suffix}.png")
        for figures, of in owners
        for stage, titles in figures.items()
        for suffix, title in titles.items()
        if (stage, suffix) != twice
        for owner in of
    ]
    folder = FIGURES / "false_positives"
    named += [
        ("false_positives", pair, "Errors around one class", folder / f"{pair}.png")
        for pair in pairs
    ]
    return [_encode(*item) for item in named if item[-1].exists()]


def _encode(stage: str, owner: str, title: str, path: Path) -> PageFigure:
    try:
        content = path.read_bytes()
        source, width, height = figure(content)
        other = find_dark(content)
        dark = figure(other)[0] if other else ""
    except Exception as error:  # Pillow's decoders raise a dozen kinds
        raise InputError(f"{path} is damaged ({error}); run: dvc repro {stage}@{owner}") from error
    return PageFigure(stage, owner, title, source, path.as_posix(), width, height, dark)
