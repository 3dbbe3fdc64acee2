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
    feature_overlap,
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
    "feature_overlap": feature_overlap.TOP_FEATURES,
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
FIGURES_SHOWN = {  # by stage what follows the name in a file, and what the figure shows; the
    # page's own charts and tables show what the others do, which lie in plots/figures
    "prepare": {"": "Prepared images"},
    "compare": {"-cams": "Class activation maps side by side"},
    "changes": {
        "": "What differs from the baseline",
        "-flow": "Archetypes before and after",
        "-similarity": "Similarity of features (debiased CKA)",
    },
    "claims": {"": "What the verdicts rest on"},
    "performance": {"-confusion": "Confusion matrix"},
    "cam_alignment": {"-cams": "Class activation maps", "": "Alignment per class"},
    "concepts": {"-channels": "Channels and what they fire in"},
    "archetypes": {"": "True positives per archetype"},
    "adversaries": {"-predictors": "What predicts errors"},
    "feature_overlap": {"": "Largest mean features", "-pairs": "Features that classes share"},
    "saliency_colours": {"": "Colours per class", "-pages": "Colours and prototypes per class"},
    "false_positives": {"": "Errors around one class"},
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
    """Read the table of settings and those of changes between runs that have rows, by kind."""
    found = {kind: read_optional(table, dataset) for kind, table in DATASET_TABLES.items()}
    given = {kind: once_a_pair(table) for kind, table in found.items() if table is not None}
    return {kind: table for kind, table in given.items() if kind == "compare" or len(table)}


def once_a_pair(table: pd.DataFrame) -> pd.DataFrame:
    """Leave each pair of runs once in a table of columns `run` and `other`, none with itself."""
    if not {"run", "other"} <= set(table.columns):
        return table
    pairs = [tuple(sorted(pair)) for pair in zip(table["run"], table["other"], strict=True)]
    again = pd.Series(pairs, index=table.index, dtype=object).duplicated()
    return table[~again & (table["run"] != table["other"])]


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


def find_figures(owners: Mapping[str, Sequence[str]]) -> list[PageFigure]:
    """Encode the figures that there are, by stage.

    Figures of runs that are no more may still lie there, and figures that say why there is
    nothing to show: they are not taken.

    Args:
        owners: Datasets, runs or comparisons whose figures are taken, by stage; by stage and
            ending, as in `changes-flow`, where these differ.
    """
    named = [
        (stage, owner, title, FIGURES / stage / f"{owner}{suffix}.png")
        for stage, titles in FIGURES_SHOWN.items()
        for suffix, title in titles.items()
        for owner in owners.get(f"{stage}{suffix}", owners.get(stage, ()))
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
