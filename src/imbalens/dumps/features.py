"""Writing what a trained network computes for every image."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from imbalens.data.prepared import Prepared
from imbalens.dumps.files import FEATURES, FEATURES_VERSION
from imbalens.hdf5 import create
from imbalens.training.batches import ImageTensors, plain_batches


class FeatureModel(Protocol):
    """A network that pools its last convolutional layer into features and applies a head."""

    def forward_features(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        """Return the feature embeddings."""
        ...

    def classify(self, features: Float[Tensor, "b d"]) -> Float[Tensor, "b m"]:
        """Return the logits of feature embeddings."""
        ...

    def head_matrix(self) -> tuple[Float[Tensor, "m d"], Float[Tensor, " m"]]:
        """Return the head's weight and bias as applied to features."""
        ...


def dump_features(
    model: FeatureModel,
    splits: Mapping[str, ImageTensors],
    index: Mapping[str, np.ndarray],
    path: Path,
    *,
    run: str,
    prepared: Prepared,
    loss: str,
    logit_scale: float,
    logit_offset: Float[Tensor, " m"],
    batch_size: int,
) -> None:
    """Write features, logits, labels and the head, batch by batch.

    Args:
        model: Network in evaluation mode on the images' device.
        splits: Images of each split, not augmented.
        index: Position of each image in the source's split, per split.
        path: HDF5 file to write, see `dumps.files`.
        run: Name of the run.
        prepared: Description of the dataset.
        loss: Name of the loss trained with.
        logit_scale: Factor on the logits before a softmax (LDAM's logits are cosines).
        logit_offset: Added to the scaled logits before deciding (post-hoc logit adjustment).
        batch_size: Images per forward pass; does not change the result beyond rounding.
    """
    weight, bias = model.head_matrix()
    n_classes, n_features = weight.shape
    with create(path, FEATURES, FEATURES_VERSION) as file, torch.inference_mode():
        file.attrs["run"], file.attrs["loss"] = run, loss
        file.attrs["splits"] = list(splits)
        file.attrs["class_names"] = list(prepared.class_names)
        file.attrs["counts"] = prepared.counts
        file.attrs["logit_scale"] = logit_scale
        head = {"weight": weight, "bias": bias, "offset": logit_offset}
        for name, value in head.items():
            array = value.float().cpu().numpy()
            file.create_dataset(f"head/{name}", data=array, track_times=False)
        for split, images in splits.items():
            n = len(images.labels)
            shapes = {"features": (n, n_features), "logits": (n, n_classes)}
            stored = {
                name: file.create_dataset(f"{split}/{name}", shape, "float32", track_times=False)
                for name, shape in shapes.items()
            }
            targets = images.labels.cpu().numpy()
            file.create_dataset(f"{split}/targets", data=targets, track_times=False)
            file.create_dataset(f"{split}/index", data=index[split], track_times=False)
            start = 0
            for batch, _ in tqdm(
                plain_batches(images, batch_size=batch_size),
                desc=f"{run} {split} features",
                total=-(-n // batch_size),
                disable=None,
            ):
                features = model.forward_features(batch)
                rows = slice(start, start + len(batch))
                stored["features"][rows] = features.float().cpu().numpy()
                stored["logits"][rows] = model.classify(features).float().cpu().numpy()
                start += len(batch)
