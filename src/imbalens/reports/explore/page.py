"""The page to look at a dataset's images with: maps of features, and labels in doubt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import pandas as pd
from jaxtyping import Int
from markupsafe import Markup

from imbalens.analysis.label_errors import label_error_recovery
from imbalens.classes import HEALTHY, NO_FINDING
from imbalens.reports.common.tables import head_first
from imbalens.reports.explore.cams import Cams
from imbalens.reports.explore.candidates import candidate_table
from imbalens.reports.explore.look import Look
from imbalens.reports.explore.pictures import Selection
from imbalens.reports.explore.values import About, Pictures, RunPart, page_values
from imbalens.reports.page.shell import embed_json, make_environment, render_page
from imbalens.tables.explore import CANDIDATES

PACKAGE = "imbalens.reports.explore"
ENVIRONMENT = make_environment(PACKAGE)
SUBTITLE = "Maps of their features, and labels that may be wrong"
SCRIPTS = ("book", "stamps", "map", "groups", "filters", "chosen", "selection", "sheet", "explore")


@dataclass(frozen=True)
class Opening:
    """What the page shows first.

    Attributes:
        a: Run of the first map.
        b: Run of the second; None where there is one run alone.
        subject: Class that is asked about where images have several; else None.
        colour: What colours say first: `class` or `right`.
    """

    a: str
    b: str | None
    subject: int | None
    colour: str


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


def choose_opening(
    looks: Mapping[str, Look], settings: Mapping[str, str], *, first: str
) -> Opening:
    """Choose what the page shows first: the run that predicts least alike beside the baseline.

    Of several labels, colours first say who has the most frequent finding and is taken for it.

    Args:
        looks: What the runs tell, by name.
        settings: Setting of each run. One of the first's setting is shown beside that only where
            there is no other.
        first: Run of the baseline; one of the runs.
    """
    look = looks[first]
    others = [run for run in looks if run != first]
    foreign = [run for run in others if settings[run] != settings[first]] or others
    order = head_first(look.counts)
    findings = [code for code in order if look.names[code] not in (NO_FINDING, HEALTHY)]
    return Opening(
        a=first,
        b=max(foreign, key=lambda run: _share_changed(look, looks[run]), default=None),
        subject=None if look.exclusive else (findings or order)[0],
        colour="class" if look.exclusive or not look.predicts else "right",
    )


def _share_changed(look: Look, other: Look) -> float:
    """Return the share of evaluation images, else of training images, taken for something else."""
    for mine, others in ((look.evaluation, other.evaluation), (look.train, other.train)):
        if mine.predictions is not None and others.predictions is not None and len(mine.index):
            return float(np.mean(mine.predictions != others.predictions))
    return 0.0


def render_explore(
    about: About,
    opening: Opening,
    selection: Selection,
    pictures: Pictures,
    runs: Mapping[str, RunPart],
    cams: Mapping[str, Cams],
) -> str:
    """Render the page; every text in it that comes from data is escaped.

    Args:
        about: The dataset.
        opening: What the page shows first.
        selection: Which of its images the page shows.
        pictures: What is known of these beside what runs tell.
        runs: By name, at least one.
        cams: Class activation maps of those runs that have some.
    """
    look = next(iter(runs.values())).look
    predicting = [run for run, part in runs.items() if part.look.predicts]
    ways = {
        "class": "class" if look.exclusive else "finding",
        "archetype": "archetype",
        **({"right": "right or wrong"} if predicting else {}),
        **({"both": "A against B"} if len(predicting) > 1 else {}),
    }
    body = ENVIRONMENT.get_template("explore.html").render(
        about=about,
        look=look,
        opening=opening,
        ways=ways,
        predicts=bool(predicting),
        selection=selection,
        runs=runs,
        order=head_first(look.counts),
        n_cams=max((len(each.pairs) for each in cams.values()), default=0),
        n_annotated=max((each.n_annotated for each in cams.values()), default=0),
        data=embed_json(page_values(about, selection, pictures, runs, cams)),
    )
    sprite, styles = pictures.sprite, _read("explore.css")
    if sprite is not None:
        styles += f"\n.picture {{ background-image: url({sprite.source}) }}"
    return render_page(
        title=f"Images of {about.dataset}",
        subtitle=SUBTITLE,
        body=Markup(body),  # the template's own output, which escapes what it is given
        styles=styles,
        scripts=[_read(f"{name}.js") for name in SCRIPTS],
    )


NOT_APPLICABLE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>imbalens: images</title>
<p>There is no map of these images: {reason}.</p></html>
"""  # the page of a dataset whose runs tell no features of training images


def render_without_runs(dataset: str) -> str:
    """Render the page of a dataset that no run is of."""
    body = Markup('<main id="main"><p>No run of params.yaml is of this dataset.</p></main>')
    return render_page(title=f"Images of {dataset}", subtitle=SUBTITLE, body=body)


def _read(name: str) -> str:
    return (files(PACKAGE) / name).read_text(encoding="utf-8")
