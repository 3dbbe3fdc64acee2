"""Training images whose label looks wrong, and what it might be instead.

Two witnesses are heard: the nearest neighbours, whose labels an image's own label has no part in,
and the network, which was trained on that label; without its scores, the neighbours alone. Labels
come as class codes, "n", where each image has exactly one class, and as a matrix, "n m", 1 where
an image has a label, where several can apply; each entry of the matrix is then judged by itself.
Entries that are not known are neither judged nor asked.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from imbalens.analysis.common.counting import divide
from imbalens.analysis.common.neighbors import Neighbors, find_neighbors
from imbalens.analysis.common.weighted_ranking import (
    rank_once,
    weighted_auroc,
    weighted_average_precision,
)
from imbalens.classes import UNKNOWN, Targets, require_codes


@dataclass(frozen=True)
class LabelErrors:
    """How far each given label is in doubt; all fields have the shape of the labels.

    Of a label that is not known, numbers are NaN, and it is no candidate.

    Attributes:
        probability: Probability of the label as given.
        usual: Mean of that probability over the images with the same given label.
        score: `usual - probability`: the higher, the more suspicious the label.
        suggested: Most probable other class; of a matrix 1 where the label is missing, 0 where
            it should go.
        candidate: Whether what is suggested is more probable than what is given.
    """

    probability: Float[np.ndarray, "*shape"]
    usual: Float[np.ndarray, "*shape"]
    score: Float[np.ndarray, "*shape"]
    suggested: Int[np.ndarray, "*shape"]
    candidate: Bool[np.ndarray, "*shape"]


@dataclass(frozen=True)
class Doubts:
    """Labels in doubt, and those that are listed as perhaps wrong.

    Attributes:
        errors: How far each label is in doubt.
        rows: Image of each label listed, the most suspicious first.
        labels: The label in question, see `rank_candidates`.
        neighbors: Nearest neighbours of each image, which were asked.
    """

    errors: LabelErrors
    rows: Int[np.ndarray, " q"]
    labels: Int[np.ndarray, " q"]
    neighbors: Neighbors


def label_errors(
    features: Float[np.ndarray, "n d"],
    labels: Targets,
    scores: Float[np.ndarray, "n m"] | None,
    *,
    n_neighbors: int,
    n_candidates: int,
) -> Doubts:
    """Find training images whose label looks wrong.

    Args:
        features: Feature embeddings, one row per image.
        labels: Given class per image, or 1 where an image has a label, 0 where it lacks it, or
            `UNKNOWN`.
        scores: What a softmax, or of a matrix of labels a sigmoid per label, is taken on; None
            where there is no network to ask.
        n_neighbors: Neighbours asked.
        n_candidates: How many labels to list at most.

    Raises:
        ValueError: if a class code is out of range, there are not two classes, a feature is not
            finite, or there are no more images than neighbours.
    """
    neighbors = find_neighbors(features, labels, n_neighbors=n_neighbors)
    errors = find_label_errors(label_probabilities(neighbors, labels, scores), labels)
    rows, doubted = rank_candidates(errors, labels, n_candidates=n_candidates)
    return Doubts(errors=errors, rows=rows, labels=doubted, neighbors=neighbors)


def label_probabilities(
    neighbors: Neighbors, labels: Targets, scores: Float[np.ndarray, "n m"] | None
) -> Float[np.ndarray, "n m"]:
    """Average two probabilities of each label: that of the neighbours and that of the network.

    Args:
        neighbors: Nearest neighbours of each image; where some share a place, each counts its
            part.
        labels: Given class per image, or 1 where an image has a label, 0 where it lacks it, or
            `UNKNOWN`.
        scores: What a softmax, or of a matrix of labels a sigmoid per label, is taken on; None
            without a network.

    Returns:
        Mean of the share of neighbours with the label and the network's probability. Neighbours
        whose label is not known are not asked; where none is known, it is the network's alone.
        Without a network it is the neighbours' share alone, and where none of them is known, 1/2.

    Raises:
        ValueError: if a class code is out of range.

    Source: neighbours as in Papernot and McDaniel 2018, arXiv:1803.04765.
    """
    if labels.ndim == 2:
        asked = labels[neighbors.neighbor]
        parts = np.column_stack([neighbors.count(each) for each in (asked == 1).T])
        places = np.column_stack([neighbors.count(each) for each in (asked != UNKNOWN).T])
    else:
        n = len(labels)
        m = int(labels.max(initial=-1)) + 1 if scores is None else scores.shape[1]
        require_codes(labels, n_codes=m, name="labels")
        cell = neighbors.row * m + labels[neighbors.neighbor]
        parts = np.bincount(cell, neighbors.parts, minlength=n * m).reshape(n, m)
        places = neighbors.n_neighbors * neighbors.parts_per_place[:, None]
    heard, share = places > 0, parts / np.maximum(places, 1)
    if scores is None:
        return np.where(heard, share, 0.5)
    network = _network_probabilities(scores.astype(np.float64), exclusive=labels.ndim == 1)
    return (np.where(heard, share, network) + network) / 2


def _network_probabilities(
    scores: Float[np.ndarray, "n m"], *, exclusive: bool
) -> Float[np.ndarray, "n m"]:
    if not exclusive:
        return np.exp(-np.logaddexp(0, -scores))
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def find_label_errors(probabilities: Float[np.ndarray, "n m"], labels: Targets) -> LabelErrors:
    """Compare each given label's probability with what is usual for that label.

    The mean over the images with the same label takes out how sure one can be of a class: of a
    rare one, or under a loss that keeps probabilities low, every label would look wrong.

    Args:
        probabilities: Probability of each class, or of each label, see `label_probabilities`.
        labels: Given class per image, or 1 where an image has a label, 0 where it lacks it, or
            `UNKNOWN`.

    Raises:
        ValueError: if a class code is out of range, or there are not two classes.

    Source: Northcutt, Jiang and Chuang 2021, "Confident learning", JAIR 70, section 3: ranking by
    self-confidence; thresholds as mean self-confidence per class, equation 2.
    """
    if labels.ndim == 2:
        columns = [
            _find_of_label(p, given) for p, given in zip(probabilities.T, labels.T, strict=True)
        ]
        return LabelErrors(
            **{
                field: np.column_stack([getattr(column, field) for column in columns])
                for field in LabelErrors.__dataclass_fields__
            }
        )
    n, n_classes = probabilities.shape
    if n_classes < 2:
        raise ValueError(f"probabilities must be of at least two classes, found {n_classes}")
    require_codes(labels, n_codes=n_classes, name="labels")
    own = probabilities[np.arange(n), labels]
    # rounded once, so that no order of images matters
    total = np.array([math.fsum(own[labels == label]) for label in range(n_classes)])
    usual = divide(total, np.bincount(labels, minlength=n_classes))[labels]
    others = probabilities.copy()
    others[np.arange(n), labels] = -np.inf
    return LabelErrors(
        probability=own,
        usual=usual,
        score=usual - own,
        suggested=others.argmax(axis=1),
        candidate=others.max(axis=1) > own,
    )


def _find_of_label(
    probabilities: Float[np.ndarray, " n"], labels: UInt8[np.ndarray, " n"]
) -> LabelErrors:
    """Judge one label, where it is known."""
    known = labels != UNKNOWN
    both = np.column_stack([1 - probabilities, probabilities])
    found = vars(find_label_errors(both[known], labels[known].astype(np.int64)))
    whole = {}
    for field, values in found.items():
        whole[field] = np.full(
            len(labels), np.nan if values.dtype.kind == "f" else 0, values.dtype
        )
        whole[field][known] = values
    return LabelErrors(**whole)


def rank_candidates(
    errors: LabelErrors, labels: Targets, *, n_candidates: int
) -> tuple[Int[np.ndarray, " p"], Int[np.ndarray, " p"]]:
    """List the candidates of a wrong label, the most suspicious first.

    Args:
        errors: As `find_label_errors` gives them.
        labels: As given to it.
        n_candidates: How many to list at most.

    Returns:
        Row of the image, and the label in question: the class given, or the column of the
        matrix. Equals stand in the order of the images.
    """
    places = np.flatnonzero(errors.candidate)
    order = np.argsort(-errors.score.ravel()[places], kind="stable")
    places = places[order[:n_candidates]]
    if labels.ndim == 1:
        return places, labels[places]
    return places // labels.shape[1], places % labels.shape[1]


def label_error_recovery(
    errors: LabelErrors,
    mislabelled: Bool[np.ndarray, " n"],
    true_labels: Int[np.ndarray, " n"],
    listed: Int[np.ndarray, " p"],
) -> dict[str, float]:
    """Compare suspicion with the images whose label was planted wrong.

    Args:
        errors: As `find_label_errors` gives them for class codes.
        mislabelled: Which images carry a planted wrong label.
        true_labels: Class of each image before mislabelling.
        listed: Rows of the candidates that are listed, see `rank_candidates`.

    Returns:
        `average_precision` and `auroc` of the score. `chance`: the share of mislabelled, which
        is what the former would be by chance. `candidate_precision`: share of candidates that
        are mislabelled. `candidate_recall`: share of mislabelled that are candidates.
        `listed_precision` and `listed_recall`: the same of those that are listed.
        `suggestion_accuracy`: share of mislabelled candidates whose suggested class is the true
        one. NaN where there is nothing to judge.
    """
    found = errors.candidate & mislabelled
    right = found & (errors.suggested == true_labels)
    return {
        "average_precision": rank_once(weighted_average_precision, errors.score, mislabelled),
        "auroc": rank_once(weighted_auroc, errors.score, mislabelled),
        "chance": float(divide(mislabelled.sum(), len(mislabelled))),
        "candidate_precision": float(divide(found.sum(), errors.candidate.sum())),
        "candidate_recall": float(divide(found.sum(), mislabelled.sum())),
        "listed_precision": float(divide(mislabelled[listed].sum(), len(listed))),
        "listed_recall": float(divide(mislabelled[listed].sum(), mislabelled.sum())),
        "suggestion_accuracy": float(divide(right.sum(), found.sum())),
    }
