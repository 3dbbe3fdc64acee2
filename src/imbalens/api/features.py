"""Questions about feature embeddings and scores: each makes the call that its stage makes.

Options have the values of analyses.yaml; more is said of them by the functions of the same name in
`imbalens.analysis`. Arrays may be lists, and numbers of any type. Labels are one per image, a
number or a name, or, where several can apply, a matrix "images labels" of 0 and 1, and -1 where it
is not known whether the image has the label: what is known of other images, or of its other
labels, counts alone. Predictions have the same form. `names` are those of the classes or labels,
in the order of their numbers or columns. Whatever cannot be used is an `InputError`.
"""

from __future__ import annotations  # help() then shows types by name

from collections.abc import Iterable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from imbalens.analysis import feature_overlap as of_overlap
from imbalens.analysis import label_errors as of_errors
from imbalens.analysis.adversaries import adversaries as of_adversaries
from imbalens.analysis.adversaries.distributions import Errors, Instances
from imbalens.analysis.archetypes import archetypes as of_archetypes
from imbalens.analysis.performance import performance as of_performance
from imbalens.api.answer import Answer, question
from imbalens.api.given import (
    name_classes,
    require_logits,
    require_same_images,
    see_classes,
    take_classes,
    take_labels,
    take_numbers,
)
from imbalens.classes import (
    Decision,
    count_members,
    known_classes,
    label_thresholds,
    true_classes,
)
from imbalens.errors import InputError
from imbalens.reports import adversaries as adversaries_report
from imbalens.reports import archetypes as archetypes_report
from imbalens.reports import feature_overlap as overlap_report
from imbalens.reports.label_errors import doubt_table
from imbalens.reports.performance import tables as performance_report


@question
def archetypes(
    features: ArrayLike,
    labels: ArrayLike,
    predictions: ArrayLike,
    *,
    names: Iterable[str] | None = None,
    n_neighbors: int = 5,
    safe_from: int = 4,
    border_from: int = 2,
    rare_from: int = 1,
) -> Answer[of_archetypes.Archetypes]:
    """Judge training images safe, border, rare or outlier, and find their prototypes.

    Args:
        features: Feature embeddings of the training images, "images features".
        labels: Labels of these.
        predictions: What they are taken for.
        names: Names of the classes.
        n_neighbors: Neighbours consulted.
        safe_from: Fewest same-class neighbours of a safe image.
        border_from: Fewest of a border image.
        rare_from: Fewest of a rare image; below it lie outliers.

    Returns:
        Tables `classes`, `instances` (per image and class that it has), `prototypes`.
    """
    of, (targets, guesses) = take_labels(
        names, all_known=["predictions"], labels=labels, predictions=predictions
    )
    numbers = take_numbers("features", features, "images features")
    require_same_images(features=numbers, labels=targets, predictions=guesses)
    named = name_classes(of, targets)
    own, taken = see_classes(of, targets, guesses)
    found = of_archetypes.archetypes(
        *(numbers, own, taken),
        n_classes=len(named),
        n_neighbors=n_neighbors,
        safe_from=safe_from,
        border_from=border_from,
        rare_from=rare_from,
    )
    about, report = (named, count_members(own, n_classes=len(named))), archetypes_report
    # images that are given as arrays have neither files nor another position
    rows, files, unknown = np.arange(len(own)), [""] * len(own), ["index", "name"]
    instances = partial(report.instance_table, found, own, taken, rows, files, named)
    prototypes = partial(report.prototype_table, found.prototypes, rows, files, *about)
    tables = {
        "classes": partial(report.archetype_table, found.table, *about),
        "instances": lambda: instances().drop(columns=unknown),
        "prototypes": lambda: prototypes().drop(columns=unknown),
    }
    return Answer(found, named, partial(report.archetype_metrics, found, named), tables)


@question
def adversaries(
    features: ArrayLike,
    labels: ArrayLike,
    predictions: ArrayLike,
    unseen_labels: ArrayLike,
    unseen_predictions: ArrayLike,
    *,
    names: Iterable[str] | None = None,
    n_neighbors: int = 5,
    instances: Instances = "misclassified_by_actual",
    errors: Errors = "by_actual",
    eps: float = 1e-5,
    alpha: float = 0.5,
) -> Answer[of_adversaries.Adversaries]:
    """Find each class's nearest adversaries and judge how well they foretell its errors.

    Args:
        features: Feature embeddings of the training images, "images features".
        labels: Labels of these.
        predictions: What they are taken for.
        unseen_labels: Labels of the images whose errors are foretold, such as test images.
        unseen_predictions: What these are taken for.
        names: Names of the classes.
        n_neighbors: Neighbours counted of each selected training image.
        instances: Those selected: a class's misclassified ones, `misclassified_by_actual`, those
            wrongly taken for it, `misclassified_by_predicted`, or `all` of it.
        errors: Errors around a class: where its own go, `by_actual`, or which others are taken
            for it, `by_predicted`.
        eps: Added to every share before the divergence is taken.
        alpha: Added to every count before the log loss is taken.

    Returns:
        Tables `classes` (how well the errors of each are foretold), `shares` (of every other
        class in its errors and in its nearest adversaries), `predictors`.
    """
    of, (targets, guesses, unseen_targets, unseen_guesses) = take_labels(
        names,
        all_known=["predictions", "unseen_predictions"],
        labels=labels,
        predictions=predictions,
        unseen_labels=unseen_labels,
        unseen_predictions=unseen_predictions,
    )
    numbers = take_numbers("features", features, "images features")
    require_same_images(features=numbers, labels=targets, predictions=guesses)
    require_same_images(unseen_labels=unseen_targets, unseen_predictions=unseen_guesses)
    named = name_classes(of, targets)
    own, taken = see_classes(of, targets, guesses)
    seen = see_classes(of, unseen_targets, unseen_guesses)
    found = of_adversaries.adversaries(
        *(numbers, own, taken, *seen),
        n_classes=len(named),
        n_neighbors=n_neighbors,
        instances=instances,
        errors=errors,
        eps=eps,
        alpha=alpha,
        known=known_classes(targets, of),
    )
    about, report = (named, count_members(own, n_classes=len(named))), adversaries_report
    tables = {
        "classes": partial(report.class_score_table, found, *about),
        "shares": partial(report.share_table, found, *about),
        "predictors": partial(report.predictor_table, found.scores),
    }
    return Answer(found, named, partial(report.adversary_metrics, found, named), tables)


