"""The claim of paper A about what losses activate in addition to the plain loss."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from imbalens.analysis.claims.intervals import (
    Estimate,
    average_trainings,
    estimate_weighted_mean,
)
from imbalens.analysis.claims.verdicts import Claim, Finding, Rules, judge
from imbalens.analysis.common.counting import divide

ADDED_IN_BOXES = Claim(
    id="added_activation_in_boxes",
    paper="A",
    section="5, Feature Alignment Analysis, Figure 1",
    text="What cost-sensitive losses activate in addition lies in pathologies",
    statistic="share of the added activation in boxes, less that in boxes elsewhere",
    side="above",
    threshold=0.0,
    unit="images",
    undefined="nothing is activated in addition",
)


@dataclass(frozen=True)
class Added:
    """What one training activates in addition to another, per pair of an image and a class.

    Attributes:
        total: Sum of the added activation.
        inside: The part of it in the pair's boxes.
        elsewhere: The part of it in boxes of the same sizes moved at random.
        image: Row of each pair's image.
        patient: Patient of each pair's image, with which it is drawn.
    """

    total: Float[np.ndarray, " p"]
    inside: Float[np.ndarray, " p"]
    elsewhere: Float[np.ndarray, " p"]
    image: Int[np.ndarray, " p"]
    patient: Int[np.ndarray, " p"]


def judge_added(
    added: Sequence[Sequence[Added]], *, rules: Rules, judged: str, baseline: str
) -> Finding:
    """Judge the claim by the trainings with a loss and those of its baseline.

    Args:
        added: Of each training with the loss (row) beside each of the baseline's (column).
        rules: What a verdict asks for.
        judged: The setting with the loss.
        baseline: The baseline.
    """
    confidence = rules.resampling.confidence
    pairs = [[added_in_boxes(one, confidence=confidence) for one in row] for row in added]
    trainings = sorted((len(added), len(added[0])))
    return judge(
        ADDED_IN_BOXES,
        average_trainings(pairs, confidence=confidence),
        rules=rules,
        judged=judged,
        baseline=baseline,
        seeds=trainings[0],
        over_seeds=trainings[1] > 1,
    )


def added_in_boxes(added: Added, *, confidence: float) -> Estimate:
    """Share of all added activation that lies in boxes, less the share in boxes elsewhere.

    Boxes moved at random tell how much of it would lie in boxes of these sizes that say nothing.
    The interval is over patients, drawn with all their images.

    Args:
        added: What is activated in addition, per pair of an image and a class.
        confidence: Coverage wanted.

    Source: paper A, section 5 and Figure 1, which shows it on examples; the control is ours.
    """
    unit = np.unique(added.patient, return_inverse=True)[1]
    above = np.bincount(unit, weights=added.inside - added.elsewhere)
    total = np.bincount(unit, weights=added.total)
    found = estimate_weighted_mean(divide(above, total), total, confidence=confidence)
    return replace(found, n=len(np.unique(added.image)))
