"""Writing how salient each pixel is for a trained network."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from imbalens.attribution.saliency import input_gradient_saliency, saliency_ranks
from imbalens.dumps.files import SALIENCY, SALIENCY_VERSION
from imbalens.dumps.trained import Trained, finite_array
from imbalens.store.hdf5 import create
from imbalens.training.fitting import in_batches


def dump_saliency(
    trained: Trained,
    path: Path,
    *,
    run: str,
    score: Literal["predicted", "true"],
    batch_size: int,
) -> None:
    """Write the saliency rank of every pixel, batch by batch.

    Ranks keep the exact order, so that any top fraction can be asked for later.

    Args:
        trained: Network in evaluation mode, and the images of each split.
        path: HDF5 file to write, see `dumps.files`.
        run: Name of the run.
        score: Which class's score is differentiated.
        batch_size: Images per backward pass, at most, see `in_batches`; does not change the
            result beyond rounding.

    Raises:
        InputError: if a score or its gradient is not finite, or there is too little memory.
    """
    with create(path, SALIENCY, SALIENCY_VERSION) as file:
        file.attrs["run"], file.attrs["score"] = run, score
        file.attrs["splits"] = list(trained.images)
        file.attrs["digest"] = trained.prepared.digest
        for split, images in trained.images.items():
            n, height, width, _ = images.images.shape
            dtype = np.min_scalar_type(max(height * width - 1, 2**16 - 1))  # 16 or 32 bits
            ranks = file.create_dataset(
                f"{split}/rank", (n, height, width), dtype, track_times=False
            )
            for rows, found in in_batches(
                partial(_ranks, trained, run, split, score),
                n,
                batch_size=batch_size,
                device=images.images.device,
                what=f"{run} {split} saliency",
            ):
                ranks[rows] = found.astype(dtype)


def _ranks(
    trained: Trained, run: str, split: str, score: Literal["predicted", "true"], rows: slice
) -> Int[np.ndarray, "b h w"]:
    """Return the ranks of some images' pixels, from scores and gradients that are checked."""
    images, numbers = trained.images[split], range(rows.start, rows.stop)
    finite = partial(finite_array, run=run, split=split, rows=numbers)
    saliency = input_gradient_saliency(
        partial(_finite_scores, trained, finite),
        images.normalized(images.images[rows]),
        images.labels[rows],
        score=score,
    )
    finite(saliency, "gradients")
    return saliency_ranks(saliency).cpu().numpy()


def _finite_scores(
    trained: Trained, finite: Callable[[Tensor, str], object], images: Float[Tensor, "b c h w"]
) -> Float[Tensor, "b m"]:
    """Return the scores of images, checked: gradients may be finite where these are not."""
    scores = trained.scores(images)
    finite(scores.detach(), "scores")
    return scores
