"""What a prediction drawn at random scores on average.

Random are all distributions over the other classes with equal chance: a Dirichlet distribution
with all parameters 1, of which each share by itself has a Beta distribution. A single draw scores
this or that; the mean over all draws is an integral over one share, and needs no seed.

Source: paper B, Table 2 (Rand.), whose distribution is not in the paper.
"""

import numpy as np
from jaxtyping import Float
from scipy.special import betainc

from imbalens.analysis.adversaries.scores import Prediction

_NODES = 100  # the integrals are exact to 13 digits from 2 to 8,142 classes


def random_prediction(counts: Float[np.ndarray, " c"], *, eps: float, alpha: float) -> Prediction:
    """Stand for all random predictions: its KLD and its log loss are their mean.

    Both scores are linear in the logarithms of the shares, so each share is the one whose
    logarithm is the mean logarithm. Rows therefore sum to less than 1.

    Args:
        counts: As how many counts a prediction is smoothed, per reference class.
        eps: See `kl_divergence`.
        alpha: See `smooth`.
    """
    n_classes = len(counts)
    share, weight = _share_of_one_class(n_classes)
    smoothed = (counts[:, None] * share + alpha) / (counts[:, None] + alpha * (n_classes - 1))
    others = ~np.eye(n_classes, dtype=bool)
    return Prediction(
        share=np.where(others, np.exp(np.log(share + eps) @ weight) - eps, 0.0),
        smoothed=np.where(others, np.exp(np.log(smoothed) @ weight)[:, None], 0.0),
    )


def random_jensen_shannon(errors: Float[np.ndarray, "c c"]) -> Float[np.ndarray, " c"]:
    """Mean of `jensen_shannon` over all random predictions, per reference class, in bits.

    Args:
        errors: Distribution of the errors; a NaN row is undefined.
    """
    share, weight = _share_of_one_class(len(errors))
    made = errors > 0
    own, other = errors[made][:, None], share[None]
    middle = (own + other) / 2
    each = np.full(errors.shape, (share @ weight) / 2)  # of a class without errors
    each[made] = (own * np.log2(own / middle) + other * np.log2(other / middle)) @ weight / 2
    np.fill_diagonal(each, 0.0)
    return np.where(np.isnan(errors).any(axis=1), np.nan, each.sum(axis=1))


def _share_of_one_class(
    n_classes: int,
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Return shares of one class, and the weight of each in a mean over random predictions."""
    points, weights = np.polynomial.legendre.leggauss(_NODES)
    at = (points + 1) / 2
    weights = 70 * weights * (at * (1 - at)) ** 3  # graded: logarithms grow without limit at 0
    if n_classes == 2:
        return np.ones(_NODES), weights
    return -np.expm1(np.log(betainc(4, 4, 1 - at)) / (n_classes - 2)), weights
