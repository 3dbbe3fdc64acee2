"""A run's trained network together with the images it is to see."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from imbalens.errors import InputError
from imbalens.losses.build import logit_offset, logit_scale
from imbalens.models.build import build_model
from imbalens.models.checkpoint import load_checkpoint, load_weights
from imbalens.models.network import Network
from imbalens.params.runs import Run
from imbalens.store.prepared import Prepared, read_image_size, read_metadata
from imbalens.training.batches import ImageTensors, load_images
from imbalens.training.devices import choose_device


@dataclass(frozen=True)
class Trained:
    """A network in evaluation mode, and images, on one device.

    Attributes:
        model: The network.
        scale: Factor on its logits before a softmax.
        offset: Added to the scaled logits before deciding.
        prepared: Description of the dataset.
        images: Each split's images.
        index: Each split's positions in the source.
    """

    model: Network
    scale: float
    offset: Float[Tensor, " m"]
    prepared: Prepared
    images: dict[str, ImageTensors]
    index: dict[str, np.ndarray]

    def scores(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b m"]:
        """Return what decisions are taken on: scaled logits plus offset."""
        return self.model(images) * self.scale + self.offset


def load_trained(
    name: str, run: Run, *, device_name: str, splits: Sequence[str] | None
) -> Trained:
    """Load a run's weights and some splits of its dataset, from their places under data/.

    Args:
        name: Name of the run.
        run: Its parameters.
        device_name: Device, see `choose_device`.
        splits: Splits to load, None for all there are.

    Raises:
        InputError: if a file is absent or damaged, or the weights are of another network.
    """
    data, weights = Path(f"data/prepared/{run.dataset}.h5"), Path(f"data/models/{name}.pt")
    device = choose_device(device_name)
    prepared = read_metadata(data)
    if not weights.exists():
        raise InputError(f"{weights} is missing; run: dvc repro train@{weights.stem}")
    model = build_model(
        run.model, run.loss, len(prepared.class_names), image_size=read_image_size(data)
    )
    load_weights(model, load_checkpoint(weights), path=weights)
    model.to(device).to(memory_format=torch.channels_last).eval()
    images, index = {}, {}
    for split in prepared.splits if splits is None else splits:
        images[split], index[split] = load_images(data, prepared, split, device)
    counts = torch.as_tensor(prepared.counts)
    offset = logit_offset(run.loss, counts).to(device)
    return Trained(model, logit_scale(run.loss), offset, prepared, images, index)


def finite_array(
    values: Float[Tensor, "b ..."], what: str, *, run: str, split: str, rows: Sequence[int]
) -> Float[np.ndarray, "b ..."]:
    """Return what was computed of some images, to be written.

    Args:
        values: One entry per image.
        what: What they are, for the message.
        run: Name of the run.
        split: Split of the images.
        rows: Row of each image in the split.

    Raises:
        InputError: naming the first image of which a value is not finite.
    """
    array = values.float().cpu().contiguous().numpy()
    broken = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
    if broken.any():
        raise InputError(
            f"{run}: {what} of row {rows[int(np.argmax(broken))]} of {split} are not finite: the "
            "weights overflow; train at a lower learning rate (params.yaml, recipes.*), or take "
            "another checkpoint"
        )
    return array
