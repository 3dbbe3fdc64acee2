"""Everything at once: what features, labels and predictions tell of images, and a page of it."""

from __future__ import annotations  # help() then shows types by name

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from numpy.typing import ArrayLike

from imbalens.analysis.adversaries.distributions import Errors, Instances
from imbalens.api import asking
from imbalens.api.analysis import Analysis, Told, file_of, require_own
from imbalens.api.answer import question, require_bounds
from imbalens.api.headline import write_headline
from imbalens.api.looking import tell_explore
from imbalens.api.outputs import take_outputs
from imbalens.classes import Decision
from imbalens.errors import InputError
from imbalens.params.analyses import ExploreAnalysis, PerformanceAnalysis
from imbalens.store.files import jsonable


@question
def analyze(
    features: ArrayLike,
    labels: ArrayLike,
    logits: ArrayLike | None = None,
    *,
    probabilities: ArrayLike | None = None,
    split: Iterable[str] | None = None,
    evaluate: Literal["val", "test"] = "test",
    names: Iterable[str] | None = None,
    ids: Iterable[object] | None = None,
    groups: Iterable[object] | None = None,
    paths: Iterable[str | Path] | None = None,
    out: str | Path | None = None,
    title: str = "features",
    progress: bool = False,
    n_neighbors: int = 5,
    safe_from: int = 4,
    border_from: int = 2,
    rare_from: int = 1,
    adversary_neighbors: int | None = None,
    instances: Instances = "misclassified_by_actual",
    errors: Errors = "by_actual",
    eps: float = 1e-5,
    alpha: float = 0.5,
    top_k: int = 10,
    decision: Decision = "prevalence",
    ece_bins: int = 15,
    many_above: int = 100,
    few_below: int = 20,
    min_images: int = 20,
    n_candidates: int = 50,
    train_images: int = 1500,
    evaluation_images: int = 600,
    neighbor_images: int = 1500,
    thumbnail: int = 56,
    seed: int = 0,
) -> Analysis:
    """Ask all that features, labels and predictions can answer, and make a page of it.

    Each question is asked as its stage asks it: performance, archetypes with prototypes,
    adversaries, feature overlap, and what stage `explore` shows, a map and labels in doubt.
    Without logits and probabilities, performance and adversaries are left out, archetypes say
    nothing of true positives, and labels are held against those of the neighbours alone; without
    images of the split `evaluate`, the former two are left out.

    Args:
        features: Feature embeddings, "images features".
        labels: Labels of the images, as `imbalens.api.features` says.
        logits: What a softmax or sigmoid is taken on, "images classes".
        probabilities: What was taken of them, instead of logits.
        split: Of each image `train`, `val` or `test`; None: all are training images.
        evaluate: Split that performance and errors are of.
        names: Names of the classes or labels.
        ids: What each image is called, all different.
        groups: Group of each image, such as its patient, None or blank where it is one by itself:
            a column of the table `archetypes-instances`.
        paths: File of each image, PNG or JPEG, for pictures on the page.
        out: Folder to write to, see `Analysis.save`; None for none.
        title: What the page calls the images.
        progress: Whether to say on standard error what is being done.
        n_neighbors: Neighbours consulted.
        safe_from: Fewest same-class neighbours of a safe image.
        border_from: Fewest of a border image.
        rare_from: Fewest of a rare image; below it lie outliers.
        adversary_neighbors: Neighbours counted by adversaries; None for `n_neighbors`.
        instances: See `imbalens.adversaries`.
        errors: See `imbalens.adversaries`.
        eps: See `imbalens.adversaries`.
        alpha: See `imbalens.adversaries`.
        top_k: Features kept per class by feature overlap.
        decision: See `imbalens.performance`.
        ece_bins: Bins of the calibration error.
        many_above: A class with more training images than this has many.
        few_below: A class with fewer training images than this has few.
        min_images: Images with and without a label from which on it is in means of rankings.
        n_candidates: Labels in doubt to list at most.
        train_images: Training images on the map, beside those whose label is in doubt.
        evaluation_images: Evaluation images on the map.
        neighbor_images: Further images with a picture.
        thumbnail: Side of a picture in pixels.
        seed: Of the choice of images.

    Raises:
        InputError: if something cannot be used; nothing is written then.
    """
    if out is not None:
        require_own(Path(out))
    looked = {
        "train_images": train_images,
        "evaluation_images": evaluation_images,
        "neighbor_images": neighbor_images,
        "thumbnail": thumbnail,
        "seed": seed,
        "n_candidates": n_candidates,
    }
    require_bounds(ExploreAnalysis, {"n_candidates": "label_errors"}, **looked)
    require_bounds(PerformanceAnalysis, {}, ece_bins=ece_bins)
    given = take_outputs(
        *(features, labels, logits),
        probabilities=probabilities,
        split=split,
        evaluate=evaluate,
        names=names,
        ids=ids,
        groups=groups,
        paths=paths,
        decision=decision,
    )
    counted = n_neighbors if adversary_neighbors is None else adversary_neighbors
    for key, number in {"n_neighbors": n_neighbors, "adversary_neighbors": counted}.items():
        if number >= len(given.train.index):
            raise InputError(
                f"{key}: found {number}; allowed: below the {len(given.train.index)} training "
                "images"
            )
    cuts = {
        "n_neighbors": n_neighbors,
        "safe_from": safe_from,
        "border_from": border_from,
        "rare_from": rare_from,
    }
    asked = {"n_neighbors": counted, "instances": instances, "errors": errors}
    shots = {"many_above": many_above, "few_below": few_below}
    measured = shots | {"min_images": min_images}
    told: dict[str, Told] = {}
    for name, tell in {
        "performance": lambda: asking.tell_performance(given, ece_bins=ece_bins, **measured),
        "archetypes": lambda: asking.tell_archetypes(given, **cuts),
        "adversaries": lambda: asking.tell_adversaries(given, **asked, eps=eps, alpha=alpha),
        "feature_overlap": lambda: asking.tell_feature_overlap(given, top_k=top_k),
    }.items():
        _say(name, progress=progress)
        told[name] = tell()
    _say("explore", progress=progress)
    told["explore"], page = tell_explore(given, title=title, **looked, **shots, **cuts)
    metrics = {name: jsonable(each.metrics) for name, each in told.items()}
    analysis = Analysis(
        names=given.class_names,
        metrics=metrics,
        headline=write_headline(given, metrics, told["explore"].tables[0][1]),
        page=page,
        _tables={file_of(table[0]): table for each in told.values() for table in each.tables},
    )
    if out is not None:
        analysis.save(out)
    return analysis


def _say(what: str, *, progress: bool) -> None:
    if progress:
        print(f"{what} ...", file=sys.stderr, flush=True)
