"""Datasets: where images come from, what imbalance they get, how they are split.

The union of imbalances is their only registry: a wrong name lists the right ones.
"""

from typing import Annotated, Literal

from pydantic import Field

from imbalens.params.base import Count, Section, Seed, Share
from imbalens.params.normalization import AnyNormalization
from imbalens.params.sources import AnySource, Source

Ratio = Annotated[float, Field(ge=1, le=1e6)]

Resize = Literal["squash", "crop", "pad"]


class Selection(Section):
    """Which images of a class stay: the field's published choice, or a numpy Generator's."""

    name: Literal["published", "seeded"]
    seed: Seed


# Which class comes first: that of label 0, as in the literature, or the one with the most images.
ClassOrder = Literal["label", "size"]


class Exp(Section):
    """Class sizes fall exponentially from `n_max` (null: all of the first class) by `ratio`."""

    kind: Literal["exp"]
    ratio: Ratio
    n_max: Count | None
    order: ClassOrder
    selection: Selection


class Step(Section):
    """The first half of the classes keeps `n_max` images, the rest `n_max / ratio`."""

    kind: Literal["step"]
    ratio: Ratio
    n_max: Count | None
    order: ClassOrder
    selection: Selection


class Natural(Section):
    """Whatever the source holds, at most `n_max` images per class (null: all)."""

    kind: Literal["natural"]
    n_max: Count | None
    selection: Selection


class CapNegatives(Section):
    """Of labels: images without any finding go until no label has more than `n_max` negatives."""

    kind: Literal["cap_negatives"]
    n_max: Count
    seed: Seed


class ThinPositives(Section):
    """Of labels: positives go until each label has `ratio` negatives per positive."""

    kind: Literal["thin_positives"]
    ratio: Ratio
    seed: Seed


ClassImbalance = Exp | Step | Natural

LabelImbalance = Natural | CapNegatives | ThinPositives

Imbalance = Annotated[ClassImbalance | LabelImbalance, Field(discriminator="kind")]


class Validation(Section):
    """A share of every class's training images set aside, for model selection.

    `share: null` takes the images that the source itself sets aside.
    """

    share: Share | None
    seed: Seed


class Dataset(Section):
    """One dataset; `normalization: null` computes it from the training images.

    `image_size` is a side in pixels, null where the source has no images. Oblong images become
    squares by `resize`, see `data.geometry.place_image`. `bits` are those that grey PNGs of 16
    bits use of each value; null looks for the largest value of all of them, see `data.bit_depth`.
    The test images are those of `evaluate_on`, where it is another source of the same classes. It
    is a source, not the name of a dataset: what `prepare` depends on stands in the dataset itself.
    """

    source: Source
    evaluate_on: Source | None
    image_size: Annotated[int, Field(ge=8, le=1024)] | None
    resize: Resize
    bits: Annotated[int, Field(ge=8, le=16)] | None
    imbalance: Imbalance
    validation: Validation
    normalization: AnyNormalization | None

    @property
    def sources(self) -> dict[str, AnySource]:
        """Every source of the dataset's images by its key."""
        other = {} if self.evaluate_on is None else {"evaluate_on": self.evaluate_on}
        return {"source": self.source, **other}

    def source_of(self, split: str) -> AnySource:
        """Return the source of the images of a split."""
        return self.evaluate_on if self.evaluate_on and split == "test" else self.source

    @property
    def expected_digest(self) -> tuple[str, str] | None:
        """Key and value of the digest that the prepared images must have; None if any will do."""
        for key, source in self.sources.items():
            if source.expected_digest is not None:
                return f"{key}.digest", source.expected_digest
        return None
