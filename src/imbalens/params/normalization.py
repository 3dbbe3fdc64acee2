"""Which channel means and standard deviations images are normalised with, by number or name."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from imbalens.params.base import Factor, Section

Mean = Annotated[float, Field(ge=-1000, le=1000)]


class Normalization(Section):
    """Channel means and standard deviations of images scaled to [0, 1]."""

    mean: tuple[Mean, Mean, Mean]
    std: tuple[Factor, Factor, Factor]


# what torchvision's published networks, and most others trained on ImageNet, expect
NAMED = {"imagenet": Normalization(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))}


def _find_named(value: object) -> object:
    """Return the numbers that a name stands for, or what was given."""
    if isinstance(value, dict):
        # which a list is nowhere else refused for
        return {
            key: tuple(each) if isinstance(each, list) else each for key, each in value.items()
        }
    if isinstance(value, Normalization):
        return value
    if isinstance(value, str) and value in NAMED:
        return NAMED[value]
    raise ValueError(f"allowed: null, {', '.join(NAMED)}, or a mapping of mean and std")


AnyNormalization = Annotated[Normalization, BeforeValidator(_find_named)]