@question
def label_errors(
    features: ArrayLike,
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    names: Iterable[str] | None = None,
    n_neighbors: int = 5,
    n_candidates: int = 50,
) -> Answer[of_errors.Doubts]:
    """Find training images whose label looks wrong.

    Args:
        features: Feature embeddings of the training images, "images features".
        labels: Labels of these.
        scores: Logits of these, "images classes".
        names: Names of the classes or labels.
        n_neighbors: Neighbours asked.
        n_candidates: How many labels to list at most.

    Returns:
        Table `candidates`, the most suspicious first.
    """
    logits = take_numbers("scores", scores, "images classes")
    named, (targets,) = take_labels(names, n_scores=logits.shape[1], labels=labels)
    numbers = take_numbers("features", features, "images features")
    require_same_images(features=numbers, labels=targets, scores=logits)
    require_logits(logits, targets)
    asked = {"n_neighbors": n_neighbors, "n_candidates": n_candidates}
    found = of_errors.label_errors(numbers, targets, logits, **asked)
    tables = {"candidates": partial(doubt_table, found, targets, named)}
    return Answer(found, named, lambda: {"candidates": found.errors.candidate.sum()}, tables)


@question
def feature_overlap(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    names: Iterable[str] | None = None,
    top_k: int = 10,
) -> Answer[of_overlap.FeatureOverlap]:
    """Find the features that stand for each class, and how far classes share them.

    Args:
        features: Feature embeddings, "images features".
        labels: Labels of the images.
        names: Names of the classes.
        top_k: Features kept per class.

    Returns:
        Tables `pairs` (of classes), `features` (the strongest of each class).
    """
    named, (own,) = take_classes(names, labels=labels)
    numbers = take_numbers("features", features, "images features")
    require_same_images(features=numbers, labels=own)
    found = of_overlap.feature_overlap(numbers, own, n_classes=len(named), top_k=top_k)
    about, report = (named, count_members(own, n_classes=len(named))), overlap_report
    tables = {
        "pairs": partial(report.overlap_table, found, *about),
        "features": partial(report.top_feature_table, found.top, *about),
    }
    return Answer(found, named, partial(report.feature_overlap_metrics, found, *about), tables)


@question
def performance(
    scores: ArrayLike,
    labels: ArrayLike,
    train_labels: ArrayLike,
    *,
    train_scores: ArrayLike | None = None,
    names: Iterable[str] | None = None,
    decision: Decision = "prevalence",
    ece_bins: int = 15,
    many_above: int = 100,
    few_below: int = 20,
    min_images: int = 20,
) -> Answer[of_performance.Performance]:
    """Measure how well scores tell which images have which class, or label.

    Args:
        scores: Logits of the images to evaluate on, "images classes".
        labels: Labels of these.
        train_labels: Labels of the training images, which say how many each class has.
        train_scores: Logits of the training images, needed where several labels can apply.
        names: Names of the classes or labels.
        decision: When an image counts as having one of several labels: at a probability above
            0.5, `half`, or so that as many training images have it as do, `prevalence`.
        ece_bins: Bins of the calibration error.
        many_above: A class with more training images than this has many.
        few_below: A class with fewer training images than this has few.
        min_images: Images with and without a label from which on it is in means of rankings.

    Returns:
        Tables `classes` (or labels), `confusion`.
    """
    logits = take_numbers("scores", scores, "images classes")
    labelled = {"labels": labels, "train_labels": train_labels}
    named, (targets, trained) = take_labels(
        names, n_scores=logits.shape[1], all_known=(), **labelled
    )
    require_same_images(scores=logits, labels=targets)
    require_logits(logits, targets)
    thresholds = None
    if trained.ndim == 2:
        if train_scores is None:
            raise InputError("train_scores are needed: they say when an image has a label")
        of_train = take_numbers("train_scores", train_scores, "images labels")
        require_same_images(train_scores=of_train, train_labels=trained)
        thresholds = label_thresholds(of_train, trained, decision=decision)
    n_classes = len(name_classes(named, trained))
    sizes = count_members(true_classes(trained, named), n_classes=n_classes)
    counts = sizes if thresholds is None else (trained == 1).sum(axis=0)
    found = of_performance.performance(
        *(logits, targets, counts, named),
        thresholds=thresholds,
        n_bins=ece_bins,
        many_above=many_above,
        few_below=few_below,
        min_images=min_images,
    )
    report = performance_report
    tables = {
        "classes": partial(report.performance_table, found, counts),
        "confusion": partial(report.confusion_table, found, sizes),
    }
    return Answer(found, named, partial(report.performance_metrics, found, None), tables)
