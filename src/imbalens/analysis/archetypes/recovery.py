"""How well archetypes tell what was planted in a generated dataset; NaN of nothing judged."""

import numpy as np
from jaxtyping import Bool, Int

from imbalens.analysis.archetypes.judging import Archetype
from imbalens.analysis.common.counting import divide
from imbalens.analysis.common.recovery import of_rare_variants
from imbalens.analysis.common.weighted_ranking import rank_once, weighted_auroc


def archetype_recovery(
    archetypes: Int[np.ndarray, " n"],
    labels: Int[np.ndarray, " n"],
    subconcept: Bool[np.ndarray, " n"],
    mislabelled: Bool[np.ndarray, " n"],
) -> dict[str, dict[str, float]]:
    """Compare archetypes with planted wrong labels and planted rare variants.

    Args:
        archetypes: Archetype code per instance.
        labels: Class per instance.
        subconcept: Which instances belong to their class's planted rare variant.
        mislabelled: Which instances carry a planted wrong label.

    Returns:
        `mislabelled` and `subconcept`, see the functions of these names.
    """
    return {
        "mislabelled": mislabelled_recovery(archetypes, mislabelled),
        "subconcept": subconcept_recovery(archetypes, labels, subconcept, mislabelled),
    }


def mislabelled_recovery(
    archetypes: Int[np.ndarray, " n"], mislabelled: Bool[np.ndarray, " n"]
) -> dict[str, float]:
    """Compare outliers with the instances whose label was planted wrong.

    Returns:
        `outlier_precision`: share of outliers that are mislabelled; NaN without outliers.
        `outlier_recall`: share of mislabelled that are outliers; NaN without mislabelled.
        `lift`: precision over the share of mislabelled among all instances.
        `auroc`: of the archetype code as a score of suspicion.
    """
    outlier = archetypes == Archetype.OUTLIER
    found = (outlier & mislabelled).sum()
    precision = divide(found, outlier.sum())
    return {
        "outlier_precision": float(precision),
        "outlier_recall": float(divide(found, mislabelled.sum())),
        "lift": float(divide(precision * len(mislabelled), mislabelled.sum())),
        "auroc": rank_once(weighted_auroc, archetypes, mislabelled),
    }


def subconcept_recovery(
    archetypes: Int[np.ndarray, " n"],
    labels: Int[np.ndarray, " n"],
    subconcept: Bool[np.ndarray, " n"],
    mislabelled: Bool[np.ndarray, " n"],
) -> dict[str, float]:
    """Compare sub-concept instances with the ordinary ones of the same classes.

    Classes without a sub-concept are left out, and so are mislabelled instances: they are
    suspicious for a reason of their own.

    Returns:
        `not_safe_subconcept`: share of sub-concept instances that are not safe.
        `not_safe_ordinary`: share of the ordinary instances that are not safe.
        `auroc`: of the archetype code as a score for being of a sub-concept.
    """
    concerned = of_rare_variants(labels, subconcept, mislabelled)
    codes, rare = archetypes[concerned], subconcept[concerned]
    not_safe = codes != Archetype.SAFE
    return {
        "not_safe_subconcept": float(divide(not_safe[rare].sum(), rare.sum())),
        "not_safe_ordinary": float(divide(not_safe[~rare].sum(), (~rare).sum())),
        "auroc": rank_once(weighted_auroc, codes, rare),
    }
