"""What dumps of features hold besides these, whoever made them."""

from collections.abc import Sequence

import h5py
import numpy as np
from jaxtyping import Int

from imbalens.classes import UNKNOWN, Targets
from imbalens.store.prepared import Prepared


def describe(file: h5py.File, prepared: Prepared, *, splits: Sequence[str], scale: float) -> None:
    """Write what holds for the whole dump.

    Args:
        file: The dump.
        prepared: Description of the dataset.
        splits: Splits that it has.
        scale: Factor on logits before a softmax.
    """
    file.attrs["splits"] = list(splits)
    file.attrs["class_names"] = list(prepared.class_names)
    file.attrs["task"], file.attrs["digest"] = prepared.task, prepared.digest
    file.attrs["counts"] = prepared.counts
    file.attrs["logit_scale"] = scale


def write_targets(
    file: h5py.File, split: str, targets: Targets, index: Int[np.ndarray, " n"]
) -> None:
    """Write the labels of a split, and where its images stand in the source.

    Args:
        file: The dump.
        split: The split.
        targets: Class of each image; of several labels, 1 where an image has one, 0 where it
            lacks it, or `UNKNOWN`.
        index: Position of each image in the source's split.
    """
    unknown = (targets == UNKNOWN) & (targets.ndim == 2)
    if unknown.any():
        targets = np.where(unknown, np.uint8(0), targets)
        file.create_dataset(f"{split}/unknown", data=unknown, track_times=False)
    file.create_dataset(f"{split}/targets", data=targets, track_times=False)
    file.create_dataset(f"{split}/index", data=index, track_times=False)
