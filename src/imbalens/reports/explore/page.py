"""The page to look at a dataset's images with: a map of features, and labels in doubt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int
from markupsafe import Markup

from imbalens.analysis.archetypes.judging import ARCHETYPE_NAMES
from imbalens.analysis.label_errors import label_error_recovery
from imbalens.classes import list_pairs
from imbalens.reports.common.tables import head_first
from imbalens.reports.explore.candidates import candidate_classes, candidate_table
from imbalens.reports.explore.look import Look
from imbalens.reports.explore.pictures import Selection, class_codes
from imbalens.reports.explore.sprite import Sprite
from imbalens.reports.page.shell import embed_json, make_environment, render_page
from imbalens.tables.explore import CANDIDATES

PACKAGE = "imbalens.reports.explore"
ENVIRONMENT = make_environment(PACKAGE)
SUBTITLE = "A map of their features, and labels that may be wrong"
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
    """

    dataset: str
    generated: bool
    split: str
    embedding: str
    table: str


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


def run_parts(
    looks: Mapping[str, Look],
    names: Sequence[str],
    planted: Int[np.ndarray, " n"] | None,
) -> dict[str, RunPart]:
    """Gather what each run tells, the labels it doubts, and how well that finds planted ones.

    Args:
        looks: What the runs tell, by name.
        names: File, or other name, of each training image within the source.
        planted: True class of each image whose label is planted wrong, -1 of the others; None
            where nothing was planted.
    """
    n_runs = np.sum([look.errors.candidate for look in looks.values()], axis=0)
    return {
        run: RunPart(
            look=look,
            candidates=candidate_table(look, run=run, names=names, runs=n_runs),
            recovery=None
            if planted is None
            else label_error_recovery(look.errors, planted >= 0, planted, look.listed[0]),
        )
        for run, look in looks.items()
    }


def explore_metrics(parts: Mapping[str, RunPart]) -> dict[str, object]:
    """Count each run's candidates and say how much of the features the plane shows."""
    return {
        "run": {
            run: {
                "candidates": part.look.errors.candidate.sum(),
                "explained_variance": part.look.found.plane.explained.sum(),
            }
            | ({"recovery": part.recovery} if part.recovery else {})
            for run, part in parts.items()
        }
    }


def all_candidates(parts: Mapping[str, RunPart]) -> pd.DataFrame:
    """Return the candidates of all runs, run by run."""
    empty = pd.DataFrame(columns=[column.name for column in CANDIDATES.columns])
    return pd.concat([part.candidates for part in parts.values()] or [empty])


def render_explore(
    about: About,
    selection: Selection,
    pictures: Pictures,
    runs: Mapping[str, RunPart],
    *,
    vega: Sequence[str],
) -> str:
    """Render the page; every text in it that comes from data is escaped.

    Args:
        about: The dataset.
        selection: Which of its images the page shows.
        pictures: What is known of these beside what runs tell.
        runs: By name, at least one.
        vega: Scripts of vega, vega-lite and vega-embed.
    """
    look = next(iter(runs.values())).look
    body = ENVIRONMENT.get_template("explore.html").render(
        about=about,
        look=look,
        predicts=any(part.look.predicts for part in runs.values()),
        selection=selection,
        runs=runs,
        order=head_first(look.counts),
        data=embed_json(page_values(about, selection, pictures, runs)),
    )
    sprite, styles = pictures.sprite, _read("explore.css")
    if sprite is not None:
        styles += f"\n.picture {{ background-image: url({sprite.source}) }}"
    return render_page(
        title=f"Images of {about.dataset}",
        subtitle=SUBTITLE,
        body=Markup(body),  # the template's own output, which escapes what it is given
        styles=styles,
        scripts=[*vega, *(_read(f"{name}.js") for name in ("book", "map", "explore"))],
    )


NOT_APPLICABLE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>imbalens: images</title>
<p>There is no map of these images: {reason}.</p></html>
"""  # the page of a dataset whose runs tell no features of training images


def render_without_runs(dataset: str) -> str:
    """Render the page of a dataset that no run is of."""
    body = Markup('<main id="main"><p>No run of params.yaml is of this dataset.</p></main>')
    return render_page(title=f"Images of {dataset}", subtitle=SUBTITLE, body=body)


def page_values(
    about: About, selection: Selection, pictures: Pictures, runs: Mapping[str, RunPart]
) -> dict[str, Any]:
    """Return what the page's code reads: plain values, one list per field.

    Of which classes images are known to have or to lack is there only where some are not known.
    """
    look, sprite = next(iter(runs.values())).look, pictures.sprite
    merge = selection.merge
    return {
        "exclusive": look.exclusive,
        "classes": list(look.names),
        "order": head_first(look.counts),
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
        "runs": {name: _run_values(part, selection) for name, part in runs.items()},
    }


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
    return {
        "x": x,
        "y": y,
        "explained": look.found.plane.explained,
        "predicted": _predicted(look, points),
        "archetypes": [
            look.found.archetypes[start:stop] for start, stop in zip(first, behind, strict=True)
        ],
        "neighbors": places[near],
        "nCandidates": look.errors.candidate.sum(),
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


def _read(name: str) -> str:
    return (files(PACKAGE) / name).read_text(encoding="utf-8")
