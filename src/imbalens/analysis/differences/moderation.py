"""The variance over seeds, known from few trainings, moderated by that of other measures.

Two or three trainings say little of how far a measure moves over seeds: with two degrees of
freedom a variance is below a tenth of what it should be once in ten times. How much measures of a
dataset move, in units of what the choice of images moves them, is alike: the variances are taken
to come from a scaled inverse chi-square distribution around the middle of the measures.

Smyth (2004) estimates that distribution's degrees of freedom from how much the variances differ
beyond chance. Measures of the same trainings move together: where the few happen to lie close,
all variances are small, agree, and are taken for certain. In 4,000 simulated families of each kind
(3 trainings of a baseline against one of the same loss, Bonferroni's correction) the estimate
without bounds made a family-wise error of 5 % 8 % for 5 measures, and 15 % for 16 of which seeds
move one twelve times as far as images do; variances not moderated at all made it 9 to 15 %. So the
degrees of freedom are held at 2, worth one further pair of trainings; and since some measures do
move far more than the middle (mean predicted probability), an estimate is never lowered, and the
more it exceeds the family's the less that counts as knowledge of it. Corrected by
`adjust_for_family`, that gave 5 and 6 % over 1,000 families each with 5 measures of one loss and
13 of three losses, with 3 trainings against 3 it gave 3 %.

That some measures move far more is not chance: seeds move the maps of real trainings up to 60
times as far as images do, and their recalls as far as these. A measure of few trainings that
happen to be alike is then taken for one that moves little. But it moves so in all classes, and
what it does in these (`expected_ratios`) is known from many more values: without it, families with
the seed variances of real trainings had an error of 17 and 19 % per class, and of 6 and 8 % of
the main measures over all classes (docs/evidence.md).

Source: Smyth, "Linear models and empirical Bayes methods for assessing differential expression in
microarray experiments", Statistical Applications in Genetics and Molecular Biology 3, 2004,
section 6.2 (`fitFDist` and `squeezeVar` of limma).
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import digamma

PRIOR_FREEDOM = 2.0
FEWEST = 3  # variances of a family that tell what is usual


@dataclass(frozen=True)
class SeedVariance:
    """Variance of a single training over seeds, per class or one entry for all of them.

    Attributes:
        variance: The variance; 0 where nothing is known.
        freedom: Its degrees of freedom; 0 where nothing is known.
        expected: What it would be by its family alone; 0 where that says nothing. That an
            estimate is small by chance does not show in the estimate.
    """

    variance: Float[np.ndarray, " c"]
    freedom: Float[np.ndarray, " c"]
    expected: Float[np.ndarray, " c"]


def usual_ratio(ratios: Sequence[Float[np.ndarray, " _"]], freedoms: Sequence[int]) -> float:
    """Return how much seeds usually move a measure of a family, beside the choice of images.

    Args:
        ratios: Variances over seeds in units of those over images; those not above 0 are left
            out.
        freedoms: Degrees of freedom of each array's variances; those without any are left out.

    Returns:
        Geometric mean of the ratios, less the bias of logarithms of estimated variances; 0 of too
        few of them.
    """
    logs = [
        np.log(of[of > 0]) - digamma(d / 2) + np.log(d / 2)
        for of, d in zip(ratios, freedoms, strict=True)
        if d > 0
    ]
    found = np.concatenate([np.empty(0), *logs])
    return float(np.exp(found.mean())) if len(found) >= FEWEST else 0.0


def expected_ratios(
    ratios: Sequence[Float[np.ndarray, " _"]],
    freedoms: Sequence[int],
    *,
    names: Sequence[Hashable],
    single: Sequence[bool],
) -> list[float]:
    """Return how much seeds are expected to move each measure, beside the choice of images.

    As much as is usual, of measures over all classes and of single ones apart; and where seeds
    move the classes of a measure more than is usual of classes, by so much more, both in its
    classes and over all of them.

    Args:
        ratios: As for `usual_ratio`, per measure, one or one per class.
        freedoms: As for `usual_ratio`.
        names: What is measured; a measure and that of its classes have one name.
        single: Whether each is of single classes.
    """

    def usual(chosen: Iterable[bool]) -> float:
        places = [place for place, one in enumerate(chosen) if one]
        return usual_ratio([ratios[n] for n in places], [freedoms[n] for n in places])

    overall, of_classes = usual(not one for one in single), usual(single)
    told = [
        one and freedom > 0 and int((of > 0).sum()) >= FEWEST
        for of, freedom, one in zip(ratios, freedoms, single, strict=True)
    ]
    more = {
        name: max(
            1.0, usual(t and n == name for t, n in zip(told, names, strict=True)) / of_classes
        )
        for name in {name for name, one in zip(names, told, strict=True) if one}
    }
    return [
        (of_classes if one else overall) * more.get(name, 1.0)
        for name, one in zip(names, single, strict=True)
    ]


def moderate(
    variance: Float[np.ndarray, " c"], freedom: int, expected: Float[np.ndarray, " c"]
) -> SeedVariance:
    """Moderate variances over seeds by their family's.

    Args:
        variance: Estimates.
        freedom: Their degrees of freedom.
        expected: What they are by their family; 0 where that is unknown.

    Returns:
        The mean of both, weighted by their degrees of freedom, or the estimate where that is more.
    """
    none = np.zeros_like(variance)
    if not freedom:
        return SeedVariance(none, none, none)
    prior = np.where(expected > 0, PRIOR_FREEDOM, 0.0)
    mean = (prior * expected + freedom * variance) / (prior + freedom)
    alike = np.divide(expected, variance, out=np.ones_like(variance), where=variance > expected)
    return SeedVariance(np.maximum(mean, variance), freedom + prior * alike, expected)
