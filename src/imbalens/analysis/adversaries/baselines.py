"""Simpler predictions of the errors, to be scored beside the nearest adversaries.

Each is a matrix "c c" as in `adversaries`: row = reference class, summing to 1 over the other
classes with 0 on the diagonal. A class without training instances has a NaN row and a share of 0
in the rows of the others. The further baseline "training confusion" is
`adversaries.error_distribution` on the training split.

Source: paper B, section 3.3 and Table 2.
"""

import numpy as np
from jaxtyping import Float, Int

from imbalens.analysis.adversaries.distributions import off_diagonal_shares
from imbalens.analysis.common.counting import divide


def fisher_ratio(
    features: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    *,
    n_classes: int,
) -> Float[np.ndarray, "c c"]:
    """Fisher's discriminant ratio of each pair of classes; lower means more alike.

    Per feature (mean_i - mean_k)^2 / (var_i + var_k), with population variances. How the d
    features become one number is not in the paper: here it is their mean over the features that
    vary within the pair (summed variance > 0).

    Args:
        features: Feature embeddings of the training instances.
        labels: True class of each instance.
        n_classes: Number of classes.

    Returns:
        Symmetric ratios, 0 on the diagonal; NaN for a class without instances and for a pair
        within which no feature varies.

    Source: paper B, section 3.3, equation 1.
    """
    mean, variance = _class_moments(features, labels, n_classes)
    ratio = np.empty((n_classes, n_classes))
    for i in range(n_classes):
        squared = (mean[i] - mean) ** 2
        summed = variance[i] + variance
        varies = summed > 0  # False for the NaN of an empty class
        terms = np.divide(squared, summed, out=np.zeros_like(summed), where=varies)
        ratio[i] = divide(terms.sum(axis=1), varies.sum(axis=1))
    return ratio


def fdr_distribution(
    features: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    *,
    n_classes: int,
) -> Float[np.ndarray, "c c"]:
    """Share inversely proportional to `fisher_ratio`: the more alike, the more errors.

    The paper compares with such a distribution without defining it. Classes at ratio 0 share a
    row equally, which is the limit of the inverse.

    Source: paper B, section 3.3, equation 1 and Table 2 (FDR).
    """
    return _inverse_shares(fisher_ratio(features, labels, n_classes=n_classes))


def centroid_distribution(
    features: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    *,
    n_classes: int,
) -> Float[np.ndarray, "c c"]:
    """Share inversely proportional to the Euclidean distance between class means.

    Classes at distance 0 share a row equally.
    """
    mean, _ = _class_moments(features, labels, n_classes)
    distance = np.stack([np.linalg.norm(mean - row, axis=1) for row in mean])
    return _inverse_shares(distance)


def uniform_distribution(n_classes: int) -> Float[np.ndarray, "c c"]:
    """Give all other classes the same share."""
    return off_diagonal_shares(np.ones((n_classes, n_classes)))


def prior_distribution(train_counts: Int[np.ndarray, " c"]) -> Float[np.ndarray, "c c"]:
    """Share proportional to the number of training instances."""
    shares = off_diagonal_shares(np.tile(train_counts, (len(train_counts), 1)))
    shares[train_counts == 0] = np.nan
    return shares


def _class_moments(
    features: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"], n_classes: int
) -> tuple[Float[np.ndarray, "c d"], Float[np.ndarray, "c d"]]:
    mean = np.full((n_classes, features.shape[1]), np.nan)
    variance = np.full_like(mean, np.nan)
    for c in range(n_classes):
        members = features[labels == c].astype(np.float64)
        if len(members):
            # of equal values rounding gives another mean, and a variance
            varies = members.min(axis=0) < members.max(axis=0)
            mean[c] = np.where(varies, members.mean(axis=0), members[0])
            variance[c] = np.where(varies, members.var(axis=0), 0.0)
    return mean, variance


def _inverse_shares(dissimilarity: Float[np.ndarray, "c c"]) -> Float[np.ndarray, "c c"]:
    others = dissimilarity.copy()
    others[np.isnan(others)] = np.inf
    np.fill_diagonal(others, np.inf)
    nearest = others.min(axis=1, keepdims=True)
    # Relative to the nearest class, no inverse can overflow.
    weights = np.divide(
        nearest, others, out=np.ones_like(others), where=(others > 0) & np.isfinite(others)
    )
    weights[np.isinf(others)] = 0.0
    return off_diagonal_shares(weights)
