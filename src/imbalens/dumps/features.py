"""Writing what a trained network computes for every image."""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from imbalens.dumps.about import describe, write_targets
from imbalens.dumps.files import FEATURES, FEATURES_VERSION
from imbalens.dumps.trained import Trained, finite_array
from imbalens.store.hdf5 import create
from imbalens.training.fitting import in_batches


def dump_features(trained: Trained, path: Path, *, run: str, loss: str, batch_size: int) -> None:
    """Write features, logits, labels and the head, batch by batch.

    Args:
        trained: Network in evaluation mode, and the images of each split.
        path: HDF5 file to write, see `dumps.files`.
        run: Name of the run.
        loss: Name of the loss trained with.
        batch_size: Images per forward pass, at most, see `in_batches`; does not change the result
            beyond rounding.

    Raises:
        InputError: if a feature, a logit or the length of an image's features is not finite, or
            there is too little memory.
    """
    model, prepared = trained.model, trained.prepared
    weight, bias = model.head_matrix()
    n_classes, n_features = weight.shape
    with create(path, FEATURES, FEATURES_VERSION) as file, torch.inference_mode():
        file.attrs["run"], file.attrs["loss"], file.attrs["head"] = run, loss, model.head
        describe(file, prepared, splits=list(trained.images), scale=trained.scale)
        head = {"weight": weight, "bias": bias, "offset": trained.offset}
        for name, value in head.items():
            array = value.float().cpu().numpy()
            file.create_dataset(f"head/{name}", data=array, track_times=False)
        for split, images in trained.images.items():
            n = len(images.labels)
            shapes = {"features": (n, n_features), "logits": (n, n_classes)}
            stored = {
                name: file.create_dataset(f"{split}/{name}", shape, "float32", track_times=False)
                for name, shape in shapes.items()
            }
            write_targets(file, split, images.labels.cpu().numpy(), trained.index[split])
            for rows, (features, logits) in in_batches(
                partial(_compute, trained, run, split),
                n,
                batch_size=batch_size,
                device=images.images.device,
                what=f"{run} {split} features",
            ):
                stored["features"][rows], stored["logits"][rows] = features, logits


def _compute(
    trained: Trained, run: str, split: str, rows: slice
) -> tuple[Float[np.ndarray, "b d"], Float[np.ndarray, "b m"]]:
    """Return the features and logits of some images, checked."""
    images, numbers = trained.images[split], range(rows.start, rows.stop)
    finite = partial(finite_array, run=run, split=split, rows=numbers)
    features = trained.model.forward_features(images.normalized(images.images[rows]))
    # of features longer than any number, cosines are 0
    arrays = (
        finite(features, "features"),
        finite(trained.model.classify(features), "logits"),
    )
    finite(torch.linalg.vector_norm(features, dim=1), "lengths of features")
    return arrays
