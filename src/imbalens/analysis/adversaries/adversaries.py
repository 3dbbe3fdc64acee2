"""Do the training neighbours of misclassified images foretell which classes get confused?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from imbalens.analysis.adversaries.baselines import (
    centroid_distribution,
    fdr_distribution,
    prior_distribution,
    uniform_distribution,
)
from imbalens.analysis.adversaries.chance import random_jensen_shannon, random_prediction
from imbalens.analysis.adversaries.distributions import (
    ClassDistribution,
    Errors,
    Instances,
    adversary_distribution,
    error_distribution,
)
from imbalens.analysis.adversaries.scores import (
    Prediction,
    PredictorScore,
    mean_over_classes,
    score_prediction,
    smooth,
    why_undefined,
)
from imbalens.analysis.common.neighbors import Neighbors, find_neighbors
from imbalens.analysis.common.recovery import partner_recovery
from imbalens.classes import Classes, count_members, pair_features

NEAREST, CONFUSION, FDR = "nearest adversaries", "training confusion", "FDR"
CENTROID, PRIOR, UNIFORM, RANDOM = "centroid distance", "class prior", "uniform", "random"
PREDICTOR_NAMES = (NEAREST, CONFUSION, FDR, CENTROID, PRIOR, UNIFORM, RANDOM)


@dataclass(frozen=True)
class Adversaries:
    """Nearest adversaries, the errors that they are to foretell, and simpler predictions.

    Attributes:
        neighbors: Nearest neighbours of each training image.
        nearest: Classes among the neighbours of the selected training images.
        errors: Where the errors on unseen images go.
        judged: Classes that have both: every predictor is judged on these, so that all are on
            the same; by log loss on all errors.
        predictors: What each of `PREDICTOR_NAMES` foretells.
        scores: How well it does.
    """

    neighbors: Neighbors
    nearest: ClassDistribution
    errors: ClassDistribution
    judged: Bool[np.ndarray, " c"]
    predictors: Mapping[str, Prediction]
    scores: Mapping[str, PredictorScore]

    @property
    def undefined(self) -> str:
        """Why means over classes, or a hit rate, are not given; empty if they are."""
        return why_undefined(len(self.judged), int(self.judged.sum()))


def adversaries(
    features: Float[np.ndarray, "n d"],
    classes: Classes,
    predictions: Classes,
    unseen_classes: Int[np.ndarray, " u"] | Bool[np.ndarray, "u c"],
    unseen_predictions: Int[np.ndarray, " u"] | Bool[np.ndarray, "u c"],
    *,
    n_classes: int,
    n_neighbors: int,
    instances: Instances,
    errors: Errors,
    eps: float,
    alpha: float,
    known: Bool[np.ndarray, "n c"] | None = None,
) -> Adversaries:
    """Find each class's nearest adversaries and judge how well they foretell its errors.

    Args:
        features: Feature embeddings of the training images.
        classes: True class of each training image, or the membership matrix.
        predictions: Predicted classes of the training images, in the same form.
        unseen_classes: True classes of the images whose errors are foretold, in the same form.
        unseen_predictions: Predicted classes of these.
        n_classes: Number of classes.
        n_neighbors: Neighbours counted of each selected training image.
        instances: Training images that are selected, see `adversary_distribution`.
        errors: Errors around a class, see `error_distribution`.
        eps: See `kl_divergence`.
        alpha: See `smooth`; a prediction that is no count is mixed with it as if it were of as
            many as the nearest adversaries.
        known: Of which classes it is known whether training images have them, see
            `classes.known_classes`; None: of all.

    Raises:
        ValueError: if a class is out of range, a feature is not finite, there are too few
            images, or `eps` or `alpha` is not positive.

    Source: paper B, section 3.3, Algorithm 1 and Table 2, with more baselines.
    """
    told_apart = classes if known is None else np.hstack([classes, known])
    neighbors = find_neighbors(features, told_apart, n_neighbors=n_neighbors)
    nearest = adversary_distribution(
        neighbors,
        classes,
        predictions,
        n_classes=n_classes,
        instances=instances,
        among=np.ones(len(classes), dtype=bool),
        known=known,
    )
    made = error_distribution(
        unseen_classes, unseen_predictions, n_classes=n_classes, errors=errors
    )
    confusion = error_distribution(classes, predictions, n_classes=n_classes, errors=errors)
    paired, codes = pair_features(features, classes)
    shares = {
        FDR: fdr_distribution(paired, codes, n_classes=n_classes),
        CENTROID: centroid_distribution(paired, codes, n_classes=n_classes),
        PRIOR: prior_distribution(count_members(classes, n_classes=n_classes)),
        UNIFORM: uniform_distribution(n_classes),
    }
    as_many = nearest.counts.sum(axis=1, keepdims=True)
    predictors = {
        name: Prediction(found.share, smooth(found.counts, alpha=alpha))
        for name, found in ((NEAREST, nearest), (CONFUSION, confusion))
    } | {
        name: Prediction(share, smooth(np.nan_to_num(share) * as_many, alpha=alpha))
        for name, share in shares.items()
    }
    predictors[RANDOM] = random_prediction(as_many[:, 0], eps=eps, alpha=alpha)
    undefined = np.isnan(nearest.share) | np.isnan(made.share)
    judged = np.logical_not(undefined.any(axis=1))
    scores = {
        name: score_prediction(made.counts, predicted, judged=judged, eps=eps)
        for name, predicted in predictors.items()
    }
    scored = ~np.isnan(scores[RANDOM].kld_per_class)
    by_chance = np.where(scored, random_jensen_shannon(made.share), np.nan)
    scores[RANDOM] = replace(
        scores[RANDOM],
        jensen_shannon=mean_over_classes(by_chance),
        jensen_shannon_per_class=by_chance,
    )
    return Adversaries(
        neighbors=neighbors,
        nearest=nearest,
        errors=made,
        judged=judged,
        predictors=predictors,
        scores=scores,
    )


def adversaries_recovery(
    found: Adversaries,
    classes: Int[np.ndarray, " n"],
    predictions: Int[np.ndarray, " n"],
    mislabelled: Bool[np.ndarray, " n"],
    pairs: Int[np.ndarray, "p 2"],
    *,
    instances: Instances,
    eps: float,
    alpha: float,
) -> dict[str, object]:
    """Compare nearest adversaries with the truth that was planted.

    Args:
        found: As `adversaries` gives it.
        classes: As given to it.
        predictions: As given to it.
        mislabelled: Which training images carry a planted wrong label.
        pairs: Planted pairs of classes.
        instances: As given to it.
        eps: As given to it.
        alpha: As given to it.

    Returns:
        `log_loss_without_mislabelled` and `kld_without_mislabelled`: of the adversaries of all
        other training images.
        `adversaries` and `errors`: see `partner_recovery`.
    """
    clean = adversary_distribution(
        found.neighbors,
        classes,
        predictions,
        n_classes=len(found.judged),
        instances=instances,
        among=~mislabelled,
    )
    predicted = Prediction(clean.share, smooth(clean.counts, alpha=alpha))
    score = score_prediction(found.errors.counts, predicted, judged=found.judged, eps=eps)
    return {
        "log_loss_without_mislabelled": score.log_loss,
        "kld_without_mislabelled": score.kld,
        "adversaries": partner_recovery(found.nearest.share, pairs),
        "errors": partner_recovery(found.errors.share, pairs),
    }
