"""How alike the features are that two networks compute from the same images.

Features of networks trained apart do not correspond one by one. Centred kernel alignment (CKA)
does not ask them to: it compares which images each network puts close together, and stays the same
when features are rotated, shifted or scaled.

Over all images it is led by how classes lie to one another; within the images of a class it tells
whether the class itself is seen alike. What a change of the loss did is read beside the CKA of
runs that differ in their seed alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from imbalens.classes import Classes, list_pairs, require_codes

_FEWEST_DEBIASED = 4  # images for which the debiased estimator is defined


@dataclass(frozen=True)
class Similarity:
    """CKA of every two of several networks, see `linear_cka`.

    Symmetric; 1 on the diagonal, NaN where undefined.

    Attributes:
        plain: By the plain estimate of HSIC.
        debiased: By the unbiased one.
    """

    plain: Float[np.ndarray, "r r"]
    debiased: Float[np.ndarray, "r r"]


def linear_cka(
    first: Float[np.ndarray, "n d1"], second: Float[np.ndarray, "n d2"], *, debiased: bool
) -> float:
    """Measure the similarity of two networks' features of the same images.

    `debiased` takes the unbiased estimate of HSIC in numerator and denominator. The plain
    estimate tends to 1 for whatever features as the features outnumber the images; the debiased
    one of unrelated features lies around 0, below it too. Over many images both agree; within a
    class of few images only the debiased one says something.

    Args:
        first: Feature embeddings of one network, one row per image.
        second: Those of the other network, of the same images in the same order.
        debiased: Which estimate of HSIC is taken.

    Returns:
        1 for features that are a rotated, shifted and scaled copy; within 0 .. 1, or -1 .. 1
        where debiased. NaN where undefined: all images have the same features, fewer than 2
        images (4 where debiased), or, where debiased, no two images but one and the same differ.

    Raises:
        ValueError: if a feature is not finite or the images are not as many.

    Source: Kornblith et al., Similarity of Neural Network Representations Revisited, ICML 2019,
    section 3 (linear CKA in feature space); Song et al., Feature Selection via Dependence
    Maximization, JMLR 2012 (unbiased estimator of HSIC); Murphy et al., Correcting Biased Centered
    Kernel Alignment Measures in Biological and Artificial Neural Networks, 2024.
    """
    both = cka_matrices([lambda: first, lambda: second])
    return float((both.debiased if debiased else both.plain)[0, 1])


def cka_matrices(load: Sequence[Callable[[], Float[np.ndarray, "n _"]]]) -> Similarity:
    """Measure the similarity of every two of several networks.

    Features of two networks are held at a time, however many there are: those of each are loaded
    once for every network before it, and once for itself.

    Args:
        load: For each network what returns its feature embeddings, of the same images in the
            same order.

    Raises:
        ValueError: if a feature is not finite or the images are not as many.
    """
    n_runs = len(load)
    hsic = np.full((2, n_runs, n_runs), np.nan)
    for i in range(n_runs):
        first = _centre(load[i]())
        for j in range(i, n_runs):
            second = first if i == j else _centre(load[j]())
            if len(first) != len(second):
                sizes = sorted((len(first), len(second)))
                raise ValueError(f"features must be of the same images, found {sizes} of them")
            hsic[:, i, j] = hsic[:, j, i] = _hsic(first, second)
    variances = np.diagonal(hsic, axis1=1, axis2=2)
    own = np.where(variances > 0, variances, np.nan)
    plain, debiased = hsic / np.sqrt(own[:, :, None] * own[:, None, :])
    return Similarity(plain=plain, debiased=debiased)


def class_cka(
    first: Float[np.ndarray, "n d1"],
    second: Float[np.ndarray, "n d2"],
    classes: Classes,
    *,
    n_classes: int,
    min_images: int,
    debiased: bool,
) -> Float[np.ndarray, " c"]:
    """Measure the similarity of two networks' features within the images of each class.

    Args:
        first: Feature embeddings of one network, one row per image.
        second: Those of the other network, of the same images in the same order.
        classes: True class per image, or the membership matrix.
        n_classes: Number of classes.
        min_images: Images that a class needs.
        debiased: Which estimate of HSIC is taken, see `linear_cka`.

    Returns:
        CKA per class; NaN where undefined, and for classes of fewer than `min_images` images.

    Raises:
        ValueError: if a class is out of range, or as for `linear_cka`.
    """
    rows, codes = list_pairs(classes)
    require_codes(codes, n_codes=n_classes, name="classes")
    similarity = np.full(n_classes, np.nan)
    for c in range(n_classes):
        own = rows[codes == c]
        if len(own) >= min_images:
            similarity[c] = linear_cka(first[own], second[own], debiased=debiased)
    return similarity


def _centre(features: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Subtract each feature's mean, leaving exactly 0 of a constant feature."""
    if not np.isfinite(features).all():
        bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
        raise ValueError(
            f"features must be finite, found {len(bad)} rows that are not, "
            f"the first being row {bad[0]}"
        )
    if len(features) == 0:
        return features.astype(np.float64)
    exact = features.astype(np.float64)
    return (exact - exact.mean(axis=0)) * (np.ptp(features, axis=0) > 0)


def _hsic(
    first: Float[np.ndarray, "n d1"], second: Float[np.ndarray, "n d2"]
) -> tuple[float, float]:
    """Estimate HSIC of centred features, up to a factor that depends on n alone.

    With x_i and y_i the rows of centred X and Y, and K = X X', L = Y Y', the sum of all K_ij L_ij
    is the squared Frobenius norm of X'Y: no n x n matrix is needed. The unbiased estimate takes
    K and L with an emptied diagonal; since rows of K sum to 0, those then sum to -|x_i|^2, and
    the estimator of Song et al. becomes what stands below.

    Returns:
        The plain and the unbiased estimate.
    """
    aligned = float(np.square(first.T @ second).sum())
    n = len(first)
    if n < _FEWEST_DEBIASED:
        return aligned, np.nan
    a, b = np.square(first).sum(axis=1), np.square(second).sum(axis=1)
    unbiased = aligned - n / (n - 2) * (a @ b) + a.sum() * b.sum() / ((n - 1) * (n - 2))
    # a difference of equals, such as where one image alone differs, is rounding, not similarity
    rounding = n * np.finfo(np.float64).eps * float(a @ b)
    return aligned, float(unbiased) if abs(unbiased) > rounding else 0.0
