"""How well a predicted distribution of errors, as in `adversaries`, foretells the measured one.

The Kullback-Leibler divergence is the paper's measure. It depends on an eps that the paper does
not give, most of it comes from errors that nobody foretold, however few, and it is the larger, the
fewer the errors. The log loss per error of a smoothed prediction is a proper score, finite, and
weighs each error alike; the Jensen-Shannon divergence is bounded; rank correlation and hit rates
take the order of the classes alone.

With two classes every error of a class goes to the only other one: all scores are what they are
whatever is foretold, and none is given. A mean over classes needs two that are defined.

Source: paper B, section 4.3 and Table 2; Gneiting and Raftery, "Strictly proper scoring rules,
prediction, and estimation", 2007 (log loss).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from imbalens.analysis.adversaries.distributions import off_diagonal_shares
from imbalens.analysis.common.counting import divide, mean_defined
from imbalens.analysis.common.ranks import rank_rows

TWO_CLASSES = "with two classes every error of a class goes to the other, whatever is foretold"
FEW_CLASSES = "fewer than two classes have both errors and nearest adversaries"
ALL_NAMED = "top3: with four classes or fewer three are all the others"


@dataclass(frozen=True)
class Prediction:
    """What a predictor says of the errors.

    Attributes:
        share: Its distribution; NaN rows where it says nothing.
        smoothed: The same as `smooth` gives it; uniform where it says nothing.
    """

    share: Float[np.ndarray, "c c"]
    smoothed: Float[np.ndarray, "c c"]


@dataclass(frozen=True)
class PredictorScore:
    """How well a prediction foretells the errors; with two classes all but their number is NaN.

    Attributes:
        log_loss: Mean over all errors of `log_loss`; lower is better. NaN without errors.
        jensen_shannon: Mean over the judged classes of `jensen_shannon`; lower is better.
        kld: Mean over the judged classes of `kl_divergence`; lower is better.
        kld_unforeseen: Share of that from errors that were given a share of 0.
        rank_correlation: Mean of `rank_correlation` where it is defined; higher is better.
        top1: Mean over the judged classes of `hit_rate`; higher is better.
        top3: The same of the first three.
        n_classes: Judged classes; of fewer than two the means over classes are NaN.
        log_loss_per_class: Of all classes with errors.
        jensen_shannon_per_class: Of the judged classes, as those below.
        kld_per_class: See `kl_divergence`.
        rank_correlation_per_class: See `rank_correlation`.
        top1_per_class: See `hit_rate`.
        top3_per_class: See `hit_rate`.
    """

    log_loss: float
    jensen_shannon: float
    kld: float
    kld_unforeseen: float
    rank_correlation: float
    top1: float
    top3: float
    n_classes: int
    log_loss_per_class: Float[np.ndarray, " c"]
    jensen_shannon_per_class: Float[np.ndarray, " c"]
    kld_per_class: Float[np.ndarray, " c"]
    rank_correlation_per_class: Float[np.ndarray, " c"]
    top1_per_class: Float[np.ndarray, " c"]
    top3_per_class: Float[np.ndarray, " c"]


def tells_of(n_classes: int) -> bool:
    """Whether there are classes enough for errors to go to one or another."""
    return n_classes > 2


def why_undefined(n_classes: int, n_judged: int) -> str:
    """Say why means over classes, or the hit rate of three, are not given; empty if they are.

    Args:
        n_classes: Number of classes.
        n_judged: Those that have both errors and what is to foretell them.
    """
    if not tells_of(n_classes):
        return TWO_CLASSES
    if n_judged < 2:
        return FEW_CLASSES
    return ALL_NAMED if n_classes <= 4 else ""


def mean_over_classes(values: Float[np.ndarray, " c"]) -> float:
    """Mean of the classes that are not NaN, NaN of fewer than two."""
    return mean_defined(values) if np.count_nonzero(~np.isnan(values)) > 1 else float("nan")


def smooth(
    counts: Float[np.ndarray, "c c"] | Int[np.ndarray, "c c"], *, alpha: float
) -> Float[np.ndarray, "c c"]:
    """Turn counts into a distribution that gives every other class a chance.

    It is the mean of the posterior under a symmetric Dirichlet prior: (n_ca + alpha) /
    (n_c + alpha (C - 1)).

    Args:
        counts: What was counted of each class (column) for each reference class (row); the
            diagonal is ignored.
        alpha: Added to each count; 0.5 is Jeffreys' prior.

    Returns:
        Rows that sum to 1 over the other classes; uniform where nothing was counted.

    Raises:
        ValueError: if `alpha` is not positive and finite.
    """
    if not 0 < alpha < np.inf:
        raise ValueError(f"alpha is {alpha}; it must be > 0 and finite, because counts may be 0")
    return off_diagonal_shares(counts + alpha)


def log_loss(
    errors: Float[np.ndarray, "c c"] | Int[np.ndarray, "c c"], smoothed: Float[np.ndarray, "c c"]
) -> Float[np.ndarray, " c"]:
    """Mean over a class's errors of -ln of the chance that each was given, in nats.

    Args:
        errors: Errors of each reference class (row) by the class that they go to.
        smoothed: Prediction without a 0 off the diagonal.

    Returns:
        One number per reference class, 0 if it was certain of them all; NaN without errors.
    """
    counts, losses = _without_diagonal(errors), _without_diagonal(surprise(smoothed))
    return divide((counts * losses).sum(axis=1), counts.sum(axis=1).astype(np.float64))


def surprise(smoothed: Float[np.ndarray, "c c"]) -> Float[np.ndarray, "c c"]:
    """Return -ln of the chance given to each other class, in nats; 0 on the diagonal."""
    own = np.eye(len(smoothed), dtype=bool)
    return np.where(own, 0.0, -np.log(np.where(own, 1.0, smoothed)))


def jensen_shannon(
    errors: Float[np.ndarray, "c c"], predicted: Float[np.ndarray, "c c"]
) -> Float[np.ndarray, " c"]:
    """Jensen-Shannon divergence of two distributions per class, in bits: 0 equal, 1 disjoint.

    Args:
        errors: Distribution of the errors.
        predicted: Distribution that is to foretell it.

    Returns:
        One number per reference class; NaN where either row is.

    Source: Lin, "Divergence measures based on the Shannon entropy", 1991.
    """
    middle = (errors + predicted) / 2
    return (_from(errors, middle) + _from(predicted, middle)) / 2


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
        ValueError: if `eps` is not positive and finite.

    Source: paper B, section 4.3 and Table 2; eps is not in the paper.
    """
    if not 0 < eps < np.inf:
        raise ValueError(f"eps is {eps}; it must be > 0 and finite, because shares may be 0")
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
    x = centred_ranks(errors)
    y = centred_ranks(predicted)
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
        Numbers in [0, 1], one per reference class; NaN where either row is, and where `top` are
        all other classes, which name every error.

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
    return divide(hits, np.where(defined & (top < len(errors) - 1), possible, 0))


