"""What the code of a page to look at images with reads: plain values, one list per field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.classes import list_pairs
from imbalens.reports.common.palette import MAX_CLASSES, class_numbers
from imbalens.reports.common.tables import head_first
from imbalens.reports.explore.cams import Cams
from imbalens.reports.explore.candidates import candidate_classes
from imbalens.reports.explore.look import Look
from imbalens.reports.explore.pictures import Selection, class_codes
from imbalens.reports.explore.sprite import Sprite

DIGITS = 4  # of a place on the map
CANDIDATE_FIELDS = ["given", "suggested", "probability", "usual", "archetype", "runs"]


@dataclass(frozen=True)
class About:
    """What the page says of its dataset.

    Attributes:
        dataset: Name of the dataset, or of what was given.
        generated: Whether its images are drawn by this package.
        split: Split that the evaluation images are of.
        embedding: Name of the way in which places on the map are found: `pca` or `umap`.
        table: Where the table of candidates lies, seen from the page.
        report: Where the report lies, seen from the page; None where there is none.
        many_above: A class with more training images than this has many.
        few_below: A class with fewer training images than this has few.
    """

    dataset: str
    generated: bool
    split: str
    embedding: str
    table: str
    report: str | None
    many_above: int
    few_below: int


@dataclass(frozen=True)
class Pictures:
    """The images of a page, in the order of its `Selection`.

    Attributes:
        names: File, or other name, within the source.
        planted: True class of an image whose label is planted wrong, -1 of the others.
        sprite: Pictures of those that have one; None where there are no image files.
    """

    names: Sequence[str]
    planted: Sequence[int]
    sprite: Sprite | None


@dataclass(frozen=True)
class RunPart:
    """One run on the page.

    Attributes:
        look: What the run tells.
        candidates: Labels that may be wrong, see `candidate_table`.
        recovery: How well planted wrong labels are found; None where nothing was planted.
    """

    look: Look
    candidates: pd.DataFrame
    recovery: Mapping[str, float] | None


def page_values(
    about: About,
    selection: Selection,
    pictures: Pictures,
    runs: Mapping[str, RunPart],
    cams: Mapping[str, Cams],
) -> dict[str, Any]:
    """Return what the page's code reads.

    Of which classes images are known to have or to lack is there only where some are not known.
    """
    look, sprite = next(iter(runs.values())).look, pictures.sprite
    merge = selection.merge
    return {
        "dataset": about.dataset,
        "exclusive": look.exclusive,
        "classes": list(look.names),
        "legend": class_legend(look, about),
        "archetypes": list(ARCHETYPE_NAMES),
        "split": about.split,
        "embedding": about.embedding,
        "sprite": sprite and [sprite.columns, sprite.rows, sprite.pitch, sprite.size],
        "nTrain": len(selection.train),
        "nPoints": selection.points.size,
        "nPictured": selection.pictured.size if sprite else 0,
        "names": list(pictures.names),
        "index": merge(look.train.index, look.evaluation.index),
        "given": class_codes(merge(look.train.classes, look.evaluation.classes)),
        **_known_values(look, selection),
        "planted": list(pictures.planted),
        "boxes": next(map(_box_values, cams.values()), []),
        "runs": {
            name: _run_values(part, selection) | {"cams": _cam_values(cams.get(name))}
            for name, part in runs.items()
        },
    }


def class_legend(look: Look, about: About) -> list[dict[str, Any]]:
    """List what classes are coloured by: each by its own, many of them by their numbers of images.

    Returns:
        Label, codes of the classes and name of the colour in CSS, head first.
    """
    order, counts = head_first(look.counts), look.counts
    if len(order) <= MAX_CLASSES:
        names = [look.names[code] for code in order]
        return [
            {"label": name, "codes": [code], "colour": f"class-{number}"}
            for name, code, number in zip(names, order, class_numbers(names), strict=True)
        ]
    many, few = counts > about.many_above, counts < about.few_below
    tiers = {
        "many": (f"many: more than {about.many_above} training images", many),
        "medium": ("medium", ~many & ~few),
        "few": (f"few: fewer than {about.few_below}", few),
    }
    return [
        {"label": label, "codes": np.flatnonzero(own), "colour": f"tier-{tier}"}
        for tier, (label, own) in tiers.items()
        if own.any()
    ]


def _known_values(look: Look, selection: Selection) -> dict[str, list[list[int]]]:
    of_train, of_evaluation = look.train.known, look.evaluation.known
    if of_train is None or of_evaluation is None:
        return {}
    known = selection.merge(of_train, of_evaluation)
    return {} if np.all(known) else {"known": class_codes(known)}


def _run_values(part: RunPart, selection: Selection) -> dict[str, Any]:
    look, points = part.look, selection.points
    places = selection.places(n_train=len(look.neighbors))
    near = np.concatenate([look.neighbors[selection.train], look.found.point_neighbors])
    plane = np.concatenate([look.found.plane.train[selection.train], look.found.plane.evaluation])
    x, y = ([float(f"{value:.{DIGITS}g}") for value in axis] for axis in plane.T.tolist())
    rows, _ = list_pairs(look.train.classes)
    first = np.searchsorted(rows, selection.train)
    behind = np.searchsorted(rows, selection.train, side="right")
    candidate = look.errors.candidate
    doubted = np.nonzero(candidate)[0]  # rows, of several labels perhaps more than once
    return {
        "x": x,
        "y": y,
        "explained": look.found.plane.explained,
        "predicted": _predicted(look, points),
        "archetypes": [
            look.found.archetypes[start:stop] for start, stop in zip(first, behind, strict=True)
        ],
        "neighbors": places[near],
        "doubted": np.flatnonzero(np.isin(selection.train, doubted)),
        "nCandidates": candidate.sum(),
        "recovery": part.recovery,
        "candidates": [
            {**row, "picture": place, "about": codes}
            for row, place, codes in zip(
                part.candidates[CANDIDATE_FIELDS].to_dict("records"),
                places[look.listed[0]],
                candidate_classes(look),
                strict=True,
            )
        ],
    }


def _predicted(look: Look, points: Selection) -> list[list[int]] | None:
    of_train, of_evaluation = look.train.predictions, look.evaluation.predictions
    if of_train is None or of_evaluation is None:
        return None
    return class_codes(points.merge(of_train, of_evaluation))


def _box_values(cams: Cams) -> list[list[int | float]]:
    corners = cams.corners.round(3).tolist()
    return [own + box for own, box in zip(cams.boxes.tolist(), corners, strict=True)]


def _cam_values(cams: Cams | None) -> dict[str, Any] | None:
    if cams is None:
        return None
    cells = cams.maps.reshape(len(cams.maps), -1).astype(np.float64).round(2)
    return {"side": cams.maps.shape[1], "pairs": cams.pairs, "cells": cells}
