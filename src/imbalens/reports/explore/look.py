"""What one run tells of a dataset's images, which the page and the table are made from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from imbalens.analysis.explore.explore import Explored
from imbalens.analysis.label_errors import LabelErrors
from imbalens.classes import Seen, count_members


@dataclass(frozen=True)
class Look:
    """One run's view on all training images, and on the evaluation images that are points.

    Attributes:
        loss: Name of the loss; None where nobody trained.
        names: Name of each class; of several labels these first, then that of images without any.
        train: All training images.
        evaluation: All evaluation images.
        points: Rows of the evaluation images that are points of the map.
        found: What the network's features tell of the training images and of these.
    """

    loss: str | None
    names: Sequence[str]
    train: Seen
    evaluation: Seen
    points: Int[np.ndarray, " e"]
    found: Explored

    @property
    def exclusive(self) -> bool:
        """Whether each image has exactly one class."""
        return self.train.targets.ndim == 1

    @property
    def predicts(self) -> bool:
        """Whether it is known what the images are taken for."""
        return self.train.predictions is not None

    @property
    def counts(self) -> Int[np.ndarray, " c"]:
        """Training images per class."""
        return count_members(self.train.classes, n_classes=len(self.names))

    @property
    def neighbors(self) -> Int[np.ndarray, "n k"]:
        """Nearest training images of each training image."""
        return self.found.doubts.neighbors.nearest

    @property
    def errors(self) -> LabelErrors:
        """How far each label of the training images is in doubt."""
        return self.found.doubts.errors

    @property
    def listed(self) -> tuple[Int[np.ndarray, " q"], Int[np.ndarray, " q"]]:
        """Row and label of the candidates listed."""
        return self.found.doubts.rows, self.found.doubts.labels

    @property
    def places(self) -> tuple[Int[np.ndarray, " q"], ...]:
        """Where the candidates stand in an array of the labels' shape."""
        return self.listed[:1] if self.exclusive else self.listed
