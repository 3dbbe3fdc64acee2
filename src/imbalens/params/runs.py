"""Runs: one training each, of a network with a loss.

The unions are the only registries of networks and losses: a wrong name lists the right ones.
"""

from typing import Annotated, Literal

from pydantic import Field

from imbalens.params.base import Section, Seed, Share
from imbalens.params.paths import PathText


class CifarResnet(Section):
    """The residual networks of 3 x 3 stem and 16-32-64 channels."""

    name: Literal["resnet8", "resnet14", "resnet20", "resnet32", "resnet44", "resnet56"]


class Resnet50(Section):
    """ResNet-50; `weights`: `imagenet`, `none` or a file to start from."""

    name: Literal["resnet50"]
    weights: PathText


class Densenet121Truncated(Section):
    """DenseNet-121 without its last two blocks; `weights` as for ResNet-50."""

    name: Literal["densenet121_truncated"]
    weights: PathText


Model = Annotated[CifarResnet | Resnet50 | Densenet121Truncated, Field(discriminator="name")]


class Ce(Section):
    """Cross-entropy."""

    name: Literal["ce"]


class WeightedCe(Section):
    """Cross-entropy weighted by inverse class frequency."""

    name: Literal["weighted_ce"]


class Focal(Section):
    """Focal loss, times `scale`; `alpha` weighs positives and is null where classes exclude."""

    name: Literal["focal"]
    gamma: Annotated[float, Field(ge=0)]
    alpha: Annotated[float, Field(gt=0, lt=1)] | None
    scale: Annotated[float, Field(gt=0)]


class ClassBalanced(Section):
    """Cross-entropy weighted by the effective number of samples."""

    name: Literal["cb"]
    beta: Share


class Ldam(Section):
    """Label-distribution-aware margins on a cosine classifier."""

    name: Literal["ldam"]
    max_margin: Annotated[float, Field(gt=0)]
    scale: Annotated[float, Field(gt=0)]


class BalancedSoftmax(Section):
    """Cross-entropy on logits shifted by the log class counts."""

    name: Literal["balanced_softmax"]


class LogitAdjustment(Section):
    """Logits shifted by tau times the log prior, in the loss or after training (`post_hoc`)."""

    name: Literal["logit_adjustment"]
    tau: Annotated[float, Field(gt=0)]
    post_hoc: bool


class Bce(Section):
    """Binary cross-entropy per label."""

    name: Literal["bce"]


class Wbce(Section):
    """Weighted binary cross-entropy.

    Positives and negatives of the training split or of each batch are counted (`counts`). With
    `unit_negatives` both weights are divided by that of the negatives.
    """

    name: Literal["wbce"]
    counts: Literal["global", "batch"]
    unit_negatives: bool


class CbFocal(Section):
    """Class-balanced focal loss, times `scale`.

    `normalize_weights` makes the weights of positives and negatives of a label sum to 1.
    """

    name: Literal["cb_focal"]
    beta: Share
    gamma: Annotated[float, Field(ge=0)]
    counts: Literal["global", "batch"]
    normalize_weights: bool
    scale: Annotated[float, Field(gt=0)]


class Asymmetric(Section):
    """Asymmetric loss: one focus for positives, one for negatives, whose p is cut by `margin`."""

    name: Literal["asymmetric"]
    gamma_positive: Annotated[float, Field(ge=0)]
    gamma_negative: Annotated[float, Field(ge=0)]
    margin: Share


MulticlassLoss = Ce | WeightedCe | Focal | ClassBalanced | Ldam | BalancedSoftmax | LogitAdjustment

LabelLoss = Bce | Wbce | Focal | CbFocal | Asymmetric

Loss = Annotated[MulticlassLoss | LabelLoss, Field(discriminator="name")]


class Drw(Section):
    """Deferred re-weighting: class-balanced weights from `start_epoch` (0-based) on."""

    start_epoch: Annotated[int, Field(ge=0)]
    beta: Share


class Run(Section):
    """One training; `checkpoint` names weights to use instead of training."""

    dataset: str
    model: Model
    loss: Loss
    drw: Drw | None
    recipe: str
    seed: Seed
    checkpoint: PathText | None
