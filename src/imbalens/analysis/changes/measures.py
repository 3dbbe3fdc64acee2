"""What differs between the runs of a dataset, measured in several ways."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from imbalens.analysis.adversaries.scores import tells_of
from imbalens.analysis.changes.changes import (
    ArchetypeFlow,
    archetype_flow,
    expected_shared,
    largest_entries,
    match_features,
    shared_top_features,
    total_variation,
)
from imbalens.analysis.changes.similarity import Similarity, cka_matrices, class_cka
from imbalens.analysis.common.counting import mean_defined
from imbalens.analysis.feature_overlap import top_features
from imbalens.classes import Classes, count_members, list_pairs, pair_features

Load = Callable[[str, Literal["train", "evaluation"]], Float[np.ndarray, "n d"]]
MEASURES = (
    *("cka_debiased", "archetypes_moved", "archetypes_safer"),
    *("top_features", "top_features_matched", "adversaries", "errors", "colours"),
)


@dataclass(frozen=True)
class Images:
    """The images that runs are compared on, the same for all.

    Attributes:
        train: Classes of the training images.
        evaluation: Classes of the evaluation images.
        names: Names of the classes.
    """

    train: Classes
    evaluation: Int[np.ndarray, " m"] | Bool[np.ndarray, "m c"]
    names: Sequence[str]

    @property
    def train_counts(self) -> Int[np.ndarray, " c"]:
        """Training images of each class."""
        return count_members(self.train, n_classes=len(self.names))


@dataclass(frozen=True)
class Learned:
    """What other analyses found out about one run.

    Attributes:
        archetypes: Archetype of each pair of a training image and a class that it has.
        adversaries: Per class the shares of its nearest adversaries, NaN where it has none.
        errors: Per class the shares of its errors, NaN where it has none.
        colours: Per class the shares of its salient colours; None if there is no saliency.
    """

    archetypes: Int[np.ndarray, " p"]
    adversaries: Float[np.ndarray, "c c"]
    errors: Float[np.ndarray, "c c"]
    colours: Float[np.ndarray, "c g"] | None


@dataclass(frozen=True)
class Change:
    """How much differs between a run and its baseline, by one measure.

    Attributes:
        overall: Over all classes; NaN where undefined.
        per_class: For each class, in label order; NaN where undefined.
        instances: Images, or pairs of an image and a class, behind each class.
        chance: What the measure is where nothing corresponds; NaN where that is not known.
    """

    overall: float
    per_class: Float[np.ndarray, " c"]
    instances: Int[np.ndarray, " c"]
    chance: float


@dataclass(frozen=True)
class FirstAdversaries:
    """The nearest adversary of each class, or several of equal share.

    Attributes:
        first: Which classes (columns) they are; none of a class without adversaries.
        share: Their share; NaN of a class without adversaries.
    """

    first: Bool[np.ndarray, "c c"]
    share: Float[np.ndarray, " c"]


@dataclass(frozen=True)
class Changes:
    """What differs between the runs of a dataset.

    Attributes:
        similarity: How alike the features are that every two runs compute from the evaluation
            images.
        measures: By run and name of the measure, see `MEASURES`, what differs from its baseline;
            without colours where a side has none. All but CKA are of the training images.
        flows: By run, where the instances of each archetype went from its baseline.
        first_adversaries: By run, those in the baseline and those in the run.
    """

    similarity: Similarity
    measures: Mapping[str, Mapping[str, Change]]
    flows: Mapping[str, ArchetypeFlow]
    first_adversaries: Mapping[str, tuple[FirstAdversaries, FirstAdversaries]]


def find_changes(
    images: Images,
    learned: Mapping[str, Learned],
    baselines: Mapping[str, str],
    load: Load,
    *,
    top_k: int,
    min_images: int,
) -> Changes:
    """Measure what differs between the runs of a dataset.

    Features of two runs are held at a time, however many there are.

    Args:
        images: What all runs are compared on.
        learned: What was found out about each run.
        baselines: The run that each run is compared with; baselines have no entry.
        load: Returns the feature embeddings that a run has of the "train" or "evaluation" images,
            one row per image.
        top_k: Top features per class, see `top_features`.
        min_images: Evaluation images that CKA within a class needs.
    """
    similarity = cka_matrices([partial(load, run, "evaluation") for run in learned])
    place = {run: i for i, run in enumerate(learned)}
    sides = {run: (learned[base], learned[run]) for run, base in baselines.items()}
    _, codes = list_pairs(images.train)
    flows = {
        run: archetype_flow(
            before.archetypes, after.archetypes, codes, n_classes=len(images.names)
        )
        for run, (before, after) in sides.items()
    }
    measures = {
        run: {
            "cka_debiased": _compare_similarity(
                load(base, "evaluation"),
                load(run, "evaluation"),
                images,
                overall=float(similarity.debiased[place[base], place[run]]),
                min_images=min_images,
            ),
            **_compare_archetypes(flows[run]),
            **_compare_top_features(load(base, "train"), load(run, "train"), images, top_k=top_k),
            **_compare_shares(*sides[run], images),
        }
        for run, base in baselines.items()
    }
    first = {run: (_find_first(one), _find_first(two)) for run, (one, two) in sides.items()}
    return Changes(similarity, measures, flows, first)


def mean_change(
    per_class: Float[np.ndarray, " c"], instances: Int[np.ndarray, " c"], *, chance: float
) -> Change:
    """Take the mean over the classes in which a measure is defined as its overall value.

    Args:
        per_class: The measure for each class; NaN where undefined.
        instances: Images, or pairs of an image and a class, behind each class.
        chance: What the measure is where nothing corresponds; NaN where that is not known.
    """
    return Change(mean_defined(per_class), per_class, instances, chance)


def _find_first(learned: Learned) -> FirstAdversaries:
    shares = learned.adversaries
    return FirstAdversaries(largest_entries(shares), shares.max(axis=1))


def _compare_similarity(
    first: Float[np.ndarray, "n d1"],
    second: Float[np.ndarray, "n d2"],
    images: Images,
    *,
    overall: float,
    min_images: int,
) -> Change:
    n_classes = len(images.names)
    by_class = class_cka(
        first,
        second,
        images.evaluation,
        n_classes=n_classes,
        min_images=min_images,
        debiased=True,
    )
    evaluated = count_members(images.evaluation, n_classes=n_classes)
    return Change(overall, by_class, evaluated, np.nan)


def _compare_archetypes(flow: ArchetypeFlow) -> dict[str, Change]:
    counts = flow.count.sum(axis=(1, 2))
    return {
        "archetypes_moved": Change(flow.overall_moved, flow.moved, counts, np.nan),
        "archetypes_safer": Change(flow.overall_safer, flow.safer, counts, np.nan),
    }


def _compare_top_features(
    first: Float[np.ndarray, "n d1"],
    second: Float[np.ndarray, "n d2"],
    images: Images,
    *,
    top_k: int,
) -> dict[str, Change]:
    """Count the top features in common, by index and by correlation."""
    one, two = (
        top_features(
            *pair_features(features, images.train), n_classes=len(images.names), top_k=top_k
        ).indices
        for features in (first, second)
    )
    n_features = (first.shape[1], second.shape[1])
    chance = expected_shared(top_k=top_k, n_features=n_features)
    partners = {
        "top_features": np.arange(n_features[0]),
        "top_features_matched": match_features(first, second),
    }
    return {
        key: mean_change(
            shared_top_features(one, two, partner), images.train_counts, chance=chance
        )
        for key, partner in partners.items()
    }


def _compare_shares(before: Learned, after: Learned, images: Images) -> dict[str, Change]:
    """Measure how far distributions are apart that both sides have.

    With two classes all that is around one is the other, whatever was learned: how far it moved
    is undefined.
    """
    told = tells_of(len(images.names))
    pairs = {
        "adversaries": (before.adversaries, after.adversaries),
        "errors": (before.errors, after.errors),
        "colours": (before.colours, after.colours),
    }
    return {
        key: mean_change(
            np.where(told or key == "colours", total_variation(one, two), np.nan),
            images.train_counts,
            chance=np.nan,
        )
        for key, (one, two) in pairs.items()
        if one is not None and two is not None
    }
