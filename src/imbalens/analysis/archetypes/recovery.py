"""How well archetypes recover the truth that was planted in a generated dataset.

Every figure is NaN where it is undefined, that is where nothing could be judged.
"""

import numpy as np
from jaxtyping import Bool, Int

from imbalens.analysis.archetypes.judging import Archetype
from imbalens.analysis.common.counting import divide
from imbalens.analysis.performance.ranking import auroc


def mislabelled_recovery(
    archetypes: Int[np.ndarray, " n"], mislabelled: Bool[np.ndarray, " n"]
) -> dict[str, float]:
    """Compare outliers with the instances whose label was planted wrong.

    Args:
        archetypes: Archetype code per instance.
        mislabelled: Which instances carry a planted wrong label.

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
        "auroc": auroc(archetypes, mislabelled),
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

    Args:
        archetypes: Archetype code per instance.
        labels: Class per instance.
        subconcept: Which instances belong to their class's planted rare variant.
        mislabelled: Which instances carry a planted wrong label.

    Returns:
        `not_safe_subconcept`: share of sub-concept instances that are not safe.
        `not_safe_ordinary`: share of the ordinary instances that are not safe.
        `auroc`: of the archetype code as a score for being of a sub-concept.
    """
    concerned = np.isin(labels, labels[subconcept]) & ~mislabelled
    codes, rare = archetypes[concerned], subconcept[concerned]
    not_safe = codes != Archetype.SAFE
    return {
        "not_safe_subconcept": float(divide(not_safe[rare].sum(), rare.sum())),
        "not_safe_ordinary": float(divide(not_safe[~rare].sum(), (~rare).sum())),
        "auroc": auroc(codes, rare),
    }
