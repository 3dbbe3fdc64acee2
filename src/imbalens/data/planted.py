"""Generated images whose difficulties are known: the embedded default dataset.

Ten classes of shape x texture x colour. Planted and recorded are pairs of classes that differ in
one feature only, a rare variant of some classes, wrong labels among the training images, the
colour group that each class is drawn in, and the object's box. Every image has a seed of its own:
it does not depend on how many others there are.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Int, UInt8

from imbalens.data.drawing import Look, draw_images, find_boxes
from imbalens.data.source import Source, SourceSplit
from imbalens.params.sources import Planted
from imbalens.store.prepared import Truth


@dataclass(frozen=True)
class PlantedClass:
    """How a class looks, and its rare variant if it has one."""

    look: Look
    variant: Look | None = None

    @property
    def name(self) -> str:
        """What one sees, such as "striped red square"."""
        texture = "" if self.look.texture == "plain" else f"{self.look.texture} "
        return f"{texture}{self.look.colour} {self.look.shape}"


CLASSES = (
    PlantedClass(Look("disc", "plain", "blue"), Look("cross", "striped", "blue")),
    PlantedClass(Look("square", "plain", "red")),
    PlantedClass(Look("triangle", "striped", "green"), Look("ring", "dotted", "green")),
    PlantedClass(Look("star", "plain", "yellow")),
    PlantedClass(Look("bar", "dotted", "light blue"), Look("ring", "checked", "light blue")),
    PlantedClass(Look("star", "plain", "orange")),
    PlantedClass(Look("ring", "plain", "dark green"), Look("bar", "striped", "dark green")),
    PlantedClass(Look("cross", "checked", "light red")),
    PlantedClass(Look("square", "striped", "red")),
    PlantedClass(Look("triangle", "plain", "blue")),
)
SPLIT_CODES = {"train": 0, "test": 1}


def find_pairs(classes: Sequence[PlantedClass]) -> Int[np.ndarray, "p 2"]:
    """Return the pairs of classes whose looks differ in one feature only."""
    pairs = [
        (i, j)
        for (i, first), (j, second) in combinations(enumerate(classes), 2)
        if sum(a != b for a, b in zip(astuple(first.look), astuple(second.look), strict=True)) == 1
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def open_planted(params: Planted, image_size: int) -> Source:
    """Describe the dataset; images are drawn when they are read.

    Args:
        params: Size, shares and seed.
        image_size: Side in pixels.
    """
    return Source(
        place="planted",
        class_names=tuple(planted.name for planted in CLASSES),
        train=_open_split(params, "train", image_size),
        test=_open_split(params, "test", image_size),
    )


def _open_split(params: Planted, split: str, size: int) -> SourceSplit:
    code = SPLIT_CODES[split]
    truth, labels, subconcept = plant(
        params.train_per_class if split == "train" else params.test_per_class,
        mislabelled=params.mislabelled if split == "train" else 0.0,
        subconcept=params.subconcept,
        rng=np.random.default_rng([params.seed, code]),
    )

    def seeds(positions: Int[np.ndarray, " k"]) -> Int[np.ndarray, "k 4"]:
        # the last word tells these seeds from that of the labels
        words = np.full((len(positions), 4), (params.seed, code, 0, 1), dtype=np.int64)
        words[:, 2] = positions
        return words

    def looks(positions: Int[np.ndarray, " k"]) -> list[Look]:
        shown = zip(truth[positions], subconcept[positions], strict=True)
        return [_look(CLASSES[label], rare=bool(rare)) for label, rare in shown]

    def read(positions: Int[np.ndarray, " k"]) -> UInt8[np.ndarray, "k h w 3"]:
        return draw_images(looks(positions), seeds(positions), size)

    def read_boxes(positions: Int[np.ndarray, " k"]) -> Int[np.ndarray, "k 6"]:
        rows = np.arange(len(positions))
        boxes = find_boxes(looks(positions), seeds(positions), size)
        return np.column_stack([rows, truth[positions], boxes])

    def read_truth(positions: Int[np.ndarray, " k"]) -> Truth:
        classes = truth[positions]
        return Truth(
            labels=classes,
            mislabelled=labels[positions] != classes,
            subconcept=subconcept[positions],
            pairs=find_pairs(CLASSES),
            colours=tuple(planted.look.colour for planted in CLASSES),
        )

    names = [f"{split}/{position}" for position in range(len(labels))]
    return SourceSplit(labels, names, read, truth=read_truth, boxes=read_boxes)


def _look(planted: PlantedClass, *, rare: bool) -> Look:
    return planted.variant if rare and planted.variant else planted.look


def plant(
    per_class: int, *, mislabelled: float, subconcept: float, rng: np.random.Generator
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Decide which images carry a wrong label and which show a rare variant, never both.

    As many labels of a class are taken as given, so that classes keep their size: the wrong
    labels are random permutations of the classes that leave none in its place.

    Args:
        per_class: Images of each class.
        mislabelled: Share of images with a wrong label.
        subconcept: Share of images with the rare variant, in classes that have one.
        rng: Source of randomness.

    Returns:
        Class shown, label given, and whether the rare variant is shown, per image.
    """
    c = len(CLASSES)
    truth = np.repeat(np.arange(c, dtype=np.int64), per_class)
    order = rng.permuted(np.arange(c * per_class).reshape(c, per_class), axis=1)
    n_wrong = round(mislabelled * per_class)
    n_rare = min(round(subconcept * per_class), per_class - n_wrong)
    labels = truth.copy()
    for wrong in order[:, :n_wrong].T:
        cycle = rng.permutation(c)
        labels[wrong[cycle]] = np.roll(cycle, 1)
    rare = np.zeros(len(truth), dtype=bool)
    rare[order[:, n_wrong : n_wrong + n_rare]] = True
    return truth, labels, rare & np.array([bool(x.variant) for x in CLASSES])[truth]