def score_prediction(
    errors: Float[np.ndarray, "c c"] | Int[np.ndarray, "c c"],
    predicted: Prediction,
    *,
    judged: Bool[np.ndarray, " c"],
    eps: float,
) -> PredictorScore:
    """Score a prediction against the errors with all measures.

    Args:
        errors: Errors of each reference class (row) by the class that they go to.
        predicted: From neighbours or a baseline.
        judged: Classes that all but the log loss is about; one without errors, or of which
            nothing is said, drops out.
        eps: See `kl_divergence`.

    Raises:
        ValueError: if `eps` is not positive and finite.

    Source: paper B, Table 2 (KLD).
    """
    told = tells_of(len(errors))
    share = np.where(judged[:, None] & told, off_diagonal_shares(errors), np.nan)
    losses = np.where(told, log_loss(errors, predicted.smoothed), np.nan)
    totals = np.where(np.isnan(losses), 0, _without_diagonal(errors).sum(axis=1))
    divergence = jensen_shannon(share, predicted.share)
    kld = kl_divergence(share, predicted.share, eps=eps)
    unforeseen = share[(share > 0) & (predicted.share == 0)] + eps
    of_unforeseen = (unforeseen * np.log(unforeseen / eps)).sum()
    n_judged = int((~np.isnan(kld)).sum())
    correlation = rank_correlation(share, predicted.share)
    top1 = hit_rate(share, predicted.share, top=1)
    top3 = hit_rate(share, predicted.share, top=3)
    return PredictorScore(
        log_loss=float(divide(np.nansum(losses * totals), totals.sum())),
        jensen_shannon=mean_over_classes(divergence),
        kld=mean_over_classes(kld),
        kld_unforeseen=float(divide(of_unforeseen, np.nansum(kld))) if n_judged > 1 else np.nan,
        rank_correlation=mean_over_classes(correlation),
        top1=mean_over_classes(top1),
        top3=mean_over_classes(top3),
        n_classes=n_judged,
        log_loss_per_class=losses,
        jensen_shannon_per_class=divergence,
        kld_per_class=kld,
        rank_correlation_per_class=correlation,
        top1_per_class=top1,
        top3_per_class=top3,
    )


def _from(p: Float[np.ndarray, "c c"], q: Float[np.ndarray, "c c"]) -> Float[np.ndarray, " c"]:
    """Return the divergence of q from p in bits, of rows where q is 0 only if p is."""
    ratio = np.divide(p, q, out=np.ones_like(p), where=(p > 0) | np.isnan(p))
    return (p * np.log2(ratio)).sum(axis=1)


def _without_diagonal(
    matrix: Float[np.ndarray, "c c"] | Int[np.ndarray, "c c"],
) -> Float[np.ndarray, "c others"] | Int[np.ndarray, "c others"]:
    n_classes = len(matrix)
    return matrix[~np.eye(n_classes, dtype=bool)].reshape(n_classes, n_classes - 1)


def centred_ranks(matrix: Float[np.ndarray, "c c"]) -> Float[np.ndarray, "c others"]:
    """Rank the other classes of each row, ties sharing their places; ranks of a row sum to 0."""
    others = _without_diagonal(matrix)
    first, last = rank_rows(others)
    return (first + last) / 2 - (others.shape[1] + 1) / 2
