"""What is kept of a trained network for the analyses."""

from typing import Literal

from imbalens.params.base import Count, Section, Split


class SaliencyDump(Section):
    """Which class's score is differentiated with respect to the training images of which runs."""

    score: Literal["predicted", "true"]
    runs: tuple[str, ...]


class Layers(Section):
    """Name of a layer, by network; null for none."""

    cifar_resnet: str | None
    resnet50: str | None
    densenet121_truncated: str | None


class MapsDump(Section):
    """Maps of the last convolutional layer for the annotated images of a split, of which runs.

    `layer` names another layer whose maps are kept too, for concepts. `untrained` adds class
    activation maps of the same network with random weights, to compare with.
    """

    split: Split
    layer: Layers
    untrained: bool
    runs: tuple[str, ...]


class Dumps(Section):
    """What the trained networks are asked for; maps are written at least 16 images at a time."""

    batch_size: Count
    device: Literal["auto", "cpu", "cuda", "mps"]
    saliency: SaliencyDump
    maps: MapsDump
