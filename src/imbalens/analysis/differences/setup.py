"""A dataset and how a network was trained on it, as paper B's Table 1 gives them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int


@dataclass(frozen=True)
class Setup:
    """A dataset and how a network was trained on it.

    Attributes:
        task: "multiclass", "multilabel" or "binary".
        counts: Training images per class, or with each label.
        n_train: Training images.
        negatives: Those that are known not to be of each class, or to lack each label.
        test_shape: Number, height, width and channels of the test images, as stored; the number
            alone where there are none.
        n_features: Feature embeddings of an image; None without any.
        imbalance: How the imbalance was made, such as "exp".
        epochs: Epochs; None where weights were given.
        network: Name of the network.
        loss: Name of the loss.
    """

    task: str
    counts: Int[np.ndarray, " c"]
    n_train: int
    negatives: Int[np.ndarray, " c"]
    test_shape: Sequence[int]
    n_features: int | None
    imbalance: str
    epochs: int | None
    network: str
    loss: str

    @property
    def imbalance_level(self) -> float | None:
        """By how much the classes that there are differ in size; None without training images.

        Of labels, negatives per positive of the rarest.
        """
        present = np.flatnonzero(self.counts)
        if not len(present):
            return None
        rarest = present[self.counts[present].argmin()]
        largest = self.counts.max() if self.task == "multiclass" else self.negatives[rarest]
        return float(largest / self.counts[rarest])
