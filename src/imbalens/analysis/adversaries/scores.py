"""How well a predicted distribution of errors, as in `adversaries`, foretells the measured one.

The Kullback-Leibler divergence is the paper's measure, but it depends on an eps that the paper
does not give; rank correlation and hit rates do not.

Source: paper B, section 4.3 and Table 2.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from imbalens.analysis.common.counting import divide, mean_defined
from imbalens.analysis.common.ranks import rank_rows


@dataclass(frozen=True)
class PredictorScore:
    """How well a predicted distribution foretells the errors.

    Each mean is over the classes where that figure is defined, and NaN if there is none.

    Attributes:
        kld: Mean of `kld_per_class`; lower is better.
        rank_correlation: Mean of `rank_correlation_per_class`; higher is better.
        top1: Mean of `top1_per_class`; higher is better.
        top3: Mean of `top3_per_class`; higher is better.
        n_classes: Classes with both distributions defined: those behind `kld`, `top1`, `top3`.
        kld_per_class: See `kl_divergence`.
        rank_correlation_per_class: See `rank_correlation`.
        top1_per_class: See `hit_rate`.
        top3_per_class: See `hit_rate`.
    """

    kld: float
    rank_correlation: float
    top1: float
    top3: float
    n_classes: int
    kld_per_class: Float[np.ndarray, " c"]
    rank_correlation_per_class: Float[np.ndarray, " c"]
    top1_per_class: Float[np.ndarray, " c"]
    top3_per_class: Float[np.ndarray, " c"]


def kl_divergence(
    errors: Float[np.ndarray, "c c"],
    predicted: Float[np.ndarray, "c c"],
    *,
    eps: float,
) -> Float[np.ndarray, " c"]:
    """Kullback-Leibler divergence of the predicted distribution from the errors, per class.

    The sum of P ln(P/Q), in nats, with `eps` added to every entry of P and Q. The zero of the
    diagonal becomes eps on both sides and so contributes nothing. Both rows then sum to
    1 + c * eps, hence the result is >= 0 and 0 only between equal rows.

    Args:
        errors: P, distribution of the errors.
        predicted: Q, distribution that is to foretell it.
        eps: Added to both; the value depends on it where Q is 0.

    Returns:
        One number per reference class; NaN where either row is.

    Raises:
        ValueError: if `eps` is not positive.

    Source: paper B, section 4.3 and Table 2; eps is not in the paper.
    """
    if eps <= 0:
        raise ValueError(f"eps is {eps}; it must be > 0, because shares may be 0")
    p = errors + eps
    q = predicted + eps
    return (p * np.log(p / q)).sum(axis=1)


def rank_correlation(
    errors: Float[np.ndarray, "c c"], predicted: Float[np.ndarray, "c c"]
) -> Float[np.ndarray, " c"]:
    """Spearman's rank correlation over the other classes, per reference class.

    Returns:
        Numbers in [-1, 1]; NaN where either row is NaN or gives all classes the same share.
    """
    x = _centred_ranks(errors)
    y = _centred_ranks(predicted)
    spread = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    return divide((x * y).sum(axis=1), spread)


def hit_rate(
    errors: Float[np.ndarray, "c c"],
    predicted: Float[np.ndarray, "c c"],
    *,
    top: int,
) -> Float[np.ndarray, " c"]:
    """Share of the most frequent errors that the predicted most frequent classes name.

    The classes to be named are those with one of the `top` largest error shares, ties at the
    last place included and shares of 0 excluded. The prediction names `top` classes; where a tie
    leaves open which, each tied class counts by its chance to be drawn, so that the order of the
    classes (often head to tail) favours none. Equal distributions thus score 1 and a uniform
    prediction scores what chance does. The number of hits is divided by the hits possible,
    min(top, classes to be named).

    Args:
        errors: Distribution of the errors.
        predicted: Distribution that is to foretell it.
        top: Number of classes that the prediction names.

    Returns:
        Numbers in [0, 1], one per reference class; NaN where either row is.

    Raises:
        ValueError: if `top` is less than 1.
    """
    if top < 1:
        raise ValueError(f"top is {top}; it must be at least 1")
    actual = _without_diagonal(errors)
    guess = _without_diagonal(predicted)
    wanted = (rank_rows(-actual)[0] <= top) & (actual > 0)
    first, last = rank_rows(-guess)
    tied = last - first + 1
    named = np.clip((top - (first - 1)) / tied, 0.0, 1.0)
    possible = np.minimum(wanted.sum(axis=1), top)
    defined = ~np.isnan(actual).any(axis=1) & ~np.isnan(guess).any(axis=1)
    hits = np.where(wanted, named, 0.0).sum(axis=1)
    return divide(hits, np.where(defined, possible, 0))


def score_predictor(
    errors: Float[np.ndarray, "c c"],
    predicted: Float[np.ndarray, "c c"],
    *,
    eps: float,
) -> PredictorScore:
    """Score a predicted distribution against the errors with all measures.

    Args:
        errors: Distribution of the errors, see `error_distribution`.
        predicted: Distribution that is to foretell it, from neighbours or a baseline.
        eps: See `kl_divergence`.

    Returns:
        Means over the defined classes, and the figures per class.

    Raises:
        ValueError: if `eps` is not positive.

    Source: paper B, Table 2 (KLD); the other measures do not depend on eps.
    """
    kld = kl_divergence(errors, predicted, eps=eps)
    correlation = rank_correlation(errors, predicted)
    top1 = hit_rate(errors, predicted, top=1)
    top3 = hit_rate(errors, predicted, top=3)
    return PredictorScore(
        kld=mean_defined(kld),
        rank_correlation=mean_defined(correlation),
        top1=mean_defined(top1),
        top3=mean_defined(top3),
        n_classes=int((~np.isnan(kld)).sum()),
        kld_per_class=kld,
        rank_correlation_per_class=correlation,
        top1_per_class=top1,
        top3_per_class=top3,
    )


def _without_diagonal(matrix: Float[np.ndarray, "c c"]) -> Float[np.ndarray, "c others"]:
    n_classes = len(matrix)
    return matrix[~np.eye(n_classes, dtype=bool)].reshape(n_classes, n_classes - 1)


def _centred_ranks(matrix: Float[np.ndarray, "c c"]) -> Float[np.ndarray, "c others"]:
    others = _without_diagonal(matrix)
    first, last = rank_rows(others)
    return (first + last) / 2 - (others.shape[1] + 1) / 2
