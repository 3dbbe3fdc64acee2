"""Recipes: how a network is trained."""

from typing import Annotated, Literal

from pydantic import Field

from imbalens.params.base import Count, Section, Share


class Sgd(Section):
    """Stochastic gradient descent."""

    name: Literal["sgd"]
    lr: Annotated[float, Field(gt=0)]
    momentum: Share
    weight_decay: Annotated[float, Field(ge=0)]


class Adam(Section):
    """Adam."""

    name: Literal["adam"]
    lr: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]


Optimizer = Annotated[Sgd | Adam, Field(discriminator="name")]


class Milestone(Section):
    """From this epoch (0-based) on, the learning rate is `factor` times the base rate."""

    epoch: Annotated[int, Field(ge=0)]
    factor: Annotated[float, Field(gt=0)]


class Steps(Section):
    """Linear warm-up, then the factor of the latest milestone."""

    name: Literal["steps"]
    warmup_epochs: Annotated[int, Field(ge=0)]
    milestones: tuple[Milestone, ...]


class Cosine(Section):
    """Linear warm-up, then a half cosine down to zero."""

    name: Literal["cosine"]
    warmup_epochs: Annotated[int, Field(ge=0)]


Schedule = Annotated[Steps | Cosine, Field(discriminator="name")]


class Augmentation(Section):
    """Random crop after zero padding by `crop_padding` pixels, horizontal flip, and jitter.

    Brightness and contrast are multiplied by factors from 1 - b to 1 + b.
    """

    crop_padding: Annotated[int, Field(ge=0)]
    flip: bool
    brightness: Share
    contrast: Share


class Recipe(Section):
    """How a network is trained; mixed precision (`auto`) is used on GPUs only."""

    optimizer: Optimizer
    schedule: Schedule
    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    augmentation: Augmentation
    precision: Literal["auto", "float32"]
    device: Literal["auto", "cpu", "cuda", "mps"]
    model_selection: Literal["last", "best_validation"]
