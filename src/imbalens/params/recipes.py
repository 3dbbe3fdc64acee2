"""Recipes: how a network is trained."""

from typing import Annotated, Literal

from pydantic import Field

from imbalens.params.base import Epoch, Factor, Section, Share

LearningRate = Annotated[float, Field(ge=1e-12, le=1000)]

WeightDecay = Annotated[float, Field(ge=0, le=100)]


class Sgd(Section):
    """Stochastic gradient descent."""

    name: Literal["sgd"]
    lr: LearningRate
    momentum: Share
    weight_decay: WeightDecay


class Adam(Section):
    """Adam."""

    name: Literal["adam"]
    lr: LearningRate
    weight_decay: WeightDecay


Optimizer = Annotated[Sgd | Adam, Field(discriminator="name")]


class Milestone(Section):
    """From this epoch (0-based) on, the learning rate is `factor` times the base rate."""

    epoch: Epoch
    factor: Factor


class Steps(Section):
    """Linear warm-up, then the factor of the latest milestone."""

    name: Literal["steps"]
    warmup_epochs: Epoch
    milestones: Annotated[tuple[Milestone, ...], Field(max_length=100)]


class Cosine(Section):
    """Linear warm-up, then a half cosine down to zero."""

    name: Literal["cosine"]
    warmup_epochs: Epoch


Schedule = Annotated[Steps | Cosine, Field(discriminator="name")]


class Augmentation(Section):
    """Random crop after zero padding by `crop_padding` pixels, horizontal flip, and jitter.

    Brightness and contrast are multiplied by factors from 1 - b to 1 + b.
    """

    crop_padding: Annotated[int, Field(ge=0, le=256)]
    flip: bool
    brightness: Share
    contrast: Share


class Recipe(Section):
    """How a network is trained; mixed precision (`auto`) is used on GPUs only."""

    optimizer: Optimizer
    schedule: Schedule
    epochs: Annotated[int, Field(ge=1, le=10_000)]
    batch_size: Annotated[int, Field(ge=2, le=65_536)]
    augmentation: Augmentation
    precision: Literal["auto", "float32"]
    device: Literal["auto", "cpu", "cuda", "mps"]
    model_selection: Literal["last", "best_validation"]
